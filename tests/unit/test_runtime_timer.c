/* SPDX-License-Identifier: MIT
 *
 * test_runtime_timer.c - timers, sleeping and the clocks: never early, in order, stopped for good; after Go's
 * time/sleep_test.go, whose names are kept.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "base/memory.h"
#include "tests/lib/co_test.h"

struct counted {
	struct co_timer timer;
	atomic_int fired;
	atomic_int early;
	atomic_int off_stack; /* times it was called in a coroutine */
	atomic_llong at;
};

static void count(struct co_timer *timer)
{
	struct counted *counted = container_of(timer, struct counted, timer);
	const int64_t now = co_now();

	if (now < timer->when)
		atomic_fetch_add(&counted->early, 1);
	if (co_id() != 0)
		atomic_fetch_add(&counted->off_stack, 1);
	atomic_store(&counted->at, now);
	atomic_fetch_add(&counted->fired, 1);
}

/* ---- sleeping ---------------------------------------------------------------------------------------------------- */

static const int64_t naps[] = {1, 999, 1000, 10000, 50000, 300000, 999999, 1000000, 1000001, 3500000};

static void nap(void *arg)
{
	const int64_t duration = *(const int64_t *)arg;

	for (int i = 0; i < 10; i++) {
		const int64_t begin = co_now();

		CHECK_EQUAL(co_sleep(NULL, duration), 0);
		CHECK(co_now() - begin >= duration);
	}
}

/* TestSleep: never early, alone and together. */
COROUTINE_TEST(sleep_is_never_early)
{
	struct co_test_group group = {0};

	for (size_t i = 0; i < sizeof(naps) / sizeof(naps[0]); i++)
		nap((void *)(uintptr_t)&naps[i]);
	for (size_t i = 0; i < 10 * sizeof(naps) / sizeof(naps[0]); i++)
		co_test_go(&group, nap, (void *)(uintptr_t)&naps[i / 10]);
	co_test_wait(&group);
}

/* TestSleepZeroDeadlock: nothing and less than nothing are slept at once, however often. */
COROUTINE_TEST(sleep_zero)
{
	for (int i = 0; i < 1000; i++) {
		CHECK_EQUAL(co_sleep(NULL, 0), 0);
		CHECK_EQUAL(co_sleep(NULL, -1), 0);
		CHECK_EQUAL(co_sleep(NULL, INT64_MIN), 0);
	}
}

static void sleep_long(void *arg)
{
	struct co_context *context = arg;

	CHECK_EQUAL(co_sleep(context, CO_NEVER), CO_ECANCELED);
	CHECK_EQUAL(co_sleep(context, CO_NEVER), CO_ECANCELED);
}

/* TestOverflowSleep: a huge duration does not wrap; only its context ends it. */
COROUTINE_TEST(overflow_sleep)
{
	static const int64_t huge[] = {CO_NEVER, CO_NEVER - 1, CO_NEVER / 2};
	struct co_test_group group = {0};
	struct co_context *context;

	CHECK_EQUAL(co_deadline_after(5, 7), 12);
	CHECK_EQUAL(co_deadline_after(5, -7), 5);
	CHECK_EQUAL(co_deadline_after(5, 0), 5);
	CHECK_EQUAL(co_deadline_after(5, CO_NEVER), CO_NEVER);
	CHECK_EQUAL(co_deadline_after(CO_NEVER - 1, 1), CO_NEVER);
	CHECK_EQUAL(co_deadline_after(CO_NEVER, 1), CO_NEVER);
	CHECK_EQUAL(co_deadline_after(CO_NEVER - 10, 5), CO_NEVER - 5);
	CHECK_EQUAL(co_deadline_after(5, INT64_MIN), 5);

	for (size_t i = 0; i < 3; i++) {
		CHECK_EQUAL(co_with_timeout(NULL, CO_MILLISECOND, &context), 0);
		CHECK_EQUAL(co_sleep(context, huge[i]), CO_EDEADLINE);
		co_context_unref(context);
	}
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	co_test_go(&group, sleep_long, context);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	co_cancel(context, NULL);
	co_test_wait(&group);
	co_context_unref(context);
}

#define SLEEPERS 10

static struct {
	int64_t begin;
	atomic_int next;
	int order[SLEEPERS];
} queue;

static void wake_in_turn(void *arg)
{
	const int number = *(const int *)arg;

	CHECK_EQUAL(co_sleep(NULL, queue.begin + (number + 1) * 2 * CO_MILLISECOND - co_now()), 0);
	queue.order[atomic_fetch_add(&queue.next, 1)] = number;
}

/* TestAfterQueuing: sleepers wake in the order of their deadlines, in whatever order they lay down. */
SINGLE_P_TEST(after_queuing)
{
	static const int numbers[SLEEPERS] = {5, 1, 9, 0, 7, 2, 8, 3, 6, 4};
	bool in_time = false;

	while (!in_time) { /* all must lie down before the first is due */
		struct co_test_group group = {0};

		atomic_store(&queue.next, 0);
		queue.begin = co_now() + 10 * CO_MILLISECOND;
		for (int i = 0; i < SLEEPERS; i++)
			co_test_go(&group, wake_in_turn, (void *)(uintptr_t)&numbers[i]);
		co_yield();
		in_time = co_now() < queue.begin;
		co_test_wait(&group);
	}
	for (int i = 0; i < SLEEPERS; i++)
		CHECK_EQUAL(queue.order[i], i);
}

/* ---- timers ------------------------------------------------------------------------------------------------------ */

/* TestAfterStop, TestZeroTimer: stop is true once, for a timer that then never fires, and false for one that has fired,
 * and for one that was never armed. */
COROUTINE_TEST(after_stop)
{
	struct counted fires = {.timer.fired = count};
	struct counted stopped = {.timer.fired = count};

	CHECK(!co_timer_stop(&fires.timer));
	CHECK_EQUAL(co_timer_start(&fires.timer, co_now() + CO_MILLISECOND), 0);
	CHECK_EQUAL(co_timer_start(&stopped.timer, co_now() + 3600 * CO_SECOND), 0);
	CHECK(co_timer_stop(&stopped.timer));
	CHECK(!co_timer_stop(&stopped.timer));
	CHECK_EVENTUALLY(atomic_load(&fires.fired) == 1);
	CHECK(!co_timer_stop(&fires.timer));
	CHECK_EQUAL(atomic_load(&stopped.fired), 0);
	CHECK_EQUAL(atomic_load(&fires.early), 0);
	CHECK_EQUAL(atomic_load(&fires.off_stack), 0);
}

/* TestReset: a timer that is armed moves, and one that has fired can be armed again. */
COROUTINE_TEST(reset)
{
	struct counted counted = {.timer.fired = count};
	int64_t when = co_now() + 3600 * CO_SECOND;

	CHECK_EQUAL(co_timer_start(&counted.timer, when), 0);
	when = co_now() + 2 * CO_MILLISECOND;
	CHECK_EQUAL(co_timer_start(&counted.timer, when), 0);
	CHECK_EVENTUALLY(atomic_load(&counted.fired) == 1);
	CHECK(atomic_load(&counted.at) >= when);
	CHECK(!co_timer_stop(&counted.timer));

	CHECK_EQUAL(co_timer_start(&counted.timer, co_now()), 0);
	CHECK_EVENTUALLY(atomic_load(&counted.fired) == 2);
	CHECK_EQUAL(co_timer_start(&counted.timer, co_now() + 5 * CO_MILLISECOND), 0);
	when = co_now() + 15 * CO_MILLISECOND;
	if (co_timer_stop(&counted.timer)) {
		CHECK_EQUAL(co_timer_start(&counted.timer, when), 0);
		CHECK_EVENTUALLY(atomic_load(&counted.fired) == 3);
		CHECK(atomic_load(&counted.at) >= when);
	}
	CHECK_EQUAL(atomic_load(&counted.early), 0);
}

/* TestTimerModifiedEarlier: while everybody sleeps until the timer, moving it nearer wakes them at its new time, and
 * not at the old one. */
COROUTINE_TEST(timer_modified_earlier)
{
	for (int i = 0; i < 20; i++) {
		struct counted counted = {.timer.fired = count};
		const int64_t begin = co_now();

		CHECK_EQUAL(co_timer_start(&counted.timer, begin + 3600 * CO_SECOND), 0);
		CHECK_EQUAL(co_sleep(NULL, 200 * CO_MICROSECOND), 0);
		CHECK_EQUAL(co_timer_start(&counted.timer, co_now() + 200 * CO_MICROSECOND), 0);
		CHECK_EVENTUALLY(atomic_load(&counted.fired) == 1);
		CHECK_EQUAL(atomic_load(&counted.early), 0);
	}
}

static struct {
	struct counted far;
	struct co_timer bell;
	struct co_spin lock;
	struct co_wait wait;
} bedroom;

static void ring(struct co_timer *timer)
{
	(void)timer;
	co_wait_cancel(&bedroom.wait, 3);
}

static void set_alarm(void *unused)
{
	(void)unused;
	co_spin_lock(&bedroom.lock); /* the sleeper has parked */
	co_spin_unlock(&bedroom.lock);
	CHECK_EQUAL(co_timer_start(&bedroom.bell, co_now() + 300 * CO_MICROSECOND), 0);
}

static void *come_in(void *unused)
{
	(void)unused;
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	if (co_go_from_thread(set_alarm, NULL) != 0)
		abort();
	return NULL;
}

/* The same where every thread is asleep until the far timer, when another comes in and sets a nearer one. */
COROUTINE_TEST(nearer_timer_shortens_the_sleep)
{
	for (int i = 0; i < 20; i++) {
		pthread_t thread;

		bedroom.bell = (struct co_timer){.fired = ring};
		bedroom.far = (struct counted){.timer.fired = count};
		CHECK_EQUAL(co_timer_start(&bedroom.far.timer, co_now() + 3600 * CO_SECOND), 0);
		co_wait_init(&bedroom.wait, "asleep");
		CHECK_EQUAL(pthread_create(&thread, NULL, come_in, NULL), 0);
		co_spin_lock(&bedroom.lock);
		CHECK_EQUAL(co_wait_park(&bedroom.wait, NULL, co_now() + 20 * CO_SECOND, &bedroom.lock), 3);
		pthread_join(thread, NULL);
		CHECK(co_timer_stop(&bedroom.far.timer));
		CHECK_EQUAL(atomic_load(&bedroom.far.fired), 0);
	}
}

struct starter {
	struct co_timer timer;
	struct co_channel *channel;
};

static void send_from_coroutine(void *channel)
{
	CHECK_EQUAL(co_send(NULL, channel, &(int){8}), 0);
}

static void start_coroutine(struct co_timer *timer)
{
	struct starter *starter = container_of(timer, struct starter, timer);

	CHECK_EQUAL(co_go(send_from_coroutine, starter->channel), 0);
}

/* A callback may start coroutines: Go's AfterFunc. */
COROUTINE_TEST(after_func)
{
	struct starter starter = {.timer.fired = start_coroutine, .channel = co_channel_new(sizeof(int), 0)};
	int value;

	CHECK(starter.channel != NULL);
	for (int i = 0; i < 20; i++) {
		CHECK_EQUAL(co_timer_start(&starter.timer, co_now() + 50 * CO_MICROSECOND), 0);
		CHECK_EQUAL(co_receive(NULL, starter.channel, &value), 0);
		CHECK_EQUAL(value, 8);
	}
	co_channel_free(starter.channel);
}

struct periodic {
	struct co_timer timer;
	atomic_int left;
	atomic_int early;
};

static void again(struct co_timer *timer)
{
	struct periodic *periodic = container_of(timer, struct periodic, timer);

	if (co_now() < timer->when)
		atomic_fetch_add(&periodic->early, 1);
	if (atomic_fetch_sub(&periodic->left, 1) > 1)
		co_timer_start(timer, timer->when + 100 * CO_MICROSECOND);
}

/* A timer may start itself again from its callback. */
COROUTINE_TEST(fired_starts_itself_again)
{
	struct periodic periodic = {.timer.fired = again, .left = 50};
	const int64_t begin = co_now();

	CHECK_EQUAL(co_timer_start(&periodic.timer, begin + 100 * CO_MICROSECOND), 0);
	CHECK_EVENTUALLY(atomic_load(&periodic.left) == 0);
	CHECK(co_now() - begin >= 50 * 100 * CO_MICROSECOND);
	CHECK_EQUAL(atomic_load(&periodic.early), 0);
	CHECK(!co_timer_stop(&periodic.timer));
}

/* The callback's own timer, and two that it uses. */
struct busybody {
	struct co_timer timer;
	struct counted stopped;
	struct counted moved;
	struct counted started;
	atomic_int failures;
	atomic_int calls;
};

static void use_timers(struct co_timer *timer)
{
	struct busybody *busybody = container_of(timer, struct busybody, timer);
	int failures = 0;

	failures += !co_timer_stop(&busybody->stopped.timer);
	failures += co_timer_start(&busybody->moved.timer, co_now()) != 0;
	failures += co_timer_start(&busybody->started.timer, co_now() + 10 * CO_MICROSECOND) != 0;
	failures += co_timer_stop(timer); /* it is firing */
	atomic_fetch_add(&busybody->failures, failures);
	atomic_fetch_add(&busybody->calls, 1);
}

/* TestIssue5745: no lock is held over a callback, so it may start, move and stop timers, its own among them. */
COROUTINE_TEST(callback_may_use_timers)
{
	for (int i = 0; i < 100; i++) {
		struct busybody busybody = {.timer.fired = use_timers,
			.stopped.timer.fired = count,
			.moved.timer.fired = count,
			.started.timer.fired = count};

		CHECK_EQUAL(co_timer_start(&busybody.stopped.timer, co_now() + 3600 * CO_SECOND), 0);
		CHECK_EQUAL(co_timer_start(&busybody.moved.timer, co_now() + 3600 * CO_SECOND), 0);
		CHECK_EQUAL(co_timer_start(&busybody.timer, co_now() + 20 * CO_MICROSECOND), 0);
		CHECK_EVENTUALLY(atomic_load(&busybody.started.fired) == 1 && atomic_load(&busybody.calls) == 1);
		CHECK_EVENTUALLY(atomic_load(&busybody.moved.fired) == 1);
		CHECK_EQUAL(atomic_load(&busybody.stopped.fired), 0);
		CHECK_EQUAL(atomic_load(&busybody.failures), 0);
	}
}

#define MANY 2000

/* TestAdjustTimers: many timers armed, moved and stopped at random: each that was stopped stays silent, each other
 * fires once and not early. */
COROUTINE_TEST(adjust_timers)
{
	static struct counted timers[MANY];
	static bool stopped[MANY];
	struct test_random random = test_random_stream(1);
	const int64_t begin = co_now() + 30 * CO_MILLISECOND;

	memset(timers, 0, sizeof(timers));
	for (int i = 0; i < MANY; i++) {
		timers[i].timer.fired = count;
		CHECK_EQUAL(co_timer_start(&timers[i].timer, begin + (int64_t)test_random_below(&random, 1000000)), 0);
	}
	for (int i = 0; i < MANY; i++) {
		stopped[i] = false;
		if (i % 3 == 0)
			stopped[i] = co_timer_stop(&timers[i].timer);
		else if (i % 3 == 1)
			CHECK_EQUAL(
				co_timer_start(&timers[i].timer, begin + (int64_t)test_random_below(&random, 9000000)),
				0);
	}
	for (int i = 0; i < MANY; i++)
		if (!stopped[i])
			CHECK_EVENTUALLY(atomic_load(&timers[i].fired) > 0);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQUAL(atomic_load(&timers[i].early), 0);
		if (stopped[i])
			CHECK_EQUAL(atomic_load(&timers[i].fired), 0);
		CHECK(!co_timer_stop(&timers[i].timer));
	}
}

static bool fails_all(size_t bytes)
{
	(void)bytes;
	return true;
}

/* Where the heap cannot grow, arming fails, what is armed stays, and so does what is moved. */
SINGLE_P_TEST(no_memory_for_a_timer)
{
	static struct counted timers[20000];
	struct co_wait wait;
	int armed = 0;
	int r = 0;

	memset(timers, 0, sizeof(timers));
	memory_set_fault(fails_all);
	for (; armed < 20000; armed++) {
		timers[armed].timer.fired = count;
		r = co_timer_start(&timers[armed].timer, co_now() + 3600 * CO_SECOND);
		if (r != 0)
			break;
	}
	co_wait_init(&wait, "no memory");
	const int parked = co_wait_park(&wait, NULL, co_now() + CO_SECOND, NULL);
	const int moved = armed > 0 ? co_timer_start(&timers[0].timer, co_now() + CO_MILLISECOND) : 0;

	memory_set_fault(NULL);
	CHECK_EQUAL(r, CO_ENOMEM);
	CHECK_EQUAL(parked, CO_ENOMEM);
	CHECK(!co_timer_stop(&timers[armed].timer));
	CHECK_EQUAL(moved, 0);
	if (armed > 0)
		CHECK_EVENTUALLY(atomic_load(&timers[0].fired) == 1);
	for (int i = 1; i < armed; i++)
		CHECK(co_timer_stop(&timers[i].timer));
}

/* ---- clocks and chance ------------------------------------------------------------------------------------------- */

COROUTINE_TEST(clocks_agree_with_the_kernel)
{
	struct timespec now;
	int64_t last = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	CHECK(llabs(co_realtime() - (now.tv_sec * CO_SECOND + now.tv_nsec)) < 60 * CO_SECOND);
	clock_gettime(CLOCK_MONOTONIC, &now);
	CHECK(co_now() >= now.tv_sec * CO_SECOND + now.tv_nsec);
	clock_gettime(CLOCK_BOOTTIME, &now);
	CHECK(co_boottime() >= now.tv_sec * CO_SECOND + now.tv_nsec);
	for (int i = 0; i < 1000; i++) {
		const int64_t cached = co_now_cached();
		const int64_t at = co_now();

		CHECK(at >= last && cached <= at);
		last = at;
		co_yield();
	}
	CHECK_EQUAL(co_sleep(NULL, CO_MILLISECOND), 0);
	CHECK(co_now_cached() >= last);
}

COROUTINE_TEST(random_bytes_differ)
{
	unsigned char a[32] = {0};
	unsigned char b[33] = {0};

	co_random(a, sizeof(a));
	co_random(b, sizeof(b) - 1);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	CHECK_EQUAL(b[32], 0);
	co_random(a, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleep_is_never_early),
		cmocka_unit_test(sleep_zero),
		cmocka_unit_test(overflow_sleep),
		cmocka_unit_test(after_queuing),
		cmocka_unit_test(after_stop),
		cmocka_unit_test(reset),
		cmocka_unit_test(timer_modified_earlier),
		cmocka_unit_test(nearer_timer_shortens_the_sleep),
		cmocka_unit_test(after_func),
		cmocka_unit_test(fired_starts_itself_again),
		cmocka_unit_test(callback_may_use_timers),
		cmocka_unit_test(adjust_timers),
		cmocka_unit_test(no_memory_for_a_timer),
		cmocka_unit_test(clocks_agree_with_the_kernel),
		cmocka_unit_test(random_bytes_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
