/* SPDX-License-Identifier: MIT
 *
 * test_mutex_handed.c - those who are handed a mutex and never woken to compete: cases of a select, seats of a cond.
 */
#include "daemon/objects/select.h"
#include "tests/objects/actors.h"

static struct mutex *mutex;
static struct actor a, b, c;

static void set_up(void)
{
	token_reset();
	token_set_range(100, UINT64_MAX);
	actor_init(&a, "A");
	actor_init(&b, "B");
	actor_init(&c, "C");
	CHECK_EQUAL(mutex_new("m", &(struct lock_options){0}, &mutex), OBJECT_OK);
}

/* Nobody holds it or waits for it any more. */
static void tear_down(void)
{
	struct object_description description;

	mutex_type.describe(mutex_object(mutex), &description);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count, 0);
	object_unref(mutex_object(mutex));
}

static void run_select(void *arg)
{
	struct actor *actor = arg;
	struct select_case one = {.object = mutex_object(mutex), .type = &mutex_lock_case};
	struct select_case *happened;

	seat_init(&one.seat, &actor->entry);
	actor->result = select_wait(&actor->entry, &one, 1, false, &happened);
	actor->grant.token = one.seat.token;
	actor_report(actor, "selected");
}

COROUTINE_TEST(a_select_has_the_lock_before_it_runs)
{
	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	actor_start(&b, run_select);
	CHECK_EQUAL(unlock(&a, mutex, co_now()), OBJECT_OK);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_EWOULDBLOCK);
	CHECK_TRACE("B selected\n");
	CHECK(mutex_holds(mutex, b.grant.token));
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_select_takes_a_free_lock_and_leaves_none_when_it_gives_up)
{
	set_up();
	actor_start(&b, run_select);
	CHECK_TRACE("B selected\n");
	actor_start(&c, run_select);
	entry_stop(&c.entry, OBJECT_ECANCELED);
	CHECK_TRACE("C canceled\n");
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	tear_down();
}

/* As a cond does it: a wait that another moves into the mutex's queue, for a hold of somebody else's. */
static void run_for_a(void *arg)
{
	struct actor *actor = arg;

	co_spin_lock(&mutex_object(mutex)->lock);
	seat_init(&actor->entry.seat, &actor->entry);
	actor->entry.seat.for_owner = &a.owner;
	actor->entry.seat.for_task = 7;
	entry_begin(&actor->entry, "cond wait");
	mutex_join(mutex, &actor->entry.seat, actor->entry.since_ns);
	actor->result = entry_park(&actor->entry, &mutex_object(mutex)->lock);
	co_spin_lock(&mutex_object(mutex)->lock);
	mutex_leave(mutex, &actor->entry.seat);
	co_spin_unlock(&mutex_object(mutex)->lock);
	actor->grant.token = actor->entry.seat.token;
	actor_report(actor, "locked");
}

COROUTINE_TEST(a_seat_can_be_granted_to_somebody_else)
{
	set_up();
	actor_start(&b, run_for_a);
	CHECK_TRACE("B locked\n");
	CHECK_EQUAL(a.owner.hold_count, 1);
	actor_start(&c, run_for_a);
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("C locked\n");
	CHECK_EQUAL(a.owner.hold_count, 1);
	actor_start(&b, run_for_a);
	actor_end(&a, co_now());
	CHECK_TRACE("B ended\n");
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_select_has_the_lock_before_it_runs),
		cmocka_unit_test(a_select_takes_a_free_lock_and_leaves_none_when_it_gives_up),
		cmocka_unit_test(a_seat_can_be_granted_to_somebody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
