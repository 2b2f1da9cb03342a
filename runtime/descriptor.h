/* SPDX-License-Identifier: MIT
 *
 * descriptor.h - the system calls of co_fd, alone here so that a simulation can take their place.
 *
 * None blocks on a descriptor that co_descriptor_unblock was given. They return what the call did, or a negative errno.
 */
#ifndef BATON_RUNTIME_DESCRIPTOR_H
#define BATON_RUNTIME_DESCRIPTOR_H

#include <stddef.h>
#include <sys/types.h>

int co_descriptor_unblock(int fd);
ssize_t co_descriptor_read(int fd, void *buffer, size_t length);

/* Never raises SIGPIPE on a socket. BUFFER is not written to. */
ssize_t co_descriptor_write(int fd, void *buffer, size_t length);

/* A new connection, non-blocking and close-on-exec. The buffer is for the sake of the others' form. */
ssize_t co_descriptor_accept(int fd, void *buffer, size_t length);
void co_descriptor_close(int fd);

#endif
