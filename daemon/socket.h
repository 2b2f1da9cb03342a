/* SPDX-License-Identifier: MIT
 *
 * socket.h - every system call on sockets that the daemon makes, so that a simulation can stand in for this one file.
 *
 * Nothing here parks or blocks. Errors are negative errno values.
 */
#ifndef BATON_DAEMON_SOCKET_H
#define BATON_DAEMON_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Who is at the other end. */
struct peer {
	bool local; /* on a Unix socket: pid, uid and gid are the kernel's word */
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
	char host[64]; /* over TCP: the numeric address; "" when local */
};

/* Opens a listening Unix socket at PATH with MODE (and GROUP, -1: as it comes). A socket file that nobody listens on is
 * replaced; a live one is -EADDRINUSE. */
int socket_listen_unix(const char *path, mode_t mode, gid_t group);

/* Opens a listening TCP socket. HOST "": all addresses. -EINVAL where the name does not resolve. */
int socket_listen_tcp(const char *host, uint16_t port);

/* Whether every address of HOST is of the loopback. */
bool socket_is_loopback(const char *host);

/* Accepts one connection, non-blocking and close-on-exec, with TCP_NODELAY. *RET_PEER is filled in. */
int socket_accept(int listener, struct peer *ret_peer);

/* Reads up to LENGTH bytes. 0 at the end. Descriptors that came along are closed. */
ssize_t socket_receive(int fd, void *buffer, size_t length);

/* The same, but a pidfd that came along replaces *PASSED, which is closed if it was not -1. */
ssize_t socket_receive_passed(int fd, void *buffer, size_t length, int *passed);

/* Writes what the socket takes of the vectors; never raises SIGPIPE. */
ssize_t socket_send(int fd, const struct iovec *vectors, int count);

/* Ends both directions, so that the reader finds the end. */
void socket_shutdown(int fd);
void socket_close(int fd);

#endif
