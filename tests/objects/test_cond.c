/* SPDX-License-Identifier: MIT
 *
 * test_cond.c - waiting and being woken, in order; what times out, is stopped or dies passes its signal on; holds that
 * are another session's.
 */
#include "daemon/objects/cond.h"
#include "tests/objects/actors.h"

#define MS CO_MILLISECOND
#define CROWD 600 /* more than two steps of waiters */

static const struct lock_options plain;
static struct object *object;
static struct cond *cond;
static struct mutex *mutex;
static struct actor a, b, c, d;
static int64_t until_ns; /* of the next waits */

static void set_up(void)
{
	token_reset();
	token_set_range(100, UINT64_MAX);
	actor_init(&a, "A");
	actor_init(&b, "B");
	actor_init(&c, "C");
	actor_init(&d, "D");
	until_ns = CO_NEVER;
	CHECK_EQUAL(cond_make("c", NULL, &object), OBJECT_OK);
	cond = cond_of(object);
	CHECK_EQUAL(mutex_new("m", &plain, &mutex), OBJECT_OK);
}

static void tear_down(void)
{
	struct object_description description;

	cond_type.describe(object, &description);
	CHECK_EQUAL(description.waiters, 0);
	CHECK(cond_type.is_idle(object, 0));
	mutex_type.describe(mutex_object(mutex), &description);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count + d.owner.hold_count, 0);
	object_unref(object);
	object_unref(mutex_object(mutex));
}

/* Waits with the token that the actor has. */
static void run_wait(void *arg)
{
	struct actor *actor = arg;
	const struct cond_request request = {.mutex = actor->mutex != NULL ? actor->mutex : mutex,
		.token = actor->grant.token,
		.until_ns = until_ns};
	struct cond_outcome got = {0};

	actor->result = cond_wait(cond, &actor->entry, &request, &got);
	actor->grant = got.grant;
	if (actor->result == OBJECT_OK && !got.locked) {
		trace_line("not locked:", actor->name);
		actor->result = got.reason;
	}
	actor_report(actor, got.timed_out ? "timed out" : "woken");
}

/* Locks the mutex and waits. */
static void start_wait(struct actor *actor)
{
	CHECK_EQUAL(try_lock(actor, mutex), OBJECT_OK);
	actor_start(actor, run_wait);
}

static void give_back(struct actor *actor)
{
	CHECK_EQUAL(unlock(actor, mutex, co_now()), OBJECT_OK);
}

COROUTINE_TEST(a_wait_gives_the_mutex_back_and_gets_it_again)
{
	uint64_t token;

	set_up();
	CHECK_EQUAL(cond_signal(cond), 0);
	start_wait(&a);
	token = a.grant.token;
	CHECK(!mutex_holds(mutex, token));
	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_OK);
	CHECK_EQUAL(cond_signal(cond), 1);
	CHECK_EQUAL(cond_signal(cond), 0);
	CHECK_TRACE(""); /* B has the mutex */
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("A woken\n");
	CHECK(a.grant.token > token);
	CHECK(mutex_holds(mutex, a.grant.token));
	CHECK_EQUAL(mutex_unlock(mutex, token, 0, NULL, NULL), OBJECT_ESTALE);
	give_back(&a);
	tear_down();
}

static uint32_t mutex_waiters(void)
{
	struct object_description description;

	mutex_type.describe(mutex_object(mutex), &description);
	return description.waiters;
}

COROUTINE_TEST(the_mutex_is_handed_over_at_unlock)
{
	set_up();
	start_wait(&a);
	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_OK);
	CHECK_EQUAL(cond_signal(cond), 1);
	CHECK_EVENTUALLY(mutex_waiters() == 1);
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_EWOULDBLOCK);
	CHECK_TRACE("A woken\n");
	give_back(&a);
	tear_down();
}

static int wait_under(struct actor *actor, uint64_t token)
{
	const struct cond_request request = {.mutex = mutex, .token = token, .until_ns = CO_NEVER};
	struct cond_outcome outcome;

	return cond_wait(cond, actor_call(actor), &request, &outcome);
}

COROUTINE_TEST(a_wait_needs_the_mutex)
{
	struct co_context *context;

	set_up();
	CHECK_EQUAL(wait_under(&a, 7), OBJECT_EUNLOCKED);
	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_OK);
	CHECK_EQUAL(wait_under(&a, 7), OBJECT_ESTALE);
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	co_cancel(context, NULL);
	b.context = context;
	CHECK_EQUAL(wait_under(&b, b.grant.token), OBJECT_ECANCELED);
	CHECK(mutex_holds(mutex, b.grant.token)); /* as before */
	give_back(&b);
	co_context_unref(context);
	tear_down();
}

COROUTINE_TEST(a_signal_wakes_the_longest_waiter_and_a_broadcast_all)
{
	set_up();
	start_wait(&a);
	start_wait(&b);
	start_wait(&c);
	CHECK_EQUAL(cond_signal(cond), 1);
	CHECK_TRACE("A woken\n");
	give_back(&a);
	start_wait(&d);
	CHECK_EQUAL(cond_broadcast(cond), 3);
	CHECK_EVENTUALLY(atomic_load(&b.done) || atomic_load(&c.done) || atomic_load(&d.done));
	for (int i = 0; i < 3; i++) { /* one after the other */
		struct actor *const three[] = {&b, &c, &d};
		struct actor *holder = NULL;

		for (int j = 0; j < 3; j++)
			if (atomic_load(&three[j]->done) && mutex_holds(mutex, three[j]->grant.token))
				holder = three[j];
		CHECK(holder != NULL);
		give_back(holder);
		CHECK_EVENTUALLY(atomic_load(&b.done) + atomic_load(&c.done) + atomic_load(&d.done) >= i + 2 || i == 2);
	}
	CHECK_TRACE_LINES("B woken\nC woken\nD woken\n");
	tear_down();
}

COROUTINE_TEST(a_wait_that_times_out_has_the_mutex_again)
{
	set_up();
	until_ns = co_now() + 5 * MS;
	start_wait(&a);
	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_OK);
	CHECK_EVENTUALLY(co_now() > until_ns + MS);
	CHECK_TRACE("");
	CHECK_EQUAL(unlock(&b, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("A timed out\n");
	CHECK(mutex_holds(mutex, a.grant.token));
	CHECK_EQUAL(cond_signal(cond), 0);
	give_back(&a);
	tear_down();
}

COROUTINE_TEST(the_calls_own_end_leaves_it_without_the_mutex)
{
	struct co_context *context;

	set_up();
	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	b.context = context;
	start_wait(&a);
	start_wait(&b);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_OK);
	c.deadline_ns = co_now() + 5 * MS;
	actor_start(&c, run_wait);
	CHECK_TRACE("not locked: C\nC deadline\n");
	co_cancel(context, NULL);
	CHECK_TRACE("not locked: B\nB canceled\n");
	entry_stop(&a.entry, OBJECT_ESHUTDOWN);
	CHECK_TRACE("not locked: A\nA shutdown\n");
	co_context_unref(context);
	tear_down();
}

/* A is signalled, but the mutex is taken; A's END then comes before it has that. */
static void signal_and_end(void (*end)(void))
{
	set_up();
	start_wait(&a);
	start_wait(&b);
	CHECK_EQUAL(try_lock(&c, mutex), OBJECT_OK);
	CHECK_EQUAL(cond_signal(cond), 1);
	end();
	CHECK_EVENTUALLY(atomic_load(&a.done));
	CHECK_TRACE_LINES("not locked: A\nA ended\n");
	CHECK_EQUAL(unlock(&c, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("B woken\n");
	CHECK_EQUAL(cond_signal(cond), 0);
	give_back(&b);
	tear_down();
}

static void stop_a(void)
{
	entry_stop(&a.entry, OBJECT_EENDED);
}

static void end_a(void)
{
	actor_end(&a, co_now());
}

COROUTINE_TEST(who_is_signalled_and_stopped_passes_the_signal_on)
{
	signal_and_end(stop_a);
}

COROUTINE_TEST(who_is_signalled_and_dies_passes_the_signal_on)
{
	signal_and_end(end_a);
}

COROUTINE_TEST(a_broadcast_is_not_passed_on)
{
	struct mutex *other;

	set_up();
	CHECK_EQUAL(mutex_new("n", &plain, &other), OBJECT_OK);
	start_wait(&a);
	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_OK);
	CHECK_EQUAL(cond_broadcast(cond), 1);
	CHECK_EVENTUALLY(mutex_waiters() == 1);
	CHECK_EQUAL(try_lock(&c, other), OBJECT_OK);
	c.mutex = other;
	actor_start(&c, run_wait); /* who comes after it is not meant */
	entry_stop(&a.entry, OBJECT_ECANCELED);
	CHECK_TRACE("not locked: A\nA canceled\n");
	CHECK_EQUAL(cond_signal(cond), 1);
	CHECK_TRACE("C woken\n");
	CHECK_EQUAL(unlock(&c, other, co_now()), OBJECT_OK);
	give_back(&b);
	object_unref(mutex_object(other));
	tear_down();
}

/* B waits with A's hold, as a child of A's would. */
COROUTINE_TEST(the_hold_stays_with_the_session_that_had_it)
{
	set_up();
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	b.grant = a.grant;
	actor_start(&b, run_wait);
	CHECK_EQUAL(a.owner.hold_count, 0);
	CHECK_EQUAL(cond_signal(cond), 1);
	CHECK_TRACE("B woken\n");
	CHECK_EQUAL(a.owner.hold_count, 1);
	CHECK_EQUAL(b.owner.hold_count, 0);
	actor_end(&b, co_now());
	CHECK(mutex_holds(mutex, b.grant.token));

	c.grant = b.grant;
	actor_start(&c, run_wait);
	start_wait(&d);
	actor_end(&a, co_now()); /* nobody is there to have it */
	CHECK_EQUAL(cond_signal(cond), 1);
	CHECK_TRACE_LINES("not locked: C\nC ended\nD woken\n");
	give_back(&d);
	tear_down();
}

static struct actor crowd[CROWD];

/* Lets those who have the mutex give it back, until all have had it. */
static void unlock_crowd(void)
{
	size_t left = CROWD;
	const int64_t limit_ns = co_now() + 20 * CO_SECOND;

	while (left > 0 && co_now() < limit_ns) {
		for (size_t i = 0; i < CROWD; i++)
			if (atomic_load(&crowd[i].done) && mutex_holds(mutex, crowd[i].grant.token)) {
				CHECK_EQUAL(unlock(&crowd[i], mutex, co_now()), OBJECT_OK);
				left--;
			}
		co_yield();
	}
	CHECK_EQUAL(left, 0);
}

COROUTINE_TEST(a_broadcast_wakes_many_and_none_that_comes_after)
{
	set_up();
	for (size_t i = 0; i < CROWD; i++) {
		actor_init(&crowd[i], "X");
		start_wait(&crowd[i]);
	}
	CHECK_EQUAL(try_lock(&a, mutex), OBJECT_OK);
	CHECK_EQUAL(cond_broadcast(cond), CROWD);
	actor_start(&a, run_wait);
	unlock_crowd();
	CHECK(!atomic_load(&a.done));
	CHECK_EQUAL(cond_broadcast(cond), 1);
	CHECK_EVENTUALLY(atomic_load(&a.done));
	give_back(&a);
	forget_trace();
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_gives_the_mutex_back_and_gets_it_again),
		cmocka_unit_test(the_mutex_is_handed_over_at_unlock),
		cmocka_unit_test(a_wait_needs_the_mutex),
		cmocka_unit_test(a_signal_wakes_the_longest_waiter_and_a_broadcast_all),
		cmocka_unit_test(a_wait_that_times_out_has_the_mutex_again),
		cmocka_unit_test(the_calls_own_end_leaves_it_without_the_mutex),
		cmocka_unit_test(who_is_signalled_and_stopped_passes_the_signal_on),
		cmocka_unit_test(who_is_signalled_and_dies_passes_the_signal_on),
		cmocka_unit_test(a_broadcast_is_not_passed_on),
		cmocka_unit_test(the_hold_stays_with_the_session_that_had_it),
		cmocka_unit_test(a_broadcast_wakes_many_and_none_that_comes_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
