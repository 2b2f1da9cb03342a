/* SPDX-License-Identifier: MIT
 *
 * test_runtime_cond.c - Cond; after Go's sync/cond_test.go, whose names are kept (TestCondCopy is the compiler's or the
 * program's: C has no hook on a copy).
 */
#include "tests/lib/co_test.h"

#define WAITERS 10

static struct {
	struct co_mutex mutex;
	struct co_cond cond;
	int waiting; /* under mutex, as what follows */
	int awake[WAITERS];
	int awake_count;
} shared;

struct waiter {
	int number;
	struct co_context *context;
	int result;
};

static void wait_once(void *arg)
{
	struct waiter *waiter = arg;

	CHECK_EQUAL(co_mutex_lock(NULL, &shared.mutex), 0);
	shared.waiting++;
	waiter->result = co_cond_wait(waiter->context, &shared.cond, &shared.mutex);
	shared.waiting--;
	CHECK(!co_mutex_try_lock(&shared.mutex)); /* it is held, whatever the result */
	if (waiter->result == 0) {
		if (shared.awake_count < WAITERS)
			shared.awake[shared.awake_count] = waiter->number;
		shared.awake_count++;
	}
	CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
}

static void start(struct co_test_group *group, struct waiter *waiters, int count)
{
	shared.waiting = 0;
	shared.awake_count = 0;
	for (int i = 0; i < count; i++) {
		const size_t parked = co_test_parked();

		waiters[i].number = i;
		co_test_go(group, wait_once, &waiters[i]);
		CHECK_EVENTUALLY(co_test_parked() == parked + 1);
	}
}

static int awake_count(void)
{
	int count;

	(void)co_mutex_lock(NULL, &shared.mutex);
	count = shared.awake_count;
	(void)co_mutex_unlock(&shared.mutex);
	return count;
}

/* TestCondSignal, TestCondSignalGenerations: a signal wakes one, never two, in the order in which they came. */
COROUTINE_TEST(signal_wakes_one_in_order)
{
	struct co_test_group group = {0};
	struct waiter waiters[WAITERS] = {0};

	start(&group, waiters, WAITERS);
	for (int i = 0; i < WAITERS; i++) {
		if (i % 2 == 0)
			CHECK_EQUAL(co_mutex_lock(NULL, &shared.mutex), 0);
		co_cond_signal(&shared.cond);
		if (i % 2 == 0)
			CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
		CHECK_EVENTUALLY(awake_count() == i + 1);
		co_test_pause();
		CHECK_EQUAL(awake_count(), i + 1);
	}
	co_cond_signal(&shared.cond); /* for nobody, and kept for nobody */
	co_test_wait(&group);
	for (int i = 0; i < WAITERS; i++)
		CHECK_EQUAL(shared.awake[i], i);
}

/* TestCondBroadcast: all that wait are woken, more of them than in one step, here with the mutex held; who waits later
 * is not. */
COROUTINE_TEST(broadcast_wakes_all)
{
	enum { MANY = 600 };
	static struct waiter waiters[MANY];
	struct co_test_group group = {0};
	struct co_test_group later = {0};
	struct waiter late = {0};
	struct co_context *context;

	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	late.context = context;
	for (int i = 0; i < MANY; i++) {
		waiters[i] = (struct waiter){0};
		co_test_go(&group, wait_once, &waiters[i]);
	}
	CHECK_EVENTUALLY(co_test_parked() == MANY);
	shared.awake_count = 0;
	CHECK_EQUAL(co_mutex_lock(NULL, &shared.mutex), 0);
	co_cond_broadcast(&shared.cond);
	CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
	co_test_go(&later, wait_once, &late);
	co_test_wait(&group);
	CHECK_EQUAL(awake_count(), MANY);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	co_cancel(context, NULL);
	co_test_wait(&later);
	CHECK_EQUAL(late.result, CO_ECANCELED);
	co_context_unref(context);
}

/* A signal whose target's context ended before goes to the next; the one that ended reports it, with the mutex held. */
COROUTINE_TEST(signal_passes_over_the_cancelled)
{
	struct co_test_group group = {0};
	struct waiter waiters[3] = {0};
	struct co_context *context;

	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	waiters[0].context = context;
	waiters[1].context = context;
	start(&group, waiters, 3);
	CHECK_EQUAL(co_mutex_lock(NULL, &shared.mutex), 0); /* so that the cancelled are still about to leave */
	co_cancel(context, NULL);
	co_cond_signal(&shared.cond);
	CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
	co_test_wait(&group);
	CHECK_EQUAL(waiters[0].result, CO_ECANCELED);
	CHECK_EQUAL(waiters[1].result, CO_ECANCELED);
	CHECK_EQUAL(waiters[2].result, 0);
	CHECK_EQUAL(shared.cond.waiters.length, 0);
	CHECK_EQUAL(co_mutex_lock(NULL, &shared.mutex), 0);
	CHECK_EQUAL(co_cond_wait(context, &shared.cond, &shared.mutex), CO_ECANCELED);
	CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
	co_context_unref(context);
}

/* Waiting with a mutex that is not locked is an error, and leaves nobody in the queue. */
COROUTINE_TEST(wait_needs_the_mutex)
{
	CHECK_EQUAL(co_cond_wait(NULL, &shared.cond, &shared.mutex), CO_EUNLOCKED);
	CHECK_EQUAL(shared.cond.waiters.length, 0);
	CHECK(co_mutex_try_lock(&shared.mutex));
	CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
}

/* ---- TestRace ---------------------------------------------------------------------------------------------------- */

static struct {
	struct co_mutex mutex;
	struct co_cond cond;
	int stage;
} steps;

static void go_from_to(int from, int to)
{
	CHECK_EQUAL(co_mutex_lock(NULL, &steps.mutex), 0);
	while (steps.stage != from)
		CHECK_EQUAL(co_cond_wait(NULL, &steps.cond, &steps.mutex), 0);
	steps.stage = to;
	co_cond_broadcast(&steps.cond);
	CHECK_EQUAL(co_mutex_unlock(&steps.mutex), 0);
}

static void odd_steps(void *arg)
{
	for (int i = 1; i < *(int *)arg; i += 2)
		go_from_to(i, i + 1);
}

/* Two coroutines hand a stage to each other, step by step. */
COROUTINE_TEST(hand_over_by_cond)
{
	struct co_test_group group = {0};
	int count = (int)test_scale(2000) * 2;

	steps.stage = 0;
	co_test_go(&group, odd_steps, &count);
	for (int i = 0; i < count; i += 2)
		go_from_to(i, i + 1);
	co_test_wait(&group);
	CHECK_EQUAL(steps.stage, count);
}

/* ---- TestCondSignalStealing -------------------------------------------------------------------------------------- */

/* One that begins to wait after a signal cannot take it from one that waited before. */
COROUTINE_TEST(signal_is_not_stolen)
{
	for (int round = 0; round < 1000; round++) {
		struct co_test_group first = {0};
		struct co_test_group second = {0};
		struct waiter waiters[2] = {0};

		start(&first, waiters, 1);
		CHECK_EQUAL(co_mutex_lock(NULL, &shared.mutex), 0);
		co_cond_signal(&shared.cond);
		CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
		co_test_go(&second, wait_once, &waiters[1]);
		co_test_wait(&first); /* it was not left behind */
		CHECK_EVENTUALLY(co_test_parked() == 1);
		co_cond_broadcast(&shared.cond);
		co_test_wait(&second);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signal_wakes_one_in_order),
		cmocka_unit_test(broadcast_wakes_all),
		cmocka_unit_test(signal_passes_over_the_cancelled),
		cmocka_unit_test(wait_needs_the_mutex),
		cmocka_unit_test(hand_over_by_cond),
		cmocka_unit_test(signal_is_not_stolen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
