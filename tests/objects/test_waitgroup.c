/* SPDX-License-Identifier: MIT
 *
 * test_waitgroup.c - the counter, rounds and their waiters, shares and who pays for whom.
 */
#include "daemon/objects/waitgroup.h"
#include "tests/objects/actors.h"

#define MS CO_MILLISECOND
#define CROWD 1000 /* more than a step of waiters, and of shares */

static struct object *object;
static struct waitgroup *group;
static struct actor a, b, c, d;
static uint64_t lost;

static void set_up(void)
{
	actor_init(&a, "A");
	actor_init(&b, "B");
	actor_init(&c, "C");
	actor_init(&d, "D");
	CHECK_EQUAL(waitgroup_make("g", NULL, &object), OBJECT_OK);
	group = waitgroup_of(object);
}

static void tear_down(void)
{
	struct object_description description;

	waitgroup_type.describe(object, &description);
	CHECK_EQUAL(description.length, 0);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count + d.owner.hold_count, 0);
	object_unref(object);
}

static int add(struct actor *actor, int64_t n, bool bound)
{
	return waitgroup_add(group, actor_call(actor), n, bound);
}

static int adopt(struct actor *actor, int64_t n)
{
	return waitgroup_adopt(group, actor_call(actor), n);
}

static int done(struct actor *actor)
{
	return add(actor, -1, false);
}

static uint64_t count(void)
{
	struct object_description description;

	waitgroup_type.describe(object, &description);
	return description.length;
}

static void run_wait(void *arg)
{
	struct actor *actor = arg;

	actor->grant.token = 0;
	actor->result = waitgroup_wait(group, &actor->entry, false, &actor->grant.token);
	actor_report(actor, actor->grant.token == 0 ? "zero" : "zero, lost");
}

static int try_wait(struct actor *actor)
{
	lost = UINT64_MAX;
	return waitgroup_wait(group, actor_call(actor), true, &lost);
}

COROUTINE_TEST(a_wait_ends_when_all_are_done)
{
	set_up();
	CHECK_EQUAL(try_wait(&a), OBJECT_OK);
	CHECK_EQUAL(lost, 0);
	CHECK_EQUAL(add(&a, 2, false), OBJECT_OK);
	CHECK_EQUAL(try_wait(&a), OBJECT_EWOULDBLOCK);
	actor_start(&b, run_wait);
	actor_start(&c, run_wait);
	CHECK_EQUAL(done(&a), OBJECT_OK);
	CHECK_TRACE("");
	CHECK_EQUAL(done(&d), OBJECT_OK);
	CHECK_TRACE_LINES("B zero\nC zero\n");
	tear_down();
}

COROUTINE_TEST(below_zero_is_an_error_and_changes_nothing)
{
	set_up();
	CHECK_EQUAL(done(&a), OBJECT_ENEGATIVE);
	CHECK_EQUAL(add(&a, 3, false), OBJECT_OK);
	CHECK_EQUAL(add(&b, 2, true), OBJECT_OK);
	CHECK_EQUAL(add(&c, -6, false), OBJECT_ENEGATIVE);
	CHECK_EQUAL(count(), 5);
	CHECK_EQUAL(add(&c, WAITGROUP_COUNT_MAX - 4, false), OBJECT_ENEGATIVE);
	CHECK_EQUAL(add(&c, INT64_MIN, false), OBJECT_ENEGATIVE);
	CHECK_EQUAL(add(&c, INT64_MAX, true), OBJECT_ENEGATIVE);
	CHECK_EQUAL(add(&c, 0, false), OBJECT_OK);
	CHECK_EQUAL(count(), 5);
	CHECK_EQUAL(b.owner.hold_count, 1);
	CHECK_EQUAL(add(&c, -5, false), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(who_waited_in_a_round_is_released_whatever_comes_after)
{
	set_up();
	CHECK_EQUAL(add(&a, 1, false), OBJECT_OK);
	actor_start(&b, run_wait);
	CHECK_EQUAL(done(&a), OBJECT_OK);
	CHECK_EQUAL(add(&a, 1, false), OBJECT_OK);
	actor_start(&c, run_wait);
	CHECK_TRACE("B zero\n");
	CHECK_EQUAL(done(&a), OBJECT_OK);
	CHECK_TRACE("C zero\n");
	tear_down();
}

COROUTINE_TEST(a_wait_ends_by_deadline_context_or_stop)
{
	struct co_context *context;

	set_up();
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	CHECK_EQUAL(add(&a, 1, false), OBJECT_OK);
	b.deadline_ns = co_now() + 5 * MS;
	c.context = context;
	actor_start(&b, run_wait);
	actor_start(&c, run_wait);
	actor_start(&d, run_wait);
	CHECK_TRACE("B deadline\n");
	co_cancel(context, NULL);
	CHECK_TRACE("C canceled\n");
	entry_stop(&d.entry, OBJECT_ESHUTDOWN);
	CHECK_TRACE("D shutdown\n");
	CHECK_EQUAL(done(&a), OBJECT_OK);
	CHECK_EQUAL(try_wait(&c), OBJECT_ECANCELED);
	co_context_unref(context);
	tear_down();
}

COROUTINE_TEST(a_session_pays_with_its_own_shares_then_unbound_then_the_oldest)
{
	set_up();
	CHECK_EQUAL(add(&a, 1, true), OBJECT_OK);
	CHECK_EQUAL(add(&b, 2, true), OBJECT_OK);
	CHECK_EQUAL(add(&c, 1, false), OBJECT_OK);
	CHECK_EQUAL(done(&b), OBJECT_OK); /* its own */
	CHECK_EQUAL(a.owner.hold_count, 1);
	CHECK_EQUAL(b.owner.hold_count, 1);
	CHECK_EQUAL(done(&d), OBJECT_OK); /* the unbound one */
	CHECK_EQUAL(a.owner.hold_count, 1);
	CHECK_EQUAL(done(&d), OBJECT_OK); /* A's: it is the oldest */
	CHECK_EQUAL(a.owner.hold_count, 0);
	CHECK_EQUAL(b.owner.hold_count, 1);
	actor_end(&a, co_now()); /* which had none left */
	CHECK_EQUAL(count(), 1);
	CHECK_EQUAL(done(&d), OBJECT_OK);
	CHECK_EQUAL(try_wait(&d), OBJECT_OK);
	CHECK_EQUAL(lost, 0);
	tear_down();
}

COROUTINE_TEST(shares_come_off_when_their_session_ends_and_waiters_are_told)
{
	const int64_t now_ns = co_now();

	set_up();
	CHECK_EQUAL(add(&a, 3, true), OBJECT_OK);
	CHECK_EQUAL(add(&b, 1, true), OBJECT_OK);
	actor_start(&c, run_wait);
	CHECK_EQUAL(done(&a), OBJECT_OK);
	actor_end(&a, now_ns);
	CHECK_TRACE("");
	CHECK_EQUAL(count(), 1);
	CHECK_EQUAL(done(&b), OBJECT_OK);
	CHECK_TRACE("C zero, lost\n");
	CHECK_EQUAL(c.grant.token, 2);

	/* Who comes late is told too, for an hour, or until the next round. */
	CHECK(!waitgroup_type.is_idle(object, now_ns + 3599 * CO_SECOND));
	CHECK(waitgroup_type.is_idle(object, now_ns + 3600 * CO_SECOND));
	CHECK_EQUAL(try_wait(&d), OBJECT_OK);
	CHECK_EQUAL(lost, 2);
	CHECK_EQUAL(add(&b, 1, false), OBJECT_OK);
	CHECK_EQUAL(done(&b), OBJECT_OK);
	CHECK_EQUAL(try_wait(&d), OBJECT_OK);
	CHECK_EQUAL(lost, 0);
	CHECK(waitgroup_type.is_idle(object, now_ns));
	CHECK_EQUAL(add(&a, 1, true), OBJECT_EENDED);
	CHECK_EQUAL(count(), 0);
	tear_down();
}

COROUTINE_TEST(shares_are_taken_over)
{
	set_up();
	CHECK_EQUAL(adopt(&a, 1), OBJECT_ENEGATIVE);
	CHECK_EQUAL(add(&a, 2, true), OBJECT_OK);
	CHECK_EQUAL(add(&b, 1, false), OBJECT_OK);
	CHECK_EQUAL(adopt(&a, 2), OBJECT_ENEGATIVE); /* its own do not count */
	CHECK_EQUAL(adopt(&b, 4), OBJECT_ENEGATIVE);
	CHECK_EQUAL(adopt(&b, 2), OBJECT_OK); /* the unbound one, and one of A's */
	CHECK_EQUAL(count(), 3);
	actor_end(&b, co_now());
	CHECK_EQUAL(count(), 1);
	CHECK_EQUAL(adopt(&c, 1), OBJECT_OK);
	CHECK_EQUAL(a.owner.hold_count, 0);
	CHECK_EQUAL(adopt(&c, 1), OBJECT_ENEGATIVE);
	CHECK_EQUAL(done(&c), OBJECT_OK);
	CHECK_EQUAL(try_wait(&d), OBJECT_OK);
	CHECK_EQUAL(lost, 2);
	tear_down();
}

static struct actor crowd[CROWD];

/* Many sessions, each with a share and a wait: all of it is more than a step. */
COROUTINE_TEST(one_call_pays_for_many_sessions_and_releases_many_waiters)
{
	unsigned holds = 0;

	set_up();
	for (size_t i = 0; i < CROWD; i++) {
		actor_init(&crowd[i], "X");
		CHECK_EQUAL(add(&crowd[i], 1, true), OBJECT_OK);
		actor_start(&crowd[i], run_wait);
	}
	CHECK_EQUAL(add(&a, 1, false), OBJECT_OK);
	CHECK_EQUAL(add(&a, -CROWD - 1, false), OBJECT_OK);
	for (size_t i = 0; i < CROWD; i++) {
		CHECK_EVENTUALLY(atomic_load(&crowd[i].done));
		CHECK_EQUAL(crowd[i].result, OBJECT_OK);
		CHECK_EQUAL(crowd[i].grant.token, 0);
		holds += crowd[i].owner.hold_count;
	}
	CHECK_EQUAL(holds, 0);
	forget_trace();
	tear_down();
}

COROUTINE_TEST(without_memory_nothing_is_added)
{
	bool failed = true;

	for (long number = 0; failed; number++) {
		int r;

		set_up();
		fail_allocation(number, false);
		r = add(&a, 1, true);
		failed = failed_allocation();
		CHECK_EQUAL(r, failed ? OBJECT_ENOMEM : OBJECT_OK);
		CHECK_EQUAL(count(), failed ? 0 : 1);
		CHECK_EQUAL(a.owner.hold_count, failed ? 0 : 1);
		if (!failed)
			CHECK_EQUAL(done(&a), OBJECT_OK);
		tear_down();
	}
}

static void run_select(void *arg)
{
	struct actor *actor = arg;
	struct select_case one = {.object = object, .type = &waitgroup_case_zero};
	struct select_case *happened;

	seat_init(&one.seat, &actor->entry);
	actor->result = select_wait(&actor->entry, &one, 1, false, &happened);
	actor->grant.token = one.seat.token;
	actor_report(actor, actor->grant.token == 0 ? "zero" : "zero, lost");
}

COROUTINE_TEST(a_select_waits_for_zero)
{
	set_up();
	CHECK_EQUAL(add(&a, 1, true), OBJECT_OK);
	actor_start(&b, run_select);
	actor_start(&c, run_select);
	entry_stop(&c.entry, OBJECT_ECANCELED);
	CHECK_TRACE("C canceled\n");
	actor_end(&a, co_now());
	CHECK_TRACE("B zero, lost\n");
	actor_start(&d, run_select);
	CHECK_TRACE("D zero, lost\n");
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_ends_when_all_are_done),
		cmocka_unit_test(below_zero_is_an_error_and_changes_nothing),
		cmocka_unit_test(who_waited_in_a_round_is_released_whatever_comes_after),
		cmocka_unit_test(a_wait_ends_by_deadline_context_or_stop),
		cmocka_unit_test(a_session_pays_with_its_own_shares_then_unbound_then_the_oldest),
		cmocka_unit_test(shares_come_off_when_their_session_ends_and_waiters_are_told),
		cmocka_unit_test(shares_are_taken_over),
		cmocka_unit_test(one_call_pays_for_many_sessions_and_releases_many_waiters),
		cmocka_unit_test(without_memory_nothing_is_added),
		cmocka_unit_test(a_select_waits_for_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
