/* SPDX-License-Identifier: MIT
 *
 * proxy.c - one thread that copies between pairs of sockets.
 */
#include "tests/lib/proxy.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/fake_daemon.h"

#define CHUNK_BYTES 16384u
#define STALL_MAX_MS 20

/* One direction: what was read and not written yet. */
struct flow {
	uint8_t bytes[CHUNK_BYTES];
	size_t begin;
	size_t end;
	int64_t stalled_until_ms;
};

struct proxy_pair {
	int ends[2]; /* the client's and the daemon's; -1: free */
	struct flow flows[2];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* xorshift64 (Marsaglia, 2003). */
static uint32_t draw(struct proxy *proxy, uint32_t below)
{
	proxy->seed ^= proxy->seed << 13;
	proxy->seed ^= proxy->seed >> 7;
	proxy->seed ^= proxy->seed << 17;
	return (uint32_t)(proxy->seed >> 32) % below;
}

static bool strikes(struct proxy *proxy, uint32_t one_in)
{
	return one_in != 0 && draw(proxy, one_in) == 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	fake_require(strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	return address;
}

static void cut(struct proxy *proxy, struct proxy_pair *pair)
{
	for (int end = 0; end < 2; end++) {
		close(pair->ends[end]);
		pair->ends[end] = -1;
		pair->flows[end].begin = 0;
		pair->flows[end].end = 0;
		pair->flows[end].stalled_until_ms = 0;
	}
	atomic_fetch_add(&proxy->cuts, 1);
}

static void take_client(struct proxy *proxy)
{
	const struct sockaddr_un target = address_of(proxy->target);
	struct proxy_pair *pair = NULL;
	const int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (int i = 0; i < PROXY_PAIRS && pair == NULL; i++)
		if (proxy->pairs[i].ends[0] < 0)
			pair = &proxy->pairs[i];
	if (client < 0 || server < 0 || pair == NULL ||
		connect(server, (const struct sockaddr *)&target, sizeof(target)) != 0) {
		close(client);
		close(server);
		return;
	}
	pair->ends[0] = client;
	pair->ends[1] = server;
}

/* Reads if nothing waits; false at the end. */
static bool fill(struct proxy_pair *pair, int from)
{
	struct flow *flow = &pair->flows[from];
	ssize_t n;

	if (flow->begin < flow->end)
		return true;
	n = recv(pair->ends[from], flow->bytes, sizeof(flow->bytes), MSG_DONTWAIT);
	flow->begin = 0;
	flow->end = n > 0 ? (size_t)n : 0;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Writes what waits, or a part of it; false when the other end is gone. */
static bool drain(struct proxy *proxy, struct proxy_pair *pair, int from)
{
	struct flow *flow = &pair->flows[from];
	size_t length = flow->end - flow->begin;
	ssize_t n;

	if (length == 0 || now_ms() < flow->stalled_until_ms)
		return true;
	if (strikes(proxy, proxy->faults.stall)) {
		flow->stalled_until_ms = now_ms() + 1 + draw(proxy, STALL_MAX_MS);
		return true;
	}
	if (strikes(proxy, proxy->faults.cut))
		return false; /* and what was read is lost */
	if (strikes(proxy, proxy->faults.split))
		length = 1 + draw(proxy, (uint32_t)length);
	n = send(pair->ends[1 - from], flow->bytes + flow->begin, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		flow->begin += (size_t)n;
	return (n > 0 || errno == EAGAIN || errno == EINTR) && !strikes(proxy, proxy->faults.cut);
}

static void serve_pair(struct proxy *proxy, struct proxy_pair *pair)
{
	bool lives = true;

	for (int from = 0; from < 2 && lives; from++)
		lives = fill(pair, from) && drain(proxy, pair, from);
	if (!lives)
		cut(proxy, pair);
}

/* What is waited for: bytes where none wait to be written, else a moment. */
static int prepare(struct proxy *proxy, struct pollfd *polled, int *ret_patience_ms)
{
	int count = 0;

	polled[count++] = (struct pollfd){.fd = proxy->wake[0], .events = POLLIN};
	polled[count++] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
	*ret_patience_ms = -1;
	for (int i = 0; i < PROXY_PAIRS; i++)
		for (int end = 0; end < 2 && proxy->pairs[i].ends[0] >= 0; end++) {
			const struct flow *flow = &proxy->pairs[i].flows[end];

			if (flow->begin < flow->end)
				*ret_patience_ms = 1;
			else
				polled[count++] = (struct pollfd){.fd = proxy->pairs[i].ends[end], .events = POLLIN};
		}
	return count;
}

static void *serve(void *arg)
{
	struct proxy *proxy = arg;
	struct pollfd polled[2 + 2 * PROXY_PAIRS];
	int patience_ms;

	for (;;) {
		const int count = prepare(proxy, polled, &patience_ms);

		fake_require(poll(polled, (nfds_t)count, patience_ms) >= 0 || errno == EINTR);
		if (polled[0].revents != 0)
			return NULL;
		if (polled[1].revents != 0)
			take_client(proxy);
		for (int i = 0; i < PROXY_PAIRS; i++)
			if (proxy->pairs[i].ends[0] >= 0)
				serve_pair(proxy, &proxy->pairs[i]);
	}
}

void proxy_start(struct proxy *proxy, const char *path, const char *target, struct proxy_faults faults, uint64_t seed)
{
	const struct sockaddr_un address = address_of(path);

	*proxy = (struct proxy){.target = target, .faults = faults, .seed = seed | 1};
	snprintf(proxy->address, sizeof(proxy->address), "unix:%s", path);
	proxy->pairs = calloc(PROXY_PAIRS, sizeof(*proxy->pairs));
	fake_require(proxy->pairs != NULL);
	for (int i = 0; i < PROXY_PAIRS; i++)
		proxy->pairs[i].ends[0] = proxy->pairs[i].ends[1] = -1;
	unlink(path);
	proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	fake_require(proxy->listener >= 0);
	fake_require(bind(proxy->listener, (const struct sockaddr *)&address, sizeof(address)) == 0);
	fake_require(listen(proxy->listener, PROXY_PAIRS) == 0);
	fake_require(pipe(proxy->wake) == 0);
	fake_require(pthread_create(&proxy->thread, NULL, serve, proxy) == 0);
}

void proxy_stop(struct proxy *proxy)
{
	fake_require(write(proxy->wake[1], "", 1) == 1);
	fake_require(pthread_join(proxy->thread, NULL) == 0);
	for (int i = 0; i < PROXY_PAIRS; i++)
		if (proxy->pairs[i].ends[0] >= 0)
			cut(proxy, &proxy->pairs[i]);
	close(proxy->listener);
	close(proxy->wake[0]);
	close(proxy->wake[1]);
	unlink(proxy->address + strlen("unix:"));
	free(proxy->pairs);
}
