/* SPDX-License-Identifier: MIT
 *
 * test_runtime_alarm.c - alarms: what happens once, when its time has come, unless it is stopped or set anew; after
 * Go's time/sleep_test.go, whose names are kept.
 */
#include "base/memory.h"
#include "tests/lib/co_test.h"

#define SHORT (2 * CO_MILLISECOND)
#define LONG (3600 * CO_SECOND)

struct calls {
	atomic_int count;
	_Atomic int64_t when;
};

static void count_call(void *arg)
{
	struct calls *calls = arg;

	atomic_store(&calls->when, co_now());
	co_yield(); /* it is a coroutine's */
	atomic_fetch_add(&calls->count, 1);
}

/* ---- with a function --------------------------------------------------------------------------------------------- */

struct chain {
	int left;
	struct co_channel *done;
};

static void call_next(void *arg)
{
	struct chain *chain = arg;

	if (--chain->left > 0)
		CHECK_EQUAL(co_after_func(CO_MICROSECOND, call_next, chain, NULL), 0);
	else
		CHECK_EQUAL(co_send(NULL, chain->done, ""), 0);
}

/* TestAfterFunc: each call is made once its time has come, and starts the next. */
COROUTINE_TEST(after_func)
{
	struct chain chain = {.left = 100, .done = co_channel_new(1, 0)};
	struct calls calls = {0};
	const int64_t before = co_now();

	CHECK(chain.done != NULL);
	CHECK_EQUAL(co_after_func(0, call_next, &chain, NULL), 0);
	CHECK_EQUAL(co_receive(NULL, chain.done, NULL), 0);
	co_channel_free(chain.done);
	CHECK_EQUAL(co_after_func(3 * CO_MILLISECOND, count_call, &calls, NULL), 0);
	CHECK_EVENTUALLY(atomic_load(&calls.count) == 1);
	CHECK(atomic_load(&calls.when) >= before + 3 * CO_MILLISECOND);
}

/* TestAfterStop: a call that was taken back is not made, and is taken back once; one that was made cannot be. */
COROUTINE_TEST(after_stop)
{
	struct calls stopped = {0};
	struct calls made = {0};
	struct co_alarm *alarm;
	struct co_alarm *other;

	CHECK_EQUAL(co_after_func(SHORT, count_call, &stopped, &alarm), 0);
	CHECK_EQUAL(co_after_func(SHORT, count_call, &made, &other), 0);
	CHECK(co_alarm_channel(alarm) == NULL);
	CHECK(co_alarm_stop(alarm));
	CHECK(!co_alarm_stop(alarm));
	CHECK_EVENTUALLY(atomic_load(&made.count) == 1);
	CHECK(!co_alarm_stop(other));
	CHECK_EQUAL(co_sleep(NULL, 2 * SHORT), 0);
	CHECK_EQUAL(atomic_load(&stopped.count), 0);
	co_alarm_free(alarm);
	co_alarm_free(other);
	co_alarm_free(NULL);
}

/* TestReset: what is set anew comes at its new time and not at the old one; also what was stopped, and what has come.
 */
COROUTINE_TEST(reset_function)
{
	struct calls calls = {0};
	struct co_alarm *alarm;
	int64_t before;

	CHECK_EQUAL(co_after_func(LONG, count_call, &calls, &alarm), 0);
	before = co_now();
	CHECK_EQUAL(co_alarm_reset(alarm, SHORT), 1);
	CHECK_EVENTUALLY(atomic_load(&calls.count) == 1);
	CHECK(atomic_load(&calls.when) >= before + SHORT);
	CHECK_EQUAL(co_alarm_reset(alarm, LONG), 0);
	CHECK_EQUAL(co_alarm_reset(alarm, LONG), 1);
	CHECK(co_alarm_stop(alarm));
	before = co_now();
	CHECK_EQUAL(co_alarm_reset(alarm, SHORT), 0);
	CHECK_EVENTUALLY(atomic_load(&calls.count) == 2);
	CHECK(atomic_load(&calls.when) >= before + SHORT);
	CHECK_EQUAL(co_alarm_reset(alarm, -1), 0); /* at once */
	CHECK_EVENTUALLY(atomic_load(&calls.count) == 3);
	co_alarm_free(alarm);
}

/* TestAfterFuncStopRace: at the moment of the call, either stop says true or the call is made. */
COROUTINE_TEST(after_func_stop_race)
{
	const size_t rounds = test_scale(20000);
	struct test_random random = test_random_stream(2);
	struct calls calls = {0};
	int stopped = 0;

	for (size_t i = 0; i < rounds; i++) {
		const int64_t soon = (int64_t)test_random_below(&random, 20 * CO_MICROSECOND);
		struct co_alarm *alarm;

		CHECK_EQUAL(co_after_func(soon, count_call, &calls, &alarm), 0);
		while (test_random_below(&random, 8) != 0)
			co_yield();
		stopped += co_alarm_stop(alarm);
		co_alarm_free(alarm);
	}
	CHECK_EVENTUALLY(atomic_load(&calls.count) == (int)rounds - stopped);
	CHECK(stopped > 0 && stopped < (int)rounds);
}

/* A function that sets its own alarm anew, while another does so, too, and stops it: what was set comes once, unless it
 * was taken back. */
static struct {
	struct co_alarm *alarm;
	atomic_long set;  /* how often it was set */
	atomic_long back; /* how often that was taken back */
	atomic_long made;
	atomic_bool over;
} rearmed;

static void set_anew(int64_t duration)
{
	const int r = co_alarm_reset(rearmed.alarm, duration);

	CHECK(r == 0 || r == 1);
	atomic_fetch_add(&rearmed.set, 1);
	atomic_fetch_add(&rearmed.back, r);
}

static void set_self_anew(void *unused)
{
	(void)unused;
	if (!atomic_load(&rearmed.over))
		set_anew(5 * CO_MICROSECOND);
	atomic_fetch_add(&rearmed.made, 1);
}

COROUTINE_TEST(reset_meets_reset_and_stop)
{
	const size_t rounds = test_scale(20000);
	struct test_random random = test_random_stream(3);

	atomic_store(&rearmed.set, 1);
	atomic_store(&rearmed.back, 0);
	atomic_store(&rearmed.made, 0);
	atomic_store(&rearmed.over, false);
	CHECK_EQUAL(co_after_func(LONG, set_self_anew, NULL, &rearmed.alarm), 0);
	for (size_t i = 0; i < rounds; i++) {
		if (i % 4 == 0)
			atomic_fetch_add(&rearmed.back, co_alarm_stop(rearmed.alarm));
		else
			set_anew((int64_t)test_random_below(&random, 20 * CO_MICROSECOND));
		while (test_random_below(&random, 4) != 0)
			co_yield();
	}
	atomic_store(&rearmed.over, true);
	/* One that is being called may set it once more. */
	CHECK_EVENTUALLY((atomic_fetch_add(&rearmed.back, co_alarm_stop(rearmed.alarm)),
		atomic_load(&rearmed.made) + atomic_load(&rearmed.back) == atomic_load(&rearmed.set)));
	CHECK(atomic_load(&rearmed.made) > 0 && atomic_load(&rearmed.back) > 0);
	co_alarm_free(rearmed.alarm);
}

/* ---- with a channel ---------------------------------------------------------------------------------------------- */

/* TestAfter, TestReset: it sends its time once, never early; set anew it sends once more. */
COROUTINE_TEST(channel_gets_the_time_once)
{
	const int64_t durations[] = {-1, 0, 1, CO_MILLISECOND, 5 * CO_MILLISECOND};
	struct co_alarm *alarm;
	int64_t before = co_now();
	int64_t when = 0;

	CHECK_EQUAL(co_alarm_new(SHORT, &alarm), 0);
	CHECK_EQUAL(co_receive(NULL, co_alarm_channel(alarm), &when), 0);
	CHECK(when >= before + SHORT);
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		before = co_now();
		CHECK_EQUAL(co_alarm_reset(alarm, durations[i]), 0);
		CHECK_EQUAL(co_receive(NULL, co_alarm_channel(alarm), &when), 0);
		CHECK(when >= before + durations[i]);
		CHECK_EQUAL(co_try_receive(co_alarm_channel(alarm), NULL), CO_EWOULDBLOCK);
	}
	co_alarm_free(alarm);
}

/* TestAfterStop, as of Go 1.23: after a stop, and after a reset, nothing of before is received. */
COROUTINE_TEST(nothing_stale_is_received)
{
	struct co_alarm *alarm;
	int64_t before;
	int64_t when;

	CHECK_EQUAL(co_alarm_new(LONG, &alarm), 0);
	CHECK(co_alarm_stop(alarm));
	CHECK(!co_alarm_stop(alarm));
	CHECK_EQUAL(co_alarm_reset(alarm, 0), 0);
	CHECK_EVENTUALLY(co_channel_length(co_alarm_channel(alarm)) == 1);
	CHECK(co_alarm_stop(alarm)); /* its time had come, but nobody had received it */
	CHECK_EQUAL(co_try_receive(co_alarm_channel(alarm), NULL), CO_EWOULDBLOCK);

	CHECK_EQUAL(co_alarm_reset(alarm, 0), 0);
	CHECK_EVENTUALLY(co_channel_length(co_alarm_channel(alarm)) == 1);
	before = co_now();
	CHECK_EQUAL(co_alarm_reset(alarm, SHORT), 1);
	CHECK_EQUAL(co_receive(NULL, co_alarm_channel(alarm), &when), 0);
	CHECK(when >= before + SHORT);
	CHECK(!co_alarm_stop(alarm));
	co_alarm_free(alarm);
}

/* At the moment of its time: either stop says true, or there was something to receive. */
COROUTINE_TEST(stop_meets_time)
{
	const size_t rounds = test_scale(20000);
	struct test_random random = test_random_stream(4);
	struct co_alarm *alarm;
	size_t received = 0;

	CHECK_EQUAL(co_alarm_new(LONG, &alarm), 0);
	CHECK(co_alarm_stop(alarm));
	for (size_t i = 0; i < rounds; i++) {
		bool got;

		CHECK_EQUAL(co_alarm_reset(alarm, (int64_t)test_random_below(&random, 20 * CO_MICROSECOND)), 0);
		while (test_random_below(&random, 8) != 0)
			co_yield();
		got = co_try_receive(co_alarm_channel(alarm), NULL) == 0;
		CHECK_EQUAL(co_alarm_stop(alarm), !got);
		CHECK_EQUAL(co_channel_length(co_alarm_channel(alarm)), 0);
		received += got;
	}
	CHECK(received > 0 && received < rounds);
	co_alarm_free(alarm);
}

/* ---- no memory --------------------------------------------------------------------------------------------------- */

static long allocations_left;

static bool fails_when_used_up(size_t bytes)
{
	(void)bytes;
	return allocations_left-- <= 0;
}

/* Where an allocation fails nothing is set, and what was set stays. */
SINGLE_P_TEST(alarm_without_memory)
{
	struct calls calls = {0};
	struct co_alarm *alarm = NULL;
	int refused = 0;
	int r = CO_ENOMEM;

	for (long n = 0; r == CO_ENOMEM; n++) {
		allocations_left = n;
		memory_set_fault(fails_when_used_up);
		r = n % 2 == 0 ? co_alarm_new(LONG, &alarm) : co_after_func(LONG, count_call, &calls, &alarm);
		memory_set_fault(NULL);
		refused += r == CO_ENOMEM;
	}
	CHECK_EQUAL(r, 0);
	CHECK(refused > 0);
	co_alarm_free(alarm);
	CHECK_EQUAL(co_after_func(LONG, count_call, &calls, &alarm), 0);
	allocations_left = 0;
	memory_set_fault(fails_when_used_up);
	r = co_alarm_reset(alarm, 0);
	memory_set_fault(NULL);
	CHECK_EQUAL(r, CO_ENOMEM);
	CHECK(co_alarm_stop(alarm));
	co_alarm_free(alarm);
	CHECK_EQUAL(atomic_load(&calls.count), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_func),
		cmocka_unit_test(after_stop),
		cmocka_unit_test(reset_function),
		cmocka_unit_test(after_func_stop_race),
		cmocka_unit_test(reset_meets_reset_and_stop),
		cmocka_unit_test(channel_gets_the_time_once),
		cmocka_unit_test(nothing_stale_is_received),
		cmocka_unit_test(stop_meets_time),
		cmocka_unit_test(alarm_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
