/* SPDX-License-Identifier: MIT
 *
 * test_runtime_waitgroup.c - the WaitGroup; after Go's sync/waitgroup_test.go, whose names are kept.
 */
#include "base/memory.h"
#include "tests/lib/co_test.h"

static struct {
	struct co_waitgroup first;
	struct co_waitgroup second;
	atomic_int exited;
} barrier;

static void meet(void *unused)
{
	(void)unused;
	CHECK_EQUAL(co_waitgroup_done(&barrier.first), 0);
	CHECK_EQUAL(co_waitgroup_wait(NULL, &barrier.second), 0);
	atomic_fetch_add(&barrier.exited, 1);
}

/* TestWaitGroup: two of them as a barrier, used again and again. */
COROUTINE_TEST(waitgroup_as_a_barrier)
{
	enum { MEMBERS = 16 };

	for (int round = 0; round < 8; round++) {
		struct co_test_group group = {0};

		atomic_store(&barrier.exited, 0);
		CHECK_EQUAL(co_waitgroup_add(&barrier.first, MEMBERS), 0);
		CHECK_EQUAL(co_waitgroup_add(&barrier.second, MEMBERS), 0);
		for (int i = 0; i < MEMBERS; i++)
			co_test_go(&group, meet, NULL);
		CHECK_EQUAL(co_waitgroup_wait(NULL, &barrier.first), 0);
		for (int i = 0; i < MEMBERS; i++) {
			CHECK_EQUAL(atomic_load(&barrier.exited), 0);
			CHECK_EQUAL(co_waitgroup_done(&barrier.second), 0);
		}
		co_test_wait(&group);
		CHECK_EQUAL(atomic_load(&barrier.exited), MEMBERS);
	}
}

/* TestWaitGroupMisuse: a counter below zero is an error that changes nothing. */
COROUTINE_TEST(waitgroup_misuse)
{
	struct co_waitgroup group = {0};

	CHECK_EQUAL(co_waitgroup_done(&group), CO_ENEGATIVE);
	CHECK_EQUAL(co_waitgroup_add(&group, 1), 0);
	CHECK_EQUAL(co_waitgroup_add(&group, -2), CO_ENEGATIVE);
	CHECK_EQUAL(co_waitgroup_add(&group, INT32_MAX), CO_ENEGATIVE);
	CHECK_EQUAL(co_waitgroup_done(&group), 0);
	CHECK_EQUAL(co_waitgroup_done(&group), CO_ENEGATIVE);
	CHECK_EQUAL(co_waitgroup_wait(NULL, &group), 0);
}

struct race {
	struct co_waitgroup group;
	atomic_int done;
};

static void count_and_done(void *arg)
{
	struct race *race = arg;

	atomic_fetch_add(&race->done, 1);
	CHECK_EQUAL(co_waitgroup_done(&race->group), 0);
}

/* TestWaitGroupRace: a wait beside the last calls of done returns once all are, and the memory may go then. */
COROUTINE_TEST(waitgroup_race)
{
	const size_t rounds = test_scale(10000);

	for (size_t i = 0; i < rounds; i++) {
		struct race *race = memory_zalloc(sizeof(*race));

		CHECK(race != NULL);
		for (int member = 0; member < 2; member++) {
			CHECK_EQUAL(co_waitgroup_add(&race->group, 1), 0);
			CHECK_EQUAL(co_go(count_and_done, race), 0);
		}
		if (i % 3 == 0)
			co_yield();
		CHECK_EQUAL(co_waitgroup_wait(NULL, &race->group), 0);
		CHECK_EQUAL(atomic_load(&race->done), 2);
		memory_free(race);
	}
}

struct waiter {
	struct co_waitgroup *group;
	struct co_context *context;
	int result;
	atomic_bool ended;
};

static void wait_for_group(void *arg)
{
	struct waiter *waiter = arg;

	waiter->result = co_waitgroup_wait(waiter->context, waiter->group);
	atomic_store(&waiter->ended, true);
}

/* All waiters go on, more of them than are woken in one step; those whose context ended leave nothing. */
COROUTINE_TEST(every_waiter_goes_on)
{
	enum { WAITERS = 700 };
	static struct waiter waiters[WAITERS];
	struct co_test_group group = {0};
	struct co_waitgroup awaited = {0};
	struct co_context *context;

	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	CHECK_EQUAL(co_waitgroup_add(&awaited, 2), 0);
	for (int i = 0; i < WAITERS; i++) {
		waiters[i] = (struct waiter){.group = &awaited, .context = i % 7 == 0 ? context : NULL};
		co_test_go(&group, wait_for_group, &waiters[i]);
	}
	CHECK_EVENTUALLY(co_test_parked() == WAITERS);
	CHECK_EQUAL(co_waitgroup_done(&awaited), 0);
	co_cancel(context, NULL);
	CHECK_EVENTUALLY(co_test_parked() == WAITERS - WAITERS / 7);
	CHECK_EVENTUALLY(awaited.waiters.length == WAITERS - WAITERS / 7);
	CHECK_EQUAL(co_waitgroup_done(&awaited), 0);
	co_test_wait(&group);
	for (int i = 0; i < WAITERS; i++)
		CHECK_EQUAL(waiters[i].result, i % 7 == 0 ? CO_ECANCELED : 0);
	CHECK_EQUAL(co_waitgroup_wait(context, &awaited), CO_ECANCELED);
	CHECK_EQUAL(co_waitgroup_wait(NULL, &awaited), 0);
	co_context_unref(context);
}

/* Who waits for the next use is not woken by the end of the last one. */
COROUTINE_TEST(next_use_is_waited_for)
{
	struct co_test_group group = {0};
	struct co_waitgroup awaited = {0};
	struct waiter waiters[2] = {{.group = &awaited}, {.group = &awaited}};

	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(co_waitgroup_add(&awaited, 1), 0);
		co_test_go(&group, wait_for_group, &waiters[i]);
		CHECK_EVENTUALLY(co_test_parked() == 1);
		CHECK_EQUAL(co_waitgroup_done(&awaited), 0);
		CHECK_EQUAL(co_waitgroup_add(&awaited, 1), 0); /* before the waiter has run */
		CHECK_EVENTUALLY(atomic_load(&waiters[i].ended));
		CHECK_EQUAL(co_waitgroup_done(&awaited), 0);
	}
	co_test_wait(&group);
}

/* ---- TestWaitGroupGo --------------------------------------------------------------------------------------------- */

static atomic_int tasks_done;

static void do_task(void *number)
{
	for (int i = 0; i < *(int *)number; i++)
		co_yield();
	atomic_fetch_add(&tasks_done, 1);
}

static bool fails_all(size_t bytes)
{
	(void)bytes;
	return true;
}

/* TestWaitGroupGo: what was started by the group is waited for; what could not be started is not. */
COROUTINE_TEST(waitgroup_go)
{
	struct co_waitgroup group = {0};
	int numbers[10];
	int r;

	atomic_store(&tasks_done, 0);
	for (int i = 0; i < 10; i++) {
		numbers[i] = i;
		CHECK_EQUAL(co_waitgroup_go(&group, do_task, &numbers[i]), 0);
	}
	memory_set_fault(fails_all);
	r = co_waitgroup_go(&group, do_task, &numbers[0]);
	memory_set_fault(NULL);
	CHECK_EQUAL(r, CO_ENOMEM);
	CHECK_EQUAL(co_waitgroup_wait(NULL, &group), 0);
	CHECK_EQUAL(atomic_load(&tasks_done), 10);
	CHECK_EQUAL(co_waitgroup_add(&group, INT32_MAX), 0);
	CHECK_EQUAL(co_waitgroup_go(&group, do_task, &numbers[0]), CO_ENEGATIVE);
	CHECK_EQUAL(co_waitgroup_add(&group, -INT32_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waitgroup_as_a_barrier),
		cmocka_unit_test(waitgroup_misuse),
		cmocka_unit_test(waitgroup_race),
		cmocka_unit_test(every_waiter_goes_on),
		cmocka_unit_test(next_use_is_waited_for),
		cmocka_unit_test(waitgroup_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
