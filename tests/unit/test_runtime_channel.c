/* SPDX-License-Identifier: MIT
 *
 * test_runtime_channel.c - what Go promises of channels, capacities 0 to 9; after runtime/chan_test.go's TestChan and
 * test/chan, whose names are kept.
 */
#include <string.h>

#include "tests/lib/co_test.h"

#define CAPACITIES 10

struct end {
	struct co_channel *channel;
	struct co_context *context;
	int result;
	int value;
	atomic_bool done;
};

static void receive_one(void *arg)
{
	struct end *end = arg;

	end->value = -1;
	end->result = co_receive(end->context, end->channel, &end->value);
	atomic_store(&end->done, true);
}

static void send_one(void *arg)
{
	struct end *end = arg;

	end->result = co_send(end->context, end->channel, &end->value);
	atomic_store(&end->done, true);
}

static int try_receive(struct co_channel *channel)
{
	int value = -1;
	const int r = co_try_receive(channel, &value);

	return r == 0 ? value : r;
}

/* ---- TestChan ---------------------------------------------------------------------------------------------------- */

/* Receiving from an empty channel blocks, and a non-blocking receive does not. */
static void receive_from_empty(size_t capacity)
{
	struct co_test_group group = {0};
	struct end ends[2] = {0};
	struct co_channel *channel = co_channel_new(sizeof(int), capacity);
	const int value = 7;

	CHECK(channel != NULL);
	CHECK_EQUAL(try_receive(channel), CO_EWOULDBLOCK);
	for (int i = 0; i < 2; i++) {
		ends[i].channel = channel;
		co_test_go(&group, receive_one, &ends[i]);
	}
	CHECK_EVENTUALLY(co_test_parked() == 2);
	co_test_pause();
	CHECK(!atomic_load(&ends[0].done) && !atomic_load(&ends[1].done));

	CHECK_EQUAL(co_send(NULL, channel, &value), 0);
	CHECK_EQUAL(co_send(NULL, channel, &value), 0);
	co_test_wait(&group);
	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(ends[i].result, 0);
		CHECK_EQUAL(ends[i].value, 7);
	}
	co_channel_free(channel);
}

COROUTINE_TEST(receive_from_empty_blocks)
{
	for (size_t capacity = 0; capacity < CAPACITIES; capacity++)
		receive_from_empty(capacity);
}

/* Sending to a full channel blocks, a non-blocking send does not, and one receive lets one sender through. */
static void send_to_full(size_t capacity)
{
	struct co_test_group group = {0};
	struct co_channel *channel = co_channel_new(sizeof(int), capacity);
	struct end end = {.channel = channel, .value = (int)capacity};
	int value;

	CHECK(channel != NULL);
	CHECK_EQUAL(co_channel_capacity(channel), capacity);
	for (value = 0; value < (int)capacity; value++) {
		CHECK_EQUAL(co_channel_length(channel), value);
		CHECK_EQUAL(co_send(NULL, channel, &value), 0);
	}
	CHECK_EQUAL(co_try_send(channel, &value), CO_EWOULDBLOCK);
	co_test_go(&group, send_one, &end);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	CHECK(!atomic_load(&end.done));
	CHECK_EQUAL(co_try_send(channel, &value), CO_EWOULDBLOCK);
	CHECK_EQUAL(co_channel_length(channel), capacity);

	CHECK_EQUAL(co_receive(NULL, channel, &value), 0);
	CHECK_EQUAL(value, 0);
	co_test_wait(&group);
	CHECK_EQUAL(end.result, 0);
	CHECK_EQUAL(co_channel_length(channel), capacity);
	for (int expected = 1; expected <= (int)capacity; expected++) {
		CHECK_EQUAL(co_receive(NULL, channel, &value), 0);
		CHECK_EQUAL(value, expected);
	}
	CHECK_EQUAL(try_receive(channel), CO_EWOULDBLOCK);
	co_channel_free(channel);
}

COROUTINE_TEST(send_to_full_blocks)
{
	for (size_t capacity = 0; capacity < CAPACITIES; capacity++)
		send_to_full(capacity);
}

/* A closed channel gives what it holds, then zero values for ever, and takes nothing more. */
static void receive_from_closed(size_t capacity)
{
	struct co_channel *channel = co_channel_new(sizeof(int), capacity);
	int value;

	CHECK(channel != NULL);
	for (value = 1; value <= (int)capacity; value++)
		CHECK_EQUAL(co_send(NULL, channel, &value), 0);
	CHECK_EQUAL(co_channel_close(channel), 0);
	CHECK_EQUAL(co_channel_close(channel), CO_ECLOSECLOSED);
	CHECK_EQUAL(co_send(NULL, channel, &value), CO_ESENDCLOSED);
	CHECK_EQUAL(co_try_send(channel, &value), CO_ESENDCLOSED);
	CHECK_EQUAL(co_channel_length(channel), capacity);
	for (int expected = 1; expected <= (int)capacity; expected++) {
		CHECK_EQUAL(expected % 2 == 0 ? co_receive(NULL, channel, &value) : co_try_receive(channel, &value), 0);
		CHECK_EQUAL(value, expected);
	}
	for (int i = 0; i < 3; i++) {
		value = -1;
		CHECK_EQUAL(co_receive(NULL, channel, &value), CO_ECLOSED);
		CHECK_EQUAL(value, 0);
		value = -1;
		CHECK_EQUAL(co_try_receive(channel, &value), CO_ECLOSED);
		CHECK_EQUAL(value, 0);
	}
	co_channel_free(channel);
}

COROUTINE_TEST(closed_channel_drains_then_gives_zero)
{
	for (size_t capacity = 0; capacity < CAPACITIES; capacity++)
		receive_from_closed(capacity);
}

/* Close wakes all blocked receivers. */
COROUTINE_TEST(close_wakes_every_receiver)
{
	for (size_t capacity = 0; capacity < 3; capacity++) {
		struct co_test_group group = {0};
		struct end ends[5] = {0};
		struct co_channel *channel = co_channel_new(sizeof(int), capacity);

		CHECK(channel != NULL);
		for (int i = 0; i < 5; i++) {
			ends[i].channel = channel;
			co_test_go(&group, receive_one, &ends[i]);
		}
		CHECK_EVENTUALLY(co_test_parked() == 5);
		CHECK_EQUAL(co_channel_close(channel), 0);
		co_test_wait(&group);
		for (int i = 0; i < 5; i++) {
			CHECK_EQUAL(ends[i].result, CO_ECLOSED);
			CHECK_EQUAL(ends[i].value, 0);
		}
		co_channel_free(channel);
	}
}

/* panic: close fails the senders that are blocked; what is buffered stays to be received. */
COROUTINE_TEST(close_fails_every_blocked_sender)
{
	for (int capacity = 0; capacity < 3; capacity++) {
		struct co_test_group group = {0};
		struct end ends[5] = {0};
		struct co_channel *channel = co_channel_new(sizeof(int), (size_t)capacity);

		CHECK(channel != NULL);
		for (int value = 0; value < capacity; value++)
			CHECK_EQUAL(co_send(NULL, channel, &value), 0);
		for (int i = 0; i < 5; i++) {
			ends[i].channel = channel;
			ends[i].value = 100 + i;
			co_test_go(&group, send_one, &ends[i]);
		}
		CHECK_EVENTUALLY(co_test_parked() == 5);
		CHECK_EQUAL(co_channel_close(channel), 0);
		co_test_wait(&group);
		for (int i = 0; i < 5; i++)
			CHECK_EQUAL(ends[i].result, CO_ESENDCLOSED);
		for (int value = 0; value < capacity; value++)
			CHECK_EQUAL(try_receive(channel), value);
		CHECK_EQUAL(try_receive(channel), CO_ECLOSED);
		co_channel_free(channel);
	}
}

static void send_hundred(void *arg)
{
	struct co_channel *channel = arg;

	for (int value = 0; value < 100; value++)
		CHECK_EQUAL(co_send(NULL, channel, &value), 0);
}

/* A hundred values arrive as they were sent, by blocking and by non-blocking receives. */
COROUTINE_TEST(hundred_values_in_order)
{
	for (size_t capacity = 0; capacity < CAPACITIES; capacity++) {
		struct co_test_group group = {0};
		struct co_channel *channel = co_channel_new(sizeof(int), capacity);
		int value;
		int r;

		CHECK(channel != NULL);
		co_test_go(&group, send_hundred, channel);
		for (int expected = 0; expected < 100; expected++) {
			if (expected % 3 == 0) {
				CHECK_EVENTUALLY((r = co_try_receive(channel, &value)) != CO_EWOULDBLOCK);
			} else {
				r = co_receive(NULL, channel, &value);
			}
			CHECK_EQUAL(r, 0);
			CHECK_EQUAL(value, expected);
		}
		co_test_wait(&group);
		co_channel_free(channel);
	}
}

/* ---- rendezvous, order ------------------------------------------------------------------------------------------- */

/* An unbuffered send returns when a receiver has the value, and not before. */
COROUTINE_TEST(unbuffered_send_waits_for_receiver)
{
	struct co_test_group group = {0};
	struct co_channel *channel = co_channel_new(sizeof(int), 0);
	struct end sender = {.channel = channel, .value = 10};
	struct end receiver = {.channel = channel};

	CHECK(channel != NULL);
	co_test_go(&group, send_one, &sender);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	CHECK(!atomic_load(&sender.done));
	CHECK_EQUAL(co_channel_length(channel), 0);
	co_test_go(&group, receive_one, &receiver);
	co_test_wait(&group);
	CHECK_EQUAL(sender.result, 0);
	CHECK_EQUAL(receiver.value, 10);
	co_channel_free(channel);
}

/* A non-blocking send reaches a receiver that waits, a non-blocking receive a sender that waits. */
COROUTINE_TEST(try_meets_a_waiting_peer)
{
	struct co_test_group group = {0};
	struct co_channel *channel = co_channel_new(sizeof(int), 0);
	struct end receiver = {.channel = channel};
	struct end sender = {.channel = channel, .value = 4};
	const int value = 3;

	CHECK(channel != NULL);
	co_test_go(&group, receive_one, &receiver);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	CHECK_EQUAL(co_try_send(channel, &value), 0);
	CHECK_EQUAL(co_try_send(channel, &value), CO_EWOULDBLOCK);
	co_test_wait(&group);
	CHECK_EQUAL(receiver.value, 3);
	co_test_go(&group, send_one, &sender);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	CHECK_EQUAL(try_receive(channel), 4);
	CHECK_EQUAL(try_receive(channel), CO_EWOULDBLOCK);
	co_test_wait(&group);
	co_channel_free(channel);
}

#define QUEUE 8

/* fifo: blocked receivers are served in the order in which they came. */
COROUTINE_TEST(receivers_are_served_in_order)
{
	for (size_t capacity = 0; capacity < 3; capacity++) {
		struct co_test_group group = {0};
		struct end ends[QUEUE] = {0};
		struct co_channel *channel = co_channel_new(sizeof(int), capacity);

		CHECK(channel != NULL);
		for (size_t i = 0; i < QUEUE; i++) {
			ends[i].channel = channel;
			co_test_go(&group, receive_one, &ends[i]);
			CHECK_EVENTUALLY(co_test_parked() == i + 1);
		}
		for (int value = 0; value < QUEUE; value++)
			CHECK_EQUAL(co_send(NULL, channel, &value), 0);
		co_test_wait(&group);
		for (int i = 0; i < QUEUE; i++)
			CHECK_EQUAL(ends[i].value, i);
		co_channel_free(channel);
	}
}

/* fifo: blocked senders get through in the order in which they came, behind what is buffered. */
COROUTINE_TEST(senders_are_served_in_order)
{
	for (int capacity = 0; capacity < 3; capacity++) {
		struct co_test_group group = {0};
		struct end ends[QUEUE] = {0};
		struct co_channel *channel = co_channel_new(sizeof(int), (size_t)capacity);
		int value;

		CHECK(channel != NULL);
		for (value = 0; value < capacity; value++)
			CHECK_EQUAL(co_send(NULL, channel, &value), 0);
		for (size_t i = 0; i < QUEUE; i++) {
			ends[i].channel = channel;
			ends[i].value = capacity + (int)i;
			co_test_go(&group, send_one, &ends[i]);
			CHECK_EVENTUALLY(co_test_parked() == i + 1);
		}
		for (int expected = 0; expected < capacity + QUEUE; expected++) {
			CHECK_EQUAL(co_receive(NULL, channel, &value), 0);
			CHECK_EQUAL(value, expected);
		}
		co_test_wait(&group);
		co_channel_free(channel);
	}
}

/* ---- nil, sizes -------------------------------------------------------------------------------------------------- */

/* Sending to and receiving from nil block until the context ends; closing nil is an error. */
COROUTINE_TEST(nil_channel_blocks_for_ever)
{
	struct co_context *context;
	int value = 1;

	CHECK_EQUAL(co_channel_close(NULL), CO_EINVAL);
	CHECK_EQUAL(co_try_send(NULL, &value), CO_EWOULDBLOCK);
	CHECK_EQUAL(co_try_receive(NULL, &value), CO_EWOULDBLOCK);
	for (int i = 0; i < 2; i++) {
		const int64_t begin = co_now();

		CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &context), 0);
		CHECK_EQUAL(i == 0 ? co_send(context, NULL, &value) : co_receive(context, NULL, &value), CO_EDEADLINE);
		CHECK(co_now() - begin >= 2 * CO_MILLISECOND);
		co_context_unref(context);
	}
}

#define LARGEST 5000

static unsigned char pattern(size_t size, size_t at, int round)
{
	return (unsigned char)(size * 31 + at * 7 + (size_t)round * 13 + 1);
}

/* Sends ROUND's element without blocking where there is room, and gets it back whole, its neighbours untouched. */
static void pass_element(struct co_channel *channel, size_t size, int round)
{
	static unsigned char out[LARGEST + 2];
	static unsigned char in[LARGEST + 2];

	memset(in, 0xEE, sizeof(in));
	for (size_t i = 0; i < size; i++)
		out[i] = pattern(size, i, round);
	CHECK_EQUAL(co_try_send(channel, out), 0);
	memset(out, 0, sizeof(out));
	CHECK_EQUAL(co_receive(NULL, channel, in + 1), 0);
	CHECK(in[0] == 0xEE && in[size + 1] == 0xEE);
	for (size_t i = 0; i < size; i++)
		CHECK_EQUAL(in[i + 1], pattern(size, i, round));
}

/* nonblock, zerosize: elements of all sizes, nothing among them, pass through whole. */
SINGLE_P_TEST(elements_of_all_sizes)
{
	static const size_t sizes[] = {0, 1, 2, 3, 4, 7, 8, 16, 24, 63, 200, 1000, LARGEST};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct co_channel *channel = co_channel_new(sizes[i], 3);

		CHECK(channel != NULL);
		for (int round = 0; round < 8; round++)
			pass_element(channel, sizes[i], round);
		co_channel_free(channel);
	}
}

/* select7: a receive may drop the element. */
COROUTINE_TEST(receive_drops_the_element)
{
	struct co_test_group group = {0};
	struct co_channel *channel = co_channel_new(sizeof(int), 1);
	struct end end = {.channel = channel, .value = 2};
	const int value = 1;

	CHECK(channel != NULL);
	CHECK_EQUAL(co_send(NULL, channel, &value), 0);
	co_test_go(&group, send_one, &end);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	CHECK_EQUAL(co_receive(NULL, channel, NULL), 0);
	CHECK_EQUAL(co_try_receive(channel, NULL), 0);
	CHECK_EQUAL(co_channel_close(channel), 0);
	CHECK_EQUAL(co_receive(NULL, channel, NULL), CO_ECLOSED);
	CHECK_EQUAL(co_try_receive(channel, NULL), CO_ECLOSED);
	co_test_wait(&group);
	co_channel_free(channel);
}

/* A zero-sized element still counts, blocks and meets. */
COROUTINE_TEST(zero_sized_elements_synchronize)
{
	struct co_test_group group = {0};
	struct co_channel *channel = co_channel_new(0, 2);
	struct end end = {.channel = channel};
	const char nothing = 0;

	CHECK(channel != NULL);
	CHECK_EQUAL(co_send(NULL, channel, &nothing), 0);
	CHECK_EQUAL(co_send(NULL, channel, &nothing), 0);
	CHECK_EQUAL(co_try_send(channel, &nothing), CO_EWOULDBLOCK);
	CHECK_EQUAL(co_channel_length(channel), 2);
	co_test_go(&group, send_one, &end);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	for (int i = 0; i < 3; i++)
		CHECK_EQUAL(co_receive(NULL, channel, NULL), 0);
	CHECK_EQUAL(co_try_receive(channel, NULL), CO_EWOULDBLOCK);
	co_test_wait(&group);
	co_channel_free(channel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receive_from_empty_blocks),
		cmocka_unit_test(send_to_full_blocks),
		cmocka_unit_test(closed_channel_drains_then_gives_zero),
		cmocka_unit_test(close_wakes_every_receiver),
		cmocka_unit_test(close_fails_every_blocked_sender),
		cmocka_unit_test(hundred_values_in_order),
		cmocka_unit_test(unbuffered_send_waits_for_receiver),
		cmocka_unit_test(try_meets_a_waiting_peer),
		cmocka_unit_test(receivers_are_served_in_order),
		cmocka_unit_test(senders_are_served_in_order),
		cmocka_unit_test(nil_channel_blocks_for_ever),
		cmocka_unit_test(elements_of_all_sizes),
		cmocka_unit_test(receive_drops_the_element),
		cmocka_unit_test(zero_sized_elements_synchronize),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
