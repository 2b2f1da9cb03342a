/* SPDX-License-Identifier: MIT
 *
 * test_runtime_select.c - selects under random yields, cancels and deadlines at the moment of completion: what was sent
 * is received once, what was not sent never, no select carries out two cases, and nobody waits for ever.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/lib/co_stress.h"

#define CHANNELS 4
#define WORKERS 8

/* ---- traffic in all directions ----------------------------------------------------------------------------------- */

static struct {
	struct co_channel *channels[CHANNELS];
	struct co_test_group killers;
	size_t rounds;
	atomic_uchar *states; /* per value: SENT + RECEIVED once each */
	atomic_size_t done;
	atomic_size_t given_up;
} traffic;

enum { SENT = 1, RECEIVED = 16 };

/* Up to six cases, channels drawn at random, some twice and some NULL; each sends a value of its own. */
static void random_select(struct test_random *random, int number, size_t round)
{
	const size_t count = 1 + test_random_below(random, 6);
	struct co_context *context = co_test_doomed(random, &traffic.killers, 60 * CO_MICROSECOND);
	struct co_case cases[6];
	int values[6];
	int chosen;

	for (size_t i = 0; i < count; i++) {
		struct co_channel *channel = test_random_below(random, 9) == 0
						     ? NULL
						     : traffic.channels[test_random_below(random, CHANNELS)];

		values[i] = -1;
		if (test_random_below(random, 2) == 0) {
			values[i] = (int)((round * 6 + i) * WORKERS) + number;
			cases[i] = co_case_send(channel, &values[i]);
		} else {
			cases[i] = co_case_receive(channel, &values[i]);
		}
	}
	if (context == NULL) /* not for ever */
		chosen = co_try_select(cases, count);
	else
		chosen = co_select(context, cases, count);
	co_context_unref(context);
	if (chosen < 0) {
		CHECK(co_test_is_end(chosen) || chosen == CO_EWOULDBLOCK);
		atomic_fetch_add(&traffic.given_up, 1);
		for (size_t i = 0; i < count; i++)
			CHECK(cases[i].is_send || values[i] == -1);
		return;
	}
	atomic_fetch_add(&traffic.done, 1);
	CHECK_EQUAL(cases[chosen].result, 0);
	CHECK(values[chosen] >= 0);
	atomic_fetch_add(&traffic.states[values[chosen]], (unsigned char)(cases[chosen].is_send ? SENT : RECEIVED));
	for (size_t i = 0; i < count; i++) /* no other case was carried out */
		CHECK(cases[i].is_send || (int)i == chosen || values[i] == -1);
}

static void work(void *arg)
{
	const int number = *(const int *)arg;
	struct test_random random = test_random_stream((uint64_t)number);

	for (size_t i = 0; i < traffic.rounds; i++) {
		random_select(&random, number, i);
		co_test_dawdle(&random);
	}
}

/* What is left in the buffers was sent as well. */
static void drain(void)
{
	int value;

	for (int i = 0; i < CHANNELS; i++)
		while (co_try_receive(traffic.channels[i], &value) == 0)
			atomic_fetch_add(&traffic.states[value], RECEIVED);
}

/* TestSelectStress, doubleselect. */
COROUTINE_TEST(nothing_lost_nothing_twice)
{
	struct co_test_group group = {0};
	size_t values;

	memset(&traffic, 0, sizeof(traffic));
	traffic.rounds = test_scale(20000);
	values = traffic.rounds * 6 * WORKERS;
	traffic.states = memory_zalloc(values);
	CHECK(traffic.states != NULL);
	for (size_t i = 0; i < CHANNELS; i++) {
		traffic.channels[i] = co_channel_new(sizeof(int), i / 2);
		CHECK(traffic.channels[i] != NULL);
	}
	co_test_go_each(&group, WORKERS, work);
	co_test_wait(&group);
	co_test_wait(&traffic.killers);
	drain();
	for (size_t i = 0; i < values; i++) {
		const unsigned char state = atomic_load(&traffic.states[i]);

		CHECK(state == 0 || state == SENT + RECEIVED);
	}
	for (int i = 0; i < CHANNELS; i++)
		co_channel_free(traffic.channels[i]);
	memory_free(traffic.states);
	printf("selects: %zu carried out a case, %zu gave up\n", atomic_load(&traffic.done),
		atomic_load(&traffic.given_up));
	CHECK(atomic_load(&traffic.done) > 0 && atomic_load(&traffic.given_up) > 0);
}

/* ---- TestSelectStress as Go has it ---------------------------------------------------------------------------------
 */

static struct {
	struct co_channel *channels[CHANNELS];
	size_t each;
	atomic_size_t received[CHANNELS];
} exchange;

static void send_to_one(void *number)
{
	struct co_channel *channel = exchange.channels[*(const int *)number];

	for (size_t i = 0; i < exchange.each; i++) {
		CHECK_EQUAL(co_send(NULL, channel, &(int){0}), 0);
		if (i % 5 == 0)
			co_yield();
	}
}

static void receive_from_one(void *number)
{
	const int own = *(const int *)number;

	for (size_t i = 0; i < exchange.each; i++) {
		CHECK_EQUAL(co_receive(NULL, exchange.channels[own], NULL), 0);
		atomic_fetch_add(&exchange.received[own], 1);
	}
}

/* Selects over all channels until it has done EACH with every one; one it is done with is switched off. */
static void select_over_all(bool sends)
{
	size_t left[CHANNELS];
	const int value = 1;

	for (int i = 0; i < CHANNELS; i++)
		left[i] = exchange.each;
	for (size_t n = 0; n < CHANNELS * exchange.each; n++) {
		struct co_case cases[CHANNELS];
		int chosen;

		for (int i = 0; i < CHANNELS; i++) {
			struct co_channel *channel = left[i] > 0 ? exchange.channels[i] : NULL;

			cases[i] = sends ? co_case_send(channel, &value) : co_case_receive(channel, NULL);
		}
		chosen = co_select(NULL, cases, CHANNELS);
		CHECK(chosen >= 0 && left[chosen] > 0 && cases[chosen].result == 0);
		left[chosen]--;
		if (!sends)
			atomic_fetch_add(&exchange.received[chosen], 1);
	}
}

static void select_and_send(void *unused)
{
	(void)unused;
	select_over_all(true);
}

static void select_and_receive(void *unused)
{
	(void)unused;
	select_over_all(false);
}

/* Four channels; to each, one sends and one selects to; from each, one receives and one selects from: all counts are
 * exact. */
COROUTINE_TEST(select_stress)
{
	struct co_test_group group = {0};

	exchange.each = test_scale(20000);
	for (size_t i = 0; i < CHANNELS; i++) {
		exchange.channels[i] = co_channel_new(sizeof(int), i < 2 ? 0 : i);
		CHECK(exchange.channels[i] != NULL);
		atomic_store(&exchange.received[i], 0);
	}
	co_test_go_each(&group, CHANNELS, send_to_one);
	co_test_go_each(&group, CHANNELS, receive_from_one);
	co_test_go(&group, select_and_send, NULL);
	co_test_go(&group, select_and_receive, NULL);
	co_test_wait(&group);
	for (int i = 0; i < CHANNELS; i++) {
		CHECK_EQUAL(atomic_load(&exchange.received[i]), 2 * exchange.each);
		CHECK_EQUAL(co_channel_length(exchange.channels[i]), 0);
		co_channel_free(exchange.channels[i]);
	}
}

/* ---- one select, two values, one cancel -------------------------------------------------------------------------- */

struct duel {
	struct co_channel *channels[2];
	struct co_context *context;
	struct test_random random;
	int chosen;
	int values[2];
};

static void duel_select(void *arg)
{
	struct duel *duel = arg;
	struct co_case cases[] = {
		co_case_receive(duel->channels[0], &duel->values[0]),
		co_case_receive(duel->channels[1], &duel->values[1]),
	};

	duel->chosen = co_select(duel->context, cases, 2);
}

static void duel_cancel(void *arg)
{
	struct duel *duel = arg;

	if (test_random_below(&duel->random, 2) == 0)
		co_yield();
	co_cancel(duel->context, NULL);
}

/* A select is cancelled while both its channels are sent to: it has one value or none, the others stay. */
COROUTINE_TEST(cancel_meets_two_values)
{
	const size_t rounds = test_scale(100000);
	struct duel duel = {.random = test_random_stream(7)};
	size_t outcomes[3] = {0};

	for (int i = 0; i < 2; i++) {
		duel.channels[i] = co_channel_new(sizeof(int), 1);
		CHECK(duel.channels[i] != NULL);
	}
	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};
		const int offered = (int)i;
		int left;

		duel.values[0] = -1;
		duel.values[1] = -1;
		CHECK_EQUAL(co_with_cancel(NULL, &duel.context), 0);
		co_test_go(&group, duel_select, &duel);
		if (i % 4 != 0)
			co_yield();
		co_test_go(&group, duel_cancel, &duel);
		if (i % 3 != 0)
			co_yield();
		CHECK_EQUAL(co_send(NULL, duel.channels[i % 2], &offered), 0);
		CHECK_EQUAL(co_send(NULL, duel.channels[1 - i % 2], &offered), 0);
		co_test_wait(&group);
		CHECK(duel.chosen == CO_ECANCELED || duel.chosen == 0 || duel.chosen == 1);
		for (int each = 0; each < 2; each++) {
			left = -1;
			CHECK_EQUAL(
				co_try_receive(duel.channels[each], &left), each == duel.chosen ? CO_EWOULDBLOCK : 0);
			CHECK_EQUAL(each == duel.chosen ? duel.values[each] : left, offered);
			CHECK(each == duel.chosen || duel.values[each] == -1);
		}
		outcomes[duel.chosen < 0 ? 2 : duel.chosen]++;
		co_context_unref(duel.context);
	}
	printf("cancel meets two values: %zu and %zu received, %zu cancelled\n", outcomes[0], outcomes[1], outcomes[2]);
	CHECK(outcomes[0] > 0 && outcomes[1] > 0 && outcomes[2] > 0);
	co_channel_free(duel.channels[0]);
	co_channel_free(duel.channels[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lost_nothing_twice),
		cmocka_unit_test(select_stress),
		cmocka_unit_test(cancel_meets_two_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
