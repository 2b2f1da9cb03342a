/* SPDX-License-Identifier: MIT
 *
 * test_runtime_ticker.c - channels of time; after Go's time/tick_test.go and time/sleep_test.go, whose names are
 * kept.
 */
#include "base/memory.h"
#include "tests/lib/co_test.h"

#define PERIOD (5 * CO_MILLISECOND)

static int64_t next_tick(struct co_channel *channel)
{
	int64_t when = -1;

	return co_receive(NULL, channel, &when) == 0 ? when : -1;
}

/* ---- TestTicker, TestTickerReset, TestTickerStop ----------------------------------------------------------------- */

/* True if the tick after one that was half a period late came less than a period after that. */
static bool next_is_on_the_grid(struct co_ticker *ticker, int64_t before)
{
	int64_t first;
	int64_t second;

	while (co_now() < before + PERIOD * 3 / 2)
		; /* the only P is busy: no timer fires */
	first = next_tick(co_ticker_channel(ticker));
	second = next_tick(co_ticker_channel(ticker));
	return first >= before + PERIOD && second >= before + 2 * PERIOD && second - first < PERIOD;
}

/* TestTick: ticks are never early, and do not drift: a late one does not put off the next. */
SINGLE_P_TEST(ticker_does_not_drift)
{
	bool found = false;

	for (int i = 0; i < 50 && !found; i++) { /* the machine may be late as well */
		const int64_t before = co_now();
		struct co_ticker *ticker;

		CHECK_EQUAL(co_ticker_new(PERIOD, &ticker), 0);
		found = next_is_on_the_grid(ticker, before);
		co_ticker_free(ticker);
	}
	CHECK(found);
}

/* For one who does not listen one tick is kept and the others are dropped; the grid stays. */
COROUTINE_TEST(ticker_drops_when_slow)
{
	struct co_ticker *ticker;
	int64_t start;
	int64_t first;
	int64_t second;

	CHECK_EQUAL(co_ticker_new(PERIOD, &ticker), 0);
	start = co_now();
	CHECK_EQUAL(co_sleep(NULL, 40 * PERIOD), 0);
	CHECK_EQUAL(co_channel_length(co_ticker_channel(ticker)), 1);
	first = next_tick(co_ticker_channel(ticker));
	second = next_tick(co_ticker_channel(ticker));
	CHECK(first < start + 40 * PERIOD); /* the oldest one was kept */
	CHECK(second >= start + 40 * PERIOD);
	co_ticker_free(ticker);
}

/* TestNewTickerLtZeroDuration, TestTickerResetLtZeroDuration: a period must be positive. */
COROUTINE_TEST(ticker_stop_and_reset)
{
	struct co_ticker *ticker;
	int64_t before;

	CHECK_EQUAL(co_ticker_new(CO_NEVER, &ticker), 0); /* TestOverflowPeriodRuntimeTimer */
	CHECK_EQUAL(co_ticker_reset(ticker, CO_NEVER - 1), 0);
	co_test_pause();
	CHECK_EQUAL(co_channel_length(co_ticker_channel(ticker)), 0);
	co_ticker_free(ticker);
	CHECK_EQUAL(co_ticker_new(0, &ticker), CO_EINVAL);
	CHECK_EQUAL(co_ticker_new(-1, &ticker), CO_EINVAL);
	CHECK_EQUAL(co_ticker_new(CO_MILLISECOND, &ticker), 0);
	CHECK_EVENTUALLY(co_channel_length(co_ticker_channel(ticker)) == 1);
	co_ticker_stop(ticker);
	CHECK_EQUAL(co_sleep(NULL, 10 * CO_MILLISECOND), 0);
	CHECK_EQUAL(co_channel_length(co_ticker_channel(ticker)), 0); /* nor the one that lay there */
	co_ticker_stop(ticker);
	before = co_now();
	CHECK_EQUAL(co_ticker_reset(ticker, 2 * PERIOD), 0);
	CHECK(next_tick(co_ticker_channel(ticker)) >= before + 2 * PERIOD);
	CHECK_EQUAL(co_ticker_reset(ticker, CO_MILLISECOND), 0); /* while it runs */
	CHECK(next_tick(co_ticker_channel(ticker)) > 0);
	CHECK_EQUAL(co_ticker_reset(ticker, 0), CO_EINVAL);
	co_ticker_free(ticker);
}

/* TestTeardown: tickers that are stopped and freed at the moment of a tick. */
COROUTINE_TEST(ticker_stop_stress)
{
	const size_t rounds = test_scale(20000);
	struct test_random random = test_random_stream(1);

	for (size_t i = 0; i < rounds; i++) {
		struct co_ticker *ticker;

		CHECK_EQUAL(co_ticker_new(1 + (int64_t)test_random_below(&random, 20 * CO_MICROSECOND), &ticker), 0);
		while (test_random_below(&random, 8) != 0)
			co_yield();
		if (i % 2 == 0) {
			co_ticker_stop(ticker);
			co_yield();
			CHECK_EQUAL(co_channel_length(co_ticker_channel(ticker)), 0);
		}
		co_ticker_free(ticker);
	}
}

/* ---- TestAfter, TestAfterTick ------------------------------------------------------------------------------------ */

COROUTINE_TEST(after_is_never_early)
{
	const int64_t durations[] = {-1, 0, 1, CO_MILLISECOND, 5 * CO_MILLISECOND};

	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		const int64_t before = co_now();
		struct co_channel *channel;

		CHECK_EQUAL(co_after(durations[i], &channel), 0);
		CHECK(next_tick(channel) >= before + durations[i]);
		CHECK_EQUAL(co_try_receive(channel, NULL), CO_EWOULDBLOCK); /* once */
		co_channel_free(channel);
	}
}

static void keep_busy(void *over)
{
	while (!atomic_load((atomic_bool *)over))
		co_yield();
}

/* TestAfterStress: channels of time come in time while others are always ready. */
COROUTINE_TEST(after_stress)
{
	struct co_test_group group = {0};
	atomic_bool over = false;

	for (int i = 0; i < 4; i++)
		co_test_go(&group, keep_busy, &over);
	for (int i = 0; i < 50; i++) {
		const int64_t before = co_now();
		struct co_channel *channel;

		CHECK_EQUAL(co_after(200 * CO_MICROSECOND, &channel), 0);
		CHECK(next_tick(channel) >= before + 200 * CO_MICROSECOND);
		CHECK(co_now() < before + 10 * CO_SECOND);
		co_channel_free(channel);
	}
	atomic_store(&over, true);
	co_test_wait(&group);
}

/* Freed before its time, the channel is gone and its timer too; the whole of time is no overflow. */
COROUTINE_TEST(after_may_be_freed_early)
{
	struct co_channel *channel;
	struct co_stats before;
	struct co_stats now;

	co_stats(&before);
	for (int i = 0; i < 1000; i++) {
		CHECK_EQUAL(co_after(i % 2 == 0 ? CO_MILLISECOND : CO_NEVER, &channel), 0);
		co_channel_free(channel);
	}
	CHECK_EQUAL(co_sleep(NULL, 5 * CO_MILLISECOND), 0);
	co_stats(&now);
	CHECK(now.timers_fired <= before.timers_fired + 2);
}

/* Go's idiom: a select with a time limit. */
COROUTINE_TEST(select_with_a_time_limit)
{
	struct co_channel *never = co_channel_new(1, 0);
	struct co_channel *limit;

	CHECK(never != NULL);
	CHECK_EQUAL(co_after(2 * CO_MILLISECOND, &limit), 0);
	CHECK_EQUAL(
		co_select(NULL, (struct co_case[]){co_case_receive(never, NULL), co_case_receive(limit, NULL)}, 2), 1);
	co_channel_free(limit);
	co_channel_free(never);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticker_does_not_drift),
		cmocka_unit_test(ticker_drops_when_slow),
		cmocka_unit_test(ticker_stop_and_reset),
		cmocka_unit_test(ticker_stop_stress),
		cmocka_unit_test(after_is_never_early),
		cmocka_unit_test(after_stress),
		cmocka_unit_test(after_may_be_freed_early),
		cmocka_unit_test(select_with_a_time_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
