/* SPDX-License-Identifier: MIT
 *
 * test_objects_locks.c - many sessions at an RWMutex, a semaphore and several mutexes at a time, with cancels,
 * deadlines and deaths at the moment of the grant.
 *
 * What must hold: a writer is alone; never are more permits out than there are; one holder of a mutex at a time,
 * however many it locked in one step; a call that says it was ended holds nothing; nobody waits for ever.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/objects/mutex_many.h"
#include "daemon/objects/rwmutex.h"
#include "daemon/objects/semaphore.h"
#include "daemon/objects/token.h"
#include "tests/objects/stoppable.h"

#define WORKERS 16
#define MUTEXES 3
#define PERMITS 5

struct worker {
	struct test_random random;
	struct stoppable session;
	struct mutex_place places[MUTEXES];
};

static struct worker workers[WORKERS];
static struct rwmutex *rwmutex;
static struct semaphore *semaphore;
static struct mutex *mutexes[MUTEXES];
static atomic_int readers, writers, permits;
static atomic_int inside[MUTEXES];
static atomic_ulong granted, ended;

/* Yields, stops somebody, or does nothing. */
static void disturb(struct worker *worker)
{
	const uint64_t choice = test_random_below(&worker->random, 8);

	if (choice < 2)
		stoppable_stop(&workers[test_random_below(&worker->random, WORKERS)].session);
	else if (choice < 6)
		co_yield();
}

static void die(struct worker *worker)
{
	owner_end(&worker->session.owner);
	while (owner_release_some(&worker->session.owner, co_now()))
		co_yield();
	owner_init(&worker->session.owner);
}

static bool dies(struct worker *worker)
{
	return test_random_below(&worker->random, 16) == 0;
}

static void begin(struct worker *worker)
{
	const bool is_late = test_random_below(&worker->random, 4) == 0;
	const int64_t patience_ns = (int64_t)test_random_below(&worker->random, 50000);

	stoppable_begin(&worker->session, is_late ? co_now() + patience_ns : CO_NEVER);
}

static void check_answer(const struct worker *worker, int r)
{
	CHECK(r == OBJECT_OK || r == OBJECT_ECANCELED || r == OBJECT_EDEADLINE || r == OBJECT_EWOULDBLOCK);
	if (r != OBJECT_OK)
		CHECK_EQUAL(worker->session.owner.hold_count, 0);
}

/* The call has answered R. Whether it was granted. */
static bool end(struct worker *worker, int r)
{
	stoppable_end(&worker->session);
	check_answer(worker, r);
	atomic_fetch_add(r == OBJECT_OK ? &granted : &ended, 1);
	return r == OBJECT_OK;
}

static bool does_not_wait(struct worker *worker)
{
	return test_random_below(&worker->random, 8) == 0;
}

/* ---- what workers do --------------------------------------------------------------------------------------------- */

static void read_lock(struct worker *worker)
{
	struct lock_grant grant;

	begin(worker);
	if (!end(worker, rwmutex_rlock(rwmutex, &worker->session.entry, does_not_wait(worker), &grant)))
		return;
	atomic_fetch_add(&readers, 1);
	CHECK_EQUAL(atomic_load(&writers), 0);
	disturb(worker);
	CHECK(rwmutex_holds(rwmutex, grant.token, NULL));
	atomic_fetch_sub(&readers, 1);
	if (dies(worker))
		die(worker);
	else
		CHECK_EQUAL(rwmutex_unlock(rwmutex, grant.token, co_now(), NULL, NULL), OBJECT_OK);
}

static void write_lock(struct worker *worker)
{
	struct lock_grant grant;

	begin(worker);
	if (!end(worker, rwmutex_lock(rwmutex, &worker->session.entry, does_not_wait(worker), &grant)))
		return;
	CHECK_EQUAL(atomic_fetch_add(&writers, 1), 0);
	CHECK_EQUAL(atomic_load(&readers), 0);
	disturb(worker);
	CHECK_EQUAL(atomic_load(&readers), 0);
	CHECK_EQUAL(atomic_fetch_sub(&writers, 1), 1);
	if (dies(worker)) {
		die(worker);
		return;
	}
	if (test_random_below(&worker->random, 4) == 0)
		CHECK_EQUAL(rwmutex_downgrade(rwmutex, grant.token, co_now()), OBJECT_OK);
	CHECK_EQUAL(rwmutex_unlock(rwmutex, grant.token, co_now(), NULL, NULL), OBJECT_OK);
}

static void acquire(struct worker *worker)
{
	const int count = (int)test_random_below(&worker->random, PERMITS) + 1;
	uint64_t token;
	int r;

	begin(worker);
	r = semaphore_acquire(semaphore, &worker->session.entry, (uint64_t)count, does_not_wait(worker), &token);
	if (!end(worker, r))
		return;
	CHECK(atomic_fetch_add(&permits, count) + count <= PERMITS);
	disturb(worker);
	atomic_fetch_sub(&permits, count);
	if (dies(worker))
		die(worker);
	else
		CHECK_EQUAL(semaphore_release(semaphore, token, co_now(), NULL, NULL), OBJECT_OK);
}

/* Some neighbours among the mutexes, or all. */
static void lock_several(struct worker *worker)
{
	const size_t count = 2 + test_random_below(&worker->random, MUTEXES - 1);
	const size_t first = test_random_below(&worker->random, MUTEXES);
	struct lock_grant grant;
	size_t failed;
	int r;

	for (size_t i = 0; i < count; i++)
		worker->places[i].mutex = mutexes[(first + i) % MUTEXES];
	mutex_sort_places(worker->places, count);
	begin(worker);
	r = mutex_lock_all(worker->places, count, &worker->session.entry, does_not_wait(worker), &grant);
	if (!end(worker, r))
		return;
	for (size_t i = 0; i < count; i++)
		CHECK_EQUAL(atomic_fetch_add(&inside[(first + i) % MUTEXES], 1), 0);
	disturb(worker);
	for (size_t i = 0; i < count; i++)
		CHECK_EQUAL(atomic_fetch_sub(&inside[(first + i) % MUTEXES], 1), 1);
	if (dies(worker)) {
		die(worker);
		return;
	}
	r = mutex_unlock_all(worker->places, count, grant.token, co_now(), NULL, NULL, &failed);
	CHECK_EQUAL(r, OBJECT_OK);
}

static void lock_one(struct worker *worker)
{
	const size_t number = test_random_below(&worker->random, MUTEXES);
	struct lock_grant grant;

	begin(worker);
	if (!end(worker, mutex_lock(mutexes[number], &worker->session.entry, does_not_wait(worker), &grant)))
		return;
	CHECK_EQUAL(atomic_fetch_add(&inside[number], 1), 0);
	disturb(worker);
	CHECK_EQUAL(atomic_fetch_sub(&inside[number], 1), 1);
	if (dies(worker))
		die(worker);
	else
		CHECK_EQUAL(mutex_unlock(mutexes[number], grant.token, co_now(), NULL, NULL), OBJECT_OK);
}

static void work(void *arg)
{
	static void (*const deeds[])(struct worker * worker) = {read_lock, write_lock, acquire, lock_several, lock_one};
	struct worker *worker = arg;

	for (size_t i = test_scale(5000); i > 0; i--) {
		deeds[test_random_below(&worker->random, sizeof(deeds) / sizeof(deeds[0]))](worker);
		disturb(worker);
	}
}

/* ---- the test ---------------------------------------------------------------------------------------------------- */

static void check_end(struct object *object)
{
	struct object_description description;

	object->type->describe(object, &description);
	CHECK_EQUAL(description.holders, 0);
	CHECK_EQUAL(description.waiters, 0);
	object_unref(object);
}

COROUTINE_TEST(locks_hold_whatever_ends_the_waits)
{
	struct co_test_group group = {0};

	token_reset();
	token_set_range(1, UINT64_MAX);
	atomic_store(&granted, 0);
	atomic_store(&ended, 0);
	CHECK_EQUAL(rwmutex_new("rw", &(struct lock_options){0}, &rwmutex), OBJECT_OK);
	CHECK_EQUAL(semaphore_new("s", PERMITS, &semaphore), OBJECT_OK);
	for (size_t i = 0; i < MUTEXES; i++)
		CHECK_EQUAL(mutex_new("m", &(struct lock_options){0}, &mutexes[i]), OBJECT_OK);
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.random = test_random_stream(i)};
		owner_init(&workers[i].session.owner);
		co_test_go(&group, work, &workers[i]);
	}
	co_test_wait(&group);
	printf("locks: %lu granted, %lu ended\n", atomic_load(&granted), atomic_load(&ended));
	CHECK(atomic_load(&granted) > WORKERS * (unsigned long)test_scale(5000) / 10);
	check_end(rwmutex_object(rwmutex));
	check_end(semaphore_object(semaphore));
	for (size_t i = 0; i < MUTEXES; i++)
		check_end(mutex_object(mutexes[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locks_hold_whatever_ends_the_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
