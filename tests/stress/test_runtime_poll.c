/* SPDX-License-Identifier: MIT
 *
 * test_runtime_poll.c - descriptors under random chunks, deadlines, closes and churn: the bytes of a stream arrive
 * whole and in order, whoever gives up in between; nothing is called after its removal.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "tests/lib/co_stress.h"
#include "tests/lib/sockets.h"

/* ---- streams ----------------------------------------------------------------------------------------------------- */

#define STREAMS 8
#define CHUNK 3000

struct stream {
	struct co_fd *ends[2];
	uint64_t number;
	size_t length;
	atomic_size_t given_up;
};

static unsigned char byte_at(const struct stream *stream, size_t at)
{
	return (unsigned char)(at * 13 + (at >> 8) + stream->number);
}

static void write_stream(void *arg)
{
	struct stream *stream = arg;
	struct test_random random = test_random_stream(stream->number);
	unsigned char chunk[CHUNK];
	size_t at = 0;

	while (at < stream->length) {
		const size_t wanted = 1 + (size_t)test_random_below(&random, CHUNK);
		const size_t n = wanted < stream->length - at ? wanted : stream->length - at;

		for (size_t i = 0; i < n; i++)
			chunk[i] = byte_at(stream, at + i);
		CHECK_EQUAL(co_write(NULL, stream->ends[1], chunk, n), n);
		at += n;
		if (test_random_below(&random, 4) == 0)
			co_sleep(NULL, (int64_t)test_random_below(&random, 50) * CO_MICROSECOND);
	}
	co_fd_close(stream->ends[1]);
}

static void read_stream(void *arg)
{
	struct stream *stream = arg;
	struct test_random random = test_random_stream(1000 + stream->number);
	unsigned char chunk[CHUNK];
	size_t at = 0;
	ssize_t n;

	do {
		struct co_context *context = NULL;
		const int64_t patience = (int64_t)test_random_below(&random, 30) * CO_MICROSECOND;

		if (test_random_below(&random, 2) == 0)
			CHECK_EQUAL(co_with_timeout(NULL, patience, &context), 0);
		n = co_read(context, stream->ends[0], chunk, 1 + (size_t)test_random_below(&random, CHUNK));
		co_context_unref(context);
		CHECK(n >= 0 || n == CO_EDEADLINE);
		for (ssize_t i = 0; i < n; i++)
			CHECK_EQUAL(chunk[i], byte_at(stream, at++));
		if (n < 0)
			atomic_fetch_add(&stream->given_up, 1);
	} while (n != 0);
	CHECK_EQUAL(at, stream->length);
	co_fd_close(stream->ends[0]);
}

COROUTINE_TEST(streams_arrive_whole)
{
	static struct stream streams[STREAMS];
	struct co_test_group group = {0};
	size_t given_up = 0;
	int pair[2];

	for (size_t i = 0; i < STREAMS; i++) {
		streams[i] = (struct stream){.number = i, .length = test_scale(4000000)};
		CHECK_EQUAL(sockets_pair(i % 2 == 0 ? SOCKETS_UNIX : SOCKETS_TCP, pair), 0);
		CHECK_EQUAL(co_fd_open(pair[0], &streams[i].ends[0]), 0);
		CHECK_EQUAL(co_fd_open(pair[1], &streams[i].ends[1]), 0);
		co_test_go(&group, read_stream, &streams[i]);
		co_test_go(&group, write_stream, &streams[i]);
	}
	co_test_wait(&group);
	for (size_t i = 0; i < STREAMS; i++)
		given_up += atomic_load(&streams[i].given_up);
	printf("%zu reads given up\n", given_up);
}

/* ---- close meets read -------------------------------------------------------------------------------------------- */

struct victim {
	struct co_fd *fd;
	struct co_context *context;
	ssize_t result;
};

static void read_once(void *arg)
{
	struct victim *victim = arg;
	char byte;

	victim->result = co_read(victim->context, victim->fd, &byte, 1);
}

static void cancel_it(void *context)
{
	co_cancel(context, NULL);
}

static void close_it(void *fd)
{
	close(*(int *)fd);
}

static void write_it(void *fd)
{
	send(*(int *)fd, "x", 1, MSG_NOSIGNAL);
	close(*(int *)fd);
}

/* A parked reader is cancelled, its peer writes and goes, its descriptor is closed, all at once: it returns, once. */
COROUTINE_TEST(close_meets_read)
{
	const size_t rounds = test_scale(20000);
	struct test_random random = test_random_stream(1);
	size_t outcomes[3] = {0};

	for (size_t round = 0; round < rounds; round++) {
		struct co_test_group group = {0};
		struct victim victim;
		const bool is_closed = test_random_below(&random, 2) == 0;
		int pair[2];

		CHECK_EQUAL(sockets_pair(SOCKETS_UNIX, pair), 0);
		CHECK_EQUAL(co_with_cancel(NULL, &victim.context), 0);
		CHECK_EQUAL(co_fd_open(pair[0], &victim.fd), 0);
		co_test_go(&group, read_once, &victim);
		if (is_closed || round % 2 == 0)
			CHECK_EVENTUALLY(co_test_parked() == 1);
		if (round % 3 != 2)
			co_test_go(&group, cancel_it, victim.context);
		co_test_go(&group, round % 3 != 0 || !is_closed ? write_it : close_it, &pair[1]);
		if (is_closed)
			co_fd_close(victim.fd);
		co_test_wait(&group);
		CHECK(victim.result == 0 || victim.result == 1 || victim.result == CO_ECANCELED ||
			victim.result == -EBADF);
		outcomes[victim.result >= 0 ? 0 : victim.result == CO_ECANCELED ? 1 : 2]++;
		if (!is_closed)
			co_fd_close(victim.fd);
		co_context_unref(victim.context);
	}
	printf("read %zu, cancelled %zu, closed %zu\n", outcomes[0], outcomes[1], outcomes[2]);
	CHECK(outcomes[0] > 0 && outcomes[2] > 0);
}

/* ---- churn ------------------------------------------------------------------------------------------------------- */

struct fleeting {
	struct co_poll poll;
	atomic_bool removed;
	atomic_int after_removal;
};

static atomic_size_t removals;

static void touch(struct co_poll *poll, unsigned events)
{
	struct fleeting *fleeting = container_of(poll, struct fleeting, poll);

	(void)events;
	if (atomic_load(&fleeting->removed))
		atomic_fetch_add(&fleeting->after_removal, 1);
}

static void let_go(struct co_poll *poll)
{
	struct fleeting *fleeting = container_of(poll, struct fleeting, poll);

	close(poll->fd);
	atomic_store(&fleeting->removed, true);
	atomic_fetch_add(&removals, 1);
}

#define VISITORS 10

static void come_and_go(void *number)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)number);
	const size_t rounds = test_scale(2000);

	for (size_t i = 0; i < rounds; i++) {
		struct fleeting fleeting = {.poll = {.on_events = touch, .on_removed = let_go}};
		int pair[2];

		CHECK_EQUAL(sockets_pair(SOCKETS_UNIX, pair), 0);
		fleeting.poll.fd = sockets_nonblocking(pair[0]);
		CHECK_EQUAL(co_poll_add(&fleeting.poll, test_random_below(&random, 2) == 0), 0);
		if (test_random_below(&random, 2) == 0)
			send(pair[1], "x", 1, MSG_NOSIGNAL);
		if (test_random_below(&random, 2) == 0)
			CHECK_EQUAL(co_poll_want_write(&fleeting.poll), 0);
		if (test_random_below(&random, 2) == 0)
			co_yield();
		if (test_random_below(&random, 4) == 0)
			co_sleep(NULL, 20 * CO_MICROSECOND);
		close(pair[1]);
		co_poll_remove(&fleeting.poll);
		CHECK_EVENTUALLY(atomic_load(&fleeting.removed));
		CHECK_EQUAL(atomic_load(&fleeting.after_removal), 0);
	}
}

/* Descriptors come and go in many coroutines, their numbers used again at once. */
COROUTINE_TEST(churn)
{
	struct co_test_group group = {0};

	atomic_store(&removals, 0);
	co_test_go_each(&group, VISITORS, come_and_go);
	co_test_wait(&group);
	CHECK_EQUAL(atomic_load(&removals), VISITORS * test_scale(2000));
}

/* ---- removals that somebody waits for ---------------------------------------------------------------------------- */

struct awaited {
	struct co_poll poll;
	struct co_wait removed;
};

static void ignore(struct co_poll *poll, unsigned events)
{
	(void)poll;
	(void)events;
}

static void wake_waiter(struct co_poll *poll)
{
	close(poll->fd);
	co_wait_cancel(&container_of(poll, struct awaited, poll)->removed, 0);
}

static void remove_and_wait(void *unused)
{
	const size_t rounds = test_scale(10000);

	(void)unused;
	for (size_t i = 0; i < rounds; i++) {
		struct awaited awaited = {.poll = {.on_events = ignore, .on_removed = wake_waiter}};
		int pair[2];

		CHECK_EQUAL(sockets_pair(SOCKETS_UNIX, pair), 0);
		close(pair[1]);
		awaited.poll.fd = sockets_nonblocking(pair[0]);
		co_wait_init(&awaited.removed, "removal");
		CHECK_EQUAL(co_poll_add(&awaited.poll, i % 2 == 0), 0);
		co_poll_remove(&awaited.poll);
		CHECK_EQUAL(co_wait_park(&awaited.removed, NULL, CO_NEVER, NULL), 0);
	}
}

/* Nothing else goes on, so that the Ms go to sleep all the time: on_removed's wake-up is neither lost, with the M that
 * called it asleep, nor is its coroutine taken for dead meanwhile. */
COROUTINE_TEST(removals_wake_who_waits)
{
	struct co_test_group group = {0};

	for (int i = 0; i < 5; i++)
		co_test_go(&group, remove_and_wait, NULL);
	co_test_wait(&group);
}

/* ---- reports while the descriptor is being added ----------------------------------------------------------------- */

struct brief {
	struct co_poll poll;
	atomic_int *left;
};

static void remove_at_once(struct co_poll *poll, unsigned events)
{
	(void)events;
	co_poll_remove(poll);
}

static void free_brief(struct co_poll *poll)
{
	struct brief *brief = container_of(poll, struct brief, poll);

	close(poll->fd);
	atomic_fetch_sub(brief->left, 1);
	memory_free(brief);
}

static void add_what_has_ended(void *left)
{
	const size_t rounds = test_scale(20000);

	for (size_t i = 0; i < rounds; i++) {
		struct brief *brief = memory_zalloc(sizeof(*brief));
		int pair[2];

		CHECK(brief != NULL);
		CHECK_EQUAL(sockets_pair(SOCKETS_UNIX, pair), 0);
		close(pair[1]);
		brief->left = left;
		brief->poll = (struct co_poll){
			.fd = sockets_nonblocking(pair[0]), .on_events = remove_at_once, .on_removed = free_brief};
		atomic_fetch_add((atomic_int *)left, 1);
		CHECK_EQUAL(co_poll_add(&brief->poll, false), 0);
		CHECK_EVENTUALLY(atomic_load((atomic_int *)left) < 100);
	}
}

/* The peer is gone before the descriptor is added: another thread may report it, and take it out, before co_poll_add
 * has returned. */
COROUTINE_TEST(a_report_meets_its_addition)
{
	static atomic_int left;
	struct co_test_group group = {0};

	atomic_store(&left, 0);
	co_test_go(&group, add_what_has_ended, &left);
	co_test_go(&group, add_what_has_ended, &left);
	co_test_wait(&group);
	CHECK_EVENTUALLY(atomic_load(&left) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_arrive_whole),
		cmocka_unit_test(close_meets_read),
		cmocka_unit_test(churn),
		cmocka_unit_test(removals_wake_who_waits),
		cmocka_unit_test(a_report_meets_its_addition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
