/* SPDX-License-Identifier: MIT
 *
 * socket.c - the daemon's system calls on sockets.
 */
#include "daemon/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096
#define PASSED_MAX 8

/* Whether somebody listens at ADDRESS: a connect that is refused says that the file is a dead one's. */
static bool is_live(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool live;

	if (fd < 0)
		return true;
	live = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno != ECONNREFUSED;
	close(fd);
	return live;
}

/* Takes a dead socket's file away. 0, or -EADDRINUSE where it is live or is no socket. */
static int clear_stale(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode) || is_live(address))
		return -EADDRINUSE;
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int socket_listen_unix(const char *path, mode_t mode, gid_t group)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd;
	int r;

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	r = clear_stale(&address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0777 & ~mode);
	r = bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		goto fail;
	if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) < 0) {
		r = -errno;
		goto fail;
	}
	if (listen(fd, BACKLOG) < 0) {
		r = -errno;
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return r;
}

static int resolve(const char *host, uint16_t port, int flags, struct addrinfo **ret)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
	char service[8];

	(void)snprintf(service, sizeof service, "%u", port);
	return getaddrinfo(host[0] == '\0' ? NULL : host, service, &hints, ret) == 0 ? 0 : -EINVAL;
}

static int listen_at(const struct addrinfo *at)
{
	const int on = 1;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 || bind(fd, at->ai_addr, at->ai_addrlen) < 0 ||
		listen(fd, BACKLOG) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int socket_listen_tcp(const char *host, uint16_t port)
{
	struct addrinfo *found;
	int r = resolve(host, port, AI_PASSIVE, &found);

	if (r < 0)
		return r;
	for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
		r = listen_at(at);
		if (r >= 0)
			break;
	}
	freeaddrinfo(found);
	return r;
}

bool socket_is_loopback(const char *host)
{
	struct addrinfo *found;
	bool all = true;

	if (host[0] == '\0' || resolve(host, 0, 0, &found) < 0)
		return false;
	for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
		if (at->ai_family == AF_INET) {
			const struct sockaddr_in *four = (const void *)at->ai_addr;
			all = all && (ntohl(four->sin_addr.s_addr) >> 24) == 127;
		} else if (at->ai_family == AF_INET6) {
			const struct sockaddr_in6 *six = (const void *)at->ai_addr;
			all = all && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
		}
	}
	freeaddrinfo(found);
	return all;
}

static void identify(int fd, const struct sockaddr *address, socklen_t length, struct peer *ret)
{
	const int on = 1;
	struct ucred credentials;
	socklen_t size = sizeof credentials;

	*ret = (struct peer){.local = address->sa_family == AF_UNIX};
	if (!ret->local) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (getnameinfo(address, length, ret->host, sizeof ret->host, NULL, 0, NI_NUMERICHOST) != 0)
			ret->host[0] = '\0';
	} else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
		ret->pid = (uint32_t)credentials.pid;
		ret->uid = credentials.uid;
		ret->gid = credentials.gid;
	}
}

int socket_accept(int listener, struct peer *ret_peer)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof address;
	int fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	identify(fd, (const struct sockaddr *)&address, length, ret_peer);
	return fd;
}

/* Signal 0 does nothing; on what is no pidfd it is EBADF. */
static bool is_pidfd(int fd)
{
	return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0 || errno != EBADF;
}

/* Keeps the last pidfd of a control message and closes all else: holding one of the peer's own sockets we would never
 * see its end. */
static void take_passed(const struct cmsghdr *control, int *passed)
{
	size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
		if (!is_pidfd(fd)) {
			close(fd);
			continue;
		}
		if (*passed >= 0)
			close(*passed);
		*passed = fd;
	}
}

ssize_t socket_receive(int fd, void *buffer, size_t length)
{
	ssize_t n;

	do
		n = recv(fd, buffer, length, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t socket_receive_passed(int fd, void *buffer, size_t length, int *passed)
{
	union {
		char bytes[CMSG_SPACE(PASSED_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec vector = {.iov_base = buffer, .iov_len = length};
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	ssize_t n;

	do
		n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (message.msg_controllen > 0) {
		for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at))
			if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS)
				take_passed(at, passed);
	}
	return n;
}

ssize_t socket_send(int fd, const struct iovec *vectors, int count)
{
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)vectors, .msg_iovlen = (size_t)count};
	ssize_t n;

	do
		n = count == 1 ? send(fd, vectors->iov_base, vectors->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL)
			       : sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

void socket_shutdown(int fd)
{
	(void)shutdown(fd, SHUT_RDWR);
}

void socket_close(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}
