/* SPDX-License-Identifier: MIT
 *
 * test_runtime_procs.c - several Ps: work, timers and descriptors do not wait for a coroutine that keeps its P; one
 * that does is reported; coroutines move; a run ends whatever the others do.
 *
 * A coroutine here keeps its P on purpose: it waits for another without a call that could let that one run.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/child.h"
#include "tests/lib/co_test.h"
#include "tests/lib/sockets.h"

static struct co_stats stats_now(void)
{
	struct co_stats stats;

	co_stats(&stats);
	return stats;
}

/* ---- work ---------------------------------------------------------------------------------------------------- */

static atomic_int ran;

static void run_once(void *unused)
{
	(void)unused;
	atomic_fetch_add(&ran, 1);
}

/* What a coroutine starts is run by others while it keeps its P. */
SEVERAL_PS_TEST(started_work_is_stolen)
{
	const uint64_t steals = stats_now().steals;

	for (int round = 0; round < 50; round++) {
		atomic_store(&ran, 0);
		for (int i = 0; i < 3; i++)
			CHECK_EQUAL(co_go(run_once, NULL), 0);
		CHECK_KEEPING_THE_P(atomic_load(&ran) == 3);
	}
	CHECK(stats_now().steals > steals);
}

/* More than a P's queue holds goes to the global one, and is taken from there. */
SEVERAL_PS_TEST(a_full_queue_is_shared)
{
	const int count = 2000;

	atomic_store(&ran, 0);
	for (int i = 0; i < count; i++)
		CHECK_EQUAL(co_go(run_once, NULL), 0);
	CHECK_KEEPING_THE_P(atomic_load(&ran) == count);
}

static void receive_then_count(void *channel)
{
	CHECK_EQUAL(co_receive(NULL, channel, NULL), 0);
	atomic_fetch_add(&ran, 1);
}

/* So is the one that it made ready last, which it would run next itself. */
SEVERAL_PS_TEST(the_next_is_stolen_where_it_stays)
{
	struct co_channel *channel = co_channel_new(0, 0);

	CHECK(channel != NULL);
	for (int round = 0; round < 20; round++) {
		atomic_store(&ran, 0);
		CHECK_EQUAL(co_go(receive_then_count, channel), 0);
		CHECK_EVENTUALLY(co_test_parked() == 1);
		CHECK_EQUAL(co_try_send(channel, ""), 0);
		CHECK_KEEPING_THE_P(atomic_load(&ran) == 1);
	}
	co_channel_free(channel);
}

static void meet(void *arrived)
{
	atomic_fetch_add((atomic_int *)arrived, 1);
	CHECK_KEEPING_THE_P(atomic_load((atomic_int *)arrived) == 2);
}

/* Two coroutines that wait for each other without parking meet: they run at once. */
SEVERAL_PS_TEST(two_run_at_once)
{
	for (int round = 0; round < 50; round++) {
		struct co_test_group group = {0};
		atomic_int arrived = 0;

		co_test_go(&group, meet, &arrived);
		co_test_go(&group, meet, &arrived);
		co_test_wait(&group);
	}
}

static atomic_bool may_leave;

static void keep_until_told(void *unused)
{
	(void)unused;
	atomic_fetch_add(&ran, 1);
	CHECK_KEEPING_THE_P(atomic_load(&may_leave));
}

/* The Ms' first coroutines keep their Ps, one after the other: each M that is busy no longer counts as one that looks
 * for work, so that the next is woken. */
SEVERAL_PS_TEST(a_first_coroutine_that_stays_holds_up_no_other)
{
	atomic_store(&ran, 0);
	atomic_store(&may_leave, false);
	for (int i = 0; i < (int)co_test_procs() - 1; i++) {
		CHECK_EQUAL(co_go_from_thread(keep_until_told, NULL), 0);
		CHECK_KEEPING_THE_P(atomic_load(&ran) == i + 1);
	}
	atomic_store(&may_leave, true);
}

/* ---- what comes from outside --------------------------------------------------------------------------------- */

struct alarm {
	struct co_timer timer;
	atomic_int rung;
};

static void ring(struct co_timer *timer)
{
	atomic_fetch_add(&container_of(timer, struct alarm, timer)->rung, 1);
}

/* The timers of a P that is kept are fired by others. */
SEVERAL_PS_TEST(timers_of_a_busy_p_fire)
{
	struct alarm alarms[20] = {0};

	for (int i = 0; i < 20; i++) {
		const int64_t when = co_now() + (1 + i % 3) * CO_MILLISECOND;

		alarms[i].timer.fired = ring;
		CHECK_EQUAL(co_timer_start(&alarms[i].timer, when), 0);
		CHECK_KEEPING_THE_P(atomic_load(&alarms[i].rung) == 1);
		CHECK(co_now() >= when);
		CHECK(!co_timer_stop(&alarms[i].timer));
	}
}

static void read_byte(void *fd)
{
	char byte;

	CHECK_EQUAL(co_read(NULL, fd, &byte, 1), 1);
	atomic_fetch_add(&ran, 1);
}

/* What arrives on a descriptor is seen while a coroutine keeps its P. */
SEVERAL_PS_TEST(descriptors_are_polled_by_others)
{
	struct co_fd *fd;
	int pair[2];

	CHECK_EQUAL(sockets_pair(SOCKETS_UNIX, pair), 0);
	CHECK_EQUAL(co_fd_open(pair[0], &fd), 0);
	for (int round = 0; round < 20; round++) {
		atomic_store(&ran, 0);
		CHECK_EQUAL(co_go(read_byte, fd), 0);
		if (round % 2 == 0)
			CHECK_EVENTUALLY(co_test_parked() == 1);
		CHECK_EQUAL(write(pair[1], "x", 1), 1);
		CHECK_KEEPING_THE_P(atomic_load(&ran) == 1);
	}
	co_fd_close(fd);
	close(pair[1]);
}

/* ---- hogs ---------------------------------------------------------------------------------------------------- */

static struct test_child child;

static void keep_the_p(void *unused)
{
	const int64_t until = co_now() + 1600 * CO_MILLISECOND;

	(void)unused;
	while (co_now() < until)
		;
}

static int start_a_hog(void *arg)
{
	struct co_test_group group = {0};

	(void)arg;
	co_test_go(&group, keep_the_p, NULL);
	co_test_wait(&group);
	return 0;
}

static int sleep_long(void *arg)
{
	(void)arg;
	return co_sleep(NULL, 1600 * CO_MILLISECOND);
}

static int yield_long(void *arg)
{
	const int64_t until = co_now() + 1600 * CO_MILLISECOND;

	(void)arg;
	while (co_now() < until)
		co_yield();
	return 0;
}

struct scene {
	unsigned procs;
	int (*main)(void *arg);
};

static int play(void *arg)
{
	const struct scene *scene = arg;
	int status = -1;
	const int r = co_run(&(struct co_options){.procs = scene->procs}, scene->main, NULL, &status);

	return r == 0 ? status : 100;
}

/* A coroutine that keeps its P for a second is reported once, with its backtrace; to sleep or to yield is no such
 * thing.
 */
static void hogs_are_reported(void **state)
{
	static int (*const well_behaved[])(void *arg) = {sleep_long, yield_long};

	(void)state;
	for (unsigned procs = 1; procs <= co_test_most_procs(); procs += 3) {
		const char *report;

		test_child_run(&child, play, &(struct scene){procs, start_a_hog});
		test_child_exited(&child, 0);
		test_child_said(&child, "has not switched coroutines for a second");
		test_child_said(&child, "keep_the_p");
		test_child_said(&child, "test_runtime_procs");
		report = strstr(child.errors, "has not switched");
		assert_null(strstr(report + 1, "has not switched"));
		for (size_t i = 0; i < 2; i++) {
			test_child_run(&child, play, &(struct scene){procs, well_behaved[i]});
			test_child_exited(&child, 0);
			assert_null(strstr(child.errors, "has not switched"));
		}
	}
}

/* ---- the run --------------------------------------------------------------------------------------------------- */

static int count_threads(void *arg)
{
	*(size_t *)arg = test_count_entries("/proc/self/task");
	return 0;
}

/* TestBigGOMAXPROCS: as many Ps as are asked for, 1,024 at most; as many as the thread may use processors where none
 * are. */
static void as_many_as_asked_for(void **state)
{
	cpu_set_t all;
	cpu_set_t one;
	size_t alone = 0;
	size_t threads = 0;
	int status;

	(void)state;
	assert_int_equal(co_run(&(struct co_options){.procs = 1025}, count_threads, &threads, &status), CO_EINVAL);
	assert_int_equal(co_run(&(struct co_options){.procs = 1}, count_threads, &alone, &status), 0);
	assert_int_equal(co_run(&(struct co_options){.procs = 7}, count_threads, &threads, &status), 0);
	assert_int_equal(threads, alone + 6);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(co_run(NULL, count_threads, &threads, &status), 0);
	assert_int_equal(threads, alone + (size_t)CPU_COUNT(&all) - 1);
	CPU_ZERO(&one);
	for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(co_run(NULL, count_threads, &threads, &status), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(threads, alone);
}

/* Four Ps on one processor: nobody spins for what another thread must do first. */
static void many_ps_on_one_processor(void **state)
{
	cpu_set_t all;
	cpu_set_t one;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	co_test_run_on_several("two_run_at_once", two_run_at_once_body);
	co_test_run_on_several("the_next_is_stolen_where_it_stays", the_next_is_stolen_where_it_stays_body);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

struct shared {
	struct co_channel *channel;
	atomic_int numbers[64];
};

static void use_shared(void *arg)
{
	struct shared *shared = arg;

	for (unsigned i = 0;; i++) {
		atomic_fetch_add(&shared->numbers[i % 64], 1);
		if (co_try_send(shared->channel, "") == 0 || i % 16 == 0)
			co_yield();
	}
}

/* Its variables are in use as it returns. AddressSanitizer forbids that, as C does; there they are static. */
static int leave_others_behind(void *arg)
{
#if TEST_SANITIZED
	static
#endif
		struct shared shared;

	memset(&shared, 0, sizeof(shared));
	shared.channel = arg;
	for (int i = 0; i < 8; i++)
		if (co_go(use_shared, &shared) != 0)
			return 1;
	while (atomic_load(&shared.numbers[63]) == 0)
		co_yield();
	return 0;
}

/* main's return ends the run, with others in full flight on other threads. */
static void main_returns_while_others_run(void **state)
{
	struct co_channel *channel = co_channel_new(1, 100);

	(void)state;
	assert_non_null(channel);
	for (unsigned i = 0; i < 200; i++) {
		int status = -1;

		assert_int_equal(co_run(&(struct co_options){.procs = 1 + i % co_test_most_procs()},
					 leave_others_behind, channel, &status),
			0);
		assert_int_equal(status, 0);
	}
	co_channel_free(channel);
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static void sleep_until_cancelled(void *context)
{
	CHECK_EQUAL(co_sleep(context, 3600 * CO_SECOND), CO_ECANCELED);
}

static uint64_t parked_for(const char *reason)
{
	struct co_parked rows[8];
	const size_t count = co_parked_by_reason(rows, 8);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].reason, reason) == 0)
			return rows[i].count;
	return 0;
}

COROUTINE_TEST(parked_by_reason)
{
	struct co_channel *channel = co_channel_new(0, 0);
	struct co_test_group group = {0};
	struct co_parked one;
	struct co_context *context;

	CHECK(channel != NULL);
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	atomic_store(&ran, 0);
	for (int i = 0; i < 3; i++)
		co_test_go(&group, receive_then_count, channel);
	for (int i = 0; i < 2; i++)
		co_test_go(&group, sleep_until_cancelled, context);
	CHECK_EVENTUALLY(co_test_parked() == 5);
	CHECK_EQUAL(parked_for("chan receive"), 3);
	CHECK_EQUAL(parked_for("sleep"), 2);
	CHECK_EQUAL(parked_for("chan send"), 0);
	CHECK_EQUAL(co_parked_by_reason(&one, 1), 1);
	CHECK_EQUAL(co_parked_by_reason(&one, 0), 0);
	co_cancel(context, NULL);
	for (int i = 0; i < 3; i++)
		CHECK_EQUAL(co_send(NULL, channel, ""), 0);
	co_test_wait(&group);
	co_context_unref(context);
	co_channel_free(channel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hogs_are_reported), /* forks, so first */
		cmocka_unit_test(started_work_is_stolen),
		cmocka_unit_test(a_full_queue_is_shared),
		cmocka_unit_test(the_next_is_stolen_where_it_stays),
		cmocka_unit_test(two_run_at_once),
		cmocka_unit_test(a_first_coroutine_that_stays_holds_up_no_other),
		cmocka_unit_test(timers_of_a_busy_p_fire),
		cmocka_unit_test(descriptors_are_polled_by_others),
		cmocka_unit_test(as_many_as_asked_for),
		cmocka_unit_test(many_ps_on_one_processor),
		cmocka_unit_test(main_returns_while_others_run),
		cmocka_unit_test(parked_by_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
