/* SPDX-License-Identifier: MIT
 *
 * test_runtime_wait.c - the suspend primitive under races: of several wakers, a context and a deadline one claims; a
 * semaphore made of it neither loses nor makes permits.
 */
#include <stdio.h>

#include "tests/lib/co_stress.h"

/* ---- one wait in four queues ------------------------------------------------------------------------------------- */

#define GATES 4

/* Each gate has a lock of its own, taken in order. */
struct gate {
	struct co_spin lock;
	struct co_waitq queue;
};

static struct {
	struct gate gates[GATES];
	struct co_wait wait;
	struct co_waiter waiters[GATES];
	struct co_context *context;
	int64_t deadline;
	atomic_int parks;
	atomic_int commits;
	atomic_int claims;
	atomic_int claimer;
	int result;
} hall;

static const int numbers[GATES] = {0, 1, 2, 3};

static void open_hall(void *unused)
{
	(void)unused;
	atomic_fetch_add(&hall.commits, 1);
	for (int i = 0; i < GATES; i++)
		co_spin_unlock(&hall.gates[i].lock);
}

static void count_park(struct co_wait *wait)
{
	(void)wait;
	atomic_fetch_add(&hall.parks, 1);
}

static void enter_hall(void *unused)
{
	(void)unused;
	co_wait_init(&hall.wait, "hall");
	hall.wait.on_park = count_park;
	for (int i = 0; i < GATES; i++) {
		co_spin_lock(&hall.gates[i].lock);
		co_waitq_push(&hall.gates[i].queue, &hall.waiters[i], &hall.wait);
	}
	hall.result = co_wait_park_commit(&hall.wait, hall.context, hall.deadline, open_hall, NULL);
	for (int i = 0; i < GATES; i++) {
		co_spin_lock(&hall.gates[i].lock);
		co_waitq_remove(&hall.gates[i].queue, &hall.waiters[i]);
		co_spin_unlock(&hall.gates[i].lock);
	}
}

static void knock(void *arg)
{
	const int number = *(const int *)arg;
	struct gate *gate = &hall.gates[number];
	struct co_waiter *waiter;

	co_spin_lock(&gate->lock);
	while ((waiter = co_waitq_pop(&gate->queue)) != NULL)
		if (co_wait_claim(waiter->wait, waiter, 100 + number)) {
			atomic_fetch_add(&hall.claims, 1);
			atomic_store(&hall.claimer, number);
			co_wait_ready(waiter->wait);
		}
	co_spin_unlock(&gate->lock);
}

static void cancel_hall(void *unused)
{
	(void)unused;
	co_cancel(hall.context, NULL);
}

static void reset_hall(struct test_random *random)
{
	for (int i = 0; i < GATES; i++)
		hall.gates[i] = (struct gate){0};
	atomic_store(&hall.parks, 0);
	atomic_store(&hall.commits, 0);
	atomic_store(&hall.claims, 0);
	atomic_store(&hall.claimer, -1);
	hall.deadline = co_now() + (int64_t)test_random_below(random, 40) * CO_MICROSECOND;
	if (test_random_below(random, 2) == 0)
		hall.deadline = CO_NEVER;
}

/* Four wakers, a cancel and a deadline at once: one of them ends the wait, and it says which. */
COROUTINE_TEST(one_of_many_claims)
{
	const size_t rounds = test_scale(50000);
	struct test_random random = test_random_stream(3);
	size_t outcomes[3] = {0};

	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};
		const int knocks = (int)test_random_below(&random, 3);

		reset_hall(&random);
		CHECK_EQUAL(co_with_cancel(NULL, &hall.context), 0);
		co_test_go(&group, enter_hall, NULL);
		while (test_random_below(&random, 2) == 0)
			co_yield();
		for (int j = 0; j < knocks; j++)
			co_test_go(&group, knock, (void *)(uintptr_t)&numbers[test_random_below(&random, GATES)]);
		co_test_go(&group, cancel_hall, NULL);
		co_test_wait(&group);

		CHECK_EQUAL(atomic_load(&hall.commits), 1);
		CHECK(atomic_load(&hall.parks) <= 1);
		if (hall.result >= 100) {
			CHECK_EQUAL(atomic_load(&hall.claims), 1);
			CHECK_EQUAL(hall.result, 100 + atomic_load(&hall.claimer));
			CHECK(hall.wait.winner == &hall.waiters[hall.result - 100]);
		} else {
			CHECK(hall.result == CO_ECANCELED || hall.result == CO_EDEADLINE);
			CHECK_EQUAL(atomic_load(&hall.claims), 0);
			CHECK(hall.wait.winner == NULL);
		}
		for (int j = 0; j < GATES; j++)
			CHECK_EQUAL(hall.gates[j].queue.length, 0);
		outcomes[hall.result >= 100 ? 0 : hall.result == CO_ECANCELED ? 1 : 2]++;
		co_context_unref(hall.context);
	}
	printf("claimed %zu, cancelled %zu, too late %zu\n", outcomes[0], outcomes[1], outcomes[2]);
	CHECK(outcomes[0] > 0 && outcomes[1] > 0);
}

/* ---- a semaphore ------------------------------------------------------------------------------------------------- */

#define PERMITS 3
#define USERS 16

static struct {
	struct co_spin lock;
	int permits;
	struct co_waitq waiters;
	atomic_int in_use;
	atomic_long acquired;
	atomic_long given_up;
	size_t rounds;
} semaphore;

static int acquire(struct co_context *context, int64_t deadline)
{
	struct co_wait wait;
	struct co_waiter waiter = {0};
	int r;

	co_wait_init(&wait, "semaphore");
	co_spin_lock(&semaphore.lock);
	if (semaphore.permits > 0) {
		semaphore.permits--;
		co_spin_unlock(&semaphore.lock);
		return 0;
	}
	co_waitq_push(&semaphore.waiters, &waiter, &wait);
	r = co_wait_park(&wait, context, deadline, &semaphore.lock);
	co_spin_lock(&semaphore.lock);
	co_waitq_remove(&semaphore.waiters, &waiter);
	co_spin_unlock(&semaphore.lock);
	return r;
}

/* Hands the permit to the oldest waiter that is still there. */
static void release(void)
{
	struct co_waiter *waiter;

	co_spin_lock(&semaphore.lock);
	while ((waiter = co_waitq_pop(&semaphore.waiters)) != NULL)
		if (co_wait_claim(waiter->wait, waiter, 0)) {
			co_wait_ready(waiter->wait);
			break;
		}
	if (waiter == NULL)
		semaphore.permits++;
	co_spin_unlock(&semaphore.lock);
}

static void use_semaphore(void *number)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)number);
	struct co_context *context = NULL;
	int64_t deadline;

	for (size_t i = 0; i < semaphore.rounds; i++) {
		deadline = CO_NEVER;
		if (test_random_below(&random, 3) == 0)
			deadline = co_now() + (int64_t)test_random_below(&random, 100) * CO_MICROSECOND;
		if (test_random_below(&random, 3) == 0)
			CHECK_EQUAL(co_with_timeout(NULL, (int64_t)test_random_below(&random, 100000), &context), 0);
		if (acquire(context, deadline) == 0) {
			CHECK(atomic_fetch_add(&semaphore.in_use, 1) < PERMITS);
			co_yield();
			atomic_fetch_sub(&semaphore.in_use, 1);
			atomic_fetch_add(&semaphore.acquired, 1);
			release();
		} else {
			atomic_fetch_add(&semaphore.given_up, 1);
		}
		context = co_context_unref(context);
	}
}

/* TestSemaphore: permits are handed over or kept, never to one that has left: at the end all are there. */
COROUTINE_TEST(no_permit_lost)
{
	struct co_test_group group = {0};

	semaphore.permits = PERMITS;
	semaphore.rounds = test_scale(10000);
	atomic_store(&semaphore.acquired, 0);
	atomic_store(&semaphore.given_up, 0);
	co_test_go_each(&group, USERS, use_semaphore);
	co_test_wait(&group);
	printf("acquired %ld, given up %ld\n", atomic_load(&semaphore.acquired), atomic_load(&semaphore.given_up));
	CHECK_EQUAL(semaphore.permits, PERMITS);
	CHECK_EQUAL(semaphore.waiters.length, 0);
	CHECK_EQUAL(atomic_load(&semaphore.acquired) + atomic_load(&semaphore.given_up), USERS * semaphore.rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_many_claims),
		cmocka_unit_test(no_permit_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
