/* SPDX-License-Identifier: MIT
 *
 * test_runtime_mutex.c - the mutex under random yields, cancels and deadlines: never two inside, nobody forgotten, no
 * wake-up swallowed by one that was cancelled.
 */
#include <stdio.h>

#include "tests/lib/co_stress.h"

#define LOCKERS 12

static struct {
	struct co_mutex mutex;
	atomic_int inside;
	long counter; /* changed only inside */
	atomic_long acquired;
	atomic_long given_up;
	size_t rounds;
} shared;

static void be_inside(struct test_random *random)
{
	CHECK_EQUAL(atomic_fetch_add(&shared.inside, 1), 0);
	shared.counter++;
	if (test_random_below(random, 50) == 0)
		CHECK_EQUAL(co_sleep(NULL, 1100 * CO_MICROSECOND), 0); /* makes the waiters starve */
	else if (test_random_below(random, 3) == 0)
		co_yield();
	atomic_fetch_sub(&shared.inside, 1);
	atomic_fetch_add(&shared.acquired, 1);
	CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
}

static void lock_and_give_up(void *arg)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)arg);

	for (size_t i = 0; i < shared.rounds; i++) {
		struct co_context *context = NULL;
		const int64_t patience = (int64_t)test_random_below(&random, 3000 * CO_MICROSECOND);
		int r;

		if (test_random_below(&random, 2) == 0)
			CHECK_EQUAL(co_with_timeout(NULL, patience, &context), 0);
		r = co_mutex_lock(context, &shared.mutex);
		if (r == 0) {
			be_inside(&random);
		} else {
			CHECK_EQUAL(r, CO_EDEADLINE);
			atomic_fetch_add(&shared.given_up, 1);
		}
		co_context_unref(context);
		if (test_random_below(&random, 4) == 0)
			co_yield();
	}
}

COROUTINE_TEST(lockers_that_give_up)
{
	struct co_test_group group = {0};

	shared.rounds = test_scale(1000);
	shared.counter = 0;
	atomic_store(&shared.acquired, 0);
	atomic_store(&shared.given_up, 0);
	co_test_go_each(&group, LOCKERS, lock_and_give_up);
	co_test_wait(&group);
	printf("locked %ld, given up %ld\n", atomic_load(&shared.acquired), atomic_load(&shared.given_up));
	CHECK_EQUAL(shared.counter, atomic_load(&shared.acquired));
	CHECK_EQUAL(atomic_load(&shared.acquired) + atomic_load(&shared.given_up), LOCKERS * shared.rounds);
	CHECK(co_mutex_try_lock(&shared.mutex));
	CHECK(!shared.mutex.starving);
	CHECK_EQUAL(shared.mutex.waiters.length, 0);
	CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
}

/* ---- unlock meets cancel ----------------------------------------------------------------------------------------- */

struct rival {
	struct co_mutex *mutex;
	struct co_context *context;
	atomic_int *holders;
	int result;
};

static void lock_once(void *arg)
{
	struct rival *rival = arg;

	rival->result = co_mutex_lock(rival->context, rival->mutex);
	if (rival->result != 0)
		return;
	CHECK_EQUAL(atomic_fetch_add(rival->holders, 1), 0);
	co_yield();
	atomic_fetch_sub(rival->holders, 1);
	CHECK_EQUAL(co_mutex_unlock(rival->mutex), 0);
}

static void cancel_first(void *arg)
{
	struct rival *rival = arg;

	co_cancel(rival->context, NULL);
}

/* The first waiter is cancelled while the mutex is unlocked to it: it holds the mutex, or the second waiter gets it. */
COROUTINE_TEST(unlock_meets_cancel)
{
	const size_t rounds = test_scale(100000);
	size_t outcomes[2] = {0};

	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};
		struct co_mutex mutex = {0};
		atomic_int holders = 0;
		struct rival first = {.mutex = &mutex, .holders = &holders};
		struct rival second = {.mutex = &mutex, .holders = &holders};

		CHECK_EQUAL(co_with_cancel(NULL, &first.context), 0);
		CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
		co_test_go(&group, lock_once, &first);
		co_yield();
		co_test_go(&group, lock_once, &second);
		co_yield();
		co_test_go(&group, cancel_first, &first);
		if (i % 2 == 0)
			co_yield();
		CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
		co_test_wait(&group);
		CHECK(first.result == 0 || first.result == CO_ECANCELED);
		CHECK_EQUAL(second.result, 0);
		CHECK(co_mutex_try_lock(&mutex));
		CHECK_EQUAL(mutex.waiters.length, 0);
		outcomes[first.result == 0]++;
		co_context_unref(first.context);
	}
	printf("unlock meets cancel: %zu locked, %zu cancelled\n", outcomes[1], outcomes[0]);
	CHECK(outcomes[0] > 0 && outcomes[1] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lockers_that_give_up),
		cmocka_unit_test(unlock_meets_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
