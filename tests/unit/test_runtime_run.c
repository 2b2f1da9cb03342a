/* SPDX-License-Identifier: MIT
 *
 * test_runtime_run.c - the run: what main's return ends, what is left behind, what happens without memory.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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

static int run_again(void *unused)
{
	int number = 1;
	int status = 7;

	(void)unused;
	return co_run(NULL, answer, &number, &status) < 0 && status == 7 && co_id() == 1 ? 0 : 1;
}

/* A second run inside the first is refused, and the first goes on. */
static void one_run_at_a_time(void **state)
{
	int status = -1;

	(void)state;
	assert_int_equal(co_run(NULL, run_again, NULL, &status), 0);
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

static void read_for_ever(void *fd)
{
	char byte;

	co_read(NULL, fd, &byte, 1);
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
	/* a descriptor that the run owns, with a reader: it goes with the run */
	if (sockets_pair(SOCKETS_UNIX, pair) != 0 || co_fd_open(pair[0], &fd) != 0 || co_go(read_for_ever, fd) != 0)
		return 5;
	co_yield();
	close(pair[1]);
	return 0;
}

/* A run can be repeated and leaves no descriptor, no mapping, no thread, and the signal mask as it was. */
static void repeated_runs_leave_nothing(void **state)
{
	size_t descriptors = 0;
	size_t mappings = 0;
	size_t pages = 0;
	sigset_t none;
	sigset_t after;
	int status;

	(void)state;
	(void)mallopt(M_ARENA_MAX, 1); /* one for each thread would be mapped when two happen to allocate at once */
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	for (unsigned i = 0; i < 60; i++) {
		if (i == 20) {
			descriptors = test_count_entries("/proc/self/fd");
			mappings = test_count_lines("/proc/self/maps");
			pages = test_mapped_pages();
		}
		assert_int_equal(co_run(&(struct co_options){.procs = 1 + i % co_test_most_procs()}, use_everything,
					 NULL, &status),
			0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(test_count_entries("/proc/self/fd"), descriptors);
	if (!TEST_SANITIZED) { /* they map memory of their own */
		assert_in_range(test_count_lines("/proc/self/maps"), 0, mappings + 10);
		assert_in_range(test_mapped_pages(), 0, pages + 40 * 256);
	}
	for (int i = 0; i < 5000 && test_count_entries("/proc/self/task") > 3 + TEST_SANITIZED; i++)
		usleep(1000);
	assert_in_range(test_count_entries("/proc/self/task"), 0, 3 + TEST_SANITIZED);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int number = 1; number < 32; number++)
		assert_false(sigismember(&after, number));
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
		cmocka_unit_test(one_run_at_a_time),
		cmocka_unit_test(main_ends_the_others),
		cmocka_unit_test(repeated_runs_leave_nothing),
		cmocka_unit_test(no_memory_for_a_run),
		cmocka_unit_test(no_memory_for_a_coroutine),
		cmocka_unit_test(errors_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
