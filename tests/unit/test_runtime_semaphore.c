/* SPDX-License-Identifier: MIT
 *
 * test_runtime_semaphore.c - the weighted semaphore; after x/sync/semaphore's tests, whose names are kept.
 */
#include "tests/lib/co_test.h"

struct acquirer {
	struct co_semaphore *semaphore;
	struct co_context *context;
	uint64_t weight;
	int result;
	atomic_bool ended;
};

static void acquire(void *arg)
{
	struct acquirer *acquirer = arg;

	acquirer->result = co_semaphore_acquire(acquirer->context, acquirer->semaphore, acquirer->weight);
	atomic_store(&acquirer->ended, true);
}

static bool has(struct acquirer *acquirer)
{
	return atomic_load(&acquirer->ended) && acquirer->result == 0;
}

static void start(struct co_test_group *group, struct acquirer *acquirer)
{
	const size_t parked = co_test_parked();

	co_test_go(group, acquire, acquirer);
	CHECK_EVENTUALLY(atomic_load(&acquirer->ended) || co_test_parked() == parked + 1);
}

/* ---- TestWeighted ------------------------------------------------------------------------------------------------ */

static struct {
	struct co_semaphore semaphore;
	atomic_ullong inside;
} shared;

#define SIZE 7

static void hammer(void *arg)
{
	const uint64_t weight = *(const uint64_t *)arg;
	const size_t rounds = test_scale(2000);

	for (size_t i = 0; i < rounds; i++) {
		CHECK_EQUAL(co_semaphore_acquire(NULL, &shared.semaphore, weight), 0);
		CHECK(atomic_fetch_add(&shared.inside, weight) + weight <= SIZE);
		if (i % 3 == 0)
			co_yield();
		atomic_fetch_sub(&shared.inside, weight);
		CHECK_EQUAL(co_semaphore_release(&shared.semaphore, weight), 0);
	}
}

/* Never more than its size is held, and everyone gets on. */
COROUTINE_TEST(weighted)
{
	static uint64_t weights[] = {1, 2, 3, 4, 5, 6, 7};
	struct co_test_group group = {0};

	co_semaphore_init(&shared.semaphore, SIZE);
	for (int i = 0; i < SIZE; i++)
		co_test_go(&group, hammer, &weights[i]);
	co_test_wait(&group);
	CHECK_EQUAL(shared.semaphore.held, 0);
	CHECK_EQUAL(shared.semaphore.waiters.length, 0);
}

/* TestWeightedPanic: more than is held is not given back, more than there is not waited for. */
COROUTINE_TEST(misuse)
{
	struct co_semaphore semaphore;

	co_semaphore_init(&semaphore, 2);
	CHECK_EQUAL(co_semaphore_release(&semaphore, 1), CO_ERELEASED);
	CHECK_EQUAL(co_semaphore_acquire(NULL, &semaphore, 3), CO_EINVAL);
	CHECK(!co_semaphore_try_acquire(&semaphore, 3));
	CHECK_EQUAL(co_semaphore_acquire(NULL, &semaphore, 1), 0);
	CHECK_EQUAL(co_semaphore_release(&semaphore, 2), CO_ERELEASED);
	CHECK_EQUAL(co_semaphore_release(&semaphore, UINT64_MAX), CO_ERELEASED);
	CHECK(co_semaphore_try_acquire(&semaphore, 1));
	CHECK(!co_semaphore_try_acquire(&semaphore, 1));
	CHECK_EQUAL(co_semaphore_release(&semaphore, 2), 0);
}

/* TestLargeAcquireDoesntStarve: those that want little do not pass one that wants much. */
COROUTINE_TEST(large_acquire_is_not_passed)
{
	struct co_test_group group = {0};
	struct co_semaphore semaphore;
	struct acquirer large = {.semaphore = &semaphore, .weight = 4};
	struct acquirer small = {.semaphore = &semaphore, .weight = 1};

	co_semaphore_init(&semaphore, 4);
	CHECK_EQUAL(co_semaphore_acquire(NULL, &semaphore, 3), 0);
	start(&group, &large);
	start(&group, &small);
	CHECK(!co_semaphore_try_acquire(&semaphore, 1)); /* one is free, but others came before */
	CHECK(!has(&large) && !has(&small));
	CHECK_EQUAL(co_semaphore_release(&semaphore, 3), 0);
	CHECK_EVENTUALLY(has(&large));
	CHECK(!has(&small));
	CHECK_EQUAL(co_semaphore_release(&semaphore, 4), 0);
	CHECK_EVENTUALLY(has(&small));
	co_test_wait(&group);
}

/* TestWeightedDoesntBlockIfTooBig, TestAcquireCanceledWhileWaiting: a large one that gives up lets those behind it
 * have what is free. */
COROUTINE_TEST(one_that_gives_up_lets_the_next_in)
{
	struct co_test_group group = {0};
	struct co_semaphore semaphore;
	struct acquirer large = {.semaphore = &semaphore, .weight = 4};
	struct acquirer small[2] = {{.semaphore = &semaphore, .weight = 1}, {.semaphore = &semaphore, .weight = 2}};

	co_semaphore_init(&semaphore, 4);
	CHECK_EQUAL(co_with_cancel(NULL, &large.context), 0);
	CHECK_EQUAL(co_semaphore_acquire(NULL, &semaphore, 2), 0);
	start(&group, &large);
	start(&group, &small[0]);
	start(&group, &small[1]);
	co_cancel(large.context, NULL);
	CHECK_EVENTUALLY(has(&small[0]));
	CHECK_EQUAL(large.result, CO_ECANCELED);
	co_test_pause();
	CHECK(!has(&small[1]));
	CHECK_EQUAL(semaphore.held, 3);
	CHECK_EQUAL(co_semaphore_acquire(large.context, &semaphore, 1), CO_ECANCELED);
	CHECK_EQUAL(co_semaphore_release(&semaphore, 2), 0);
	co_test_wait(&group);
	CHECK(has(&small[1]));
	CHECK_EQUAL(semaphore.held, 3);
	co_context_unref(large.context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weighted),
		cmocka_unit_test(misuse),
		cmocka_unit_test(large_acquire_is_not_passed),
		cmocka_unit_test(one_that_gives_up_lets_the_next_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
