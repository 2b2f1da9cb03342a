/* SPDX-License-Identifier: MIT
 *
 * test_objects_channel.c - producers and consumers with cancels, deadlines, returns and deaths at the moment of the
 * handover.
 *
 * What must hold: every message whose send said OK is acknowledged exactly once, no other is; what a consumer gets of a
 * producer for the first time comes in order; nobody waits for ever; a call that says it was ended had no effect.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/objects/channel.h"
#include "tests/objects/stoppable.h"

#define PRODUCERS 4
#define CONSUMERS 16

struct value {
	uint32_t producer;
	uint32_t number;
};

struct worker {
	size_t index;
	struct test_random random;
	struct stoppable session;
	uint32_t latest[PRODUCERS]; /* a consumer's: 1 + the last number got from each, for the first time */
};

static struct worker workers[PRODUCERS + CONSUMERS];
static struct channel *channel;
static size_t message_count; /* of each producer */
static atomic_uchar *acknowledged;

static struct {
	atomic_ulong sent;
	atomic_ulong send_ended;
	atomic_ulong received;
	atomic_ulong receive_ended;
	atomic_ulong returned;
	atomic_ulong deaths;
} outcomes;

static void stop_somebody(struct test_random *random)
{
	stoppable_stop(&workers[test_random_below(random, PRODUCERS + CONSUMERS)].session);
}

static void disturb(struct worker *worker)
{
	const uint64_t choice = test_random_below(&worker->random, 8);

	if (choice < 3)
		stop_somebody(&worker->random);
	else if (choice < 6)
		co_yield();
}

static bool is_ended(int r)
{
	return r == OBJECT_ECANCELED || r == OBJECT_EDEADLINE || r == OBJECT_EWOULDBLOCK;
}

/* ---- producers --------------------------------------------------------------------------------------------------- */

#define BATCH 4

/* The messages of PRODUCER from number FIRST on. */
static void make_messages(struct message *messages[BATCH], uint32_t producer, uint32_t first, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct value value = {.producer = producer, .number = first + (uint32_t)i};

		messages[i] = message_new(&value, sizeof(value));
		CHECK(messages[i] != NULL);
	}
}

/* Half of the time several in one call. */
static void produce(void *arg)
{
	struct worker *worker = arg;

	for (uint32_t i = 0; i < message_count;) {
		const bool no_wait = test_random_below(&worker->random, 8) == 0;
		const size_t left = message_count - i;
		size_t count = test_random_below(&worker->random, 2) == 0 ? 1 : BATCH;
		struct message *messages[BATCH];
		size_t sent = 0;
		int r;

		count = count < left ? count : left;
		make_messages(messages, (uint32_t)worker->index, i, count);
		stoppable_begin(&worker->session, random_deadline(&worker->random));
		if (count == 1)
			r = channel_send(channel, &worker->session.entry, messages[0], no_wait);
		else
			r = channel_send_batch(channel, &worker->session.entry, messages, count, no_wait, &sent);
		stoppable_end(&worker->session);
		for (size_t k = 0; k < count; k++)
			message_unref(messages[k]);
		if (count == 1 && r == OBJECT_OK)
			sent = 1;
		CHECK(r == OBJECT_OK ? sent > 0 : is_ended(r) && sent == 0);
		i += (uint32_t)sent;
		atomic_fetch_add(&outcomes.sent, sent);
		atomic_fetch_add(&outcomes.send_ended, r != OBJECT_OK);
		disturb(worker);
	}
}

/* ---- consumers --------------------------------------------------------------------------------------------------- */

static void die(struct worker *worker)
{
	atomic_fetch_add(&outcomes.deaths, 1);
	owner_end(&worker->session.owner);
	while (owner_release_some(&worker->session.owner, co_now()))
		co_yield();
	owner_init(&worker->session.owner);
}

static void settle(struct worker *worker, const struct channel_delivery *delivery, const struct value *value)
{
	const uint64_t choice = test_random_below(&worker->random, 8);

	if (choice == 0) {
		const int64_t delay_ns = (int64_t)test_random_below(&worker->random, 2) * 30000;

		CHECK_EQUAL(channel_return_later(channel, delivery->token, co_now(), co_now() + delay_ns), OBJECT_OK);
		atomic_fetch_add(&outcomes.returned, 1);
	} else if (choice == 1) {
		die(worker);
		CHECK_EQUAL(channel_acknowledge(channel, delivery->token), OBJECT_ESTALE);
	} else {
		CHECK_EQUAL(channel_acknowledge(channel, delivery->token), OBJECT_OK);
		CHECK_EQUAL(atomic_fetch_add(&acknowledged[value->producer * message_count + value->number], 1), 0);
	}
}

static void take(struct worker *worker, const struct channel_delivery *delivery)
{
	struct value value;

	CHECK_EQUAL(delivery->message->length, sizeof(value));
	memcpy(&value, delivery->message->bytes, sizeof(value));
	message_unref(delivery->message);
	if (delivery->attempt == 0) {
		CHECK(value.number >= worker->latest[value.producer]);
		worker->latest[value.producer] = value.number + 1;
	}
	disturb(worker);
	settle(worker, delivery, &value);
}

static void consume(void *arg)
{
	struct worker *worker = arg;
	int r;

	do {
		struct channel_delivery delivery;

		stoppable_begin(&worker->session, random_deadline(&worker->random));
		r = channel_receive(channel, &worker->session.entry, test_random_below(&worker->random, 8) == 0,
			test_random_below(&worker->random, 2) == 0, &delivery);
		stoppable_end(&worker->session);
		CHECK(r == OBJECT_OK || r == OBJECT_ECLOSED || is_ended(r));
		if (r == OBJECT_OK)
			take(worker, &delivery);
		CHECK_EQUAL(worker->session.owner.hold_count, 0);
		atomic_fetch_add(r == OBJECT_OK ? &outcomes.received : &outcomes.receive_ended, 1);
		disturb(worker);
	} while (r != OBJECT_ECLOSED);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* All of them before the first runs, which may stop any. */
static void prepare_workers(void)
{
	for (size_t i = 0; i < PRODUCERS + CONSUMERS; i++) {
		workers[i] = (struct worker){.index = i, .random = test_random_stream(i)};
		owner_init(&workers[i].session.owner);
	}
}

static void check_end(void)
{
	struct object_description description;

	channel_type.describe(channel_object(channel), &description);
	CHECK_EQUAL(description.waiters, 0);
	CHECK_EQUAL(description.length, 0);
	CHECK_EQUAL(description.deliveries, 0);
	CHECK_EQUAL(message_bytes_in_use(), 0);
	for (size_t i = 0; i < PRODUCERS * message_count; i++)
		CHECK_EQUAL(atomic_load(&acknowledged[i]), 1);
	CHECK_EQUAL(atomic_load(&outcomes.sent), PRODUCERS * message_count);
	CHECK(atomic_load(&outcomes.send_ended) > PRODUCERS * message_count / 2000);
	CHECK(atomic_load(&outcomes.receive_ended) > PRODUCERS * message_count / 200);
}

static void run(uint64_t capacity)
{
	struct co_test_group producers = {0};
	struct co_test_group consumers = {0};

	memset(&outcomes, 0, sizeof(outcomes));
	message_count = test_scale(20000);
	acknowledged = memory_zalloc(PRODUCERS * message_count);
	CHECK(acknowledged != NULL);
	CHECK_EQUAL(channel_new("ch", &(struct channel_options){.capacity = capacity}, &channel), OBJECT_OK);
	prepare_workers();
	for (size_t i = 0; i < PRODUCERS; i++)
		co_test_go(&producers, produce, &workers[i]);
	for (size_t i = PRODUCERS; i < PRODUCERS + CONSUMERS; i++)
		co_test_go(&consumers, consume, &workers[i]);
	co_test_wait(&producers);
	CHECK_EQUAL(channel_close(channel), OBJECT_OK);
	co_test_wait(&consumers);
	printf("capacity %llu: sends %lu done, %lu ended; receives %lu done, %lu ended; %lu returned, %lu deaths\n",
		(unsigned long long)capacity, atomic_load(&outcomes.sent), atomic_load(&outcomes.send_ended),
		atomic_load(&outcomes.received), atomic_load(&outcomes.receive_ended), atomic_load(&outcomes.returned),
		atomic_load(&outcomes.deaths));
	check_end();
	object_unref(channel_object(channel));
	memory_free(acknowledged);
}

COROUTINE_TEST(an_unbuffered_channel_loses_and_doubles_nothing)
{
	run(0);
}

COROUTINE_TEST(a_buffered_channel_loses_and_doubles_nothing)
{
	run(1);
	run(7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unbuffered_channel_loses_and_doubles_nothing),
		cmocka_unit_test(a_buffered_channel_loses_and_doubles_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
