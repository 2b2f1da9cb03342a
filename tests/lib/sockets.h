/* SPDX-License-Identifier: MIT
 *
 * sockets.h - pairs of connected stream sockets of each kind, for tests.
 */
#ifndef BATON_TESTS_LIB_SOCKETS_H
#define BATON_TESTS_LIB_SOCKETS_H

#include <sys/socket.h>

enum socket_kind { SOCKETS_UNIX, SOCKETS_TCP, SOCKETS_KINDS };

/* A listening socket on an address of its own (Unix: abstract; TCP: the loopback, any port), blocking, or -1. */
int sockets_listen(enum socket_kind kind);

/* A blocking socket connected to LISTENER, or -1. */
int sockets_connect(int listener);

/* Two connected blocking sockets. 0 or -1. */
int sockets_pair(enum socket_kind kind, int pair[2]);

/* Makes FD non-blocking; returns it. */
int sockets_nonblocking(int fd);

#endif
