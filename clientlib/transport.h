/* SPDX-License-Identifier: MIT
 *
 * transport.h - a stream socket to the daemon: finding it, connecting, moving bytes. Never SIGPIPE, always
 * close-on-exec.
 *
 * Errors are those of baton.h, each with its text kept for baton_last_error().
 */
#ifndef BATON_CLIENTLIB_TRANSPORT_H
#define BATON_CLIENTLIB_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"

struct transport;

/* How an attempt to connect stands. */
enum transport_state {
	TRANSPORT_CONNECTED = 0,
	TRANSPORT_CONNECTING = 1, /* poll for POLLOUT, then transport_finish() */
	TRANSPORT_BUSY = 2,       /* the daemon has too many that connect: try again soon */
};

/* Parses TEXT and resolves its host once; blocks as long as getaddrinfo(3) does where that is a name and not a number.
 * The transport in *RET is the caller's. BATON_EINVAL, BATON_EUNREACHABLE, BATON_ENOMEM. */
int transport_new(const char *text, struct transport **ret);
void transport_free(struct transport *transport);

/* Whether it goes over a network. Its address, as text. */
bool transport_is_tcp(const struct transport *transport);
const char *transport_text(const struct transport *transport);

/* Begins to connect, to the first of the host's addresses, without blocking. The socket is stored in *SLOT; -1 unless
 * the answer is TRANSPORT_CONNECTED or TRANSPORT_CONNECTING. Called with the lock held that fork() takes. Errors:
 * BATON_EUNREACHABLE, BATON_EDENIED, BATON_ESYSTEM. */
int transport_connect(struct transport *transport, int *slot);

/* What became of TRANSPORT_CONNECTING once the socket polled writable. Where it failed the next of the host's addresses
 * is tried. Returns as transport_connect(). */
int transport_finish(struct transport *transport, int *slot);

/* Closes the socket in *SLOT, if there is one, and stores -1. */
void transport_close(int *slot);

/* Write or read what goes without blocking. The number of bytes; 0: none now; -1: the connection is gone, *RET_WHY says
 * how (static, or of strerror). With the first byte PASS goes to the peer, a descriptor (-1: none). */
ssize_t transport_write(int fd, const void *bytes, size_t length, int pass, const char **ret_why);
ssize_t transport_read(int fd, void *bytes, size_t room, const char **ret_why);

#endif
