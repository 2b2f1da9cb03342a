/* SPDX-License-Identifier: MIT
 *
 * sockets.c - pairs of connected stream sockets.
 */
#include "tests/lib/sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

int sockets_listen(enum socket_kind kind)
{
	struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	const int fd = socket(kind == SOCKETS_TCP ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -1;
	if (kind == SOCKETS_TCP)
		r = bind(fd, (struct sockaddr *)&tcp, sizeof(tcp));
	else /* the family alone: the kernel picks an abstract name */
		r = bind(fd, (struct sockaddr *)&local, sizeof(local.sun_family));
	if (r == 0 && listen(fd, 512) == 0)
		return fd;
	close(fd);
	return -1;
}

int sockets_connect(int listener)
{
	struct sockaddr_storage address = {.ss_family = AF_UNIX};
	socklen_t length = sizeof(address);
	int fd;

	if (getsockname(listener, (struct sockaddr *)&address, &length) != 0)
		return -1;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, length) == 0)
		return fd;
	close(fd);
	return -1;
}

int sockets_pair(enum socket_kind kind, int pair[2])
{
	int listener;

	if (kind == SOCKETS_UNIX)
		return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
	listener = sockets_listen(kind);
	if (listener < 0)
		return -1;
	pair[1] = sockets_connect(listener);
	pair[0] = pair[1] < 0 ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return pair[0] < 0 ? -1 : 0;
}

int sockets_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}
