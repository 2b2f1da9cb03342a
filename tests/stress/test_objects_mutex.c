/* SPDX-License-Identifier: MIT
 *
 * test_objects_mutex.c - many sessions at few mutexes, with cancels, deadlines and deaths at the moment of the grant.
 *
 * What must hold: one holder at a time; tokens rise; a call that says it was ended holds nothing; nobody waits for
 * ever; every death is told to exactly one next holder.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/objects/mutex.h"
#include "daemon/objects/token.h"
#include "tests/objects/stoppable.h"

#define WORKERS 24
#define MUTEXES 3

struct worker {
	struct test_random random;
	struct stoppable session;
};

static struct worker workers[WORKERS];
static struct mutex *mutexes[MUTEXES];
static atomic_uint inside[MUTEXES];
static uint64_t last_token[MUTEXES];

static struct {
	atomic_ulong granted;
	atomic_ulong stopped;
	atomic_ulong late;
	atomic_ulong refused;
	atomic_ulong deaths;
	atomic_ulong abandoned;
} outcomes;

static void stop_somebody(struct test_random *random)
{
	stoppable_stop(&workers[test_random_below(random, WORKERS)].session);
}

/* Yields, stops somebody, or does nothing. */
static void disturb(struct worker *worker)
{
	const uint64_t choice = test_random_below(&worker->random, 8);

	if (choice < 3)
		stop_somebody(&worker->random);
	else if (choice < 6)
		co_yield();
}

static int64_t choose_deadline(struct worker *worker)
{
	if (test_random_below(&worker->random, 4) != 0)
		return CO_NEVER;
	return co_now() + (int64_t)test_random_below(&worker->random, 50000);
}

/* The session ends while it holds a lock, and the worker opens another. */
static void die(struct worker *worker)
{
	atomic_fetch_add(&outcomes.deaths, 1);
	owner_end(&worker->session.owner);
	while (owner_release_some(&worker->session.owner, co_now()))
		co_yield();
	owner_init(&worker->session.owner);
}

static void hold(struct worker *worker, size_t number, const struct lock_grant *grant)
{
	CHECK_EQUAL(atomic_fetch_add(&inside[number], 1), 0);
	CHECK(grant->token > last_token[number]);
	last_token[number] = grant->token;
	atomic_fetch_add(&outcomes.abandoned, grant->abandoned);
	CHECK(mutex_holds(mutexes[number], grant->token));
	disturb(worker);
	CHECK_EQUAL(atomic_fetch_sub(&inside[number], 1), 1);
	if (test_random_below(&worker->random, 16) == 0)
		die(worker);
	else
		CHECK_EQUAL(mutex_unlock(mutexes[number], grant->token, co_now(), NULL, NULL), OBJECT_OK);
	disturb(worker);
}

static void work(void *arg)
{
	struct worker *worker = arg;

	for (size_t i = test_scale(20000); i > 0; i--) {
		const size_t number = test_random_below(&worker->random, MUTEXES);
		const bool no_wait = test_random_below(&worker->random, 8) == 0;
		struct lock_grant grant;
		int r;

		stoppable_begin(&worker->session, choose_deadline(worker));
		r = mutex_lock(mutexes[number], &worker->session.entry, no_wait, &grant);
		stoppable_end(&worker->session);
		if (r == OBJECT_OK)
			hold(worker, number, &grant);
		else
			CHECK_EQUAL(worker->session.owner.hold_count, 0);
		CHECK(r == OBJECT_OK || r == OBJECT_ECANCELED || r == OBJECT_EDEADLINE || r == OBJECT_EWOULDBLOCK);
		atomic_fetch_add(r == OBJECT_OK          ? &outcomes.granted
				 : r == OBJECT_ECANCELED ? &outcomes.stopped
				 : r == OBJECT_EDEADLINE ? &outcomes.late
							 : &outcomes.refused,
			1);
	}
}

static void check_end(struct mutex *mutex, unsigned long *marks)
{
	struct object_description description;

	mutex_type.describe(mutex_object(mutex), &description);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	*marks += description.abandoned;
	object_unref(mutex_object(mutex));
}

static void print_outcomes(void)
{
	printf("locks: %lu granted, %lu cancelled, %lu late, %lu refused; %lu deaths, %lu told\n",
		atomic_load(&outcomes.granted), atomic_load(&outcomes.stopped), atomic_load(&outcomes.late),
		atomic_load(&outcomes.refused), atomic_load(&outcomes.deaths), atomic_load(&outcomes.abandoned));
}

COROUTINE_TEST(one_holder_at_a_time_whatever_ends_the_waits)
{
	struct co_test_group group = {0};
	const unsigned long total = WORKERS * (unsigned long)test_scale(20000);
	unsigned long marks = 0;

	memset(&outcomes, 0, sizeof(outcomes));
	token_reset();
	token_set_range(1, UINT64_MAX);
	for (size_t i = 0; i < MUTEXES; i++) {
		CHECK_EQUAL(mutex_new("m", &(struct lock_options){0}, &mutexes[i]), OBJECT_OK);
		last_token[i] = 0;
	}
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.random = test_random_stream(i)};
		owner_init(&workers[i].session.owner);
	}
	for (size_t i = 0; i < WORKERS; i++) /* they meet each other at once */
		co_test_go(&group, work, &workers[i]);
	co_test_wait(&group);
	print_outcomes();
	for (size_t i = 0; i < MUTEXES; i++)
		check_end(mutexes[i], &marks);
	CHECK_EQUAL(atomic_load(&outcomes.abandoned) + marks, atomic_load(&outcomes.deaths));
	CHECK(atomic_load(&outcomes.granted) > total / 10);
	CHECK(atomic_load(&outcomes.stopped) > total / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_holder_at_a_time_whatever_ends_the_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
