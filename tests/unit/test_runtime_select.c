/* SPDX-License-Identifier: MIT
 *
 * test_runtime_select.c - what Go promises of select; after runtime/chan_test.go and test/chan, whose names are kept.
 */
#include "tests/lib/co_test.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct co_channel *full_channel(void)
{
	struct co_channel *channel = co_channel_new(sizeof(int), 1);
	const int value = 1;

	if (channel != NULL)
		co_try_send(channel, &value);
	return channel;
}

static int try_receive(struct co_channel *channel)
{
	int value = -1;
	const int r = co_try_receive(channel, &value);

	return r == 0 ? value : r;
}

/* A select in a coroutine of its own. */
struct selecting {
	struct co_context *context;
	struct co_case cases[4];
	size_t count;
	int chosen;
	atomic_bool done;
};

static void run_select(void *arg)
{
	struct selecting *selecting = arg;

	selecting->chosen = co_select(selecting->context, selecting->cases, selecting->count);
	atomic_store(&selecting->done, true);
}

/* ---- select3: what blocks and what does not ---------------------------------------------------------------------- */

COROUTINE_TEST(nil_empty_closed_full)
{
	struct co_channel *open = co_channel_new(sizeof(int), 0);
	struct co_channel *closed = co_channel_new(sizeof(int), 1);
	struct co_channel *empty = co_channel_new(sizeof(int), 1);
	struct co_channel *full = full_channel();
	int value = 7;
	struct {
		struct co_case only;
		int chosen;
		int result;
	} rows[] = {
		{co_case_send(NULL, &value), CO_EWOULDBLOCK, 0},
		{co_case_receive(NULL, &value), CO_EWOULDBLOCK, 0},
		{co_case_send(open, &value), CO_EWOULDBLOCK, 0},
		{co_case_receive(open, &value), CO_EWOULDBLOCK, 0},
		{co_case_receive(empty, &value), CO_EWOULDBLOCK, 0},
		{co_case_send(full, &value), CO_EWOULDBLOCK, 0},
		{co_case_send(closed, &value), 0, CO_ESENDCLOSED},
		{co_case_receive(closed, &value), 0, CO_ECLOSED},
		{co_case_receive(closed, NULL), 0, CO_ECLOSED},
	};

	CHECK(open != NULL && closed != NULL && empty != NULL && full != NULL);
	CHECK_EQUAL(co_channel_close(closed), 0);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		CHECK_EQUAL(co_try_select(&rows[i].only, 1), rows[i].chosen);
		if (rows[i].chosen == CO_EWOULDBLOCK)
			continue;
		CHECK_EQUAL(rows[i].only.result, rows[i].result);
		CHECK_EQUAL(co_select(NULL, &rows[i].only, 1), rows[i].chosen);
		CHECK_EQUAL(rows[i].only.result, rows[i].result);
	}
	CHECK_EQUAL(value, 0); /* a closed channel gives the zero value */
	CHECK_EQUAL(co_try_select(NULL, 0), CO_EWOULDBLOCK);
	co_channel_free(open);
	co_channel_free(closed);
	co_channel_free(empty);
	co_channel_free(full);
}

/* A case on a NULL channel is never taken, and keeps no other from being taken. */
COROUTINE_TEST(nil_cases_are_ignored)
{
	struct co_channel *full = full_channel();
	int value = 0;
	struct co_case cases[] = {
		co_case_receive(NULL, &value),
		co_case_receive(full, &value),
		co_case_send(NULL, &value),
	};

	CHECK(full != NULL);
	CHECK_EQUAL(co_select(NULL, cases, LENGTH(cases)), 1);
	CHECK_EQUAL(value, 1);
	CHECK_EQUAL(co_try_select(cases, LENGTH(cases)), CO_EWOULDBLOCK);
	co_channel_free(full);
}

/* An empty select, and one over NULL channels, wait until their context ends. */
COROUTINE_TEST(empty_select_blocks_until_its_context_ends)
{
	struct co_test_group group = {0};
	struct selecting selecting[2] = {{.count = 0}, {.cases = {{.channel = NULL}}, .count = 1}};

	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(co_with_cancel(NULL, &selecting[i].context), 0);
		co_test_go(&group, run_select, &selecting[i]);
	}
	CHECK_EVENTUALLY(co_test_parked() == 2);
	for (int i = 0; i < 2; i++)
		co_cancel(selecting[i].context, NULL);
	co_test_wait(&group);
	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(selecting[i].chosen, CO_ECANCELED);
		co_context_unref(selecting[i].context);
	}
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* A blocked select is woken by a sender, by a receiver and by a close, each through the right case. */
COROUTINE_TEST(woken_by_each_kind_of_peer)
{
	for (int kind = 0; kind < 4; kind++) {
		struct co_test_group group = {0};
		struct co_channel *in = co_channel_new(sizeof(int), 0);
		struct co_channel *out = co_channel_new(sizeof(int), 0);
		int received = -1;
		const int sent = 5;
		const int offered = 9;
		struct selecting selecting = {
			.cases = {co_case_receive(in, &received), co_case_send(out, &sent)}, .count = 2};
		const int results[] = {0, 0, CO_ECLOSED, CO_ESENDCLOSED};

		CHECK(in != NULL && out != NULL);
		co_test_go(&group, run_select, &selecting);
		CHECK_EVENTUALLY(co_test_parked() == 1);
		if (kind == 0)
			CHECK_EQUAL(co_try_send(in, &offered), 0);
		if (kind == 1)
			CHECK_EQUAL(try_receive(out), 5);
		if (kind == 2)
			CHECK_EQUAL(co_channel_close(in), 0);
		if (kind == 3)
			CHECK_EQUAL(co_channel_close(out), 0);
		co_test_wait(&group);
		CHECK_EQUAL(selecting.chosen, kind % 2);
		CHECK_EQUAL(selecting.cases[selecting.chosen].result, results[kind]);
		CHECK_EQUAL(received, kind == 0 ? 9 : kind == 2 ? 0 : -1);
		/* It stands in neither queue any more. */
		if (kind != 2)
			CHECK_EQUAL(co_try_send(in, &offered), CO_EWOULDBLOCK);
		if (kind != 3)
			CHECK_EQUAL(try_receive(out), CO_EWOULDBLOCK);
		co_channel_free(in);
		co_channel_free(out);
	}
}

/* The end of its context ends a blocked select, which then stands in no queue; one that has ended keeps it from cases
 * that are ready. */
COROUTINE_TEST(context_ends_select)
{
	struct co_test_group group = {0};
	struct co_channel *channel = co_channel_new(sizeof(int), 0);
	struct co_channel *full = full_channel();
	int value = 3;
	struct selecting selecting = {
		.cases = {co_case_receive(channel, &value), co_case_send(full, &value)}, .count = 2};
	struct co_case ready = co_case_receive(full, &value);

	CHECK(channel != NULL && full != NULL);
	CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &selecting.context), 0);
	co_test_go(&group, run_select, &selecting);
	co_test_wait(&group);
	CHECK_EQUAL(selecting.chosen, CO_EDEADLINE);
	CHECK_EQUAL(co_try_send(channel, &value), CO_EWOULDBLOCK);
	CHECK_EQUAL(co_select(selecting.context, &ready, 1), CO_EDEADLINE);
	CHECK_EQUAL(try_receive(full), 1);
	CHECK_EQUAL(try_receive(full), CO_EWOULDBLOCK);
	co_context_unref(selecting.context);
	co_channel_free(channel);
	co_channel_free(full);
}

/* ---- TestSelfSelect, TestSelectDuplicateChannel ------------------------------------------------------------------ */

struct self {
	struct co_channel *channel;
	int number;
	size_t rounds;
};

static void select_both_ways(void *arg)
{
	const struct self *self = arg;

	for (size_t i = 0; i < self->rounds; i++) {
		int value = -1;
		struct co_case cases[] = {
			co_case_send(self->channel, &self->number),
			co_case_receive(self->channel, &value),
		};
		const size_t swapped = i % 2;
		struct co_case first = cases[swapped];
		int chosen;

		cases[1] = cases[1 - swapped];
		cases[0] = first;
		chosen = co_select(NULL, cases, 2);
		CHECK(chosen == 0 || chosen == 1);
		CHECK_EQUAL(cases[chosen].result, 0);
		if (self->channel != NULL && co_channel_capacity(self->channel) == 0 && !cases[chosen].is_send)
			CHECK(value != self->number);
	}
}

/* Two coroutines select to send and to receive on one channel: neither ever receives its own value. */
COROUTINE_TEST(self_select)
{
	for (size_t capacity = 0; capacity < 3; capacity += 2) {
		struct co_test_group group = {0};
		struct self selves[2];

		selves[0].channel = co_channel_new(sizeof(int), capacity);
		CHECK(selves[0].channel != NULL);
		for (int i = 0; i < 2; i++) {
			selves[i] = (struct self){selves[0].channel, i, 1000};
			co_test_go(&group, select_both_ways, &selves[i]);
		}
		co_test_wait(&group);
		co_channel_free(selves[0].channel);
	}
}

/* Alone, a select over both directions of one channel finds no peer. */
COROUTINE_TEST(no_peer_of_its_own)
{
	struct co_channel *channel = co_channel_new(sizeof(int), 0);
	struct co_context *context;
	int value = 1;
	struct co_case cases[] = {co_case_send(channel, &value), co_case_receive(channel, &value)};

	CHECK(channel != NULL);
	CHECK_EQUAL(co_try_select(cases, 2), CO_EWOULDBLOCK);
	CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &context), 0);
	CHECK_EQUAL(co_select(context, cases, 2), CO_EDEADLINE);
	co_context_unref(context);
	co_channel_free(channel);
}

/* One channel in several cases: it is locked once, and left in all queues. */
COROUTINE_TEST(duplicate_channel)
{
	struct co_test_group group = {0};
	struct co_channel *channel = co_channel_new(sizeof(int), 0);
	struct co_channel *other = co_channel_new(sizeof(int), 0);
	int values[4] = {-1, -1, -1, -1};
	struct selecting selecting = {
		.cases = {co_case_receive(channel, &values[0]), co_case_receive(other, &values[1]),
			co_case_receive(channel, &values[2]), co_case_receive(channel, &values[3])},
		.count = 4};
	const int sent = 11;

	CHECK(channel != NULL && other != NULL);
	co_test_go(&group, run_select, &selecting);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	CHECK_EQUAL(co_try_send(channel, &sent), 0);
	CHECK_EQUAL(co_try_send(channel, &sent), CO_EWOULDBLOCK);
	CHECK_EQUAL(co_try_send(other, &sent), CO_EWOULDBLOCK);
	co_test_wait(&group);
	CHECK(selecting.chosen != 1);
	CHECK_EQUAL(values[0] + values[1] + values[2] + values[3], sent - 3);
	co_channel_free(channel);
	co_channel_free(other);
}

/* ---- TestSelectFairness, TestPseudoRandomSend -------------------------------------------------------------------- */

/* Of cases that are all ready, wherever they stand among those that are not, each is taken equally often. */
COROUTINE_TEST(uniform_among_the_ready)
{
	enum { READY = 3, ROUNDS = 30000 };
	struct co_channel *closed[READY];
	struct co_channel *never = co_channel_new(1, 0);
	struct co_case cases[5];
	size_t taken[5] = {0};
	const size_t rounds = test_scale(ROUNDS) + 3000; /* few enough would be unfair by chance */

	CHECK(never != NULL);
	for (int i = 0; i < READY; i++) {
		closed[i] = co_channel_new(1, 0);
		CHECK(closed[i] != NULL);
		CHECK_EQUAL(co_channel_close(closed[i]), 0);
	}
	cases[0] = co_case_receive(closed[0], NULL);
	cases[1] = co_case_receive(never, NULL);
	cases[2] = co_case_receive(closed[1], NULL);
	cases[3] = co_case_receive(NULL, NULL);
	cases[4] = co_case_receive(closed[2], NULL);
	for (size_t i = 0; i < rounds; i++) {
		const int chosen = co_select(NULL, cases, LENGTH(cases));

		CHECK(chosen >= 0 && chosen < 5);
		taken[chosen]++;
	}
	CHECK_EQUAL(taken[1] + taken[3], 0);
	for (int i = 0; i < 5; i += 2) /* within 15 % of a third */
		CHECK(taken[i] > rounds / 3 * 85 / 100 && taken[i] < rounds / 3 * 115 / 100);
	for (int i = 0; i < READY; i++)
		co_channel_free(closed[i]);
	co_channel_free(never);
}

/* TestSelectFairness: of two that are always ready, beside one that never is, each is taken half of the time, within a
 * tenth. */
COROUTINE_TEST(select_fairness)
{
	const size_t trials = test_scale(20000) + 1000;
	struct co_channel *channels[2];
	struct co_channel *never = co_channel_new(1, 0);
	size_t taken[3] = {0};

	CHECK(never != NULL);
	for (int i = 0; i < 2; i++) {
		channels[i] = co_channel_new(1, trials);
		CHECK(channels[i] != NULL);
		for (size_t n = 0; n < trials; n++)
			CHECK_EQUAL(co_try_send(channels[i], ""), 0);
	}
	for (size_t i = 0; i < trials; i++) {
		struct co_case cases[] = {co_case_receive(channels[0], NULL), co_case_receive(never, NULL),
			co_case_receive(channels[1], NULL)};
		const int chosen = co_select(NULL, cases, 3);

		CHECK(chosen >= 0 && cases[chosen].result == 0);
		taken[chosen]++;
	}
	CHECK_EQUAL(taken[1], 0);
	CHECK(taken[0] > trials * 9 / 20 && taken[2] > trials * 9 / 20);
	for (int i = 0; i < 2; i++)
		co_channel_free(channels[i]);
	co_channel_free(never);
}

static void send_random_bits(void *arg)
{
	struct co_channel *channel = arg;

	for (int i = 0; i < 1000; i++) {
		const int bits[] = {0, 1};
		struct co_case cases[] = {co_case_send(channel, &bits[0]), co_case_send(channel, &bits[1])};

		CHECK(co_select(NULL, cases, 2) >= 0);
		CHECK_EQUAL(cases[0].result + cases[1].result, 0);
	}
}

/* Of two values that one select offers, neither starves. */
COROUTINE_TEST(pseudo_random_send)
{
	for (size_t capacity = 0; capacity < 3; capacity += 2) {
		struct co_test_group group = {0};
		struct co_channel *channel = co_channel_new(sizeof(int), capacity);
		int seen[2] = {0};

		CHECK(channel != NULL);
		co_test_go(&group, send_random_bits, channel);
		for (int i = 0; i < 1000; i++) {
			int bit = 0;

			CHECK_EQUAL(co_receive(NULL, channel, &bit), 0);
			seen[bit]++;
			co_yield();
		}
		co_test_wait(&group);
		CHECK(seen[0] > 100 && seen[1] > 100);
		co_channel_free(channel);
	}
}

/* ---- TestNonblockSelectRace, TestNonblockSelectRace2 ------------------------------------------------------------- */

struct race {
	struct co_channel *first;
	struct co_channel *second;
	bool closes;
	atomic_bool go;
	bool found;
};

static void look_for_ready(void *arg)
{
	struct race *race = arg;
	struct co_case cases[] = {co_case_receive(race->first, NULL), co_case_receive(race->second, NULL)};

	while (!atomic_load(&race->go))
		co_yield();
	race->found = co_try_select(cases, 2) >= 0;
}

/* At every moment one of two channels is ready: a select with default must find it. */
COROUTINE_TEST(nonblocking_select_race)
{
	const size_t rounds = test_scale(20000);

	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};
		struct race race = {.closes = i % 2 == 1};
		const int value = 1;

		race.first = full_channel();
		race.second = co_channel_new(sizeof(int), 1);
		CHECK(race.first != NULL && race.second != NULL);
		co_test_go(&group, look_for_ready, &race);
		atomic_store(&race.go, true);
		if (i % 3 == 0)
			co_yield();
		if (race.closes)
			CHECK_EQUAL(co_channel_close(race.second), 0);
		else
			CHECK_EQUAL(co_try_send(race.second, &value), 0);
		co_try_receive(race.first, NULL);
		co_test_wait(&group);
		CHECK(race.found);
		co_channel_free(race.first);
		co_channel_free(race.second);
	}
}

/* ---- select2, select6 -------------------------------------------------------------------------------------------- */

static void send_many(void *arg)
{
	const size_t count = test_scale(100000);

	for (size_t i = 0; i < count; i++)
		CHECK_EQUAL(co_send(NULL, arg, &(int){1}), 0);
	CHECK_EQUAL(co_channel_close(arg), 0);
}

/* Many blocking selects leave nothing behind, neither memory nor parties in the queue of the other channel. */
COROUTINE_TEST(selects_leave_nothing)
{
	struct co_test_group group = {0};
	struct co_channel *busy = co_channel_new(sizeof(int), 0);
	struct co_channel *idle = co_channel_new(sizeof(int), 0);
	struct co_case cases[] = {co_case_receive(busy, NULL), co_case_receive(idle, NULL)};
	size_t pages;

	CHECK(busy != NULL && idle != NULL);
	co_test_go(&group, send_many, busy);
	CHECK_EQUAL(co_select(NULL, cases, 2), 0);
	pages = test_mapped_pages();
	while (co_select(NULL, cases, 2) == 0 && cases[0].result == 0)
		;
	CHECK_EQUAL(cases[0].result, CO_ECLOSED);
	co_test_wait(&group);
	if (!TEST_SANITIZED)
		CHECK(test_mapped_pages() < pages + 64);
	CHECK_EQUAL(co_try_send(idle, &(int){1}), CO_EWOULDBLOCK);
	co_channel_free(busy);
	co_channel_free(idle);
}

static void receive_one(void *arg)
{
	CHECK_EQUAL(co_receive(NULL, arg, NULL), 0);
}

/* A select that loses in a queue between other waiters leaves those in it (Go's issue 2075). */
COROUTINE_TEST(losing_case_leaves_the_queue_whole)
{
	struct co_test_group group = {0};
	struct co_channel *first = co_channel_new(sizeof(int), 0);
	struct co_channel *second = co_channel_new(sizeof(int), 0);
	struct selecting selecting = {
		.cases = {co_case_receive(first, NULL), co_case_receive(second, NULL)}, .count = 2};

	CHECK(first != NULL && second != NULL);
	co_test_go(&group, receive_one, first);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	co_test_go(&group, run_select, &selecting);
	CHECK_EVENTUALLY(co_test_parked() == 2);
	co_test_go(&group, receive_one, first);
	CHECK_EVENTUALLY(co_test_parked() == 3);
	CHECK_EQUAL(co_try_send(second, &(int){1}), 0);
	CHECK_EVENTUALLY(atomic_load(&selecting.done));
	CHECK_EQUAL(selecting.chosen, 1);
	CHECK_EQUAL(co_try_send(first, &(int){1}), 0);
	CHECK_EQUAL(co_try_send(first, &(int){1}), 0);
	CHECK_EQUAL(co_try_send(first, &(int){1}), CO_EWOULDBLOCK);
	co_test_wait(&group);
	co_channel_free(first);
	co_channel_free(second);
}

/* ---- many cases -------------------------------------------------------------------------------------------------- */

static struct {
	struct co_channel *channels[200];
	struct co_case cases[200];
} many;

static void send_to_each(void *unused)
{
	(void)unused;
	for (int i = 0; i < 200; i++)
		CHECK_EQUAL(co_send(NULL, many.channels[i * 77 % 200], &i), 0);
}

/* Two hundred cases in no order of addresses. */
COROUTINE_TEST(many_cases)
{
	struct co_test_group group = {0};
	int value = -1;

	for (int i = 0; i < 200; i++) {
		many.channels[i] = co_channel_new(sizeof(int), 0);
		CHECK(many.channels[i] != NULL);
	}
	for (int i = 0; i < 200; i++)
		many.cases[i] = co_case_receive(many.channels[i * 37 % 200], &value);
	co_test_go(&group, send_to_each, NULL);
	for (int i = 0; i < 200; i++) {
		const int chosen = co_select(NULL, many.cases, 200);

		CHECK_EQUAL(value, i);
		CHECK_EQUAL(chosen * 37 % 200, i * 77 % 200);
	}
	co_test_wait(&group);
	for (int i = 0; i < 200; i++)
		co_channel_free(many.channels[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nil_empty_closed_full),
		cmocka_unit_test(nil_cases_are_ignored),
		cmocka_unit_test(empty_select_blocks_until_its_context_ends),
		cmocka_unit_test(woken_by_each_kind_of_peer),
		cmocka_unit_test(context_ends_select),
		cmocka_unit_test(self_select),
		cmocka_unit_test(no_peer_of_its_own),
		cmocka_unit_test(duplicate_channel),
		cmocka_unit_test(uniform_among_the_ready),
		cmocka_unit_test(select_fairness),
		cmocka_unit_test(pseudo_random_send),
		cmocka_unit_test(nonblocking_select_race),
		cmocka_unit_test(selects_leave_nothing),
		cmocka_unit_test(losing_case_leaves_the_queue_whole),
		cmocka_unit_test(many_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
