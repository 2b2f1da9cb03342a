/* SPDX-License-Identifier: MIT
 *
 * test_runtime_run.c - the run and its scheduler: what main's return ends, what is left behind, who gets a turn; after
 * Go's runtime/proc_test.go, whose names are kept.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/lib/co_test.h"
#include "tests/lib/sockets.h"

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static int answer(void *arg)
{
	return co_id() == 1 ? *(int *)arg : -1;
}

/* Main is coroutine 1, its status is the run's; outside of a run there is no coroutine. */
static void main_returns_its_status(void **state)
{
	int number = 42;
	int status = 0;

	(void)state;
	assert_int_equal(co_id(), 0);
	assert_int_equal(co_run(NULL, answer, &number, &status), 0);
	assert_int_equal(status, 42);
	assert_int_equal(co_id(), 0);
	number = 0;
	assert_int_equal(co_run(&(struct co_options){.procs = co_test_most_procs()}, answer, &number, &status), 0);
	assert_int_equal(status, 0);
}

static atomic_int endings;

static void go_on_for_ever(void *how)
{
	while (true) {
		if (how == NULL)
			co_yield();
		else
			co_sleep(NULL, 10 * CO_MICROSECOND);
	}
}

static void note_ending(void *channel)
{
	co_receive(NULL, channel, NULL);
	atomic_fetch_add(&endings, 1);
}

static int leave_others_behind(void *channel)
{
	for (int i = 0; i < 10; i++) {
		if (co_go(note_ending, channel) != 0 || co_go(go_on_for_ever, i % 2 == 0 ? NULL : channel) != 0)
			return 1;
		if (i % 4 == 0)
			co_yield();
	}
	return 0;
}

/* When main returns the others are dropped where they stand: running, ready, asleep or waiting. */
static void main_ends_the_others(void **state)
{
	enum { RUNS = 20 };
	static struct co_channel *channels[RUNS]; /* dropped coroutines stand in their queues: they are never freed */
	int status = -1;

	(void)state;
	for (unsigned i = 0; i < RUNS; i++) {
		const struct co_options options = {.procs = 1 + i % co_test_most_procs()};

		channels[i] = co_channel_new(1, 0);
		assert_non_null(channels[i]);
		assert_int_equal(co_run(&options, leave_others_behind, channels[i], &status), 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(atomic_load(&endings), 0);
}

static void sleep_a_little(void *unused)
{
	(void)unused;
	usleep(100);
}

static void nap_a_little(void *unused)
{
	(void)unused;
	co_sleep(NULL, 100 * CO_MICROSECOND);
}

/* Uses whatever a run can use: sleepers, descriptors, blocking jobs, signals, many stacks. */
static int use_everything(void *unused)
{
	struct co_channel *channel = co_channel_new(1, 0);
	struct co_context *limit;
	struct co_fd *fd;
	sigset_t signals;
	int pair[2];
	char byte;

	(void)unused;
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	if (channel == NULL || sockets_pair(SOCKETS_UNIX, pair) != 0 || co_fd_open(pair[0], &fd) != 0)
		return 1;
	for (int i = 0; i < 200; i++)
		co_go(nap_a_little, NULL);
	if (co_with_timeout(NULL, 500 * CO_MICROSECOND, &limit) != 0)
		return 2;
	if (co_receive(limit, channel, NULL) != CO_EDEADLINE || co_blocking(sleep_a_little, NULL) != 0)
		return 3;
	if (co_signal_wait(limit, &signals, NULL) != CO_EDEADLINE || co_read(limit, fd, &byte, 1) != CO_EDEADLINE)
		return 4;
	co_context_unref(limit);
	co_fd_close(fd);
	close(pair[1]);
	co_channel_free(channel);
	return 0;
}

/* A run can be repeated and leaves no descriptor, no mapping, no thread, and the signal mask as it was. */
static void repeated_runs_leave_nothing(void **state)
{
	size_t descriptors = 0;
	size_t mappings = 0;
	sigset_t before = {0}; /* the kernel writes only the part that it knows */
	sigset_t after = {0};
	int status;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	for (unsigned i = 0; i < 60; i++) {
		if (i == 20) {
			descriptors = test_count_entries("/proc/self/fd");
			mappings = test_count_lines("/proc/self/maps");
		}
		assert_int_equal(co_run(&(struct co_options){.procs = 1 + i % co_test_most_procs()}, use_everything,
					 NULL, &status),
			0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(test_count_entries("/proc/self/fd"), descriptors);
	if (!TEST_SANITIZED) /* they map memory of their own */
		assert_in_range(test_count_lines("/proc/self/maps"), 0, mappings + 10);
	for (int i = 0; i < 5000 && test_count_entries("/proc/self/task") > 3 + TEST_SANITIZED; i++)
		usleep(1000);
	assert_in_range(test_count_entries("/proc/self/task"), 0, 3 + TEST_SANITIZED);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_memory_equal(&before, &after, sizeof(before));
}

static atomic_int allowed; /* allocations until the one that fails */

static bool fails_in_turn(size_t bytes)
{
	(void)bytes;
	return atomic_fetch_sub(&allowed, 1) == 0;
}

static int do_nothing(void *unused)
{
	(void)unused;
	return 0;
}

/* A run for which there is no memory does not start and leaves nothing, whichever allocation fails. */
static void no_memory_for_a_run(void **state)
{
	const size_t descriptors = test_count_entries("/proc/self/fd");
	int failures = 0;
	int status;
	int r = CO_ENOMEM;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		atomic_store(&allowed, i);
		memory_set_fault(fails_in_turn);
		r = co_run(&(struct co_options){.procs = co_test_most_procs()}, do_nothing, NULL, &status);
		memory_set_fault(NULL);
		if (atomic_load(&allowed) >= 0)
			break;
		assert_true(r == 0 || r == CO_ENOMEM);
		failures += r != 0;
		assert_int_equal(test_count_entries("/proc/self/fd"), descriptors);
	}
	assert_int_equal(r, 0);
	assert_true(failures > 0);
}

static bool fails_always(size_t bytes)
{
	(void)bytes;
	return true;
}

static void count_start(void *number)
{
	atomic_fetch_add((atomic_int *)number, 1);
}

/* Coroutines that cannot be started are refused; those that were, run. */
SINGLE_P_TEST(no_memory_for_a_coroutine)
{
	static atomic_int ran;
	struct co_context *context = NULL;
	int started = 0;
	int r = 0;

	atomic_store(&ran, 0);
	memory_set_fault(fails_always);
	while (started < 100000 && (r = co_go(count_start, &ran)) == 0)
		started++;
	const int context_result = co_with_cancel(NULL, &context);
	struct co_channel *channel = co_channel_new(8, 8);

	memory_set_fault(NULL);
	CHECK(r == 0 || r == CO_ENOMEM);
	CHECK_EQUAL(context_result, CO_ENOMEM);
	CHECK(channel == NULL);
	CHECK_EVENTUALLY(atomic_load(&ran) == started);
	CHECK_EQUAL(co_go(count_start, &ran), 0);
	CHECK_EVENTUALLY(atomic_load(&ran) == started + 1);
}

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

/* TestTimerFairness: neither timers nor descriptors are starved by coroutines that are always ready. */
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
	CHECK(strstr(text, "test_runtime_run.c:") != NULL);
	CHECK(strstr(text, "end of test") != NULL);
	CHECK_EQUAL(co_channel_close(channel), 0);
	co_test_wait(&group);
	co_channel_free(channel);
	close(file);
}

static void errors_have_texts(void **state)
{
	(void)state;
	assert_string_equal(co_strerror(CO_ECANCELED), "context canceled");
	assert_string_equal(co_strerror(CO_EDEADLINE), "context deadline exceeded");
	assert_string_equal(co_strerror(CO_ESENDCLOSED), "send on closed channel");
	assert_string_equal(co_strerror(CO_ECLOSECLOSED), "close of closed channel");
	assert_string_equal(co_strerror(CO_EUNLOCKED), "unlock of unlocked mutex");
	assert_string_equal(co_strerror(CO_ENEGATIVE), "negative WaitGroup counter");
	assert_string_equal(co_strerror(-ENOENT), strerror(ENOENT));
	for (int error = -1200; error < 20; error++)
		assert_non_null(co_strerror(error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_returns_its_status),
		cmocka_unit_test(main_ends_the_others),
		cmocka_unit_test(repeated_runs_leave_nothing),
		cmocka_unit_test(no_memory_for_a_run),
		cmocka_unit_test(no_memory_for_a_coroutine),
		cmocka_unit_test(yield_progress),
		cmocka_unit_test(yield_lets_all_others_run),
		cmocka_unit_test(ping_pong_hog),
		cmocka_unit_test(timer_fairness),
		cmocka_unit_test(num_goroutine),
		cmocka_unit_test(dump_tells_who_waits_for_what),
		cmocka_unit_test(errors_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
