/* SPDX-License-Identifier: MIT
 *
 * echo.c - a server that echoes, on the runtime; and the client of both its and Go's, which is plain epoll.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "tests/bench/runtime/bench.h"

enum {
	BACKLOG = 128,
	BUFFER_BYTES = 4096,
	CONNECTIONS_MAX = 1024,
	MESSAGE_BYTES = 64,
};

#define WARM_UP (CO_SECOND / 4)

/* A socket's address; TCP's is a number of the loopback. */
union name {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_storage room;
};

static socklen_t resolve(const char *text, union name *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	struct address address;
	char port[8];
	socklen_t length;

	must(address_parse(text, &address, NULL) ? 0 : CO_EINVAL, text);
	memset(name, 0, sizeof(*name));
	if (address.kind == ADDRESS_UNIX) {
		name->local.sun_family = AF_UNIX;
		memcpy(name->local.sun_path, address.path, sizeof(name->local.sun_path));
		return sizeof(name->local);
	}
	(void)snprintf(port, sizeof(port), "%u", address.port);
	must(getaddrinfo(address.host, port, &hints, &found) == 0 ? 0 : CO_EINVAL, text);
	length = found->ai_addrlen;
	memcpy(name, found->ai_addr, length);
	freeaddrinfo(found);
	return length;
}

/* ---- the server ------------------------------------------------------------------------------ */

static void echo(void *arg)
{
	struct co_fd *fd = arg;
	char buffer[BUFFER_BYTES];
	ssize_t n;

	while ((n = co_read(NULL, fd, buffer, sizeof(buffer))) > 0 && co_write(NULL, fd, buffer, (size_t)n) == n)
		;
	co_fd_close(fd);
}

static int serve(void *arg)
{
	struct co_fd *listener;
	union name name;
	socklen_t length = resolve(arg, &name);
	int number = socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	(void)setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (number < 0 || bind(number, &name.any, length) != 0 || listen(number, BACKLOG) != 0)
		must(-errno, arg);
	must(co_fd_open(number, &listener), "listener");
	while ((number = co_accept(NULL, listener)) >= 0) {
		struct co_fd *fd;

		if (name.any.sa_family != AF_UNIX) /* as Go does */
			(void)setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		must(co_fd_open(number, &fd), "connection");
		must(co_go(echo, fd), "go");
	}
	return number;
}

int echo_server(unsigned procs, const char *address)
{
	struct co_options options = {.procs = procs};
	int r = 0;

	must(co_run(&options, serve, (void *)(uintptr_t)address, &r), "run");
	must(r, "accept");
	return 0;
}

/* ---- the client ------------------------------------------------------------------------------ */

struct exchange {
	int epoll;
	clockid_t server;             /* its CPU clock */
	size_t left[CONNECTIONS_MAX]; /* bytes of the answer that are not there yet, by connection */
	int fds[CONNECTIONS_MAX];
	uint64_t answers;
};

static int64_t read_clock(clockid_t clock)
{
	struct timespec now = {0};

	(void)clock_gettime(clock, &now);
	return now.tv_sec * CO_SECOND + now.tv_nsec;
}

static void ask(struct exchange *exchange, uint32_t i)
{
	static const char message[MESSAGE_BYTES];

	exchange->left[i] = MESSAGE_BYTES;
	if (send(exchange->fds[i], message, MESSAGE_BYTES, MSG_NOSIGNAL) != MESSAGE_BYTES)
		must(-errno, "send");
}

static void take_answer(struct exchange *exchange, uint32_t i)
{
	char answer[MESSAGE_BYTES];
	ssize_t n = recv(exchange->fds[i], answer, exchange->left[i], 0);

	must(n > 0 ? 0 : -EIO, "recv");
	exchange->left[i] -= (size_t)n;
	if (exchange->left[i] == 0) {
		exchange->answers++;
		ask(exchange, i);
	}
}

static void exchange_until(struct exchange *exchange, int64_t until)
{
	struct epoll_event events[CONNECTIONS_MAX];

	while (co_now() < until) {
		int count = epoll_wait(exchange->epoll, events, CONNECTIONS_MAX, 100);

		for (int i = 0; i < count; i++)
			take_answer(exchange, events[i].data.u32);
	}
}

static void connect_all(struct exchange *exchange, const char *address, int connections)
{
	union name name;
	socklen_t length = resolve(address, &name);

	for (int i = 0; i < connections; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		int fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		const int on = 1;

		if (fd < 0 || connect(fd, &name.any, length) != 0 ||
			epoll_ctl(exchange->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
			must(-errno, "connect");
		if (name.any.sa_family != AF_UNIX)
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		exchange->fds[i] = fd;
	}
	for (int i = 0; i < connections; i++)
		ask(exchange, (uint32_t)i);
}

int echo_client(const char *address, int server, double seconds, int connections)
{
	static struct exchange exchange;
	int64_t began;
	int64_t cpu;

	must(connections > 0 && connections <= CONNECTIONS_MAX ? 0 : CO_EINVAL, "connections");
	must(-clock_getcpuclockid(server, &exchange.server), "server");
	exchange.epoll = epoll_create1(EPOLL_CLOEXEC);
	connect_all(&exchange, address, connections);
	exchange_until(&exchange, co_now() + WARM_UP);
	exchange.answers = 0;
	cpu = read_clock(exchange.server);
	began = co_now();
	exchange_until(&exchange, began + (int64_t)(seconds * CO_SECOND));
	cpu = read_clock(exchange.server) - cpu;
	tell("cpu", (double)cpu / (double)exchange.answers);
	tell("rate", (double)exchange.answers * 1e9 / (double)(co_now() - began));
	return 0;
}
