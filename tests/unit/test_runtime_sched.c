/* SPDX-License-Identifier: MIT
 *
 * test_runtime_sched.c - the scheduler: who gets a turn, and what the numbers and the dump tell of it; after Go's
 * runtime/proc_test.go, whose names are kept.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/co_test.h"
#include "tests/lib/sockets.h"

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static atomic_bool stop;
static atomic_int turns;

static void hog(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop))
		co_yield();
}

static void take_turns(void *unused)
{
	(void)unused;
	for (int i = 0; i < 1000; i++) {
		co_yield();
		atomic_fetch_add(&turns, 1);
	}
}

/* TestYieldProgress: one that yields for ever lets the others get on. */
COROUTINE_TEST(yield_progress)
{
	struct co_test_group group = {0};
	struct co_test_group hogs = {0};

	atomic_store(&stop, false);
	atomic_store(&turns, 0);
	co_test_go(&hogs, hog, NULL);
	for (int i = 0; i < 3; i++)
		co_test_go(&group, take_turns, NULL);
	co_test_wait(&group);
	CHECK_EQUAL(atomic_load(&turns), 3000);
	atomic_store(&stop, true);
	co_test_wait(&hogs);
}

static int order[16];
static int entered;

static void enter(void *number)
{
	order[entered++] = *(const int *)number;
}

/* Ready coroutines run before the one that yields runs again, and all of them do. */
SINGLE_P_TEST(yield_lets_all_others_run)
{
	static const int numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	int seen = 0;

	entered = 0;
	for (int i = 0; i < 10; i++)
		CHECK_EQUAL(co_go(enter, (void *)(uintptr_t)&numbers[i]), 0);
	CHECK_EQUAL(entered, 0);
	co_yield();
	CHECK_EQUAL(entered, 10);
	for (int i = 0; i < 10; i++)
		seen |= 1 << order[i];
	CHECK_EQUAL(seen, 1023);
}

static struct co_channel *table[2];
static atomic_size_t hog_turns;
static atomic_size_t hits;

static void play(void *side)
{
	const size_t mine = *(const size_t *)side;

	while (co_receive(NULL, table[mine], NULL) == 0) {
		atomic_fetch_add(&hits, 1);
		if (co_try_send(table[1 - mine], "x") != 0)
			return;
	}
}

static void count_turns(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		atomic_fetch_add(&hog_turns, 1);
		co_yield();
	}
}

/* TestPingPongHog: two that wake each other all the time, and one that yields all the time, share a P: neither starves
 * the other. */
SINGLE_P_TEST(ping_pong_hog)
{
	static const size_t sides[2] = {0, 1};
	struct co_test_group players = {0};
	struct co_test_group hogs = {0};

	atomic_store(&stop, false);
	atomic_store(&hits, 0);
	atomic_store(&hog_turns, 0);
	for (int i = 0; i < 2; i++) {
		table[i] = co_channel_new(1, 2);
		CHECK(table[i] != NULL);
		co_test_go(&players, play, (void *)(uintptr_t)&sides[i]);
	}
	co_test_go(&hogs, count_turns, NULL);
	CHECK_EQUAL(co_send(NULL, table[0], "x"), 0);
	for (int i = 0; i < 2000 || atomic_load(&hits) < 1000; i++)
		co_yield();
	atomic_store(&stop, true);
	CHECK(atomic_load(&hits) > atomic_load(&hog_turns) / 20);
	CHECK(atomic_load(&hits) < atomic_load(&hog_turns) * 200);
	for (int i = 0; i < 2; i++)
		CHECK_EQUAL(co_channel_close(table[i]), 0);
	co_test_wait(&players);
	co_test_wait(&hogs);
	for (int i = 0; i < 2; i++)
		co_channel_free(table[i]);
}

static void flood_byte(void *arg)
{
	co_sleep(NULL, CO_MILLISECOND);
	CHECK_EQUAL(write(*(int *)arg, "x", 1), 1);
}

/* TestTimerFairness, TestTimerFairness2: neither timers nor descriptors are starved by coroutines that are always
 * ready. */
COROUTINE_TEST(timer_fairness)
{
	struct co_test_group hogs = {0};
	struct co_test_group writer = {0};
	struct co_fd *fd;
	int64_t begin;
	int pair[2];
	char byte;

	atomic_store(&stop, false);
	CHECK_EQUAL(sockets_pair(SOCKETS_UNIX, pair), 0);
	CHECK_EQUAL(co_fd_open(pair[0], &fd), 0);
	for (int i = 0; i < 8; i++)
		co_test_go(&hogs, hog, NULL);
	begin = co_now();
	for (int i = 0; i < 20; i++)
		CHECK_EQUAL(co_sleep(NULL, 100 * CO_MICROSECOND), 0);
	co_test_go(&writer, flood_byte, &pair[1]);
	CHECK_EQUAL(co_read(NULL, fd, &byte, 1), 1);
	CHECK(co_now() - begin < 10 * CO_SECOND);
	atomic_store(&stop, true);
	co_test_wait(&hogs);
	co_test_wait(&writer);
	co_fd_close(fd);
	close(pair[1]);
}

/* ---- looking inside ---------------------------------------------------------------------------------------------- */

static void wait_on(void *channel)
{
	co_receive(NULL, channel, NULL);
}

/* TestNumGoroutine: the numbers follow what starts, parks and ends. */
COROUTINE_TEST(num_goroutine)
{
	struct co_channel *channel = co_channel_new(1, 0);
	struct co_stats before;
	struct co_stats now;

	CHECK(channel != NULL);
	co_stats(&before);
	for (int i = 0; i < 100; i++)
		CHECK_EQUAL(co_go(wait_on, channel), 0);
	co_stats(&now);
	CHECK_EQUAL(now.live, before.live + 100);
	CHECK_EQUAL(now.spawned, before.spawned + 100);
	CHECK_EVENTUALLY(co_test_parked() == 100);
	co_stats(&now);
	CHECK(now.switches >= before.switches + 100);
	CHECK_EQUAL(co_channel_close(channel), 0);
	CHECK_EVENTUALLY((co_stats(&now), now.live == before.live));
	CHECK_EQUAL(now.spawned, before.spawned + 100);
	co_channel_free(channel);
}

/* The dump names each coroutine's wait and the place that started it. */
COROUTINE_TEST(dump_tells_who_waits_for_what)
{
	static char text[20000];
	struct co_test_group group = {0};
	struct co_channel *channel = co_channel_new(1, 0);
	const int file = memfd_create("dump", MFD_CLOEXEC);
	ssize_t length;

	CHECK(channel != NULL && file >= 0);
	co_test_go(&group, wait_on, channel);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	co_dump(file);
	length = pread(file, text, sizeof(text) - 1, 0);
	CHECK(length > 0);
	text[length] = '\0';
	CHECK(strstr(text, "chan receive") != NULL);
	CHECK(strstr(text, "wait_on at ") != NULL);
	CHECK(strstr(text, "test_runtime_sched.c:") != NULL);
	CHECK(strstr(text, "end of test") != NULL);
	CHECK_EQUAL(co_channel_close(channel), 0);
	co_test_wait(&group);
	co_channel_free(channel);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yield_progress),
		cmocka_unit_test(yield_lets_all_others_run),
		cmocka_unit_test(ping_pong_hog),
		cmocka_unit_test(timer_fairness),
		cmocka_unit_test(num_goroutine),
		cmocka_unit_test(dump_tells_who_waits_for_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
