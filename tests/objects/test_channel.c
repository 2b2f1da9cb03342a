/* SPDX-License-Identifier: MIT
 *
 * test_channel.c - sending and receiving: order, rendezvous, what ends a wait, closing, deleting, memory.
 */
#include "tests/objects/actors.h"

#define MS CO_MILLISECOND
#define CROWD 600

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

static struct object_description describe(void)
{
	struct object_description description;

	channel_type.describe(channel_object(channel), &description);
	return description;
}

/* Nobody waits any more, and with the channel all its messages go. */
static void tear_down(void)
{
	CHECK_EQUAL(describe().waiters, 0);
	CHECK(trace_is(""));
	channel_delete(channel);
	object_unref(channel_object(channel));
	CHECK_EQUAL(message_bytes_in_use(), 0);
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count + d.owner.hold_count, 0);
}

/* Receives EXPECTED at once and acknowledges it. */
static void take(struct actor *actor, const char *expected)
{
	CHECK_EQUAL(try_receive(actor, channel, false), OBJECT_OK);
	if (strcmp(actor->got, expected) != 0)
		co_test_fail(__FILE__, __LINE__, "got %s, not %s", actor->got, expected);
	CHECK_EQUAL(channel_acknowledge(channel, actor->delivery.token), OBJECT_OK);
}

static void acknowledge(struct actor *actor)
{
	CHECK_EQUAL(channel_acknowledge(channel, actor->delivery.token), OBJECT_OK);
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_buffered_channel_holds_its_capacity_and_keeps_the_order)
{
	set_up(2);
	CHECK_EQUAL(try_receive(&a, channel, false), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(try_send(&a, channel, "1"), OBJECT_OK);
	CHECK_EQUAL(try_send(&a, channel, "2"), OBJECT_OK);
	CHECK_EQUAL(try_send(&a, channel, "3"), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(channel_length(channel), 2);
	CHECK_EQUAL(channel_options(channel)->capacity, 2);
	take(&b, "1");
	take(&b, "2");
	CHECK_EQUAL(channel_length(channel), 0);
	tear_down();
}

COROUTINE_TEST(an_unbuffered_send_returns_when_a_receiver_has_the_message)
{
	set_up(0);
	CHECK_EQUAL(try_send(&a, channel, "x"), OBJECT_EWOULDBLOCK);
	start_send(&a, channel, "x");
	CHECK_EQUAL(channel_length(channel), 0);
	CHECK_TRACE("");
	CHECK_EQUAL(try_receive(&b, channel, false), OBJECT_OK);
	CHECK_TRACE("A sent\n");
	acknowledge(&b);

	start_receive(&b, channel, false);
	CHECK_EQUAL(try_send(&a, channel, "y"), OBJECT_OK);
	CHECK_TRACE("B y\n");
	acknowledge(&b);
	tear_down();
}

COROUTINE_TEST(receivers_are_served_in_order)
{
	set_up(1);
	start_receive(&a, channel, false);
	start_receive(&b, channel, false);
	start_receive(&c, channel, false);
	CHECK_EQUAL(try_send(&d, channel, "1"), OBJECT_OK);
	CHECK_TRACE("A 1\n");
	CHECK_EQUAL(try_send(&d, channel, "2"), OBJECT_OK);
	CHECK_TRACE("B 2\n");
	CHECK_EQUAL(try_send(&d, channel, "3"), OBJECT_OK);
	CHECK_TRACE("C 3\n");
	acknowledge(&a);
	acknowledge(&b);
	acknowledge(&c);
	tear_down();
}

COROUTINE_TEST(senders_are_served_in_order)
{
	for (uint64_t capacity = 0; capacity < 2; capacity++) {
		set_up(capacity);
		if (capacity == 1)
			CHECK_EQUAL(try_send(&d, channel, "0"), OBJECT_OK);
		start_send(&a, channel, "1");
		start_send(&b, channel, "2");
		start_send(&c, channel, "3");
		if (capacity == 1)
			take(&d, "0");
		else
			take(&d, "1");
		CHECK_TRACE("A sent\n");
		take(&d, capacity == 1 ? "1" : "2");
		CHECK_TRACE("B sent\n");
		take(&d, capacity == 1 ? "2" : "3");
		CHECK_TRACE("C sent\n");
		if (capacity == 1)
			take(&d, "3");
		tear_down();
	}
}

/* ---- what ends a wait -------------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_send_that_is_given_up_leaves_nothing)
{
	struct co_context *context;

	set_up(0);
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	a.deadline_ns = co_now() + 5 * MS;
	start_send(&a, channel, "1");
	CHECK_TRACE("A deadline\n");
	CHECK(co_now() >= a.deadline_ns);
	b.context = context;
	start_send(&b, channel, "2");
	start_send(&c, channel, "3");
	start_send(&d, channel, "4");
	co_cancel(context, NULL);
	entry_stop(&c.entry, OBJECT_ESHUTDOWN);
	actor_init(&a, "A");
	start_receive(&a, channel, false);
	CHECK_EVENTUALLY(atomic_load(&b.done) && atomic_load(&c.done) && atomic_load(&d.done));
	CHECK_EQUAL(b.result, OBJECT_ECANCELED);
	CHECK_EQUAL(c.result, OBJECT_ESHUTDOWN);
	CHECK_EQUAL(d.result, OBJECT_OK);
	CHECK_EVENTUALLY(atomic_load(&a.done));
	CHECK_EQUAL(strcmp(a.got, "4"), 0);
	forget_trace();
	acknowledge(&a);
	co_context_unref(context);
	tear_down();
}

COROUTINE_TEST(a_receive_that_is_given_up_takes_no_message)
{
	set_up(1);
	a.deadline_ns = co_now() + 5 * MS;
	start_receive(&a, channel, false);
	CHECK_TRACE("A deadline\n");
	start_receive(&b, channel, false);
	start_receive(&c, channel, false);
	entry_stop(&b.entry, OBJECT_ECANCELED); /* still in the queue, perhaps, when the message comes */
	CHECK_EQUAL(try_send(&d, channel, "x"), OBJECT_OK);
	CHECK_EVENTUALLY(atomic_load(&b.done) && atomic_load(&c.done));
	CHECK_EQUAL(b.result, OBJECT_ECANCELED);
	CHECK_EQUAL(c.result, OBJECT_OK);
	forget_trace();
	acknowledge(&c);
	tear_down();
}

SINGLE_P_TEST(a_stop_behind_the_handover_is_too_late)
{
	set_up(0);
	start_receive(&a, channel, false);
	CHECK_EQUAL(try_send(&b, channel, "x"), OBJECT_OK);
	entry_stop(&a.entry, OBJECT_ECANCELED);
	CHECK_TRACE("A x\n");
	acknowledge(&a);

	start_send(&a, channel, "y");
	CHECK_EQUAL(try_receive(&b, channel, false), OBJECT_OK);
	entry_stop(&a.entry, OBJECT_ECANCELED);
	CHECK_TRACE("A sent\n");
	acknowledge(&b);
	tear_down();
}

COROUTINE_TEST(a_call_with_a_dead_context_or_deadline_does_not_begin)
{
	struct co_context *context;

	set_up(1);
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	co_cancel(context, NULL);
	a.context = context;
	CHECK_EQUAL(try_send(&a, channel, "x"), OBJECT_ECANCELED);
	CHECK_EQUAL(channel_length(channel), 0);
	CHECK_EQUAL(try_send(&b, channel, "x"), OBJECT_OK);
	CHECK_EQUAL(try_receive(&a, channel, false), OBJECT_ECANCELED);
	c.deadline_ns = c.since_ns = co_now();
	CHECK_EQUAL(try_receive(&c, channel, false), OBJECT_EDEADLINE);
	take(&b, "x");
	co_context_unref(context);
	tear_down();
}

COROUTINE_TEST(an_ended_session_receives_nothing)
{
	set_up(1);
	owner_end(&a.owner);
	CHECK_EQUAL(try_send(&d, channel, "1"), OBJECT_OK);
	CHECK_EQUAL(try_receive(&a, channel, false), OBJECT_EENDED);
	CHECK_EQUAL(channel_length(channel), 1);
	take(&b, "1");

	/* Nor from a sender, who goes on waiting, */
	object_unref(channel_object(channel));
	CHECK_EQUAL(channel_new("ch", &(struct channel_options){.capacity = 0}, &channel), OBJECT_OK);
	start_send(&d, channel, "2");
	CHECK_EQUAL(try_receive(&a, channel, false), OBJECT_EENDED);
	CHECK(!atomic_load(&d.done));
	take(&b, "2");
	CHECK_TRACE("D sent\n");

	/* nor as one that waits: the next has it. */
	start_receive(&b, channel, false);
	start_receive(&c, channel, false);
	owner_end(&b.owner);
	CHECK_EQUAL(try_send(&d, channel, "3"), OBJECT_OK);
	CHECK_TRACE_LINES("B ended\nC 3\n");
	acknowledge(&c);
	tear_down();
}

/* ---- closing and deleting ---------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_closed_channel_is_drained_then_closed)
{
	set_up(2);
	CHECK_EQUAL(try_send(&a, channel, "1"), OBJECT_OK);
	CHECK_EQUAL(try_send(&a, channel, "2"), OBJECT_OK);
	start_send(&b, channel, "3");
	CHECK_EQUAL(channel_close(channel), OBJECT_OK);
	CHECK_TRACE("B send on closed\n");
	CHECK_EQUAL(try_send(&a, channel, "4"), OBJECT_ESENDCLOSED);
	CHECK_EQUAL(channel_close(channel), OBJECT_ECLOSECLOSED);
	CHECK(describe().closed);

	take(&c, "1");
	take(&c, "2");
	CHECK_EQUAL(try_receive(&c, channel, false), OBJECT_ECLOSED);
	start_receive(&c, channel, false);
	CHECK_TRACE("C closed\n");
	tear_down();
}

static struct actor crowd[CROWD];

static bool all_ended_with(int result)
{
	for (size_t i = 0; i < CROWD; i++)
		if (!atomic_load(&crowd[i].done) || crowd[i].result != result)
			return false;
	return true;
}

static void gather_crowd(const char *value)
{
	for (size_t i = 0; i < CROWD; i++) {
		actor_init(&crowd[i], "crowd");
		if (value != NULL)
			start_send(&crowd[i], channel, value);
		else
			start_receive(&crowd[i], channel, false);
	}
}

COROUTINE_TEST(close_and_delete_reach_every_waiter)
{
	for (int deleted = 0; deleted < 2; deleted++) {
		set_up(0);
		gather_crowd("x");
		if (deleted == 1)
			channel_delete(channel);
		else
			CHECK_EQUAL(channel_close(channel), OBJECT_OK);
		CHECK_EVENTUALLY(all_ended_with(deleted == 1 ? OBJECT_EDELETED : OBJECT_ESENDCLOSED));
		forget_trace();
		tear_down();

		set_up(0);
		gather_crowd(NULL);
		if (deleted == 1)
			channel_delete(channel);
		else
			CHECK_EQUAL(channel_close(channel), OBJECT_OK);
		CHECK_EVENTUALLY(all_ended_with(deleted == 1 ? OBJECT_EDELETED : OBJECT_ECLOSED));
		forget_trace();
		tear_down();
	}
}

COROUTINE_TEST(a_deleted_channel_takes_and_gives_nothing)
{
	uint64_t token;

	set_up(1000);
	for (int i = 0; i < CROWD; i++)
		CHECK_EQUAL(try_send(&a, channel, "x"), OBJECT_OK);
	for (int i = 0; i < CROWD / 2; i++)
		CHECK_EQUAL(try_receive(&b, channel, i % 2 == 0), OBJECT_OK);
	token = b.delivery.token;
	channel_delete(channel);
	CHECK_EQUAL(message_bytes_in_use(), 0);
	CHECK_EQUAL(b.owner.hold_count, 0);
	CHECK_EQUAL(try_send(&a, channel, "x"), OBJECT_EDELETED);
	CHECK_EQUAL(try_receive(&a, channel, false), OBJECT_EDELETED);
	CHECK_EQUAL(channel_close(channel), OBJECT_EDELETED);
	CHECK_EQUAL(channel_acknowledge(channel, token), OBJECT_ESTALE);
	CHECK_EQUAL(channel_return(channel, token, 0), OBJECT_ESTALE);
	channel_delete(channel);
	tear_down();
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

COROUTINE_TEST(without_memory_a_call_has_no_effect)
{
	struct channel *other;
	long number = 0;
	bool failed;

	set_up(1);
	do {
		int r;

		fail_allocation(number++, false);
		r = channel_new("other", &(struct channel_options){.capacity = 0}, &other);
		failed = failed_allocation();
		CHECK_EQUAL(r, failed ? OBJECT_ENOMEM : OBJECT_OK);
	} while (failed);
	CHECK(number > 3);
	object_unref(channel_object(other));

	number = 0;
	do {
		int r;

		fail_allocation(number++, false);
		r = try_send(&a, channel, "x");
		failed = failed_allocation();
		CHECK_EQUAL(r, failed ? OBJECT_ENOMEM : OBJECT_OK);
		CHECK_EQUAL(channel_length(channel), !failed);
	} while (failed);
	CHECK(number > 2);
	take(&b, "x");
	CHECK_EQUAL(message_bytes_in_use(), 0);
	tear_down();
}

COROUTINE_TEST(without_memory_what_was_sent_is_still_delivered)
{
	static uint64_t tokens[1000];

	set_up(1000);
	for (size_t i = 0; i < 1000; i++)
		CHECK_EQUAL(try_send(&a, channel, "x"), OBJECT_OK);
	fail_allocation(0, true);
	for (size_t i = 0; i < 1000; i++) {
		CHECK_EQUAL(try_receive(&b, channel, false), OBJECT_OK);
		tokens[i] = b.delivery.token;
	}
	memory_set_fault(NULL);
	for (size_t i = 0; i < 1000; i++)
		CHECK_EQUAL(channel_acknowledge(channel, tokens[i * 7 % 1000]), OBJECT_OK);
	tear_down();
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static bool note_party(const struct object_party *party, void *arg)
{
	(void)arg;
	trace_line(container_of(party->owner, struct actor, owner)->name, party->role);
	return party->task == 0;
}

COROUTINE_TEST(who_waits_and_who_has_what_is_shown_in_order)
{
	set_up(1);
	CHECK_EQUAL(try_send(&a, channel, "1"), OBJECT_OK);
	CHECK_EQUAL(try_receive(&d, channel, true), OBJECT_OK);
	CHECK_EQUAL(try_send(&a, channel, "2"), OBJECT_OK);
	start_send(&c, channel, "3");
	start_send(&b, channel, "4");
	channel_type.visit_parties(channel_object(channel), note_party, NULL);
	CHECK_TRACE("C sender\nB sender\nD delivery\n");
	CHECK_EQUAL(describe().length, 1);
	CHECK_EQUAL(describe().deliveries, 1);
	CHECK_EQUAL(describe().waiters, 2);
	CHECK_EQUAL(channel_close(channel), OBJECT_OK);
	CHECK_TRACE_LINES("C send on closed\nB send on closed\n");
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffered_channel_holds_its_capacity_and_keeps_the_order),
		cmocka_unit_test(an_unbuffered_send_returns_when_a_receiver_has_the_message),
		cmocka_unit_test(receivers_are_served_in_order),
		cmocka_unit_test(senders_are_served_in_order),
		cmocka_unit_test(a_send_that_is_given_up_leaves_nothing),
		cmocka_unit_test(a_receive_that_is_given_up_takes_no_message),
		cmocka_unit_test(a_stop_behind_the_handover_is_too_late),
		cmocka_unit_test(a_call_with_a_dead_context_or_deadline_does_not_begin),
		cmocka_unit_test(an_ended_session_receives_nothing),
		cmocka_unit_test(a_closed_channel_is_drained_then_closed),
		cmocka_unit_test(close_and_delete_reach_every_waiter),
		cmocka_unit_test(a_deleted_channel_takes_and_gives_nothing),
		cmocka_unit_test(without_memory_a_call_has_no_effect),
		cmocka_unit_test(without_memory_what_was_sent_is_still_delivered),
		cmocka_unit_test(who_waits_and_who_has_what_is_shown_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
