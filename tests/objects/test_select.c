/* SPDX-License-Identifier: MIT
 *
 * test_select.c - one of several cases happens, the others never did: what is ready, what is waited for, what ends it.
 */
#include "daemon/objects/select.h"

#include "tests/objects/actors.h"

#define MS CO_MILLISECOND
#define CASES 8

/* An actor whose call is a select. */
struct selector {
	struct actor actor;
	struct select_case cases[CASES];
	const char *values[CASES]; /* to send; NULL: receive */
	size_t count;
	struct select_case *happened;
	uint64_t token; /* of what was received last */
};

static struct channel *channels[CASES];
static struct selector s, t;
static struct actor a, b, c;

static void selector_init(struct selector *selector, const char *name)
{
	*selector = (struct selector){0};
	actor_init(&selector->actor, name);
}

static void set_up(uint64_t capacity)
{
	selector_init(&s, "S");
	selector_init(&t, "T");
	actor_init(&a, "A");
	actor_init(&b, "B");
	actor_init(&c, "C");
	for (size_t i = 0; i < CASES; i++)
		CHECK_EQUAL(
			channel_new("ch", &(struct channel_options){.capacity = capacity}, &channels[i]), OBJECT_OK);
}

/* Nobody waits, nobody has anything, and nothing is left of what was sent. */
static void tear_down(void)
{
	for (size_t i = 0; i < CASES; i++) {
		struct object_description description;

		channel_type.describe(channel_object(channels[i]), &description);
		CHECK_EQUAL(description.waiters, 0);
		object_unref(channel_object(channels[i]));
	}
	CHECK_EQUAL(s.actor.owner.hold_count + t.actor.owner.hold_count, 0);
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count, 0);
	CHECK_EQUAL(message_bytes_in_use(), 0);
}

/* ---- selects ----------------------------------------------------------------------------------------------------- */

static void add_receive(struct selector *selector, struct channel *channel)
{
	channel_receive_case(&selector->cases[selector->count], channel, &selector->actor.entry, true);
	selector->values[selector->count++] = NULL;
}

static void add_send(struct selector *selector, struct channel *channel, const char *value)
{
	struct message *message = message_new(value, strlen(value));

	CHECK(message != NULL);
	CHECK_EQUAL(channel_send_case(&selector->cases[selector->count], channel, &selector->actor.entry, message),
		OBJECT_OK);
	message_unref(message);
	selector->values[selector->count++] = value;
}

/* A null channel's case. */
static void add_nothing(struct selector *selector)
{
	selector->cases[selector->count++] = (struct select_case){0};
}

/* Acknowledges what was received. Its text, or what else became of the case that happened. */
static const char *outcome(struct selector *selector)
{
	const struct select_case *choice = selector->happened;
	struct actor *actor = &selector->actor;

	if (choice->result != OBJECT_OK) {
		stpcpy(stpcpy(actor->got, "case "), error_name(choice->result));
		return actor->got;
	}
	if (selector->values[choice - selector->cases] != NULL)
		return "sent";
	actor->delivery = channel_received(choice);
	actor_unpack(actor);
	if (channel_acknowledge(channel_of(choice->object), actor->delivery.token) != OBJECT_OK)
		return "a stale delivery";
	return actor->got;
}

static void end_select(struct selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		if (selector->values[i] != NULL)
			channel_send_case_end(&selector->cases[i]);
	selector->count = 0;
}

static void run_select(void *arg)
{
	struct selector *selector = container_of((struct actor *)arg, struct selector, actor);
	struct actor *actor = &selector->actor;
	const char *text = "";

	actor->result = select_wait(&actor->entry, selector->cases, selector->count, false, &selector->happened);
	if (actor->result == OBJECT_OK)
		text = outcome(selector);
	end_select(selector);
	actor_report(actor, text);
}

static void start_select(struct selector *selector)
{
	actor_start(&selector->actor, run_select);
}

/* Its error, and that of the case that happened. */
static int try_select(struct selector *selector)
{
	const int r =
		select_wait(actor_call(&selector->actor), selector->cases, selector->count, true, &selector->happened);

	if (r == OBJECT_OK)
		trace_line(selector->actor.name, outcome(selector));
	end_select(selector);
	return r;
}

static uint64_t waiters_at(struct channel *channel)
{
	struct object_description description;

	channel_type.describe(channel_object(channel), &description);
	return description.waiters;
}

/* ---- what is ready ----------------------------------------------------------------------------------------------- */

COROUTINE_TEST(the_one_case_that_is_ready_happens_and_no_other)
{
	set_up(1);
	CHECK_EQUAL(try_send(&a, channels[1], "x"), OBJECT_OK);
	CHECK_EQUAL(try_send(&a, channels[2], "full"), OBJECT_OK);
	add_receive(&s, channels[0]);
	add_receive(&s, channels[1]);
	add_send(&s, channels[2], "y");
	CHECK_EQUAL(try_select(&s), OBJECT_OK);
	CHECK_TRACE("S x\n");
	CHECK_EQUAL(channel_length(channels[1]), 0);
	CHECK_EQUAL(channel_length(channels[2]), 1);

	add_receive(&s, channels[0]);
	add_send(&s, channels[1], "y");
	CHECK_EQUAL(try_select(&s), OBJECT_OK);
	CHECK_TRACE("S sent\n");
	CHECK_EQUAL(channel_length(channels[1]), 1);
	channel_delete(channels[1]);
	channel_delete(channels[2]);
	tear_down();
}

COROUTINE_TEST(with_none_ready_a_default_changes_nothing)
{
	set_up(0);
	add_receive(&s, channels[0]);
	add_send(&s, channels[1], "x");
	CHECK_EQUAL(try_select(&s), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(try_receive(&a, channels[1], true), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(try_send(&a, channels[0], "x"), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(try_select(&s), OBJECT_EWOULDBLOCK); /* without any case */
	tear_down();
}

COROUTINE_TEST(it_meets_those_who_wait_already)
{
	set_up(0);
	start_send(&a, channels[0], "x");
	start_receive(&b, channels[1], true);
	add_receive(&s, channels[0]);
	CHECK_EQUAL(try_select(&s), OBJECT_OK);
	CHECK_TRACE_LINES("S x\nA sent\n");
	add_send(&s, channels[1], "y");
	CHECK_EQUAL(try_select(&s), OBJECT_OK);
	CHECK_TRACE_LINES("S sent\nB y\n");
	CHECK_EQUAL(channel_acknowledge(channels[1], b.delivery.token), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(what_is_ready_is_drawn_evenly)
{
	const size_t rounds = test_scale(100000);
	size_t counts[CASES] = {0};

	set_up(1);
	for (size_t i = 0; i < CASES / 2; i++)
		CHECK_EQUAL(try_send(&a, channels[i], "x"), OBJECT_OK);
	for (size_t round = 0; round < rounds; round++) {
		size_t drawn;

		for (size_t i = 0; i < CASES / 2; i++)
			add_receive(&s, channels[i]);
		for (size_t i = CASES / 2; i < CASES; i++)
			add_send(&s, channels[i], "x");
		CHECK_EQUAL(select_wait(actor_call(&s.actor), s.cases, s.count, true, &s.happened), OBJECT_OK);
		drawn = (size_t)(s.happened - s.cases);
		counts[drawn]++;
		(void)outcome(&s);
		end_select(&s);
		if (drawn < CASES / 2) {
			CHECK_EQUAL(try_send(&a, channels[drawn], "x"), OBJECT_OK);
		} else {
			CHECK_EQUAL(try_receive(&a, channels[drawn], true), OBJECT_OK);
			CHECK_EQUAL(channel_acknowledge(channels[drawn], a.delivery.token), OBJECT_OK);
		}
	}
	for (size_t i = 0; i < CASES && rounds >= 100000; i++) {
		CHECK(counts[i] * CASES > rounds * 95 / 100);
		CHECK(counts[i] * CASES < rounds * 105 / 100);
	}
	for (size_t i = 0; i < CASES; i++)
		channel_delete(channels[i]);
	tear_down();
}

/* ---- what is waited for ------------------------------------------------------------------------------------------ */

COROUTINE_TEST(who_comes_carries_out_one_case_and_finds_none_of_the_others)
{
	set_up(0);
	add_receive(&s, channels[0]);
	add_receive(&s, channels[1]);
	add_send(&s, channels[2], "y");
	start_select(&s);
	CHECK_EQUAL(waiters_at(channels[0]) + waiters_at(channels[1]) + waiters_at(channels[2]), 3);
	CHECK_EQUAL(try_send(&a, channels[1], "x"), OBJECT_OK);
	CHECK_EQUAL(try_send(&a, channels[0], "z"), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(try_receive(&a, channels[2], true), OBJECT_EWOULDBLOCK);
	CHECK_TRACE("S x\n");

	add_receive(&s, channels[0]);
	add_send(&s, channels[2], "y");
	start_select(&s);
	CHECK_EQUAL(try_receive(&a, channels[2], true), OBJECT_OK);
	CHECK_EQUAL(channel_acknowledge(channels[2], a.delivery.token), OBJECT_OK);
	CHECK_TRACE("S sent\n");
	tear_down();
}

COROUTINE_TEST(a_select_never_meets_itself_but_another)
{
	set_up(0);
	add_send(&s, channels[0], "of S");
	add_receive(&s, channels[0]);
	add_receive(&s, channels[0]);
	start_select(&s);
	CHECK_EQUAL(waiters_at(channels[0]), 3);
	CHECK_TRACE("");
	add_send(&t, channels[0], "of T");
	CHECK_EQUAL(try_select(&t), OBJECT_OK);
	CHECK_TRACE_LINES("T sent\nS of T\n");
	tear_down();
}

COROUTINE_TEST(selects_stand_in_line_with_plain_calls)
{
	set_up(0);
	start_receive(&a, channels[0], true);
	add_receive(&s, channels[1]);
	add_receive(&s, channels[0]);
	start_select(&s);
	start_receive(&b, channels[0], true);
	CHECK_EQUAL(try_send(&c, channels[0], "1"), OBJECT_OK);
	CHECK_TRACE("A 1\n");
	CHECK_EQUAL(try_send(&c, channels[0], "2"), OBJECT_OK);
	CHECK_TRACE("S 2\n");
	CHECK_EQUAL(try_send(&c, channels[0], "3"), OBJECT_OK);
	CHECK_TRACE("B 3\n");
	CHECK_EQUAL(channel_acknowledge(channels[0], a.delivery.token), OBJECT_OK);
	CHECK_EQUAL(channel_acknowledge(channels[0], b.delivery.token), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_close_or_delete_that_comes_is_the_outcome_of_its_case)
{
	set_up(0);
	add_receive(&s, channels[0]);
	add_receive(&s, channels[1]);
	start_select(&s);
	CHECK_EQUAL(channel_close(channels[1]), OBJECT_OK);
	CHECK_TRACE("S case closed\n");
	add_receive(&s, channels[0]);
	add_send(&s, channels[2], "x");
	start_select(&s);
	CHECK_EQUAL(channel_close(channels[2]), OBJECT_OK);
	CHECK_TRACE("S case send on closed\n");
	add_receive(&s, channels[0]);
	add_send(&s, channels[3], "x");
	start_select(&s);
	channel_delete(channels[3]);
	CHECK_TRACE("S case deleted\n");
	CHECK_EQUAL(waiters_at(channels[0]), 0);
	tear_down();
}

COROUTINE_TEST(a_closed_channel_is_ready_from_the_start)
{
	set_up(1);
	CHECK_EQUAL(channel_close(channels[1]), OBJECT_OK);
	add_receive(&s, channels[0]);
	add_send(&s, channels[1], "x");
	CHECK_EQUAL(try_select(&s), OBJECT_OK);
	CHECK_TRACE("S case send on closed\n");
	add_receive(&s, channels[0]);
	add_receive(&s, channels[1]);
	CHECK_EQUAL(try_select(&s), OBJECT_OK);
	CHECK_TRACE("S case closed\n");
	tear_down();
}

/* The last message out of a closed channel sends those away who wait for another. */
COROUTINE_TEST(a_select_does_what_a_receive_does_at_its_end)
{
	set_up(1);
	CHECK_EQUAL(try_send(&a, channels[0], "x"), OBJECT_OK);
	CHECK_EQUAL(try_receive(&a, channels[0], true), OBJECT_OK);
	CHECK_EQUAL(channel_close(channels[0]), OBJECT_OK);
	add_receive(&s, channels[0]);
	add_receive(&s, channels[1]);
	start_select(&s);
	start_receive(&b, channels[0], true);
	CHECK_TRACE("");
	CHECK_EQUAL(channel_return(channels[0], a.delivery.token, co_now()), OBJECT_OK);
	CHECK_TRACE_LINES("S x\nB closed\n");
	tear_down();
}

COROUTINE_TEST(a_null_channels_case_is_off)
{
	set_up(1);
	CHECK_EQUAL(try_send(&a, channels[0], "x"), OBJECT_OK);
	add_nothing(&s);
	add_receive(&s, channels[0]);
	add_nothing(&s);
	CHECK_EQUAL(try_select(&s), OBJECT_OK);
	CHECK_TRACE("S x\n");
	tear_down();
}

/* ---- what ends it ------------------------------------------------------------------------------------------------ */

COROUTINE_TEST(without_cases_it_waits_until_it_is_ended)
{
	set_up(0);
	start_select(&s);
	add_nothing(&t);
	start_select(&t);
	CHECK_TRACE("");
	entry_stop(&s.actor.entry, OBJECT_ECANCELED);
	CHECK_TRACE("S canceled\n");
	entry_stop(&t.actor.entry, OBJECT_ESHUTDOWN);
	CHECK_TRACE("T shutdown\n");
	tear_down();
}

COROUTINE_TEST(deadline_context_and_stop_end_it_without_a_trace)
{
	struct co_context *context;

	set_up(0);
	s.actor.deadline_ns = co_now() + 5 * MS;
	add_receive(&s, channels[0]);
	add_send(&s, channels[1], "x");
	start_select(&s);
	CHECK_TRACE("S deadline\n");
	CHECK(co_now() >= s.actor.deadline_ns);
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	t.actor.context = context;
	add_receive(&t, channels[0]);
	add_send(&t, channels[1], "x");
	start_select(&t);
	co_cancel(context, NULL);
	CHECK_TRACE("T canceled\n");
	add_send(&t, channels[1], "x");
	CHECK_EQUAL(try_select(&t), OBJECT_ECANCELED); /* it does not begin under a dead context */
	CHECK_EQUAL(try_receive(&a, channels[1], true), OBJECT_EWOULDBLOCK);
	co_context_unref(context);
	tear_down();
}

COROUTINE_TEST(what_a_dead_session_selects_goes_to_the_next)
{
	set_up(0);
	add_receive(&s, channels[0]);
	add_receive(&s, channels[1]);
	start_select(&s);
	start_receive(&b, channels[0], true);
	owner_end(&s.actor.owner); /* closed to grants; its calls are still to be told */
	CHECK_EQUAL(try_send(&a, channels[0], "x"), OBJECT_OK);
	CHECK_TRACE_LINES("S case ended\nB x\n");
	CHECK_EQUAL(channel_acknowledge(channels[0], b.delivery.token), OBJECT_OK);
	CHECK_EQUAL(waiters_at(channels[1]), 0);
	tear_down();
}

COROUTINE_TEST(a_send_case_without_memory_is_refused)
{
	struct message *message = message_new("x", 1);

	set_up(1);
	CHECK(message != NULL);
	fail_allocation(0, true);
	CHECK_EQUAL(channel_send_case(&s.cases[0], channels[0], &s.actor.entry, message), OBJECT_ENOMEM);
	CHECK(failed_allocation());
	channel_send_case_end(&s.cases[0]);
	message_unref(message);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_case_that_is_ready_happens_and_no_other),
		cmocka_unit_test(with_none_ready_a_default_changes_nothing),
		cmocka_unit_test(it_meets_those_who_wait_already),
		cmocka_unit_test(what_is_ready_is_drawn_evenly),
		cmocka_unit_test(who_comes_carries_out_one_case_and_finds_none_of_the_others),
		cmocka_unit_test(a_select_never_meets_itself_but_another),
		cmocka_unit_test(selects_stand_in_line_with_plain_calls),
		cmocka_unit_test(a_close_or_delete_that_comes_is_the_outcome_of_its_case),
		cmocka_unit_test(a_closed_channel_is_ready_from_the_start),
		cmocka_unit_test(a_select_does_what_a_receive_does_at_its_end),
		cmocka_unit_test(a_null_channels_case_is_off),
		cmocka_unit_test(without_cases_it_waits_until_it_is_ended),
		cmocka_unit_test(deadline_context_and_stop_end_it_without_a_trace),
		cmocka_unit_test(what_a_dead_session_selects_goes_to_the_next),
		cmocka_unit_test(a_send_case_without_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
