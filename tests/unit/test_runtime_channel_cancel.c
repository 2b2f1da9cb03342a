/* SPDX-License-Identifier: MIT
 *
 * test_runtime_channel_cancel.c - a channel's waiters that leave: what they did not send never arrives, what they did
 * not receive goes to the next. Many that are ended at once.
 */
#include "tests/lib/co_test.h"

struct end {
	struct co_channel *channel;
	struct co_context *context;
	int result;
	int value;
};

static void receive_one(void *arg)
{
	struct end *end = arg;

	end->value = -1;
	end->result = co_receive(end->context, end->channel, &end->value);
}

static void send_one(void *arg)
{
	struct end *end = arg;

	end->result = co_send(end->context, end->channel, &end->value);
}

#define QUEUE 6

/* Starts QUEUE coroutines, each parked before the next starts and under a context of its own. */
static void start_queue(
	struct co_test_group *group, struct end ends[QUEUE], struct co_channel *channel, void (*function)(void *))
{
	for (size_t i = 0; i < QUEUE; i++) {
		ends[i] = (struct end){.channel = channel, .value = (int)i};
		CHECK_EQUAL(co_with_cancel(NULL, &ends[i].context), 0);
		co_test_go(group, function, &ends[i]);
		CHECK_EVENTUALLY(co_test_parked() == i + 1);
	}
}

static void end_queue(struct end ends[QUEUE])
{
	for (size_t i = 0; i < QUEUE; i++)
		co_context_unref(ends[i].context);
}

/* Senders cancelled at the head, in the middle and at the tail of the queue: the others' values come in order. */
COROUTINE_TEST(cancelled_senders_leave_nothing)
{
	struct co_test_group group = {0};
	struct end ends[QUEUE];
	struct co_channel *channel = co_channel_new(sizeof(int), 0);
	int value;

	CHECK(channel != NULL);
	start_queue(&group, ends, channel, send_one);
	co_cancel(ends[0].context, NULL);
	co_cancel(ends[3].context, NULL);
	co_cancel(ends[5].context, NULL);
	CHECK_EVENTUALLY(co_test_parked() == 3);
	for (int expected = 1; expected < 5; expected++) {
		if (expected == 3)
			continue;
		CHECK_EQUAL(co_receive(NULL, channel, &value), 0);
		CHECK_EQUAL(value, expected);
	}
	CHECK_EQUAL(co_try_receive(channel, &value), CO_EWOULDBLOCK);
	co_test_wait(&group);
	for (int i = 0; i < QUEUE; i++)
		CHECK_EQUAL(ends[i].result, i == 0 || i == 3 || i == 5 ? CO_ECANCELED : 0);
	end_queue(ends);
	co_channel_free(channel);
}

/* Receivers cancelled anywhere in the queue swallow no value. */
COROUTINE_TEST(cancelled_receivers_swallow_nothing)
{
	struct co_test_group group = {0};
	struct end ends[QUEUE];
	struct co_channel *channel = co_channel_new(sizeof(int), 0);

	CHECK(channel != NULL);
	start_queue(&group, ends, channel, receive_one);
	co_cancel(ends[0].context, NULL);
	co_cancel(ends[2].context, NULL);
	co_cancel(ends[5].context, NULL);
	for (int value = 100; value < 103; value++)
		CHECK_EQUAL(co_send(NULL, channel, &value), 0);
	CHECK_EQUAL(co_try_send(channel, &(int){0}), CO_EWOULDBLOCK);
	co_test_wait(&group);
	CHECK_EQUAL(ends[1].value, 100);
	CHECK_EQUAL(ends[3].value, 101);
	CHECK_EQUAL(ends[4].value, 102);
	for (int i = 0; i < QUEUE; i++)
		CHECK_EQUAL(ends[i].result, i == 0 || i == 2 || i == 5 ? CO_ECANCELED : 0);
	end_queue(ends);
	co_channel_free(channel);
}

/* A receiver that was cancelled but has not run since must not be handed the next value. */
SINGLE_P_TEST(value_passes_over_a_cancelled_receiver)
{
	struct co_test_group group = {0};
	struct end cancelled = {.channel = co_channel_new(sizeof(int), 1)};
	struct end patient = {.channel = cancelled.channel};
	const int value = 5;

	CHECK(cancelled.channel != NULL);
	CHECK_EQUAL(co_with_cancel(NULL, &cancelled.context), 0);
	co_test_go(&group, receive_one, &cancelled);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	co_test_go(&group, receive_one, &patient);
	CHECK_EVENTUALLY(co_test_parked() == 2);
	co_cancel(cancelled.context, NULL);
	CHECK_EQUAL(co_try_send(cancelled.channel, &value), 0);
	co_test_wait(&group);
	CHECK_EQUAL(cancelled.result, CO_ECANCELED);
	CHECK_EQUAL(patient.result, 0);
	CHECK_EQUAL(patient.value, 5);
	co_context_unref(cancelled.context);
	co_channel_free(cancelled.channel);
}

/* The other way round: a value handed over before the cancel stays handed over. */
SINGLE_P_TEST(cancel_after_hand_over_comes_too_late)
{
	struct co_test_group group = {0};
	struct end receiver = {.channel = co_channel_new(sizeof(int), 0)};
	struct end sender = {.channel = receiver.channel, .value = 9};
	int value = 5;

	CHECK(receiver.channel != NULL);
	CHECK_EQUAL(co_with_cancel(NULL, &receiver.context), 0);
	co_test_go(&group, receive_one, &receiver);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	CHECK_EQUAL(co_try_send(receiver.channel, &value), 0);
	co_cancel(receiver.context, NULL);
	co_test_wait(&group);
	CHECK_EQUAL(receiver.result, 0);
	CHECK_EQUAL(receiver.value, 5);
	co_context_unref(receiver.context);

	CHECK_EQUAL(co_with_cancel(NULL, &sender.context), 0);
	co_test_go(&group, send_one, &sender);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	CHECK_EQUAL(co_try_receive(sender.channel, &value), 0);
	CHECK_EQUAL(value, 9);
	co_cancel(sender.context, NULL);
	co_test_wait(&group);
	CHECK_EQUAL(sender.result, 0);
	co_context_unref(sender.context);
	co_channel_free(sender.channel);
}

/* Where it would have to wait, an ended context ends the call at once; nothing is sent. */
COROUTINE_TEST(ended_context_does_not_wait)
{
	struct co_channel *channel = co_channel_new(sizeof(int), 0);
	struct co_context *cancelled;
	struct co_context *late;
	int value = 1;

	CHECK(channel != NULL);
	CHECK_EQUAL(co_with_cancel(NULL, &cancelled), 0);
	CHECK_EQUAL(co_with_timeout(NULL, 0, &late), 0);
	co_cancel(cancelled, NULL);
	CHECK_EQUAL(co_send(cancelled, channel, &value), CO_ECANCELED);
	CHECK_EQUAL(co_receive(cancelled, channel, &value), CO_ECANCELED);
	CHECK_EQUAL(co_send(late, channel, &value), CO_EDEADLINE);
	CHECK_EQUAL(co_receive(late, channel, &value), CO_EDEADLINE);
	CHECK_EQUAL(co_try_receive(channel, &value), CO_EWOULDBLOCK);
	CHECK_EQUAL(co_try_send(channel, &value), CO_EWOULDBLOCK);
	co_context_unref(cancelled);
	co_context_unref(late);
	co_channel_free(channel);
}

/* Blocked calls end at their deadline, never before, and one cancel ends all that wait under one context. */
COROUTINE_TEST(deadline_ends_a_blocked_call)
{
	struct co_channel *channel = co_channel_new(sizeof(int), 1);
	struct co_context *context;
	int value = 1;

	CHECK(channel != NULL);
	for (int i = 0; i < 10; i++) {
		const int64_t deadline = co_now() + (i + 1) * 200 * CO_MICROSECOND;

		CHECK_EQUAL(co_with_deadline(NULL, deadline, &context), 0);
		CHECK_EQUAL(co_receive(context, channel, &value), CO_EDEADLINE);
		CHECK(co_now() >= deadline);
		co_context_unref(context);
	}
	CHECK_EQUAL(co_send(NULL, channel, &value), 0);
	CHECK_EQUAL(co_with_timeout(NULL, CO_MILLISECOND, &context), 0);
	CHECK_EQUAL(co_send(context, channel, &value), CO_EDEADLINE);
	CHECK_EQUAL(co_channel_length(channel), 1);
	co_context_unref(context);
	co_channel_free(channel);
}

#define MANY 1000

/* A close ends a thousand waiting receivers, as it does a few. */
COROUTINE_TEST(close_wakes_a_thousand)
{
	static struct end ends[MANY];
	struct co_test_group group = {0};
	struct co_channel *channel = co_channel_new(sizeof(int), 0);

	CHECK(channel != NULL);
	for (size_t i = 0; i < MANY; i++) {
		ends[i] = (struct end){.channel = channel};
		co_test_go(&group, receive_one, &ends[i]);
	}
	CHECK_EVENTUALLY(co_test_parked() == MANY);
	CHECK_EQUAL(co_channel_close(channel), 0);
	co_test_wait(&group);
	for (size_t i = 0; i < MANY; i++)
		CHECK(ends[i].result == CO_ECLOSED && ends[i].value == 0);
	co_channel_free(channel);
}

COROUTINE_TEST(one_cancel_ends_all_waits_below)
{
	struct co_test_group group = {0};
	struct end ends[2 * QUEUE];
	struct co_channel *full = co_channel_new(sizeof(int), 0);
	struct co_channel *empty = co_channel_new(sizeof(int), 0);
	struct co_context *root;

	CHECK(full != NULL && empty != NULL);
	CHECK_EQUAL(co_with_cancel(NULL, &root), 0);
	for (int i = 0; i < 2 * QUEUE; i++) {
		ends[i] = (struct end){.channel = i % 2 == 0 ? full : empty};
		CHECK_EQUAL(co_with_cancel(i < 2 ? root : ends[i - 2].context, &ends[i].context), 0);
		co_test_go(&group, i % 2 == 0 ? send_one : receive_one, &ends[i]);
	}
	CHECK_EVENTUALLY(co_test_parked() == 2 * QUEUE);
	co_cancel(root, "power cut");
	CHECK_EQUAL(co_try_receive(full, NULL), CO_EWOULDBLOCK);
	CHECK_EQUAL(co_try_send(empty, &(int){1}), CO_EWOULDBLOCK);
	co_test_wait(&group);
	for (int i = 0; i < 2 * QUEUE; i++) {
		CHECK_EQUAL(ends[i].result, CO_ECANCELED);
		co_context_unref(ends[i].context);
	}
	co_context_unref(root);
	co_channel_free(full);
	co_channel_free(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cancelled_senders_leave_nothing),
		cmocka_unit_test(cancelled_receivers_swallow_nothing),
		cmocka_unit_test(value_passes_over_a_cancelled_receiver),
		cmocka_unit_test(cancel_after_hand_over_comes_too_late),
		cmocka_unit_test(ended_context_does_not_wait),
		cmocka_unit_test(deadline_ends_a_blocked_call),
		cmocka_unit_test(close_wakes_a_thousand),
		cmocka_unit_test(one_cancel_ends_all_waits_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
