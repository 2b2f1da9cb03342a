/* SPDX-License-Identifier: MIT
 *
 * test_objects_sync.c - many sessions at wait groups, onces and conds, with cancels, deadlines and deaths at the moment
 * of completion.
 *
 * What must hold: nothing is lost, nothing happens twice, nobody waits for ever.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/objects/cond.h"
#include "daemon/objects/once.h"
#include "daemon/objects/token.h"
#include "daemon/objects/waitgroup.h"
#include "tests/lib/co_test.h"
#include "tests/objects/stoppable.h"

#define WORKERS 24
#define ROUNDS test_scale(8000)

struct worker {
	struct test_random random;
	struct stoppable session;
};

static struct worker workers[WORKERS];
static struct object *object;

static struct {
	atomic_ulong done;
	atomic_ulong stopped;
	atomic_ulong late;
	atomic_ulong deaths;
	atomic_ulong told;
} outcomes;

static struct entry *begin_call(struct worker *worker, int64_t deadline_ns)
{
	stoppable_begin(&worker->session, deadline_ns);
	return &worker->session.entry;
}

static void end_call(struct worker *worker)
{
	stoppable_end(&worker->session);
}

static void stop_somebody(struct test_random *random)
{
	stoppable_stop(&workers[test_random_below(random, WORKERS)].session);
}

/* Yields, stops somebody, or does nothing. */
static void disturb(struct worker *worker)
{
	const uint64_t choice = test_random_below(&worker->random, 8);

	if (choice < 2)
		stop_somebody(&worker->random);
	else if (choice < 6)
		co_yield();
}

static int64_t choose_deadline(struct worker *worker)
{
	return random_deadline(&worker->random);
}

/* The session ends, with all that it has, and the worker opens another. */
static void die(struct worker *worker)
{
	atomic_fetch_add(&outcomes.deaths, 1);
	owner_end(&worker->session.owner);
	while (owner_release_some(&worker->session.owner, co_now()))
		co_yield();
	owner_init(&worker->session.owner);
}

static void count_outcome(int r)
{
	CHECK(r == OBJECT_OK || r == OBJECT_ECANCELED || r == OBJECT_EDEADLINE);
	atomic_fetch_add(r == OBJECT_OK          ? &outcomes.done
			 : r == OBJECT_ECANCELED ? &outcomes.stopped
						 : &outcomes.late,
		1);
}

static void run_workers(void (*work)(void *worker))
{
	struct co_test_group group = {0};

	memset(&outcomes, 0, sizeof(outcomes));
	token_reset();
	token_set_range(1, UINT64_MAX);
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.random = test_random_stream(i)};
		owner_init(&workers[i].session.owner);
		co_test_go(&group, work, &workers[i]);
	}
	co_test_wait(&group);
	printf("%s: %lu done, %lu cancelled, %lu late; %lu deaths, %lu told\n", object->type->name,
		atomic_load(&outcomes.done), atomic_load(&outcomes.stopped), atomic_load(&outcomes.late),
		atomic_load(&outcomes.deaths), atomic_load(&outcomes.told));
}

/* Nobody is at the object or has anything of it any more. */
static void check_rest(uint64_t length)
{
	struct object_description description;

	object->type->describe(object, &description);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	CHECK_EQUAL(description.length, length);
	for (size_t i = 0; i < WORKERS; i++)
		CHECK_EQUAL(workers[i].session.owner.hold_count, 0);
	object_unref(object);
}

/* ---- wait groups ------------------------------------------------------------------------------------------------- */

/* Adds one or more, and is done with them, or dies with them; some wait. */
static void work_at_group(void *arg)
{
	struct worker *worker = arg;
	struct waitgroup *group = waitgroup_of(object);

	for (size_t i = ROUNDS; i > 0; i--) {
		const int64_t n = 1 + (int64_t)test_random_below(&worker->random, 3);
		const bool bound = test_random_below(&worker->random, 4) != 0;
		uint64_t lost;

		CHECK_EQUAL(waitgroup_add(group, begin_call(worker, CO_NEVER), n, bound), OBJECT_OK);
		end_call(worker);
		disturb(worker);
		if (!bound)
			CHECK_EQUAL(waitgroup_adopt(group, begin_call(worker, CO_NEVER), n), OBJECT_OK);
		if (test_random_below(&worker->random, 16) == 0)
			die(worker);
		else
			CHECK_EQUAL(waitgroup_add(group, begin_call(worker, CO_NEVER), -n, false), OBJECT_OK);
		end_call(worker);
		disturb(worker);
		if (test_random_below(&worker->random, 4) == 0) {
			count_outcome(waitgroup_wait(group, begin_call(worker, choose_deadline(worker)), false, &lost));
			end_call(worker);
		}
	}
}

COROUTINE_TEST(a_wait_group_comes_to_zero_whatever_dies)
{
	CHECK_EQUAL(waitgroup_make("g", NULL, &object), OBJECT_OK);
	run_workers(work_at_group);
	CHECK(atomic_load(&outcomes.done) > 0);
	check_rest(0);
}

/* ---- onces ------------------------------------------------------------------------------------------------------- */

static atomic_uint running;
static atomic_ulong completed;
static atomic_ulong reset;

/* Has the run: completes, fails or dies; then the value may be forgotten. */
static void run_once(struct worker *worker, struct once *once, const struct once_outcome *run)
{
	const uint64_t choice = test_random_below(&worker->random, 4);
	struct message *value = message_new(&run->token, sizeof(run->token));

	CHECK_EQUAL(atomic_fetch_add(&running, 1), 0);
	atomic_fetch_add(&outcomes.told, run->abandoned);
	disturb(worker);
	CHECK_EQUAL(atomic_fetch_sub(&running, 1), 1);
	if (choice == 0) {
		die(worker);
		CHECK_EQUAL(once_fail(once, run->token, co_now(), NULL, NULL), OBJECT_ESTALE);
	} else if (choice == 1) {
		CHECK_EQUAL(once_fail(once, run->token, co_now(), NULL, NULL), OBJECT_OK);
	} else {
		CHECK_EQUAL(once_complete(once, run->token, value, ONCE_FOR_EVER, co_now(), NULL, NULL), OBJECT_OK);
		atomic_fetch_add(&completed, 1);
	}
	message_unref(value);
}

static void work_at_once(void *arg)
{
	struct worker *worker = arg;
	struct once *once = once_of(object);
	uint64_t last = 0;

	for (size_t i = ROUNDS; i > 0; i--) {
		struct once_outcome outcome = {0};
		const int r = once_do(once, begin_call(worker, choose_deadline(worker)), false, &outcome);

		end_call(worker);
		count_outcome(r);
		if (r == OBJECT_OK && outcome.run)
			run_once(worker, once, &outcome);
		if (r == OBJECT_OK && !outcome.run) {
			uint64_t token;

			memcpy(&token, outcome.value->bytes, sizeof(token));
			CHECK(token >= last);
			last = token;
			message_unref(outcome.value);
			if (test_random_below(&worker->random, 4) == 0)
				atomic_fetch_add(&reset, once_reset(once, co_now()));
		}
		disturb(worker);
	}
}

COROUTINE_TEST(one_runs_at_a_time_and_every_value_is_that_of_a_run)
{
	struct object_description description;

	atomic_store(&completed, 0);
	atomic_store(&reset, 0);
	CHECK_EQUAL(once_make("o", NULL, &object), OBJECT_OK);
	run_workers(work_at_once);
	(void)once_reset(once_of(object), co_now());
	object->type->describe(object, &description);
	CHECK_EQUAL(atomic_load(&outcomes.told) + description.abandoned, atomic_load(&outcomes.deaths));
	CHECK(atomic_load(&completed) - atomic_load(&reset) <= 1);
	check_rest(0);
	CHECK_EQUAL(message_bytes_in_use(), 0);
}

/* ---- conds ------------------------------------------------------------------------------------------------------- */

/* Tickets under a mutex, with a signal for each that is put there. */
static struct mutex *mutex;
static unsigned tickets; /* under the mutex */
static atomic_ulong put;
static atomic_ulong taken;
static atomic_uint inside;
static atomic_uint working;

/* Counts who has the mutex. */
static void enter(void)
{
	CHECK_EQUAL(atomic_fetch_add(&inside, 1), 0);
}

static void leave(void)
{
	CHECK_EQUAL(atomic_fetch_sub(&inside, 1), 1);
}

static bool lock(struct worker *worker, struct lock_grant *grant)
{
	const int r = mutex_lock(mutex, begin_call(worker, CO_NEVER), false, grant);

	end_call(worker);
	if (r == OBJECT_OK)
		enter();
	return r == OBJECT_OK;
}

static void unlock(const struct lock_grant *grant)
{
	leave();
	CHECK_EQUAL(mutex_unlock(mutex, grant->token, co_now(), NULL, NULL), OBJECT_OK);
}

static void put_ticket(struct worker *worker)
{
	struct lock_grant grant;

	while (!lock(worker, &grant))
		;
	tickets++;
	atomic_fetch_add(&put, 1);
	unlock(&grant);
	(void)cond_signal(cond_of(object));
}

/* True: it has the mutex. An error left it locked. */
static bool wait_for_ticket(struct worker *worker, struct lock_grant *grant)
{
	const struct cond_request request = {
		.mutex = mutex,
		.token = grant->token,
		.until_ns = choose_deadline(worker),
	};
	struct cond_outcome outcome = {0};
	int r;

	leave();
	r = cond_wait(cond_of(object), begin_call(worker, choose_deadline(worker)), &request, &outcome);
	end_call(worker);
	if (r == OBJECT_OK && outcome.locked)
		*grant = outcome.grant;
	count_outcome(r != OBJECT_OK ? r : outcome.reason);
	if (r != OBJECT_OK || outcome.locked)
		enter();
	return r != OBJECT_OK || outcome.locked;
}

/* Takes a ticket if there is one, else waits, at most a few times. */
static void take_ticket(struct worker *worker)
{
	struct lock_grant grant;
	bool has_mutex = lock(worker, &grant);

	for (int i = 0; i < 3 && has_mutex && tickets == 0; i++)
		has_mutex = wait_for_ticket(worker, &grant);
	if (!has_mutex)
		return;
	if (tickets > 0) {
		tickets--;
		atomic_fetch_add(&taken, 1);
	}
	if (test_random_below(&worker->random, 32) == 0) {
		leave();
		die(worker);
	} else {
		unlock(&grant);
	}
}

static void work_at_cond(void *arg)
{
	struct worker *worker = arg;

	for (size_t i = ROUNDS; i > 0; i--) {
		if (test_random_below(&worker->random, 3) == 0)
			put_ticket(worker);
		else
			take_ticket(worker);
		disturb(worker);
	}
	atomic_fetch_sub(&working, 1);
}

/* Wakes those who wait without limit when nobody is left to put a ticket there. */
static void wake_sometimes(void *arg)
{
	struct test_random random = test_random_stream(WORKERS);

	(void)arg;
	while (atomic_load(&working) > 0) {
		if (test_random_below(&random, 8) == 0)
			(void)cond_broadcast(cond_of(object));
		else
			(void)cond_signal(cond_of(object));
		co_yield();
	}
}

COROUTINE_TEST(who_takes_a_ticket_has_the_mutex)
{
	struct co_test_group waker = {0};

	CHECK_EQUAL(mutex_new("m", &(struct lock_options){0}, &mutex), OBJECT_OK);
	CHECK_EQUAL(cond_make("c", NULL, &object), OBJECT_OK);
	tickets = 0;
	atomic_store(&put, 0);
	atomic_store(&taken, 0);
	atomic_store(&working, WORKERS);
	co_test_go(&waker, wake_sometimes, NULL);
	run_workers(work_at_cond);
	co_test_wait(&waker);
	CHECK_EQUAL(atomic_load(&put), atomic_load(&taken) + tickets);
	CHECK(!mutex_holds(mutex, token_last()));
	check_rest(0);
	object_unref(mutex_object(mutex));
}

/* ---- one signal each --------------------------------------------------------------------------------------------- */

/* As many signals as waiters, and every waiter is stopped or late at about the moment of its signal: those that are
 * left must be woken by the signals that the others passed on. */
static atomic_uint woken;
static atomic_uint ended;

static void wait_once(void *arg)
{
	struct worker *worker = arg;
	struct cond_outcome outcome = {0};
	struct lock_grant grant;
	struct cond_request request = {.mutex = mutex, .until_ns = CO_NEVER};

	CHECK_EQUAL(mutex_lock(mutex, begin_call(worker, CO_NEVER), false, &grant), OBJECT_OK);
	end_call(worker);
	request.token = grant.token;
	CHECK_EQUAL(cond_wait(cond_of(object), begin_call(worker, CO_NEVER), &request, &outcome), OBJECT_OK);
	end_call(worker);
	if (outcome.locked) {
		CHECK_EQUAL(mutex_unlock(mutex, outcome.grant.token, co_now(), NULL, NULL), OBJECT_OK);
		atomic_fetch_add(&woken, 1);
	} else {
		atomic_fetch_add(&ended, 1);
	}
}

static void race_signals(struct test_random *random)
{
	struct co_test_group group = {0};
	struct object_description description = {0};
	const unsigned signals = 1 + (unsigned)test_random_below(random, WORKERS);
	unsigned left;

	atomic_store(&woken, 0);
	atomic_store(&ended, 0);
	for (size_t i = 0; i < WORKERS; i++)
		co_test_go(&group, wait_once, &workers[i]);
	while (description.waiters < WORKERS) {
		co_yield();
		object->type->describe(object, &description);
	}
	for (unsigned i = 0; i < signals; i++) {
		(void)cond_signal(cond_of(object));
		stop_somebody(random);
		if (test_random_below(random, 3) == 0)
			co_yield();
	}
	do { /* what was passed on has arrived when each has had its signal, or its end */
		co_yield();
		left = WORKERS - atomic_load(&woken) - atomic_load(&ended);
		object->type->describe(object, &description);
	} while (description.waiters != left);
	CHECK(atomic_load(&woken) == signals || left == 0);
	(void)cond_broadcast(cond_of(object));
	co_test_wait(&group);
}

COROUTINE_TEST(a_stopped_waiter_passes_its_signal_on)
{
	struct test_random random = test_random_stream(WORKERS);

	token_reset();
	token_set_range(1, UINT64_MAX);
	CHECK_EQUAL(mutex_new("m", &(struct lock_options){0}, &mutex), OBJECT_OK);
	CHECK_EQUAL(cond_make("c", NULL, &object), OBJECT_OK);
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.random = test_random_stream(i)};
		owner_init(&workers[i].session.owner);
	}
	for (size_t i = test_scale(400); i > 0; i--)
		race_signals(&random);
	check_rest(0);
	object_unref(mutex_object(mutex));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_group_comes_to_zero_whatever_dies),
		cmocka_unit_test(one_runs_at_a_time_and_every_value_is_that_of_a_run),
		cmocka_unit_test(who_takes_a_ticket_has_the_mutex),
		cmocka_unit_test(a_stopped_waiter_passes_its_signal_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
