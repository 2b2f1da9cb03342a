/* SPDX-License-Identifier: MIT
 *
 * test_runtime_deferred.c - work put off to the end of a round: after the ready coroutines, before the thread sleeps,
 * and soon even when it never does.
 */
#include "base/list.h"
#include "tests/lib/co_test.h"

struct work {
	struct co_deferred deferred;
	atomic_int runs;
	atomic_int in_coroutine;
	atomic_int still_queued;
	atomic_int again; /* how often it queues itself from its run */
	int ready_before; /* ready coroutines that had run by then */
	struct co_wait *wakes;
};

static atomic_int ready_runs;

static void work(struct co_deferred *deferred)
{
	struct work *item = container_of(deferred, struct work, deferred);

	item->ready_before = atomic_load(&ready_runs);
	if (co_id() != 0)
		atomic_fetch_add(&item->in_coroutine, 1);
	if (deferred->queued)
		atomic_fetch_add(&item->still_queued, 1);
	if (atomic_fetch_sub(&item->again, 1) > 0)
		co_defer(deferred);
	if (item->wakes != NULL)
		co_wait_cancel(item->wakes, 5);
	atomic_fetch_add(&item->runs, 1);
}

static void run_once(void *unused)
{
	(void)unused;
	atomic_fetch_add(&ready_runs, 1);
}

/* The ready coroutines come first. The limit of 100 us may cut a round short, so once in a hundred rounds will do. */
SINGLE_P_TEST(ready_coroutines_come_first)
{
	bool seen = false;

	for (int i = 0; i < 100 && !seen; i++) {
		struct co_test_group group = {0};
		struct work item = {.deferred.run = work};

		atomic_store(&ready_runs, 0);
		for (int j = 0; j < 3; j++)
			co_test_go(&group, run_once, NULL);
		co_defer(&item.deferred);
		CHECK(item.deferred.queued);
		co_test_wait(&group);
		CHECK_EVENTUALLY(atomic_load(&item.runs) == 1);
		seen = item.ready_before == 3;
		CHECK_EQUAL(atomic_load(&item.in_coroutine), 0);
		CHECK_EQUAL(atomic_load(&item.still_queued), 0);
	}
	CHECK(seen);
}

/* Queued twice it runs once; queued again from its own run it runs again. */
COROUTINE_TEST(queued_twice_runs_once)
{
	struct work item = {.deferred.run = work};
	struct work repeats = {.deferred.run = work, .again = 5};

	for (int i = 1; i <= 20; i++) {
		co_defer(&item.deferred);
		co_defer(&item.deferred);
		CHECK_EVENTUALLY(atomic_load(&item.runs) == i);
		co_test_pause();
		CHECK_EQUAL(atomic_load(&item.runs), i);
	}
	co_defer(&repeats.deferred);
	CHECK_EVENTUALLY(atomic_load(&repeats.runs) == 6);
	co_test_pause();
	CHECK_EQUAL(atomic_load(&repeats.runs), 6);
	CHECK(!repeats.deferred.queued);
}

/* It runs before the thread sleeps: only it wakes the coroutine that queued it. */
COROUTINE_TEST(runs_before_the_thread_sleeps)
{
	for (int i = 0; i < 1000; i++) {
		struct co_wait wait;
		struct co_spin lock = {0};
		struct work item = {.deferred.run = work, .wakes = &wait};

		co_wait_init(&wait, "deferred");
		co_spin_lock(&lock);
		co_defer(&item.deferred);
		CHECK_EQUAL(co_wait_park(&wait, NULL, co_now() + 10 * CO_SECOND, &lock), 5);
		CHECK_EVENTUALLY(atomic_load(&item.runs) == 1);
	}
}

static atomic_bool stop;

static void yield_for_ever(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop))
		co_yield();
}

/* It runs at the latest after 64 switches, although the queue never empties. */
SINGLE_P_TEST(runs_although_the_queue_never_empties)
{
	struct co_test_group group = {0};

	atomic_store(&stop, false);
	for (int i = 0; i < 2; i++)
		co_test_go(&group, yield_for_ever, NULL);
	for (int i = 0; i < 100; i++) {
		struct work item = {.deferred.run = work};
		int yields = 0;

		co_defer(&item.deferred);
		while (atomic_load(&item.runs) == 0 && yields < 200) {
			co_yield();
			yields++;
		}
		CHECK_EQUAL(atomic_load(&item.runs), 1);
		CHECK(yields <= 66);
	}
	atomic_store(&stop, true);
	co_test_wait(&group);
}

struct chain {
	struct co_timer timer;
	struct work item;
};

static void defer_from_timer(struct co_timer *timer)
{
	co_defer(&container_of(timer, struct chain, timer)->item.deferred);
}

/* It may be queued from a callback on the thread's own stack. */
COROUTINE_TEST(queued_from_a_timer)
{
	for (int i = 0; i < 50; i++) {
		struct chain chain = {.timer.fired = defer_from_timer, .item.deferred.run = work};

		CHECK_EQUAL(co_timer_start(&chain.timer, co_now() + 50 * CO_MICROSECOND), 0);
		CHECK_EVENTUALLY(atomic_load(&chain.item.runs) == 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_coroutines_come_first),
		cmocka_unit_test(queued_twice_runs_once),
		cmocka_unit_test(runs_before_the_thread_sleeps),
		cmocka_unit_test(runs_although_the_queue_never_empties),
		cmocka_unit_test(queued_from_a_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
