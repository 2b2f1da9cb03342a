/* SPDX-License-Identifier: MIT
 *
 * descriptor.c - the system calls of co_fd.
 */
#include "runtime/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int co_descriptor_unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

ssize_t co_descriptor_read(int fd, void *buffer, size_t length)
{
	ssize_t n = read(fd, buffer, length);

	return n < 0 ? -errno : n;
}

ssize_t co_descriptor_write(int fd, void *buffer, size_t length)
{
	ssize_t n = send(fd, buffer, length, MSG_NOSIGNAL);

	if (n < 0 && errno == ENOTSOCK)
		n = write(fd, buffer, length);
	return n < 0 ? -errno : n;
}

ssize_t co_descriptor_accept(int fd, void *buffer, size_t length)
{
	int n = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)buffer;
	(void)length;
	return n < 0 ? -errno : n;
}

void co_descriptor_close(int fd)
{
	(void)close(fd);
}
