/* SPDX-License-Identifier: MIT
 *
 * test_objects_select.c - selects over sends and receives at shared channels, with cancels, deadlines and deaths at the
 * moment of the handover.
 *
 * What must hold: every message whose case said that it was sent is received exactly once, and no other is; one select
 * sends or receives once at most; nobody waits for ever; a select that says it was ended had no effect.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/objects/channel.h"
#include "tests/objects/stoppable.h"

#define WORKERS 12
#define CHANNELS 4
#define CASES 5

struct worker {
	uint32_t index;
	uint32_t last_number;
	struct test_random random;
	struct stoppable session;
	struct select_case cases[CASES];
	size_t count;
	uint32_t sends[CASES]; /* the number of the message to send; 0: receives */
};

struct value {
	uint32_t worker;
	uint32_t number;
};

enum fate { NEVER = 0, SENT = 1, RECEIVED = 2 };

static struct worker workers[WORKERS];
static struct channel *channels[CHANNELS];
static atomic_uchar *fates; /* of each message: bits of enum fate */
static uint32_t numbers;    /* messages of each worker */
static size_t rounds;
static atomic_size_t left; /* workers */
static atomic_ulong sent, received, ended, deaths;

static atomic_uchar *fate_of(uint32_t worker, uint32_t number)
{
	return &fates[worker * numbers + number];
}

static void die(struct worker *worker)
{
	atomic_fetch_add(&deaths, 1);
	owner_end(&worker->session.owner);
	while (owner_release_some(&worker->session.owner, co_now()))
		co_yield();
	owner_init(&worker->session.owner);
}

/* ---- a select ---------------------------------------------------------------------------------------------------- */

static void add_case(struct worker *worker)
{
	struct channel *channel = channels[test_random_below(&worker->random, CHANNELS)];
	struct select_case *choice = &worker->cases[worker->count];
	const uint64_t kind = test_random_below(&worker->random, 9);
	const struct value value = {worker->index, worker->last_number + 1};
	struct message *message;

	worker->sends[worker->count++] = 0;
	if (kind == 0) {
		*choice = (struct select_case){0};
		return;
	}
	if (kind <= 4 || value.number == numbers) {
		channel_receive_case(
			choice, channel, &worker->session.entry, test_random_below(&worker->random, 2) == 0);
		return;
	}
	message = message_new(&value, sizeof(value));
	CHECK(message != NULL);
	CHECK_EQUAL(channel_send_case(choice, channel, &worker->session.entry, message), OBJECT_OK);
	message_unref(message);
	worker->sends[worker->count - 1] = worker->last_number = value.number;
}

/* Nine of ten times it acknowledges; else the message goes back, or the session dies with it. */
static void take(struct worker *worker, const struct select_case *choice)
{
	struct channel *channel = channel_of(choice->object);
	const struct channel_delivery delivery = channel_received(choice);
	const uint64_t chance = test_random_below(&worker->random, 20);
	struct value value;

	CHECK_EQUAL(delivery.message->length, sizeof(value));
	memcpy(&value, delivery.message->bytes, sizeof(value));
	message_unref(delivery.message);
	if (chance == 0) {
		CHECK_EQUAL(channel_return(channel, delivery.token, co_now()), OBJECT_OK);
	} else if (chance == 1) {
		die(worker);
		CHECK_EQUAL(channel_acknowledge(channel, delivery.token), OBJECT_ESTALE);
	} else {
		CHECK_EQUAL(channel_acknowledge(channel, delivery.token), OBJECT_OK);
		CHECK_EQUAL(atomic_fetch_or(fate_of(value.worker, value.number), RECEIVED) & RECEIVED, 0);
		atomic_fetch_add(&received, 1);
	}
}

static void select_once(struct worker *worker)
{
	const bool no_wait = test_random_below(&worker->random, 8) == 0;
	const size_t wanted = 1 + test_random_below(&worker->random, CASES);
	struct select_case *happened = NULL;
	int r;

	stoppable_begin(&worker->session, random_deadline(&worker->random));
	worker->count = 0;
	while (worker->count < wanted)
		add_case(worker);
	r = select_wait(&worker->session.entry, worker->cases, worker->count, no_wait, &happened);
	stoppable_end(&worker->session);
	CHECK(r == OBJECT_OK || r == OBJECT_ECANCELED || r == OBJECT_EDEADLINE || r == OBJECT_EWOULDBLOCK);
	if (r == OBJECT_OK) {
		const uint32_t number = worker->sends[happened - worker->cases];

		CHECK_EQUAL(happened->result, OBJECT_OK);
		if (number == 0)
			take(worker, happened);
		else
			atomic_fetch_or(fate_of(worker->index, number), SENT);
		atomic_fetch_add(&sent, number != 0);
	}
	for (size_t i = 0; i < worker->count; i++)
		if (worker->sends[i] != 0)
			channel_send_case_end(&worker->cases[i]);
	CHECK_EQUAL(worker->session.owner.hold_count, 0);
	atomic_fetch_add(&ended, r != OBJECT_OK);
}

static void work(void *arg)
{
	struct worker *worker = arg;

	for (size_t round = 0; round < rounds; round++) {
		const uint64_t chance = test_random_below(&worker->random, 8);

		select_once(worker);
		if (chance < 3)
			stoppable_stop(&workers[test_random_below(&worker->random, WORKERS)].session);
		else if (chance < 6)
			co_yield();
	}
	atomic_fetch_sub(&left, 1);
}

/* Those who wait for a partner that has gone. */
static void stop_stragglers(void *unused)
{
	(void)unused;
	while (atomic_load(&left) > 0) {
		for (size_t i = 0; i < WORKERS; i++)
			stoppable_stop(&workers[i].session);
		CHECK_EQUAL(co_sleep(NULL, CO_MILLISECOND), 0);
	}
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static void receive_the_rest(void)
{
	struct worker *worker = &workers[0];

	for (size_t i = 0; i < CHANNELS; i++) {
		while (channel_length(channels[i]) > 0) {
			struct select_case *happened;

			entry_init(&worker->session.entry, &worker->session.owner, co_now(), CO_NEVER);
			channel_receive_case(&worker->cases[0], channels[i], &worker->session.entry, true);
			CHECK_EQUAL(select_wait(&worker->session.entry, worker->cases, 1, true, &happened), OBJECT_OK);
			take(worker, happened);
		}
	}
}

static void check_end(void)
{
	for (size_t i = 0; i < CHANNELS; i++) {
		struct object_description description;

		channel_type.describe(channel_object(channels[i]), &description);
		CHECK_EQUAL(description.waiters, 0);
		CHECK_EQUAL(description.deliveries, 0);
		object_unref(channel_object(channels[i]));
	}
	for (size_t i = 0; i < WORKERS * (size_t)numbers; i++) {
		const unsigned fate = atomic_load(&fates[i]);

		CHECK(fate == NEVER || fate == (SENT | RECEIVED));
	}
	CHECK_EQUAL(atomic_load(&sent), atomic_load(&received));
	CHECK_EQUAL(message_bytes_in_use(), 0);
	CHECK(atomic_load(&sent) > rounds / 2);
	CHECK(atomic_load(&ended) > 0 && atomic_load(&deaths) > 0);
}

/* Two channels are unbuffered, two are not. */
COROUTINE_TEST(selects_lose_and_double_nothing)
{
	struct co_test_group group = {0};
	struct co_test_group watch = {0};

	rounds = test_scale(20000);
	numbers = (uint32_t)(rounds * CASES + 1);
	atomic_store(&left, WORKERS);
	atomic_store(&sent, 0);
	atomic_store(&received, 0);
	atomic_store(&ended, 0);
	atomic_store(&deaths, 0);
	fates = memory_zalloc((size_t)WORKERS * numbers);
	CHECK(fates != NULL);
	for (size_t i = 0; i < CHANNELS; i++)
		CHECK_EQUAL(channel_new("ch", &(struct channel_options){.capacity = i < 2 ? 0 : i}, &channels[i]),
			OBJECT_OK);
	for (uint32_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.index = i, .random = test_random_stream(i)};
		owner_init(&workers[i].session.owner);
	}
	for (size_t i = 0; i < WORKERS; i++)
		co_test_go(&group, work, &workers[i]);
	co_test_go(&watch, stop_stragglers, NULL);
	co_test_wait(&group);
	co_test_wait(&watch);
	receive_the_rest();
	printf("%lu sent and received, %lu selects ended, %lu deaths\n", atomic_load(&sent), atomic_load(&ended),
		atomic_load(&deaths));
	check_end();
	memory_free(fates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selects_lose_and_double_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
