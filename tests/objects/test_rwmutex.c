/* SPDX-License-Identifier: MIT
 *
 * test_rwmutex.c - who shares an RWMutex, who is let in when, downgrade, death of holders, the delay behind it.
 */
#include "daemon/objects/rwmutex.h"
#include "daemon/objects/select.h"
#include "tests/objects/actors.h"

#define MS CO_MILLISECOND
#define ACTORS 5

static struct rwmutex *lock;
static struct actor actors[ACTORS];
static struct actor *const a = &actors[0], *const b = &actors[1], *const c = &actors[2], *const d = &actors[3],
			   *const e = &actors[4];

static void set_up_with(const struct lock_options *options)
{
	static const char *const names[ACTORS] = {"A", "B", "C", "D", "E"};

	token_reset();
	token_set_range(100, UINT64_MAX);
	for (int i = 0; i < ACTORS; i++)
		actor_init(&actors[i], names[i]);
	CHECK_EQUAL(rwmutex_new("m", options, &lock), OBJECT_OK);
}

static void set_up(void)
{
	set_up_with(&(struct lock_options){0});
}

/* Nobody holds it or waits for it any more. */
static void tear_down(void)
{
	struct object_description description;

	rwmutex_type.describe(rwmutex_object(lock), &description);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	for (int i = 0; i < ACTORS; i++)
		CHECK_EQUAL(actors[i].owner.hold_count, 0);
	object_unref(rwmutex_object(lock));
}

/* ---- sharing ----------------------------------------------------------------------------------------------------- */

COROUTINE_TEST(readers_share_and_a_writer_is_alone)
{
	set_up();
	CHECK_EQUAL(try_read(a, lock), OBJECT_OK);
	CHECK_EQUAL(try_read(b, lock), OBJECT_OK);
	CHECK_EQUAL(try_write(c, lock), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_EQUAL(try_write(c, lock), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);

	CHECK_EQUAL(try_write(c, lock), OBJECT_OK);
	CHECK_EQUAL(try_write(d, lock), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(try_read(a, lock), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	CHECK(a->rw.token < b->rw.token && b->rw.token < c->rw.token);
	tear_down();
}

COROUTINE_TEST(unlock_goes_by_tokens)
{
	bool writes = true;

	set_up();
	CHECK_EQUAL(rwmutex_unlock(lock, 1, 0, NULL, NULL), OBJECT_EUNLOCKED);
	CHECK_EQUAL(try_read(a, lock), OBJECT_OK);
	CHECK_EQUAL(try_read(b, lock), OBJECT_OK);
	CHECK(rwmutex_holds(lock, a->rw.token, &writes));
	CHECK(!writes);
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK(!rwmutex_holds(lock, a->rw.token, NULL));
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_ESTALE);
	CHECK(rwmutex_holds(lock, b->rw.token, NULL));
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);
	CHECK_EQUAL(try_write(c, lock), OBJECT_OK);
	CHECK(rwmutex_holds(lock, c->rw.token, &writes));
	CHECK(writes);
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_ESTALE);
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_EUNLOCKED);
	tear_down();
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_waiting_writer_holds_off_new_readers)
{
	set_up();
	CHECK_EQUAL(try_read(a, lock), OBJECT_OK);
	start_write(b, lock);
	CHECK_EQUAL(try_read(c, lock), OBJECT_EWOULDBLOCK);
	start_read(c, lock);
	CHECK_TRACE("");
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_TRACE("B writes\n");
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);
	CHECK_TRACE("C reads\n");
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_writers_unlock_lets_every_waiting_reader_in)
{
	set_up();
	CHECK_EQUAL(try_write(a, lock), OBJECT_OK);
	start_read(b, lock);
	start_write(c, lock);
	start_read(d, lock);
	start_write(e, lock);
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_TRACE_LINES("B reads\nD reads\n");
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);
	CHECK_TRACE("");
	CHECK_EQUAL(unlock_rw(d, lock), OBJECT_OK);
	CHECK_TRACE("C writes\n");
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	CHECK_TRACE("E writes\n");
	CHECK_EQUAL(unlock_rw(e, lock), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(when_the_last_waiting_writer_gives_up_the_readers_behind_it_come_in)
{
	set_up();
	CHECK_EQUAL(try_read(a, lock), OBJECT_OK);
	start_write(b, lock);
	start_write(c, lock);
	start_read(d, lock);
	start_read(e, lock);
	entry_stop(&b->entry, OBJECT_ECANCELED);
	CHECK_TRACE("B canceled\n");
	entry_stop(&c->entry, OBJECT_EDEADLINE);
	CHECK_TRACE_LINES("C deadline\nD reads\nE reads\n");
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_EQUAL(unlock_rw(d, lock), OBJECT_OK);
	CHECK_EQUAL(unlock_rw(e, lock), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(in_strict_order_a_reader_does_not_pass_a_writer_that_came_before)
{
	set_up_with(&(struct lock_options){.fifo = true});
	CHECK_EQUAL(try_write(a, lock), OBJECT_OK);
	start_read(b, lock);
	start_write(c, lock);
	start_read(d, lock);
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_TRACE("B reads\n");
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);
	CHECK_TRACE("C writes\n");
	start_write(e, lock);
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	CHECK_TRACE("D reads\n");
	CHECK_EQUAL(unlock_rw(d, lock), OBJECT_OK);
	CHECK_TRACE("E writes\n");
	CHECK_EQUAL(unlock_rw(e, lock), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_downgrade_lets_readers_in_and_no_writer_between)
{
	set_up();
	CHECK_EQUAL(try_write(a, lock), OBJECT_OK);
	start_write(b, lock);
	start_read(c, lock);
	CHECK_EQUAL(rwmutex_downgrade(lock, a->rw.token + 1, co_now()), OBJECT_ESTALE);
	CHECK_EQUAL(rwmutex_downgrade(lock, a->rw.token, co_now()), OBJECT_OK);
	CHECK_TRACE("C reads\n");
	CHECK_EQUAL(rwmutex_downgrade(lock, a->rw.token, co_now()), OBJECT_ESTALE);
	CHECK(rwmutex_holds(lock, a->rw.token, NULL));
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	CHECK_TRACE("");
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_TRACE("B writes\n");
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);
	tear_down();
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_dead_writer_is_told_to_readers_and_the_next_writer)
{
	set_up();
	CHECK_EQUAL(try_write(a, lock), OBJECT_OK);
	start_read(b, lock);
	start_write(c, lock);
	actor_end(a, co_now());
	CHECK_TRACE("B reads, abandoned\n");
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);
	CHECK_TRACE("C writes, abandoned\n");
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	start_write(d, lock);
	CHECK_TRACE("D writes\n");
	CHECK_EQUAL(unlock_rw(d, lock), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_dead_reader_is_not_told)
{
	set_up();
	CHECK_EQUAL(try_read(a, lock), OBJECT_OK);
	CHECK_EQUAL(try_read(b, lock), OBJECT_OK);
	start_write(c, lock);
	actor_end(a, co_now());
	actor_end(b, co_now());
	CHECK_TRACE("C writes\n");
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(behind_a_dead_holder_nobody_is_let_in_for_the_delay)
{
	int64_t died_ns;

	set_up_with(&(struct lock_options){.delay_ns = 30 * MS});
	CHECK_EQUAL(try_read(a, lock), OBJECT_OK);
	died_ns = co_now();
	actor_end(a, died_ns);
	CHECK_EQUAL(try_read(b, lock), OBJECT_EWOULDBLOCK);
	start_read(b, lock);
	start_read(d, lock);
	CHECK_TRACE_LINES("B reads\nD reads\n");
	CHECK(co_now() >= died_ns + 30 * MS);
	actor_end(b, co_now());
	CHECK_EQUAL(unlock_rw(d, lock), OBJECT_OK);
	died_ns = co_now();
	start_write(c, lock);
	CHECK_TRACE("C writes\n");
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(behind_a_shut_gate_all_queue)
{
	set_up();
	token_set_gate(false);
	start_read(a, lock);
	start_write(b, lock);
	start_read(c, lock);
	token_set_gate(true);
	rwmutex_type.admit(rwmutex_object(lock), co_now());
	CHECK_TRACE("B writes\n");
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);
	CHECK_TRACE_LINES("A reads\nC reads\n");
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(nothing_is_granted_to_an_ended_session)
{
	set_up();
	owner_end(&a->owner);
	CHECK_EQUAL(try_read(a, lock), OBJECT_EENDED);
	CHECK_EQUAL(try_write(a, lock), OBJECT_EENDED);
	CHECK_EQUAL(try_write(b, lock), OBJECT_OK);
	start_read(c, lock);
	start_write(d, lock);
	owner_end(&c->owner);
	owner_end(&b->owner);
	CHECK_EQUAL(rwmutex_downgrade(lock, b->rw.token, co_now()), OBJECT_EENDED);
	actor_end(b, co_now());
	CHECK_TRACE_LINES("C ended\nD writes, abandoned\n");
	CHECK_EQUAL(unlock_rw(d, lock), OBJECT_OK);
	tear_down();
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

#define CROWD 600 /* more than two steps */
static struct actor crowd[CROWD];
static atomic_int reading;
static atomic_bool may_go;

static void read_in_crowd(void *arg)
{
	struct actor *actor = arg;

	CHECK_EQUAL(rwmutex_rlock(lock, &actor->entry, false, &actor->rw), OBJECT_OK);
	atomic_fetch_add(&reading, 1);
	while (!atomic_load(&may_go))
		(void)co_sleep(NULL, MS);
	CHECK_EQUAL(unlock_rw(actor, lock), OBJECT_OK);
	atomic_fetch_sub(&reading, 1);
	atomic_store(&actor->done, true);
}

COROUTINE_TEST(a_crowd_of_readers_is_let_in_before_a_writer)
{
	set_up();
	atomic_store(&reading, 0);
	atomic_store(&may_go, false);
	CHECK_EQUAL(try_write(a, lock), OBJECT_OK);
	for (int i = 0; i < CROWD; i++) {
		actor_init(&crowd[i], "crowd");
		actor_start(&crowd[i], read_in_crowd);
	}
	start_write(b, lock);
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_EVENTUALLY(atomic_load(&reading) == CROWD);
	CHECK_TRACE("");
	atomic_store(&may_go, true);
	CHECK_TRACE("B writes\n");
	CHECK_EQUAL(atomic_load(&reading), 0);
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);
	for (int i = 0; i < CROWD; i++)
		CHECK_EVENTUALLY(atomic_load(&crowd[i].done));
	tear_down();
}

COROUTINE_TEST(without_memory_a_call_has_no_effect)
{
	int r;

	set_up();
	fail_allocation(0, true);
	r = try_read(a, lock);
	memory_set_fault(NULL);
	CHECK_EQUAL(r, OBJECT_ENOMEM);
	CHECK_EQUAL(try_write(a, lock), OBJECT_OK);
	fail_allocation(0, true);
	r = rwmutex_downgrade(lock, a->rw.token, co_now());
	memory_set_fault(NULL);
	CHECK_EQUAL(r, OBJECT_ENOMEM);
	CHECK_EQUAL(try_read(b, lock), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_EQUAL(try_read(a, lock), OBJECT_OK);
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	fail_allocation(0, true); /* the record of the last one serves the next */
	r = try_read(a, lock);
	memory_set_fault(NULL);
	CHECK_EQUAL(r, OBJECT_OK);
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	tear_down();
}

/* ---- select, looking --------------------------------------------------------------------------------------------- */

/* Reads or writes, whatever comes first: "reads" comes when nobody writes. */
static void run_select(void *arg)
{
	struct actor *actor = arg;
	struct select_case cases[2] = {
		{.object = rwmutex_object(lock), .type = &rwmutex_rlock_case},
		{.object = rwmutex_object(lock), .type = &rwmutex_lock_case},
	};
	struct select_case *happened = NULL;

	seat_init(&cases[0].seat, &actor->entry);
	seat_init(&cases[1].seat, &actor->entry);
	CHECK_EQUAL(rwmutex_prepare(lock, &cases[0].seat), OBJECT_OK);
	actor->result = select_wait(&actor->entry, cases, 2, false, &happened);
	rwmutex_finish(lock, &cases[0].seat);
	if (happened != NULL)
		actor->rw.token = happened->seat.token;
	actor_report(actor, happened == &cases[1] ? "selected writing" : "selected reading");
}

COROUTINE_TEST(a_select_is_handed_the_one_or_the_other)
{
	bool writes = true;

	set_up();
	CHECK_EQUAL(try_write(a, lock), OBJECT_OK);
	actor_start(b, run_select);
	actor_start(c, run_select);
	CHECK_EQUAL(unlock_rw(a, lock), OBJECT_OK);
	CHECK_TRACE_LINES("B selected reading\nC selected reading\n");
	CHECK(rwmutex_holds(lock, b->rw.token, &writes));
	CHECK(!writes);
	actor_start(d, run_select);
	CHECK_TRACE("D selected reading\n");
	start_write(e, lock);
	CHECK_EQUAL(unlock_rw(b, lock), OBJECT_OK);
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	actor_start(a, run_select);
	entry_stop(&a->entry, OBJECT_ECANCELED);
	CHECK_TRACE("A canceled\n");
	CHECK_EQUAL(unlock_rw(d, lock), OBJECT_OK);
	CHECK_TRACE("E writes\n");
	CHECK_EQUAL(unlock_rw(e, lock), OBJECT_OK);
	tear_down();
}

static bool note_party(const struct object_party *party, void *arg)
{
	(void)arg;
	trace_line(container_of(party->owner, struct actor, owner)->name, party->role);
	return true;
}

COROUTINE_TEST(holders_and_waiters_are_shown_in_order)
{
	set_up();
	CHECK_EQUAL(try_read(a, lock), OBJECT_OK);
	CHECK_EQUAL(try_read(b, lock), OBJECT_OK);
	start_write(c, lock);
	start_read(d, lock);
	start_write(e, lock);
	rwmutex_type.visit_parties(rwmutex_object(lock), note_party, NULL);
	CHECK_TRACE("A reader\nB reader\nC waiting writer\nD waiting reader\nE waiting writer\n");
	actor_end(d, co_now());
	actor_end(e, co_now());
	CHECK_TRACE_LINES("D ended\nE ended\n");
	actor_end(a, co_now());
	actor_end(b, co_now());
	CHECK_TRACE("C writes\n");
	rwmutex_type.visit_parties(rwmutex_object(lock), note_party, NULL);
	CHECK_TRACE("C writer\n");
	CHECK_EQUAL(rwmutex_hand_over(lock, c->rw.token), OBJECT_OK);
	CHECK_EQUAL(rwmutex_hand_over(lock, a->rw.token), OBJECT_ESTALE);
	CHECK_EQUAL(unlock_rw(c, lock), OBJECT_OK);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_share_and_a_writer_is_alone),
		cmocka_unit_test(unlock_goes_by_tokens),
		cmocka_unit_test(a_waiting_writer_holds_off_new_readers),
		cmocka_unit_test(a_writers_unlock_lets_every_waiting_reader_in),
		cmocka_unit_test(when_the_last_waiting_writer_gives_up_the_readers_behind_it_come_in),
		cmocka_unit_test(in_strict_order_a_reader_does_not_pass_a_writer_that_came_before),
		cmocka_unit_test(a_downgrade_lets_readers_in_and_no_writer_between),
		cmocka_unit_test(a_dead_writer_is_told_to_readers_and_the_next_writer),
		cmocka_unit_test(a_dead_reader_is_not_told),
		cmocka_unit_test(behind_a_dead_holder_nobody_is_let_in_for_the_delay),
		cmocka_unit_test(behind_a_shut_gate_all_queue),
		cmocka_unit_test(nothing_is_granted_to_an_ended_session),
		cmocka_unit_test(a_crowd_of_readers_is_let_in_before_a_writer),
		cmocka_unit_test(without_memory_a_call_has_no_effect),
		cmocka_unit_test(a_select_is_handed_the_one_or_the_other),
		cmocka_unit_test(holders_and_waiters_are_shown_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
