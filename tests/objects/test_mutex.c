/* SPDX-License-Identifier: MIT
 *
 * test_mutex.c - the order of grants, what ends a wait, death of holders, starvation mode, tokens and their gate.
 */
#include "tests/objects/actors.h"

#define MS CO_MILLISECOND

static struct mutex *mutex;
static struct actor a, b, c, d;

static void set_up(void)
{
	token_reset();
	token_set_range(100, UINT64_MAX);
	actor_init(&a, "A");
	actor_init(&b, "B");
	actor_init(&c, "C");
	actor_init(&d, "D");
	CHECK_EQUAL(mutex_new("m", &(struct lock_options){0}, &mutex), OBJECT_OK);
}

/* Nobody holds it or waits for it any more. */
static void tear_down(void)
{
	struct object_description description;

	mutex_type.describe(mutex_object(mutex), &description);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count + d.owner.hold_count, 0);
	object_unref(mutex_object(mutex));
}

COROUTINE_TEST(lock_and_unlock_go_by_tokens)
{
	uint64_t first;

	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	first = a.grant.token;
	CHECK_EQUAL(first, 100);
	CHECK(mutex_holds(mutex, first));
	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(mutex_unlock(mutex, first + 1, 0, NULL, NULL), OBJECT_ESTALE);
	CHECK(mutex_holds(mutex, first));

	CHECK_EQUAL(unlock(&a, mutex, 0), OBJECT_OK);
	CHECK_EQUAL(unlock(&a, mutex, 0), OBJECT_EUNLOCKED);
	CHECK(!mutex_holds(mutex, first));

	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_OK);
	CHECK(b.grant.token > first);
	CHECK_EQUAL(unlock(&a, mutex, 0), OBJECT_ESTALE);
	CHECK(mutex_holds(mutex, b.grant.token));
	CHECK_EQUAL(unlock(&b, mutex, 0), OBJECT_OK);
	tear_down();
}

static void note_owner(const struct hold *hold, void *arg)
{
	*(struct owner **)arg = hold->owner;
}

COROUTINE_TEST(whoever_has_the_token_unlocks_and_learns_whose_hold_it_was)
{
	struct owner *owner = NULL;

	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	CHECK_EQUAL(mutex_unlock(mutex, a.grant.token + 1, 0, note_owner, &owner), OBJECT_ESTALE);
	CHECK(owner == NULL);
	CHECK_EQUAL(mutex_unlock(mutex, a.grant.token, 0, note_owner, &owner), OBJECT_OK);
	CHECK(owner == &a.owner);
	tear_down();
}

COROUTINE_TEST(waiters_are_served_in_order)
{
	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	start_lock(&c, mutex);
	start_lock(&d, mutex);
	CHECK_TRACE("");

	CHECK_EQUAL(unlock(&a, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("B locked\n");
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("C locked\n");
	CHECK_EQUAL(unlock(&c, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("D locked\n");
	CHECK(a.grant.token < b.grant.token && b.grant.token < c.grant.token && c.grant.token < d.grant.token);
	CHECK_EQUAL(unlock(&d, mutex, co_now()), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_wait_ends_by_deadline_context_or_stop_and_leaves_nothing)
{
	struct co_context *context;

	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	b.deadline_ns = co_now() + 5 * MS;
	start_lock(&b, mutex);
	CHECK_TRACE("B deadline\n");
	CHECK(co_now() >= b.deadline_ns);
	c.context = context;
	start_lock(&c, mutex);
	start_lock(&d, mutex);
	co_cancel(context, NULL);
	CHECK_TRACE("C canceled\n");
	entry_stop(&d.entry, OBJECT_ESHUTDOWN);
	CHECK_TRACE("D shutdown\n");

	CHECK_EQUAL(unlock(&a, mutex, co_now()), OBJECT_OK);
	co_context_unref(context);
	tear_down();
}

COROUTINE_TEST(a_call_with_a_dead_context_or_deadline_does_not_begin)
{
	struct co_context *context;

	set_up();
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	co_cancel(context, NULL);
	a.context = context;
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_ECANCELED);
	b.deadline_ns = b.since_ns = co_now();
	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_EDEADLINE);
	entry_stop(actor_call(&c), OBJECT_EENDED);
	CHECK_EQUAL(mutex_lock(mutex, &c.entry, false, &c.grant), OBJECT_EENDED);
	co_context_unref(context);
	tear_down();
}

/* The unlock wakes it to compete; before it runs its context is cancelled, and that answered. */
COROUTINE_TEST(who_is_cancelled_after_its_wake_up_gets_nothing)
{
	struct co_context *context;

	if (co_test_procs() > 1)
		return; /* it may have run before the cancel */
	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	b.context = context;
	start_lock(&b, mutex);
	start_lock(&c, mutex);
	CHECK_EQUAL(unlock(&a, mutex, co_now()), OBJECT_OK);
	co_cancel(context, NULL);
	CHECK_TRACE("B canceled\nC locked\n");
	CHECK_EQUAL(unlock(&c, mutex, co_now()), OBJECT_OK);
	co_context_unref(context);
	tear_down();
}

COROUTINE_TEST(a_cancelled_waiter_takes_no_wake_up)
{
	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	start_lock(&c, mutex);
	entry_stop(&b.entry, OBJECT_ECANCELED); /* still in the queue, perhaps, when the lock is passed on */
	CHECK_EQUAL(unlock(&a, mutex, co_now()), OBJECT_OK);
	CHECK_EVENTUALLY(atomic_load(&b.done) && atomic_load(&c.done));
	CHECK_EQUAL(b.result, OBJECT_ECANCELED);
	CHECK_EQUAL(c.result, OBJECT_OK);
	CHECK_EQUAL(unlock(&c, mutex, co_now()), OBJECT_OK);
	forget_trace();
	tear_down();
}

/* ---- ends of sessions -------------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_dead_holders_lock_goes_on_as_abandoned_once)
{
	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	start_lock(&c, mutex);
	actor_end(&a, co_now());
	CHECK_TRACE("B locked, abandoned\n");
	CHECK(!mutex_holds(mutex, a.grant.token));
	CHECK_EQUAL(unlock(&a, mutex, co_now()), OBJECT_ESTALE);
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("C locked\n");
	CHECK_EQUAL(unlock(&c, mutex, co_now()), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(the_abandoned_mark_waits_an_hour_for_the_next_holder)
{
	const int64_t hour = 3600 * CO_SECOND;
	const int64_t death = 1000 * CO_SECOND;

	for (int late = 0; late < 2; late++) {
		set_up();
		a.since_ns = death - 1;
		CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
		CHECK(!mutex_type.is_idle(mutex_object(mutex), death));
		actor_end(&a, death);
		CHECK(!mutex_type.is_idle(mutex_object(mutex), death + hour - 1));
		CHECK(mutex_type.is_idle(mutex_object(mutex), death + hour));
		b.since_ns = death + hour - 1 + late;
		CHECK_EQUAL(try_lock(&b, mutex), OBJECT_OK);
		CHECK_EQUAL(b.grant.abandoned, late == 0);
		CHECK_EQUAL(unlock(&b, mutex, death + hour), OBJECT_OK);
		CHECK(mutex_type.is_idle(mutex_object(mutex), death));
		tear_down();
	}
}

COROUTINE_TEST(nothing_is_granted_to_an_ended_session)
{
	set_up();
	owner_end(&a.owner);
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_EENDED);

	CHECK_EQUAL(try_lock(&d, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	start_lock(&c, mutex);
	owner_end(&b.owner);
	CHECK_EQUAL(unlock(&d, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("B ended\nC locked\n");
	CHECK_EQUAL(unlock(&c, mutex, co_now()), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_session_gives_its_holds_back_in_steps_oldest_first)
{
	static struct mutex *held[600];
	struct lock_grant grant;
	unsigned steps = 0;

	set_up();
	for (size_t i = 0; i < 600; i++) {
		CHECK_EQUAL(mutex_new("held", &(struct lock_options){0}, &held[i]), OBJECT_OK);
		CHECK_EQUAL(mutex_lock(held[i], actor_call(&a), true, &grant), OBJECT_OK);
	}
	owner_end(&a.owner);
	do {
		struct object_description description;

		CHECK_EQUAL(a.owner.hold_count, 600 - 256 * steps);
		if (steps > 0) {
			mutex_type.describe(mutex_object(held[256 * steps - 1]), &description);
			CHECK_EQUAL(description.holders, 0);
		}
		mutex_type.describe(mutex_object(held[256 * steps]), &description);
		CHECK_EQUAL(description.holders, 1);
		steps++;
	} while (owner_release_some(&a.owner, 0));
	CHECK_EQUAL(steps, 3);
	for (size_t i = 0; i < 600; i++) {
		CHECK_EQUAL(mutex_lock(held[i], actor_call(&b), true, &grant), OBJECT_OK);
		CHECK_EQUAL(mutex_unlock(held[i], grant.token, 0, NULL, NULL), OBJECT_OK);
		object_unref(mutex_object(held[i]));
	}
	tear_down();
}

/* ---- modes ------------------------------------------------------------------------------------------------------- */

/* B waits from START on. A unlocks so late, and C locks before B comes to it: B has lost. */
static void let_b_lose(int64_t start, int64_t late)
{
	a.since_ns = b.since_ns = start;
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	c.since_ns = start + late;
	CHECK_EQUAL(unlock(&a, mutex, start + late), OBJECT_OK);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_OK);
	atomic_store(&b.parked, false);
	CHECK_EVENTUALLY(atomic_load(&b.parked));
	CHECK(!atomic_load(&b.done));
}

SINGLE_P_TEST(a_newcomer_may_pass_a_waiter_for_a_millisecond)
{
	set_up();
	let_b_lose(MS, MS);
	d.since_ns = 3 * MS;
	CHECK_EQUAL(unlock(&c, mutex, 3 * MS), OBJECT_OK);
	CHECK_EQUAL(try_lock(&d, mutex), OBJECT_OK);
	CHECK_EQUAL(unlock(&d, mutex, 3 * MS), OBJECT_OK);
	CHECK_TRACE("B locked\n");
	CHECK_EQUAL(unlock(&b, mutex, 3 * MS), OBJECT_OK);
	tear_down();
}

SINGLE_P_TEST(one_that_lost_keeps_its_place)
{
	set_up();
	a.since_ns = b.since_ns = d.since_ns = MS;
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	start_lock(&d, mutex);
	CHECK_EQUAL(unlock(&a, mutex, MS), OBJECT_OK);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_OK);
	atomic_store(&b.parked, false);
	CHECK_EVENTUALLY(atomic_load(&b.parked));
	CHECK_EQUAL(unlock(&c, mutex, MS), OBJECT_OK);
	CHECK_TRACE("B locked\n");
	CHECK_EQUAL(unlock(&b, mutex, MS), OBJECT_OK);
	CHECK_TRACE("D locked\n");
	CHECK_EQUAL(unlock(&d, mutex, MS), OBJECT_OK);
	tear_down();
}

SINGLE_P_TEST(one_that_starves_is_handed_the_lock)
{
	set_up();
	let_b_lose(MS, MS + 1);
	a.since_ns = d.since_ns = 2 * MS + 1;
	start_lock(&d, mutex); /* queue behind B */
	start_lock(&a, mutex);
	CHECK_EQUAL(unlock(&c, mutex, 3 * MS), OBJECT_OK);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_EWOULDBLOCK); /* B has it before it ran */
	CHECK_TRACE("B locked\n");

	/* D waited less than 1 ms: with it the mode ends, and A will have to compete. */
	CHECK_EQUAL(unlock(&b, mutex, 3 * MS), OBJECT_OK);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_EWOULDBLOCK);
	CHECK_TRACE("D locked\n");
	CHECK_EQUAL(unlock(&d, mutex, 3 * MS), OBJECT_OK);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_OK);
	CHECK_EQUAL(unlock(&c, mutex, 3 * MS), OBJECT_OK);
	CHECK_TRACE("A locked\n");
	CHECK_EQUAL(unlock(&a, mutex, 3 * MS), OBJECT_OK);
	tear_down();
}

SINGLE_P_TEST(an_ended_session_is_not_handed_the_lock)
{
	set_up();
	let_b_lose(MS, 5 * MS);
	d.since_ns = 6 * MS;
	start_lock(&d, mutex);
	owner_end(&b.owner);
	CHECK_EQUAL(unlock(&c, mutex, 7 * MS), OBJECT_OK);
	CHECK_TRACE_LINES("B ended\nD locked\n");
	CHECK_EQUAL(unlock(&d, mutex, 7 * MS), OBJECT_OK);
	tear_down();
}

SINGLE_P_TEST(starvation_ends_with_the_last_waiter)
{
	set_up();
	let_b_lose(MS, 5 * MS);
	CHECK_EQUAL(unlock(&c, mutex, 7 * MS), OBJECT_OK);
	CHECK_TRACE("B locked\n");
	CHECK_EQUAL(unlock(&b, mutex, 7 * MS), OBJECT_OK);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_OK);
	CHECK_EQUAL(unlock(&c, mutex, 7 * MS), OBJECT_OK);

	/* Also when that one gives up: else everybody would queue for ever. */
	let_b_lose(8 * MS, 5 * MS);
	entry_stop(&b.entry, OBJECT_ECANCELED);
	CHECK_TRACE("B canceled\n");
	CHECK_EQUAL(unlock(&c, mutex, 14 * MS), OBJECT_OK);
	CHECK_EQUAL(try_lock(&d, mutex), OBJECT_OK);
	CHECK_EQUAL(unlock(&d, mutex, 14 * MS), OBJECT_OK);
	tear_down();
}

SINGLE_P_TEST(one_woken_to_compete_that_gives_up_passes_it_on)
{
	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	start_lock(&c, mutex);
	CHECK_EQUAL(unlock(&a, mutex, co_now()), OBJECT_OK); /* B is woken */
	owner_end(&b.owner);
	CHECK_TRACE("B ended\nC locked\n");
	CHECK_EQUAL(unlock(&c, mutex, co_now()), OBJECT_OK);
	tear_down();
}

SINGLE_P_TEST(a_stop_between_two_waits_is_not_lost)
{
	set_up();
	a.since_ns = b.since_ns = MS;
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	CHECK_EQUAL(unlock(&a, mutex, MS), OBJECT_OK); /* B is woken, */
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_OK);   /* will lose, */
	entry_stop(&b.entry, OBJECT_ECANCELED);        /* and is stopped before it waits again. */
	CHECK_TRACE("B canceled\n");
	CHECK_EQUAL(unlock(&c, mutex, MS), OBJECT_OK);
	tear_down();
}

SINGLE_P_TEST(a_stop_behind_the_grant_is_too_late)
{
	set_up();
	let_b_lose(MS, 2 * MS);
	CHECK_EQUAL(unlock(&c, mutex, 4 * MS), OBJECT_OK);
	entry_stop(&b.entry, OBJECT_ECANCELED); /* B was handed the lock and has not run yet */
	CHECK_TRACE("B locked\n");
	CHECK_EQUAL(unlock(&b, mutex, 4 * MS), OBJECT_OK);
	tear_down();
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

static void admit_without_token(bool starving)
{
	set_up();
	if (starving)
		let_b_lose(MS, 5 * MS);
	else
		CHECK_EQUAL(try_lock(&c, mutex), OBJECT_OK);
	token_set_gate(false);
	CHECK_EQUAL(unlock(&c, mutex, 7 * MS), OBJECT_OK);
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_EWOULDBLOCK);
	start_lock(&a, mutex);
	start_lock(&d, mutex);
	mutex_type.admit(mutex_object(mutex), 8 * MS);
	CHECK_TRACE("");
	token_set_gate(true);
	if (starving)
		CHECK_EQUAL(try_lock(&c, mutex), OBJECT_EWOULDBLOCK);
	mutex_type.admit(mutex_object(mutex), 8 * MS);
	if (starving) {
		CHECK_TRACE("B locked\n");
		CHECK_EQUAL(unlock(&b, mutex, 8 * MS), OBJECT_OK);
	}
	CHECK_TRACE("A locked\n");
	CHECK_EQUAL(unlock(&a, mutex, 9 * MS), OBJECT_OK);
	CHECK_TRACE("D locked\n");
	CHECK_EQUAL(unlock(&d, mutex, 9 * MS), OBJECT_OK);
	tear_down();
}

SINGLE_P_TEST(behind_a_shut_gate_all_queue)
{
	admit_without_token(false);
}

SINGLE_P_TEST(behind_a_shut_gate_one_that_starves_keeps_its_place)
{
	admit_without_token(true);
}

COROUTINE_TEST(without_tokens_all_queue_until_there_are_some)
{
	set_up();
	token_set_range(0, 101);
	CHECK_EQUAL(token_remaining(), 1);
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	CHECK_EQUAL(unlock(&a, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("");
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_EWOULDBLOCK);
	token_raise_limit(102);
	mutex_type.admit(mutex_object(mutex), co_now());
	CHECK_TRACE("B locked\n");
	CHECK_EQUAL(b.grant.token, 101);
	CHECK_EQUAL(token_last(), 101);
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	tear_down();
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

COROUTINE_TEST(without_memory_a_call_has_no_effect)
{
	struct mutex *other;
	long number = 0;
	bool failed;

	set_up();
	do {
		int r;

		fail_allocation(number++, false);
		r = mutex_new("other", &(struct lock_options){0}, &other);
		failed = failed_allocation();
		CHECK_EQUAL(r, failed ? OBJECT_ENOMEM : OBJECT_OK);
	} while (failed);
	CHECK(number > 2);
	object_unref(mutex_object(other));

	/* Once there is a mutex, grants and waits do not need any. */
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	fail_allocation(0, true);
	CHECK_EQUAL(unlock(&a, mutex, co_now()), OBJECT_OK);
	CHECK_EVENTUALLY(atomic_load(&b.done));
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_EWOULDBLOCK);
	memory_set_fault(NULL);
	CHECK_TRACE("B locked\n");
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	tear_down();
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static bool note_party(const struct object_party *party, void *arg)
{
	(void)arg;
	trace_line(container_of(party->owner, struct actor, owner)->name, party->role);
	return true;
}

COROUTINE_TEST(the_holder_and_the_waiters_are_shown_in_order)
{
	struct object_description description;

	set_up();
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_OK);
	start_lock(&b, mutex);
	start_lock(&a, mutex);
	mutex_type.describe(mutex_object(mutex), &description);
	CHECK_EQUAL(description.holders, 1);
	CHECK_EQUAL(description.waiters, 2);
	CHECK_EQUAL(description.token, c.grant.token);
	mutex_type.visit_parties(mutex_object(mutex), note_party, NULL);
	CHECK_TRACE("C holder\nB waiter\nA waiter\n");
	entry_stop(&a.entry, OBJECT_ECANCELED);
	CHECK_TRACE("A canceled\n");
	entry_stop(&b.entry, OBJECT_ECANCELED);
	CHECK_TRACE("B canceled\n");
	CHECK_EQUAL(unlock(&c, mutex, co_now()), OBJECT_OK);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lock_and_unlock_go_by_tokens),
		cmocka_unit_test(whoever_has_the_token_unlocks_and_learns_whose_hold_it_was),
		cmocka_unit_test(waiters_are_served_in_order),
		cmocka_unit_test(a_wait_ends_by_deadline_context_or_stop_and_leaves_nothing),
		cmocka_unit_test(a_call_with_a_dead_context_or_deadline_does_not_begin),
		cmocka_unit_test(who_is_cancelled_after_its_wake_up_gets_nothing),
		cmocka_unit_test(a_cancelled_waiter_takes_no_wake_up),
		cmocka_unit_test(a_dead_holders_lock_goes_on_as_abandoned_once),
		cmocka_unit_test(the_abandoned_mark_waits_an_hour_for_the_next_holder),
		cmocka_unit_test(nothing_is_granted_to_an_ended_session),
		cmocka_unit_test(a_session_gives_its_holds_back_in_steps_oldest_first),
		cmocka_unit_test(a_newcomer_may_pass_a_waiter_for_a_millisecond),
		cmocka_unit_test(one_that_lost_keeps_its_place),
		cmocka_unit_test(one_that_starves_is_handed_the_lock),
		cmocka_unit_test(an_ended_session_is_not_handed_the_lock),
		cmocka_unit_test(starvation_ends_with_the_last_waiter),
		cmocka_unit_test(one_woken_to_compete_that_gives_up_passes_it_on),
		cmocka_unit_test(a_stop_between_two_waits_is_not_lost),
		cmocka_unit_test(a_stop_behind_the_grant_is_too_late),
		cmocka_unit_test(behind_a_shut_gate_all_queue),
		cmocka_unit_test(behind_a_shut_gate_one_that_starves_keeps_its_place),
		cmocka_unit_test(without_tokens_all_queue_until_there_are_some),
		cmocka_unit_test(without_memory_a_call_has_no_effect),
		cmocka_unit_test(the_holder_and_the_waiters_are_shown_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
