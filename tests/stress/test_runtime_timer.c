/* SPDX-License-Identifier: MIT
 *
 * test_runtime_timer.c - timers started, moved and stopped while they fire: each arming ends once, by firing or by a
 * stop that says so. After Go's TestTimerStopStress.
 */
#include <stdio.h>

#include "base/list.h"
#include "tests/lib/co_stress.h"

struct stressed {
	struct co_timer timer;
	atomic_long fired;
	atomic_long early;
	long expected;
	size_t rounds;
	uint64_t stream;
	atomic_long stops[2]; /* that said false, true */
};

static void count(struct co_timer *timer)
{
	struct stressed *stressed = container_of(timer, struct stressed, timer);

	if (co_now() < timer->when)
		atomic_fetch_add(&stressed->early, 1);
	atomic_fetch_add(&stressed->fired, 1);
}

static void start_and_stop(void *arg)
{
	struct stressed *stressed = arg;
	struct test_random random = test_random_stream(stressed->stream);

	for (size_t i = 0; i < stressed->rounds; i++) {
		const int64_t soon = (int64_t)test_random_below(&random, 30) * CO_MICROSECOND;

		CHECK_EQUAL(co_timer_start(&stressed->timer, co_now() + soon), 0);
		while (test_random_below(&random, 3) != 0)
			co_yield();
		if (test_random_below(&random, 8) == 0)
			CHECK_EQUAL(co_sleep(NULL, soon), 0);
		const bool stopped = co_timer_stop(&stressed->timer);

		atomic_fetch_add(&stressed->stops[stopped], 1);
		stressed->expected += !stopped;
		CHECK_EVENTUALLY(atomic_load(&stressed->fired) >= stressed->expected);
		CHECK_EQUAL(atomic_load(&stressed->fired), stressed->expected);
	}
}

COROUTINE_TEST(timer_stop_stress)
{
	enum { TIMERS = 20 };
	static struct stressed timers[TIMERS];
	struct co_test_group group = {0};
	long stops[2] = {0};

	for (size_t i = 0; i < TIMERS; i++) {
		timers[i] = (struct stressed){.timer.fired = count, .rounds = test_scale(5000), .stream = i};
		co_test_go(&group, start_and_stop, &timers[i]);
	}
	co_test_wait(&group);
	for (size_t i = 0; i < TIMERS; i++) {
		CHECK_EQUAL(atomic_load(&timers[i].early), 0);
		CHECK_EQUAL(atomic_load(&timers[i].fired), timers[i].expected);
		stops[0] += atomic_load(&timers[i].stops[0]);
		stops[1] += atomic_load(&timers[i].stops[1]);
	}
	printf("stopped %ld, too late %ld\n", stops[1], stops[0]);
	CHECK(stops[0] > 0 && stops[1] > 0);
}

/* ---- several stop one -------------------------------------------------------------------------------------------- */

static struct {
	struct stressed shared;
	atomic_int stopped;
} contest;

static void stop_it(void *unused)
{
	(void)unused;
	if (co_timer_stop(&contest.shared.timer))
		atomic_fetch_add(&contest.stopped, 1);
}

/* Of several that stop one timer one succeeds, or it fires. */
COROUTINE_TEST(one_stop_counts)
{
	const size_t rounds = test_scale(50000);
	struct test_random random = test_random_stream(1);
	long fired = 0;

	contest.shared = (struct stressed){.timer.fired = count};
	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};
		const int64_t soon = (int64_t)test_random_below(&random, 10) * CO_MICROSECOND;

		atomic_store(&contest.stopped, 0);
		CHECK_EQUAL(co_timer_start(&contest.shared.timer, co_now() + soon), 0);
		for (int j = 0; j < 4; j++)
			co_test_go(&group, stop_it, NULL);
		co_test_wait(&group);
		CHECK(atomic_load(&contest.stopped) <= 1);
		fired += atomic_load(&contest.stopped) == 0;
		CHECK_EVENTUALLY(atomic_load(&contest.shared.fired) >= fired);
		CHECK_EQUAL(atomic_load(&contest.shared.fired), fired);
	}
	CHECK_EQUAL(atomic_load(&contest.shared.early), 0);
}

/* ---- sleepers ---------------------------------------------------------------------------------------------------- */

static void sleep_at_random(void *number)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)number);

	for (int i = 0; i < 20; i++) {
		const int64_t begin = co_now();
		const int64_t duration = (int64_t)test_random_below(&random, 2 * CO_MILLISECOND);
		struct co_context *context = NULL;
		int r;

		if (i % 3 == 0)
			CHECK_EQUAL(co_with_timeout(NULL, duration / 2, &context), 0);
		r = co_sleep(context, duration);
		CHECK(co_now() - begin >= (r == 0 ? duration : duration / 2));
		CHECK(r == 0 || (r == CO_EDEADLINE && context != NULL));
		co_context_unref(context);
	}
}

/* Thousands of sleepers: none wakes early, all wake. */
COROUTINE_TEST(thousands_of_sleepers)
{
	struct co_test_group group = {0};
	const size_t sleepers = test_scale(5000);

	co_test_go_each(&group, sleepers < 5000 ? sleepers : 5000, sleep_at_random);
	co_test_wait(&group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timer_stop_stress),
		cmocka_unit_test(one_stop_counts),
		cmocka_unit_test(thousands_of_sleepers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
