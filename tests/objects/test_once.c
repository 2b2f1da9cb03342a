/* SPDX-License-Identifier: MIT
 *
 * test_once.c - who runs, who gets the value, what becomes of a runner that fails or dies, how long a value is kept.
 */
#include "daemon/objects/once.h"
#include "tests/objects/actors.h"

#define MS CO_MILLISECOND
#define CROWD 1000 /* more than a step of waiters */

static struct object *object;
static struct once *once;
static struct actor a, b, c, d;

static void set_up(void)
{
	token_reset();
	token_set_range(100, UINT64_MAX);
	actor_init(&a, "A");
	actor_init(&b, "B");
	actor_init(&c, "C");
	actor_init(&d, "D");
	CHECK_EQUAL(once_make("o", NULL, &object), OBJECT_OK);
	once = once_of(object);
}

static void tear_down(void)
{
	struct object_description description;

	once_type.describe(object, &description);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count + d.owner.hold_count, 0);
	object_unref(object);
	CHECK_EQUAL(message_bytes_in_use(), 0);
}

/* Notes what a call at the once brought: the run, with its token, or the value. */
static void take_outcome(struct actor *actor, const struct once_outcome *outcome)
{
	actor->got[0] = '\0';
	actor->grant = (struct lock_grant){.token = outcome->token, .abandoned = outcome->abandoned};
	if (outcome->value == NULL)
		return;
	memcpy(actor->got, outcome->value->bytes, outcome->value->length);
	actor->got[outcome->value->length] = '\0';
	message_unref(outcome->value);
}

static void run_do(void *arg)
{
	struct actor *actor = arg;
	struct once_outcome outcome = {0};

	actor->result = once_do(once, &actor->entry, false, &outcome);
	take_outcome(actor, &outcome);
	actor_report(actor, !outcome.run ? actor->got : outcome.abandoned ? "runs, abandoned" : "runs");
}

static int try_do(struct actor *actor)
{
	struct once_outcome outcome = {0};
	const int r = once_do(once, actor_call(actor), true, &outcome);

	take_outcome(actor, &outcome);
	return r;
}

static int complete_for(uint64_t token, const char *value, int64_t keep_ns, int64_t now_ns)
{
	struct message *message = message_new(value, strlen(value));
	const int r = once_complete(once, token, message, keep_ns, now_ns, NULL, NULL);

	message_unref(message);
	return r;
}

static int complete(const struct actor *actor, const char *value)
{
	return complete_for(actor->grant.token, value, ONCE_FOR_EVER, co_now());
}

static int give_up(const struct actor *actor)
{
	return once_fail(once, actor->grant.token, co_now(), NULL, NULL);
}

/* Whether it is done with VALUE (NULL: not done). */
static bool has(const char *value, int64_t now_ns)
{
	struct message *message = once_get(once, now_ns);
	bool same = message == NULL && value == NULL;

	if (message != NULL && value != NULL)
		same = message->length == strlen(value) && memcmp(message->bytes, value, message->length) == 0;
	message_unref(message);
	return same;
}

COROUTINE_TEST(one_runs_and_the_others_get_the_value)
{
	set_up();
	CHECK(has(NULL, co_now()));
	CHECK_EQUAL(try_do(&a), OBJECT_OK);
	CHECK_EQUAL(a.grant.token, 100);
	CHECK_EQUAL(try_do(&b), OBJECT_EWOULDBLOCK);
	actor_start(&b, run_do);
	actor_start(&c, run_do);
	CHECK_TRACE("");
	CHECK_EQUAL(complete_for(a.grant.token + 1, "wrong", ONCE_FOR_EVER, co_now()), OBJECT_ESTALE);
	CHECK_EQUAL(complete(&a, "value"), OBJECT_OK);
	CHECK_TRACE_LINES("B value\nC value\n");
	CHECK_EQUAL(complete(&a, "again"), OBJECT_ESTALE);
	CHECK_EQUAL(give_up(&a), OBJECT_ESTALE);
	actor_start(&d, run_do);
	CHECK_TRACE("D value\n");
	CHECK(has("value", co_now()));
	tear_down();
}

COROUTINE_TEST(a_runner_that_fails_makes_the_next_caller_run)
{
	set_up();
	actor_start(&a, run_do);
	CHECK_TRACE("A runs\n");
	actor_start(&b, run_do);
	actor_start(&c, run_do);
	CHECK_EQUAL(give_up(&a), OBJECT_OK);
	CHECK_TRACE("B runs\n");
	CHECK(b.grant.token > a.grant.token);
	CHECK_EQUAL(complete(&a, "late"), OBJECT_ESTALE);
	CHECK_EQUAL(give_up(&a), OBJECT_ESTALE);
	CHECK_EQUAL(complete(&b, "b"), OBJECT_OK);
	CHECK_TRACE("C b\n");
	tear_down();
}

COROUTINE_TEST(a_runner_that_dies_makes_the_next_caller_run)
{
	const int64_t now_ns = co_now();

	set_up();
	actor_start(&a, run_do);
	CHECK_TRACE("A runs\n");
	actor_start(&b, run_do);
	actor_start(&c, run_do);
	entry_stop(&b.entry, OBJECT_ECANCELED);
	CHECK_TRACE("B canceled\n");
	actor_end(&a, now_ns);
	CHECK_TRACE("C runs, abandoned\n");
	CHECK_EQUAL(complete(&a, "late"), OBJECT_ESTALE);
	actor_end(&c, now_ns);
	CHECK(!once_type.is_idle(object, now_ns + 3599 * CO_SECOND)); /* the mark is for the next */
	CHECK(once_type.is_idle(object, now_ns + 3600 * CO_SECOND));
	actor_start(&d, run_do);
	CHECK_TRACE("D runs, abandoned\n");
	CHECK_EQUAL(give_up(&d), OBJECT_OK);
	CHECK(once_type.is_idle(object, now_ns));
	tear_down();
}

COROUTINE_TEST(a_wait_ends_by_deadline_context_or_stop)
{
	struct co_context *context;

	set_up();
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	CHECK_EQUAL(try_do(&a), OBJECT_OK);
	b.deadline_ns = co_now() + 5 * MS;
	c.context = context;
	actor_start(&b, run_do);
	actor_start(&c, run_do);
	actor_start(&d, run_do);
	CHECK_TRACE("B deadline\n");
	co_cancel(context, NULL);
	CHECK_TRACE("C canceled\n");
	actor_end(&d, co_now());
	CHECK_TRACE("D ended\n");
	CHECK_EQUAL(complete(&a, "value"), OBJECT_OK);
	CHECK_EQUAL(try_do(&c), OBJECT_ECANCELED);
	co_context_unref(context);
	tear_down();
}

COROUTINE_TEST(a_dead_session_is_passed_over)
{
	set_up();
	CHECK_EQUAL(try_do(&a), OBJECT_OK);
	actor_start(&b, run_do);
	actor_start(&c, run_do);
	owner_end(&b.owner); /* and its calls are not stopped yet */
	CHECK_EQUAL(give_up(&a), OBJECT_OK);
	CHECK_TRACE_LINES("B ended\nC runs\n");
	CHECK_EQUAL(complete(&c, "c"), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_value_is_kept_for_its_time_or_until_a_reset)
{
	const int64_t now_ns = co_now();

	set_up();
	CHECK(!once_reset(once, now_ns));
	CHECK_EQUAL(try_do(&a), OBJECT_OK);
	CHECK(!once_reset(once, now_ns)); /* it runs: nothing changes */
	CHECK_EQUAL(complete_for(a.grant.token, "one", now_ns + CO_SECOND, now_ns), OBJECT_OK);
	CHECK(has("one", now_ns + CO_SECOND - 1));
	CHECK(!once_type.is_idle(object, now_ns + CO_SECOND - 1));
	CHECK(once_type.is_idle(object, now_ns + CO_SECOND));
	CHECK(has(NULL, now_ns + CO_SECOND));
	a.since_ns = now_ns + CO_SECOND;
	CHECK_EQUAL(try_do(&a), OBJECT_OK);
	CHECK(a.grant.token != 0);
	CHECK_EQUAL(complete(&a, "two"), OBJECT_OK);
	CHECK(has("two", now_ns + 1000 * CO_SECOND));
	CHECK(once_reset(once, now_ns));
	CHECK(has(NULL, now_ns));
	tear_down();
}

COROUTINE_TEST(without_a_token_nobody_runs)
{
	set_up();
	token_set_gate(false);
	actor_start(&a, run_do);
	actor_start(&b, run_do);
	CHECK_EQUAL(try_do(&c), OBJECT_EWOULDBLOCK);
	CHECK_TRACE("");
	token_set_gate(true);
	once_type.admit(object, co_now());
	CHECK_TRACE("A runs\n");
	CHECK_EQUAL(complete(&a, "a"), OBJECT_OK);
	CHECK_TRACE("B a\n");
	token_set_gate(false); /* a value needs no token */
	CHECK_EQUAL(try_do(&c), OBJECT_OK);
	token_set_gate(true);
	tear_down();
}

static struct actor crowd[CROWD];

COROUTINE_TEST(many_waiters_get_the_value_that_they_waited_for)
{
	set_up();
	CHECK_EQUAL(try_do(&a), OBJECT_OK);
	for (size_t i = 0; i < CROWD; i++) {
		actor_init(&crowd[i], "X");
		actor_start(&crowd[i], run_do);
	}
	CHECK_EQUAL(complete(&a, "first"), OBJECT_OK);
	CHECK(once_reset(once, co_now()));
	CHECK_EQUAL(try_do(&b), OBJECT_OK);
	CHECK(b.grant.token != 0);
	CHECK_EQUAL(complete(&b, "second"), OBJECT_OK);
	for (size_t i = 0; i < CROWD; i++) {
		CHECK_EVENTUALLY(atomic_load(&crowd[i].done));
		CHECK(strcmp(crowd[i].got, "first") == 0);
	}
	forget_trace();
	tear_down();
}

static void run_select(void *arg)
{
	struct actor *actor = arg;
	struct select_case one = {.object = object, .type = &once_case_done};
	struct select_case *happened;

	seat_init(&one.seat, &actor->entry);
	actor->result = select_wait(&actor->entry, &one, 1, false, &happened);
	take_outcome(actor, &(struct once_outcome){.value = one.seat.slot});
	actor_report(actor, actor->got);
}

COROUTINE_TEST(a_select_waits_for_the_value_and_never_runs)
{
	const int64_t now_ns = co_now();

	set_up();
	actor_start(&b, run_select);
	actor_start(&c, run_select);
	CHECK_EQUAL(try_do(&a), OBJECT_OK);
	entry_stop(&c.entry, OBJECT_ECANCELED);
	CHECK_TRACE("C canceled\n");
	CHECK_EQUAL(give_up(&a), OBJECT_OK);
	CHECK_TRACE("");
	CHECK_EQUAL(try_do(&a), OBJECT_OK);
	CHECK_EQUAL(complete_for(a.grant.token, "value", now_ns + CO_SECOND, now_ns), OBJECT_OK);
	CHECK_TRACE("B value\n");
	actor_start(&c, run_select);
	CHECK_TRACE("C value\n");
	d.since_ns = now_ns + CO_SECOND; /* its time is over: the next value counts */
	actor_start(&d, run_select);
	CHECK(has(NULL, now_ns + CO_SECOND));
	CHECK_TRACE("");
	CHECK_EQUAL(try_do(&a), OBJECT_OK);
	CHECK_EQUAL(complete(&a, "next"), OBJECT_OK);
	CHECK_TRACE("D next\n");
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_runs_and_the_others_get_the_value),
		cmocka_unit_test(a_runner_that_fails_makes_the_next_caller_run),
		cmocka_unit_test(a_runner_that_dies_makes_the_next_caller_run),
		cmocka_unit_test(a_wait_ends_by_deadline_context_or_stop),
		cmocka_unit_test(a_dead_session_is_passed_over),
		cmocka_unit_test(a_value_is_kept_for_its_time_or_until_a_reset),
		cmocka_unit_test(without_a_token_nobody_runs),
		cmocka_unit_test(many_waiters_get_the_value_that_they_waited_for),
		cmocka_unit_test(a_select_waits_for_the_value_and_never_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
