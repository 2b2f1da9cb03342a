/* SPDX-License-Identifier: MIT
 *
 * test_runtime_channel.c - channels under random yields, cancels and deadlines at the moment of completion. What was
 * sent is received once, what was not sent never, and nobody waits for ever.
 */
#include <stdio.h>
#include <string.h>

#include "tests/lib/co_stress.h"

/* Now and then stays away for so long that the other side gives up. */
static void dawdle(struct test_random *random)
{
	if (test_random_below(random, 4) == 0)
		co_sleep(NULL, (int64_t)test_random_below(random, 100 * CO_MICROSECOND));
	co_test_dawdle(random);
}

/* ---- traffic ----------------------------------------------------------------------------------------------------- */

#define SENDERS 6
#define RECEIVERS 5
#define VALUES 10000 /* at most, per sender */

static struct {
	struct co_channel *channel;
	struct co_test_group killers;
	size_t values; /* per sender */
	atomic_int sent[SENDERS * VALUES];
	atomic_int received[SENDERS * VALUES];
	atomic_size_t given_up[2]; /* sends, receives that ended with their context */
	atomic_size_t done[2];
} traffic;

static void send_values(void *arg)
{
	const int number = *(const int *)arg;
	struct test_random random = test_random_stream((uint64_t)number);

	for (size_t i = 0; i < traffic.values; i++) {
		const int value = number * VALUES + (int)i;
		struct co_context *context = co_test_doomed(&random, &traffic.killers, 100 * CO_MICROSECOND);
		const int r = co_send(context, traffic.channel, &value);

		co_context_unref(context);
		CHECK(r == 0 || co_test_is_end(r));
		if (r == 0)
			atomic_fetch_add(&traffic.sent[value], 1);
		atomic_fetch_add(r == 0 ? &traffic.done[0] : &traffic.given_up[0], 1);
		dawdle(&random);
	}
}

/* Each receiver sees every sender's values rising, whatever was given up in between. */
static void receive_values(void *arg)
{
	struct test_random random = test_random_stream(100 + (uint64_t) * (const int *)arg);
	int last[SENDERS];
	int r;

	for (int i = 0; i < SENDERS; i++)
		last[i] = -1;
	do {
		struct co_context *context = co_test_doomed(&random, &traffic.killers, 100 * CO_MICROSECOND);
		int value = -1;

		r = co_receive(context, traffic.channel, &value);
		co_context_unref(context);
		if (r == 0) {
			CHECK(value >= 0 && value < SENDERS * VALUES);
			CHECK(value > last[value / VALUES]);
			last[value / VALUES] = value;
			atomic_fetch_add(&traffic.received[value], 1);
		} else {
			CHECK(co_test_is_end(r) || r == CO_ECLOSED);
		}
		atomic_fetch_add(r == 0 ? &traffic.done[1] : &traffic.given_up[1], 1);
		dawdle(&random);
	} while (r != CO_ECLOSED);
}

static void run_traffic(size_t capacity)
{
	struct co_test_group senders = {0};
	struct co_test_group receivers = {0};
	const size_t values = test_scale(3000);

	memset(&traffic, 0, sizeof(traffic));
	traffic.values = values < VALUES ? values : VALUES;
	traffic.channel = co_channel_new(sizeof(int), capacity);
	CHECK(traffic.channel != NULL);
	co_test_go_each(&senders, SENDERS, send_values);
	co_test_go_each(&receivers, RECEIVERS, receive_values);
	co_test_wait(&senders);
	CHECK_EQUAL(co_channel_close(traffic.channel), 0);
	co_test_wait(&receivers);
	co_test_wait(&traffic.killers);
	CHECK_EQUAL(co_channel_length(traffic.channel), 0);
	for (int i = 0; i < SENDERS * VALUES; i++)
		CHECK_EQUAL(atomic_load(&traffic.received[i]), atomic_load(&traffic.sent[i]));
	co_channel_free(traffic.channel);
	CHECK(atomic_load(&traffic.given_up[0]) > 0 && atomic_load(&traffic.done[0]) > 0);
	printf("cap %zu: sends %zu done, %zu given up; receives %zu, %zu\n", capacity, atomic_load(&traffic.done[0]),
		atomic_load(&traffic.given_up[0]), atomic_load(&traffic.done[1]), atomic_load(&traffic.given_up[1]));
}

COROUTINE_TEST(nothing_lost_nothing_twice)
{
	run_traffic(0);
	run_traffic(1);
	run_traffic(7);
}

/* ---- one waiter, one value, one cancel --------------------------------------------------------------------------- */

struct duel {
	struct co_channel *channel;
	struct co_context *context;
	struct test_random random;
	int result;
	int value;
};

static void duel_receive(void *arg)
{
	struct duel *duel = arg;

	duel->value = -1;
	duel->result = co_receive(duel->context, duel->channel, &duel->value);
}

static void duel_cancel(void *arg)
{
	struct duel *duel = arg;

	if (test_random_below(&duel->random, 2) == 0)
		co_yield();
	co_cancel(duel->context, NULL);
}

/* A receiver is cancelled while a value is offered to it: either it has the value, or the next receiver has. */
COROUTINE_TEST(cancel_meets_value)
{
	const size_t rounds = test_scale(100000);
	size_t outcomes[2] = {0};
	struct duel duel = {.random = test_random_stream(7)};

	duel.channel = co_channel_new(sizeof(int), 1);
	CHECK(duel.channel != NULL);
	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};
		const int offered = (int)i;
		int left = -1;

		CHECK_EQUAL(co_with_cancel(NULL, &duel.context), 0);
		co_test_go(&group, duel_receive, &duel);
		if (i % 4 != 0)
			co_yield();
		co_test_go(&group, duel_cancel, &duel);
		if (i % 3 != 0)
			co_yield();
		CHECK_EQUAL(co_send(NULL, duel.channel, &offered), 0);
		co_test_wait(&group);
		if (duel.result == 0) {
			CHECK_EQUAL(duel.value, offered);
			CHECK_EQUAL(co_try_receive(duel.channel, &left), CO_EWOULDBLOCK);
		} else {
			CHECK_EQUAL(duel.result, CO_ECANCELED);
			CHECK_EQUAL(co_try_receive(duel.channel, &left), 0);
			CHECK_EQUAL(left, offered);
		}
		outcomes[duel.result == 0]++;
		co_context_unref(duel.context);
	}
	printf("cancel meets value: %zu received, %zu cancelled\n", outcomes[1], outcomes[0]);
	CHECK(outcomes[0] > 0 && outcomes[1] > 0);
	co_channel_free(duel.channel);
}

/* ---- TestMultiConsumer ------------------------------------------------------------------------------------------- */

#define WORKERS 23

static struct {
	struct co_channel *questions;
	struct co_channel *answers;
} shop;

static const int primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47};

static void work(void *unused)
{
	int value;

	(void)unused;
	while (co_receive(NULL, shop.questions, &value) == 0) {
		if (value % 17 == 0)
			co_yield();
		CHECK_EQUAL(co_send(NULL, shop.answers, &value), 0);
	}
}

static void ask(void *sum)
{
	const size_t count = test_scale(200000);

	for (size_t i = 0; i < count; i++) {
		const int value = primes[i % (sizeof(primes) / sizeof(primes[0]))];

		*(long *)sum += value;
		CHECK_EQUAL(co_send(NULL, shop.questions, &value), 0);
	}
	CHECK_EQUAL(co_channel_close(shop.questions), 0);
}

static void close_when_done(void *workers)
{
	co_test_wait(workers);
	CHECK_EQUAL(co_channel_close(shop.answers), 0);
}

/* Many workers between a producer and a consumer: the sum is exact. */
COROUTINE_TEST(multi_consumer)
{
	struct co_test_group workers = {0};
	struct co_test_group others = {0};
	long asked = 0;
	long answered = 0;
	int value;

	shop.questions = co_channel_new(sizeof(int), 17);
	shop.answers = co_channel_new(sizeof(int), 23);
	CHECK(shop.questions != NULL && shop.answers != NULL);
	for (int i = 0; i < WORKERS; i++)
		co_test_go(&workers, work, NULL);
	co_test_go(&others, ask, &asked);
	co_test_go(&others, close_when_done, &workers);
	while (co_receive(NULL, shop.answers, &value) == 0)
		answered += value;
	co_test_wait(&others);
	CHECK_EQUAL(answered, asked);
	co_channel_free(shop.questions);
	co_channel_free(shop.answers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lost_nothing_twice),
		cmocka_unit_test(cancel_meets_value),
		cmocka_unit_test(multi_consumer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
