/* SPDX-License-Identifier: MIT
 *
 * test_runtime_fd.c - reading, writing and accepting in straight-line code: parked instead of EAGAIN, ended by context,
 * close and the peer; data followed at once by its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/co_test.h"
#include "tests/lib/sockets.h"

struct side {
	struct co_fd *fd;
	struct co_context *context;
	char bytes[64];
	ssize_t result;
	atomic_bool done;
};

static void read_once(void *arg)
{
	struct side *side = arg;

	side->result = co_read(side->context, side->fd, side->bytes, sizeof(side->bytes));
	atomic_store(&side->done, true);
}

static void accept_once(void *arg)
{
	struct side *side = arg;

	side->result = co_accept(side->context, side->fd);
}

/* Opens both ends of a new pair. */
static void open_pair(enum socket_kind kind, struct co_fd *ends[2])
{
	int pair[2];

	CHECK_EQUAL(sockets_pair(kind, pair), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(co_fd_open(pair[i], &ends[i]), 0);
		CHECK_EQUAL(co_fd_number(ends[i]), pair[i]);
		CHECK(fcntl(pair[i], F_GETFL) & O_NONBLOCK);
	}
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* A read parks until there is something, returns what is there, and 0 at the end. */
COROUTINE_TEST(read_parks_until_data)
{
	for (enum socket_kind kind = 0; kind < SOCKETS_KINDS; kind++) {
		struct co_test_group group = {0};
		struct side side = {0};
		struct co_fd *ends[2];

		open_pair(kind, ends);
		side.fd = ends[0];
		co_test_go(&group, read_once, &side);
		CHECK_EVENTUALLY(co_test_parked() == 1);
		CHECK(!atomic_load(&side.done));
		CHECK_EQUAL(co_write(NULL, ends[1], "hello", 5), 5);
		co_test_wait(&group);
		CHECK_EQUAL(side.result, 5);
		CHECK_EQUAL(memcmp(side.bytes, "hello", 5), 0);
		co_fd_close(ends[1]);
		CHECK_EQUAL(co_read(NULL, ends[0], side.bytes, sizeof(side.bytes)), 0);
		CHECK_EQUAL(co_read(NULL, ends[0], side.bytes, sizeof(side.bytes)), 0);
		co_fd_close(ends[0]);
	}
}

/* A context ends a read; what comes later is for the next one. */
COROUTINE_TEST(context_ends_a_read)
{
	struct co_test_group group = {0};
	struct side side = {0};
	struct co_fd *ends[2];
	struct co_context *limit;

	open_pair(SOCKETS_UNIX, ends);
	side.fd = ends[0];
	CHECK_EQUAL(co_with_cancel(NULL, &side.context), 0);
	co_test_go(&group, read_once, &side);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	co_cancel(side.context, NULL);
	co_test_wait(&group);
	CHECK_EQUAL(side.result, CO_ECANCELED);
	CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &limit), 0);
	CHECK_EQUAL(co_read(limit, ends[0], side.bytes, sizeof(side.bytes)), CO_EDEADLINE);
	CHECK(co_now() >= co_context_deadline(limit));
	CHECK_EQUAL(co_write(NULL, ends[1], "late", 4), 4);
	CHECK_EQUAL(co_read(NULL, ends[0], side.bytes, sizeof(side.bytes)), 4);
	co_context_unref(limit);
	co_context_unref(side.context);
	co_fd_close(ends[0]);
	co_fd_close(ends[1]);
}

/* Closing a descriptor ends the calls that are parked on it. */
COROUTINE_TEST(close_ends_parked_calls)
{
	struct co_test_group group = {0};
	struct side reader = {0};
	struct side acceptor = {0};
	struct co_fd *ends[2];
	const int listener = sockets_listen(SOCKETS_TCP);

	open_pair(SOCKETS_TCP, ends);
	reader.fd = ends[0];
	CHECK_EQUAL(co_fd_open(listener, &acceptor.fd), 0);
	co_test_go(&group, read_once, &reader);
	co_test_go(&group, accept_once, &acceptor);
	CHECK_EVENTUALLY(co_test_parked() == 2);
	co_fd_close(ends[0]);
	co_fd_close(acceptor.fd);
	co_test_wait(&group);
	CHECK_EQUAL(reader.result, -EBADF);
	CHECK_EQUAL(acceptor.result, -EBADF);
	CHECK_EQUAL(co_read(NULL, ends[1], reader.bytes, sizeof(reader.bytes)), 0);
	CHECK_EVENTUALLY(fcntl(listener, F_GETFD) == -1);
	co_fd_close(ends[1]);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

#define LONG_BYTES ((size_t)3 * 1024 * 1024 + 17)

struct stream {
	struct co_fd *fd;
	size_t bytes;
	size_t wrong;
};

static char byte_at(size_t at)
{
	return (char)(at * 7 + (at >> 9));
}

static char long_bytes[LONG_BYTES];

static void fill_long_bytes(void)
{
	for (size_t i = 0; i < LONG_BYTES; i++)
		long_bytes[i] = byte_at(i);
}

static void read_stream(void *arg)
{
	struct stream *stream = arg;
	char buffer[10000];
	ssize_t n;

	while ((n = co_read(NULL, stream->fd, buffer, 1 + stream->bytes % sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < n; i++)
			stream->wrong += buffer[i] != byte_at(stream->bytes++);
	CHECK_EQUAL(n, 0);
}

/* A write longer than the socket takes parks until all of it is out; it arrives whole. */
COROUTINE_TEST(long_write_is_written_whole)
{
	fill_long_bytes();
	for (enum socket_kind kind = 0; kind < SOCKETS_KINDS; kind++) {
		struct co_test_group group = {0};
		struct co_fd *ends[2];
		struct stream stream = {0};

		open_pair(kind, ends);
		stream.fd = ends[0];
		co_test_go(&group, read_stream, &stream);
		CHECK_EQUAL(co_write(NULL, ends[1], long_bytes, LONG_BYTES), LONG_BYTES);
		co_fd_close(ends[1]);
		co_test_wait(&group);
		CHECK_EQUAL(stream.bytes, LONG_BYTES);
		CHECK_EQUAL(stream.wrong, 0);
		co_fd_close(ends[0]);
	}
}

/* A write that nobody reads is ended by its context, and by the peer's going: an error, not a signal. */
COROUTINE_TEST(write_ends_with_context_and_peer)
{
	struct co_context *limit;
	struct co_fd *ends[2];
	int pipe_ends[2];
	ssize_t n;

	for (enum socket_kind kind = 0; kind < SOCKETS_KINDS; kind++) {
		open_pair(kind, ends);
		CHECK_EQUAL(co_with_timeout(NULL, 5 * CO_MILLISECOND, &limit), 0);
		do
			n = co_write(limit, ends[0], long_bytes, LONG_BYTES);
		while (n == (ssize_t)LONG_BYTES);
		CHECK_EQUAL(n, CO_EDEADLINE);
		co_context_unref(limit);
		co_fd_close(ends[1]);
		CHECK_EVENTUALLY((n = co_write(NULL, ends[0], long_bytes, 1)) < 0);
		CHECK(n == -EPIPE || n == -ECONNRESET);
		CHECK_EVENTUALLY(co_write(NULL, ends[0], long_bytes, 1) == -EPIPE);
		co_fd_close(ends[0]);
	}
	CHECK_EQUAL(pipe2(pipe_ends, O_CLOEXEC), 0);
	CHECK_EQUAL(co_fd_open(pipe_ends[1], &ends[1]), 0);
	close(pipe_ends[0]);
	CHECK_EQUAL(co_write(NULL, ends[1], "x", 1), -EPIPE);
	co_fd_close(ends[1]);
}

static void write_stream(void *arg)
{
	const struct stream *stream = arg;

	CHECK_EQUAL(co_write(NULL, stream->fd, long_bytes, LONG_BYTES), LONG_BYTES);
	CHECK_EQUAL(shutdown(co_fd_number(stream->fd), SHUT_WR), 0);
}

/* Both ends write and read at once, each direction to its own end. */
COROUTINE_TEST(both_directions_at_once)
{
	fill_long_bytes();
	for (enum socket_kind kind = 0; kind < SOCKETS_KINDS; kind++) {
		struct co_test_group group = {0};
		struct co_fd *ends[2];
		struct stream streams[2] = {0};

		open_pair(kind, ends);
		for (int i = 0; i < 2; i++) {
			streams[i].fd = ends[i];
			co_test_go(&group, read_stream, &streams[i]);
			co_test_go(&group, write_stream, &streams[i]);
		}
		co_test_wait(&group);
		for (int i = 0; i < 2; i++) {
			CHECK_EQUAL(streams[i].bytes, LONG_BYTES);
			CHECK_EQUAL(streams[i].wrong, 0);
			co_fd_close(ends[i]);
		}
	}
}

/* A peer that only ended its own direction can still be written to; one that reset the connection ends the read, parked
 * before or not. */
COROUTINE_TEST(half_close_and_reset)
{
	const struct linger at_once = {.l_onoff = 1};
	struct co_fd *ends[2];
	char byte;

	for (int i = 0; i < 2; i++) {
		struct co_test_group group = {0};
		struct side side = {0};

		open_pair(SOCKETS_TCP, ends);
		CHECK_EQUAL(shutdown(co_fd_number(ends[1]), SHUT_WR), 0);
		CHECK_EQUAL(co_read(NULL, ends[0], &byte, 1), 0);
		CHECK_EQUAL(co_write(NULL, ends[0], "x", 1), 1);
		CHECK_EQUAL(co_read(NULL, ends[1], &byte, 1), 1);

		side.fd = ends[1];
		if (i == 0) {
			co_test_go(&group, read_once, &side);
			CHECK_EVENTUALLY(co_test_parked() == 1);
		}
		CHECK_EQUAL(setsockopt(co_fd_number(ends[0]), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
		co_fd_close(ends[0]);
		if (i == 1)
			co_test_go(&group, read_once, &side);
		co_test_wait(&group);
		CHECK(side.result == -ECONNRESET || side.result == 0);
		co_fd_close(ends[1]);
	}
}

/* ---- accepting, and ends that follow data at once ---------------------------------------------------------------- */

#define PAYLOAD 100

struct crowd {
	int listener;
	size_t count;
	enum socket_kind kind;
};

/* Connects, writes and goes, in a thread of its own: close and shutdown by turns. */
static void *visit(void *arg)
{
	const struct crowd *crowd = arg;
	char bytes[PAYLOAD] = {0};
	int last = -1;

	for (size_t i = 0; i < crowd->count; i++) {
		const int fd = sockets_connect(crowd->listener);

		if (fd < 0 || write(fd, bytes, 1 + i % PAYLOAD) != (ssize_t)(1 + i % PAYLOAD))
			abort();
		if (last >= 0)
			close(last);
		last = -1;
		if (i % 2 == 0) {
			shutdown(fd, SHUT_WR);
			last = fd;
		} else {
			close(fd);
		}
	}
	if (last >= 0)
		close(last);
	return NULL;
}

static atomic_size_t crowd_bytes;

static void serve(void *arg)
{
	struct co_fd *fd = arg;
	char bytes[64];
	ssize_t n;

	while ((n = co_read(NULL, fd, bytes, sizeof(bytes))) > 0)
		atomic_fetch_add(&crowd_bytes, (size_t)n);
	CHECK_EQUAL(n, 0);
	co_fd_close(fd);
}

/* Every connection is accepted, every byte read, every end heard of. */
COROUTINE_TEST(data_followed_at_once_by_its_end)
{
	for (enum socket_kind kind = 0; kind < SOCKETS_KINDS; kind++) {
		struct co_test_group group = {0};
		struct crowd crowd = {.kind = kind, .listener = sockets_listen(kind), .count = test_scale(500)};
		struct co_fd *listener;
		struct co_fd *accepted;
		size_t expected = 0;
		pthread_t thread;

		atomic_store(&crowd_bytes, 0);
		CHECK_EQUAL(co_fd_open(crowd.listener, &listener), 0);
		CHECK_EQUAL(pthread_create(&thread, NULL, visit, &crowd), 0);
		for (size_t i = 0; i < crowd.count; i++) {
			const int fd = co_accept(NULL, listener);

			CHECK(fd >= 0);
			CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
			CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			CHECK_EQUAL(co_fd_open(fd, &accepted), 0);
			co_test_go(&group, serve, accepted);
			expected += 1 + i % PAYLOAD;
		}
		co_test_wait(&group);
		CHECK_EQUAL(atomic_load(&crowd_bytes), expected);
		pthread_join(thread, NULL);
		co_fd_close(listener);
	}
}

/* A context ends an accept, and the next accept takes the connection that came meanwhile. */
COROUTINE_TEST(context_ends_an_accept)
{
	struct co_context *limit;
	struct co_fd *listener;
	const int number = sockets_listen(SOCKETS_UNIX);
	int client;
	int server;

	CHECK_EQUAL(co_fd_open(number, &listener), 0);
	CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &limit), 0);
	CHECK_EQUAL(co_accept(limit, listener), CO_EDEADLINE);
	client = sockets_connect(number);
	CHECK(client >= 0);
	server = co_accept(NULL, listener);
	CHECK(server >= 0);
	close(client);
	close(server);
	co_context_unref(limit);
	co_fd_close(listener);
}

/* What cannot be polled is refused and stays the caller's. */
COROUTINE_TEST(unpollable_is_refused)
{
	struct co_fd *fd = NULL;
	const int file = memfd_create("unpollable", MFD_CLOEXEC);

	CHECK(co_fd_open(file, &fd) < 0);
	CHECK_EQUAL(close(file), 0);
	CHECK_EQUAL(co_fd_open(file, &fd), -EBADF);
	CHECK(fd == NULL);
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

#define PAIRS 50

static void echo(void *arg)
{
	struct co_fd *fd = arg;
	char bytes[16];
	ssize_t n;

	while ((n = co_read(NULL, fd, bytes, sizeof(bytes))) > 0)
		CHECK_EQUAL(co_write(NULL, fd, bytes, (size_t)n), n);
	CHECK_EQUAL(n, 0);
	co_fd_close(fd);
}

static void ping(void *arg)
{
	struct co_fd *fd = arg;
	const size_t rounds = test_scale(100);

	for (size_t i = 0; i < rounds; i++) {
		size_t answer = 0;

		CHECK_EQUAL(co_write(NULL, fd, &i, sizeof(i)), sizeof(i));
		CHECK_EQUAL(co_read(NULL, fd, &answer, sizeof(answer)), sizeof(answer));
		CHECK_EQUAL(answer, i);
	}
	co_fd_close(fd);
}

COROUTINE_TEST(many_pairs_ping_pong)
{
	struct co_test_group group = {0};
	struct co_fd *ends[2] = {NULL, NULL};

	for (int i = 0; i < PAIRS; i++) {
		open_pair(i % 2 == 0 ? SOCKETS_UNIX : SOCKETS_TCP, ends);
		co_test_go(&group, echo, ends[0]);
		co_test_go(&group, ping, ends[1]);
	}
	co_test_wait(&group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_parks_until_data),
		cmocka_unit_test(context_ends_a_read),
		cmocka_unit_test(close_ends_parked_calls),
		cmocka_unit_test(long_write_is_written_whole),
		cmocka_unit_test(write_ends_with_context_and_peer),
		cmocka_unit_test(both_directions_at_once),
		cmocka_unit_test(half_close_and_reset),
		cmocka_unit_test(data_followed_at_once_by_its_end),
		cmocka_unit_test(context_ends_an_accept),
		cmocka_unit_test(unpollable_is_refused),
		cmocka_unit_test(many_pairs_ping_pong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
