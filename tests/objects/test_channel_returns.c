/* SPDX-License-Identifier: MIT
 *
 * test_channel_returns.c - messages that come back: their place, stale tokens, dead receivers, closed channels.
 */
#include "tests/objects/actors.h"

#define MANY 3000

static struct channel *channel;
static struct actor a, b, c, d;

static void set_up(uint64_t capacity)
{
	actor_init(&a, "A");
	actor_init(&b, "B");
	actor_init(&c, "C");
	actor_init(&d, "D");
	CHECK_EQUAL(channel_new("ch", &(struct channel_options){.capacity = capacity}, &channel), OBJECT_OK);
}

static void tear_down(void)
{
	CHECK(trace_is(""));
	channel_delete(channel);
	object_unref(channel_object(channel));
	CHECK_EQUAL(message_bytes_in_use(), 0);
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count + d.owner.hold_count, 0);
}

/* Receives EXPECTED at once, as an attempt of this number. Returns the token. */
static uint64_t receive(struct actor *actor, const char *expected, unsigned attempt)
{
	const int r = try_receive(actor, channel, true);

	if (r != OBJECT_OK || strcmp(actor->got, expected) != 0 || actor->delivery.attempt != attempt)
		co_test_fail(__FILE__, __LINE__, "%s \"%s\" attempt %u, not \"%s\" attempt %u", error_name(r),
			actor->got, actor->delivery.attempt, expected, attempt);
	return actor->delivery.token;
}

static void send_numbers(int first, int last)
{
	static const char *const texts[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

	for (int i = first; i <= last; i++)
		CHECK_EQUAL(try_send(&a, channel, texts[i]), OBJECT_OK);
}

COROUTINE_TEST(what_comes_back_takes_the_place_of_its_number)
{
	uint64_t tokens[6];

	set_up(9);
	send_numbers(1, 5);
	tokens[1] = receive(&b, "1", 0);
	tokens[2] = receive(&b, "2", 0);
	tokens[3] = receive(&c, "3", 0);
	CHECK_EQUAL(channel_return(channel, tokens[2], 0), OBJECT_OK);
	CHECK_EQUAL(channel_return(channel, tokens[3], 0), OBJECT_OK);
	CHECK_EQUAL(channel_return(channel, tokens[1], 0), OBJECT_OK);
	tokens[1] = receive(&d, "1", 1);
	tokens[2] = receive(&d, "2", 1);
	CHECK_EQUAL(channel_return(channel, tokens[1], 0), OBJECT_OK);
	tokens[1] = receive(&d, "1", 2);
	(void)receive(&d, "3", 1);
	(void)receive(&d, "4", 0);
	(void)receive(&d, "5", 0);
	CHECK_EQUAL(channel_return(channel, tokens[2], 0), OBJECT_OK);
	(void)receive(&d, "2", 2);
	tear_down();
}

COROUTINE_TEST(what_comes_back_may_exceed_the_capacity_and_sends_wait)
{
	uint64_t first;
	uint64_t second;

	set_up(1);
	send_numbers(1, 1);
	first = receive(&b, "1", 0);
	send_numbers(2, 2);
	second = receive(&b, "2", 0);
	send_numbers(3, 3);
	CHECK_EQUAL(channel_return(channel, first, 0), OBJECT_OK);
	CHECK_EQUAL(channel_return(channel, second, 0), OBJECT_OK);
	CHECK_EQUAL(channel_length(channel), 3);
	start_send(&a, channel, "4");
	(void)receive(&b, "1", 1);
	(void)receive(&b, "2", 1);
	CHECK_TRACE("");
	CHECK_EQUAL(channel_length(channel), 1);
	(void)receive(&b, "3", 0);
	CHECK_TRACE("A sent\n");
	(void)receive(&b, "4", 0);
	tear_down();
}

COROUTINE_TEST(an_unbuffered_channel_serves_what_came_back_before_it_meets_senders)
{
	uint64_t token;

	set_up(0);
	start_send(&a, channel, "1");
	token = receive(&b, "1", 0);
	CHECK_TRACE("A sent\n");
	start_send(&a, channel, "2");
	CHECK_EQUAL(channel_return(channel, token, 0), OBJECT_OK);
	CHECK_EQUAL(channel_length(channel), 1);
	(void)receive(&c, "1", 1);
	CHECK_TRACE("");
	(void)receive(&c, "2", 0);
	CHECK_TRACE("A sent\n");
	tear_down();
}

COROUTINE_TEST(what_comes_back_goes_to_a_receiver_that_waits)
{
	uint64_t token;

	set_up(1);
	send_numbers(1, 1);
	token = receive(&b, "1", 0);
	start_receive(&c, channel, false);
	start_receive(&d, channel, false);
	CHECK_EQUAL(channel_return(channel, token, 0), OBJECT_OK);
	CHECK_TRACE("C 1\n");
	CHECK_EQUAL(c.delivery.attempt, 1);
	CHECK_EQUAL(channel_return(channel, c.delivery.token, 0), OBJECT_OK);
	CHECK_TRACE("D 1\n");
	CHECK_EQUAL(d.delivery.attempt, 2);
	tear_down();
}

COROUTINE_TEST(a_stale_token_changes_nothing)
{
	struct channel *other;
	uint64_t first;
	uint64_t second;

	set_up(2);
	send_numbers(1, 2);
	first = receive(&b, "1", 0);
	CHECK_EQUAL(channel_acknowledge(channel, 0), OBJECT_ESTALE);
	CHECK_EQUAL(channel_acknowledge(channel, first + 1), OBJECT_ESTALE);
	CHECK_EQUAL(channel_new("other", &(struct channel_options){.capacity = 0}, &other), OBJECT_OK);
	CHECK_EQUAL(channel_acknowledge(other, first), OBJECT_ESTALE);
	object_unref(channel_object(other));

	CHECK_EQUAL(channel_return(channel, first, 0), OBJECT_OK);
	second = receive(&c, "1", 1);
	CHECK_EQUAL(channel_acknowledge(channel, first), OBJECT_ESTALE);
	CHECK_EQUAL(channel_return(channel, first, 0), OBJECT_ESTALE);
	CHECK_EQUAL(c.owner.hold_count, 1);
	CHECK_EQUAL(channel_acknowledge(channel, second), OBJECT_OK);
	CHECK_EQUAL(channel_acknowledge(channel, second), OBJECT_ESTALE);
	CHECK_EQUAL(channel_return(channel, second, 0), OBJECT_ESTALE);
	CHECK_EQUAL(channel_length(channel), 1);
	tear_down();
}

/* ---- dead receivers ---------------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_dead_receivers_messages_come_back_in_order)
{
	unsigned steps = 1;

	set_up(MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		struct message *message = message_new(&i, sizeof(i));

		CHECK_EQUAL(channel_send(channel, actor_call(&a), message, true), OBJECT_OK);
		message_unref(message);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		struct actor *receiver = i % 3 == 0 ? &c : &b;

		CHECK_EQUAL(channel_receive(channel, actor_call(receiver), true, i % 2 == 0, &receiver->delivery),
			OBJECT_OK);
		message_unref(receiver->delivery.message);
	}
	owner_end(&b.owner);
	while (owner_release_some(&b.owner, 0))
		steps++;
	CHECK_EQUAL(steps, (2 * MANY / 3 + 255) / 256);
	CHECK_EQUAL(channel_length(channel), 2 * MANY / 3);
	actor_end(&c, 0);
	CHECK_EQUAL(channel_length(channel), MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t number;

		CHECK_EQUAL(channel_receive(channel, actor_call(&d), true, false, &d.delivery), OBJECT_OK);
		memcpy(&number, d.delivery.message->bytes, sizeof(number));
		message_unref(d.delivery.message);
		CHECK_EQUAL(number, i);
		CHECK_EQUAL(d.delivery.attempt, 1);
	}
	tear_down();
}

COROUTINE_TEST(deleting_leaves_a_dead_receiver_nothing_to_give_back)
{
	set_up(9);
	send_numbers(1, 9);
	for (int i = 0; i < 9; i++)
		CHECK_EQUAL(try_receive(&b, channel, true), OBJECT_OK);
	owner_end(&b.owner);
	channel_delete(channel);
	CHECK_EQUAL(b.owner.hold_count, 0);
	CHECK(!owner_release_some(&b.owner, 0));
	tear_down();
}

/* ---- closed channels --------------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_closed_channel_waits_for_what_is_acknowledged_by_hand)
{
	uint64_t first;
	uint64_t second;

	set_up(2);
	send_numbers(1, 2);
	first = receive(&b, "1", 0);
	second = receive(&b, "2", 0);
	CHECK_EQUAL(channel_close(channel), OBJECT_OK);
	CHECK_EQUAL(try_receive(&c, channel, false), OBJECT_EWOULDBLOCK);
	start_receive(&c, channel, false);
	start_receive(&d, channel, false);
	CHECK_EQUAL(channel_acknowledge(channel, first), OBJECT_OK);
	CHECK_TRACE("");

	/* What comes back is delivered; as nothing acknowledged by hand is out then, all others are told. */
	CHECK_EQUAL(channel_return(channel, second, 0), OBJECT_OK);
	CHECK_TRACE_LINES("C 2\nD closed\n");

	/* A plain delivery holds up nobody, but comes back even so. */
	CHECK_EQUAL(try_receive(&d, channel, false), OBJECT_ECLOSED);
	CHECK_EQUAL(channel_return(channel, c.delivery.token, 0), OBJECT_OK);
	second = receive(&d, "2", 2);
	start_receive(&c, channel, false);
	CHECK_EQUAL(channel_acknowledge(channel, second), OBJECT_OK);
	CHECK_TRACE("C closed\n");
	tear_down();
}

COROUTINE_TEST(a_dead_worker_on_a_closed_channel_leaves_its_work_to_the_next)
{
	set_up(2);
	send_numbers(1, 2);
	(void)receive(&b, "1", 0);
	(void)receive(&b, "2", 0);
	CHECK_EQUAL(channel_close(channel), OBJECT_OK);
	start_receive(&c, channel, true);
	start_receive(&d, channel, true);
	actor_end(&b, 0);
	CHECK_TRACE_LINES("C 1\nD 2\n");
	start_receive(&b, channel, true);
	CHECK_TRACE("");
	CHECK_EQUAL(channel_acknowledge(channel, c.delivery.token), OBJECT_OK);
	CHECK_EQUAL(channel_acknowledge(channel, d.delivery.token), OBJECT_OK);
	CHECK_TRACE("B closed\n");
	tear_down();
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

COROUTINE_TEST(many_deliveries_are_found_by_their_tokens)
{
	static uint64_t tokens[MANY];

	set_up(MANY);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < MANY; i++)
			CHECK_EQUAL(try_send(&a, channel, "x"), OBJECT_OK);
		for (size_t i = 0; i < MANY; i++) {
			CHECK_EQUAL(try_receive(&b, channel, false), OBJECT_OK);
			tokens[i] = b.delivery.token;
			if (i % 5 == 4)
				CHECK_EQUAL(channel_acknowledge(channel, tokens[i / 2]), OBJECT_OK);
			if (i % 5 == 4)
				tokens[i / 2] = 0;
		}
		for (size_t i = 0; i < MANY; i++) {
			const size_t at = i * 7919 % MANY;

			CHECK_EQUAL(
				channel_acknowledge(channel, tokens[at]), tokens[at] != 0 ? OBJECT_OK : OBJECT_ESTALE);
		}
		CHECK_EQUAL(b.owner.hold_count, 0);
	}
	tear_down();
}

COROUTINE_TEST(many_that_come_back_in_any_order_leave_in_order)
{
	static uint64_t tokens[MANY];
	struct test_random random = test_random_stream(1);

	set_up(MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		struct message *message = message_new(&i, sizeof(i));

		CHECK_EQUAL(channel_send(channel, actor_call(&a), message, true), OBJECT_OK);
		message_unref(message);
	}
	for (size_t i = 0; i < MANY; i++) {
		CHECK_EQUAL(channel_receive(channel, actor_call(&b), true, false, &b.delivery), OBJECT_OK);
		message_unref(b.delivery.message);
		tokens[i] = b.delivery.token;
	}
	for (size_t left = MANY; left > 0; left--) {
		const size_t at = test_random_below(&random, left);

		CHECK_EQUAL(channel_return(channel, tokens[at], 0), OBJECT_OK);
		tokens[at] = tokens[left - 1];
	}
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t number;

		CHECK_EQUAL(channel_receive(channel, actor_call(&b), true, false, &b.delivery), OBJECT_OK);
		memcpy(&number, b.delivery.message->bytes, sizeof(number));
		message_unref(b.delivery.message);
		CHECK_EQUAL(number, i);
	}
	tear_down();
}

COROUTINE_TEST(what_is_given_back_with_a_delay_comes_back_later_at_its_place)
{
	int64_t due_ns;
	uint64_t token;

	set_up(9);
	send_numbers(1, 3);
	token = receive(&b, "1", 0);
	due_ns = co_now() + 20 * CO_MILLISECOND;
	CHECK_EQUAL(channel_return_later(channel, token, co_now(), due_ns), OBJECT_OK);
	CHECK_EQUAL(channel_acknowledge(channel, token), OBJECT_ESTALE);
	CHECK_EQUAL(channel_length(channel), 2);
	CHECK_EQUAL(channel_acknowledge(channel, receive(&b, "2", 0)), OBJECT_OK);
	CHECK_EVENTUALLY(channel_length(channel) == 2);
	CHECK(co_now() >= due_ns);
	CHECK_EQUAL(channel_acknowledge(channel, receive(&b, "1", 1)), OBJECT_OK);
	CHECK_EQUAL(channel_acknowledge(channel, receive(&b, "3", 0)), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_closed_channel_waits_for_what_comes_back_later)
{
	uint64_t token;

	set_up(9);
	send_numbers(1, 1);
	token = receive(&b, "1", 0);
	CHECK_EQUAL(channel_close(channel), OBJECT_OK);
	CHECK_EQUAL(channel_return_later(channel, token, co_now(), co_now() + 10 * CO_MILLISECOND), OBJECT_OK);
	actor_end(&b, 0); /* it is nobody's */
	start_receive(&c, channel, true);
	start_receive(&d, channel, true);
	CHECK_TRACE("C 1\n");
	CHECK_EQUAL(c.delivery.attempt, 1);
	CHECK_EQUAL(channel_acknowledge(channel, c.delivery.token), OBJECT_OK);
	CHECK_TRACE("D closed\n");
	tear_down();
}

/* Some fire at the moment of the end. */
COROUTINE_TEST(deleting_and_stopping_leave_no_message_that_is_to_come_back)
{
	for (int round = 0; round < 50; round++) {
		set_up(9);
		send_numbers(1, 9);
		for (int i = 0; i < 9; i++) {
			const int64_t now_ns = co_now();

			CHECK_EQUAL(try_receive(&b, channel, true), OBJECT_OK);
			CHECK_EQUAL(channel_return_later(channel, b.delivery.token, now_ns, now_ns + 20000 * i + 1),
				OBJECT_OK);
		}
		if (round % 2 == 0) {
			channel_type.stop(channel_object(channel));
			CHECK_EVENTUALLY(channel_length(channel) == 9);
		}
		channel_delete(channel);
		CHECK_EVENTUALLY(message_bytes_in_use() == 0);
		CHECK_EVENTUALLY(atomic_load(&channel_object(channel)->references) == 1);
		tear_down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_back_with_a_delay_comes_back_later_at_its_place),
		cmocka_unit_test(a_closed_channel_waits_for_what_comes_back_later),
		cmocka_unit_test(deleting_and_stopping_leave_no_message_that_is_to_come_back),
		cmocka_unit_test(what_comes_back_takes_the_place_of_its_number),
		cmocka_unit_test(what_comes_back_may_exceed_the_capacity_and_sends_wait),
		cmocka_unit_test(an_unbuffered_channel_serves_what_came_back_before_it_meets_senders),
		cmocka_unit_test(what_comes_back_goes_to_a_receiver_that_waits),
		cmocka_unit_test(a_stale_token_changes_nothing),
		cmocka_unit_test(a_dead_receivers_messages_come_back_in_order),
		cmocka_unit_test(deleting_leaves_a_dead_receiver_nothing_to_give_back),
		cmocka_unit_test(a_closed_channel_waits_for_what_is_acknowledged_by_hand),
		cmocka_unit_test(a_dead_worker_on_a_closed_channel_leaves_its_work_to_the_next),
		cmocka_unit_test(many_deliveries_are_found_by_their_tokens),
		cmocka_unit_test(many_that_come_back_in_any_order_leave_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
