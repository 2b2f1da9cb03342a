/* SPDX-License-Identifier: MIT
 *
 * test_semaphore.c - how many permits are out, whose turn it is, what ends and deletions leave.
 */
#include "daemon/objects/select.h"
#include "daemon/objects/semaphore.h"
#include "tests/objects/actors.h"

#define ACTORS 4

static struct semaphore *semaphore;
static struct actor actors[ACTORS];
static struct actor *const a = &actors[0], *const b = &actors[1], *const c = &actors[2], *const d = &actors[3];

static void set_up(uint64_t size)
{
	static const char *const names[ACTORS] = {"A", "B", "C", "D"};

	token_reset();
	token_set_range(100, UINT64_MAX);
	for (int i = 0; i < ACTORS; i++)
		actor_init(&actors[i], names[i]);
	CHECK_EQUAL(semaphore_new("s", size, &semaphore), OBJECT_OK);
}

static uint64_t used(void)
{
	struct object_description description;

	semaphore_type.describe(semaphore_object(semaphore), &description);
	return description.length;
}

/* Nobody holds or waits any more. */
static void tear_down(void)
{
	struct object_description description;

	semaphore_type.describe(semaphore_object(semaphore), &description);
	CHECK_EQUAL(description.length, 0);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	for (int i = 0; i < ACTORS; i++)
		CHECK_EQUAL(actors[i].owner.hold_count, 0);
	object_unref(semaphore_object(semaphore));
}

static int give_back(const struct actor *actor)
{
	return semaphore_release(semaphore, actor->token, co_now(), NULL, NULL);
}

COROUTINE_TEST(never_are_more_out_than_there_are)
{
	set_up(3);
	CHECK_EQUAL(try_acquire(a, semaphore, 2), OBJECT_OK);
	CHECK_EQUAL(try_acquire(b, semaphore, 2), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(try_acquire(b, semaphore, 1), OBJECT_OK);
	CHECK_EQUAL(try_acquire(c, semaphore, 1), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(used(), 3);
	CHECK(semaphore_holds(semaphore, a->token));
	CHECK_EQUAL(give_back(a), OBJECT_OK);
	CHECK_EQUAL(give_back(a), OBJECT_ESTALE);
	CHECK(!semaphore_holds(semaphore, a->token));
	CHECK_EQUAL(used(), 1);
	CHECK_EQUAL(give_back(b), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(who_wants_few_does_not_pass_who_waits_for_many)
{
	set_up(3);
	CHECK_EQUAL(try_acquire(a, semaphore, 1), OBJECT_OK);
	start_acquire(b, semaphore, 3);
	CHECK_EQUAL(try_acquire(c, semaphore, 1), OBJECT_EWOULDBLOCK);
	start_acquire(c, semaphore, 1);
	start_acquire(d, semaphore, 2);
	CHECK_TRACE("");
	CHECK_EQUAL(give_back(a), OBJECT_OK);
	CHECK_TRACE("B acquired\n");
	CHECK_EQUAL(give_back(b), OBJECT_OK);
	CHECK_TRACE_LINES("C acquired\nD acquired\n");
	CHECK(c->token < d->token);
	CHECK_EQUAL(give_back(c), OBJECT_OK);
	CHECK_EQUAL(give_back(d), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(when_the_first_gives_up_those_behind_it_are_let_in)
{
	set_up(3);
	CHECK_EQUAL(try_acquire(a, semaphore, 1), OBJECT_OK);
	start_acquire(b, semaphore, 3);
	start_acquire(c, semaphore, 1);
	start_acquire(d, semaphore, 1);
	entry_stop(&b->entry, OBJECT_ECANCELED);
	CHECK_TRACE_LINES("B canceled\nC acquired\nD acquired\n");
	CHECK_EQUAL(give_back(a), OBJECT_OK);
	CHECK_EQUAL(give_back(c), OBJECT_OK);
	CHECK_EQUAL(give_back(d), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_session_that_ends_gives_its_permits_back)
{
	set_up(4);
	CHECK_EQUAL(try_acquire(a, semaphore, 2), OBJECT_OK);
	CHECK_EQUAL(try_acquire(a, semaphore, 2), OBJECT_OK);
	start_acquire(b, semaphore, 4);
	start_acquire(c, semaphore, 1);
	owner_end(&c->owner);
	actor_end(a, co_now());
	CHECK_TRACE("B acquired\n");
	CHECK_EQUAL(try_acquire(a, semaphore, 1), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(give_back(b), OBJECT_OK);
	CHECK_TRACE("C ended\n");
	CHECK_EQUAL(try_acquire(a, semaphore, 1), OBJECT_EENDED);
	tear_down();
}

static void count_hold(const struct hold *hold, void *arg)
{
	CHECK(hold->owner == &a->owner);
	++*(int *)arg;
}

COROUTINE_TEST(a_deleted_one_ends_waits_and_holds)
{
	int dropped = 0;

	set_up(2);
	CHECK_EQUAL(try_acquire(a, semaphore, 1), OBJECT_OK);
	CHECK_EQUAL(try_acquire(a, semaphore, 1), OBJECT_OK);
	start_acquire(b, semaphore, 1);
	start_acquire(c, semaphore, 1);
	semaphore_delete(semaphore);
	CHECK_TRACE_LINES("B deleted\nC deleted\n");
	while (semaphore_drop_oldest(semaphore, count_hold, &dropped))
		;
	CHECK_EQUAL(dropped, 2);
	CHECK_EQUAL(give_back(a), OBJECT_EDELETED);
	CHECK_EQUAL(try_acquire(d, semaphore, 1), OBJECT_EDELETED);
	tear_down();
}

COROUTINE_TEST(behind_a_shut_gate_all_queue)
{
	set_up(2);
	token_set_gate(false);
	CHECK_EQUAL(try_acquire(a, semaphore, 1), OBJECT_EWOULDBLOCK);
	start_acquire(a, semaphore, 1);
	start_acquire(b, semaphore, 1);
	token_set_gate(true);
	semaphore_type.admit(semaphore_object(semaphore), co_now());
	CHECK_TRACE_LINES("A acquired\nB acquired\n");
	CHECK_EQUAL(give_back(a), OBJECT_OK);
	CHECK_EQUAL(give_back(b), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(without_memory_a_call_has_no_effect)
{
	int r;

	set_up(2);
	fail_allocation(0, true);
	r = try_acquire(a, semaphore, 1);
	memory_set_fault(NULL);
	CHECK_EQUAL(r, OBJECT_ENOMEM);
	CHECK_EQUAL(used(), 0);
	tear_down();
}

static void run_select(void *arg)
{
	struct actor *actor = arg;
	struct select_case one = {.object = semaphore_object(semaphore), .type = &semaphore_case};
	struct select_case *happened = NULL;

	seat_init(&one.seat, &actor->entry);
	CHECK_EQUAL(semaphore_prepare(semaphore, &one.seat, actor->permits), OBJECT_OK);
	actor->result = select_wait(&actor->entry, &one, 1, false, &happened);
	semaphore_finish(semaphore, &one.seat);
	actor->token = one.seat.token;
	actor_report(actor, "selected");
}

COROUTINE_TEST(a_select_waits_in_the_queue)
{
	set_up(2);
	CHECK_EQUAL(try_acquire(a, semaphore, 1), OBJECT_OK);
	b->permits = 2;
	actor_start(b, run_select);
	start_acquire(c, semaphore, 1);
	entry_stop(&b->entry, OBJECT_ECANCELED);
	CHECK_TRACE_LINES("B canceled\nC acquired\n");
	actor_start(b, run_select);
	CHECK_EQUAL(give_back(a), OBJECT_OK);
	CHECK_TRACE("");
	CHECK_EQUAL(give_back(c), OBJECT_OK);
	CHECK_TRACE("B selected\n");
	CHECK_EQUAL(used(), 2);
	CHECK_EQUAL(give_back(b), OBJECT_OK);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_are_more_out_than_there_are),
		cmocka_unit_test(who_wants_few_does_not_pass_who_waits_for_many),
		cmocka_unit_test(when_the_first_gives_up_those_behind_it_are_let_in),
		cmocka_unit_test(a_session_that_ends_gives_its_permits_back),
		cmocka_unit_test(a_deleted_one_ends_waits_and_holds),
		cmocka_unit_test(behind_a_shut_gate_all_queue),
		cmocka_unit_test(without_memory_a_call_has_no_effect),
		cmocka_unit_test(a_select_waits_in_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
