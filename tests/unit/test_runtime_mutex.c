/* SPDX-License-Identifier: MIT
 *
 * test_runtime_mutex.c - the mutex: exclusion, misuse, normal and starvation mode, waiters that leave; after Go's
 * sync/mutex_test.go, whose names are kept.
 */
#include "tests/lib/co_test.h"

/* What MUTEX looks like inside, read under its lock. */
static struct co_mutex look(struct co_mutex *mutex)
{
	struct co_mutex copy = {.starving = false};

	co_spin_lock(&mutex->lock);
	atomic_init(&copy.state, atomic_load(&mutex->state));
	copy.starving = mutex->starving;
	copy.woken = mutex->woken;
	copy.waiters = mutex->waiters;
	co_spin_unlock(&mutex->lock);
	return copy;
}

static bool is_at_rest(struct co_mutex *mutex)
{
	const struct co_mutex inside = look(mutex);

	return inside.state == 0 && !inside.starving && inside.waiters.length == 0;
}

struct locker {
	struct co_mutex *mutex;
	struct co_context *context;
	int result;
	atomic_bool holds;
	atomic_bool may_unlock;
};

/* Locks, says so, and unlocks when told to. */
static void hold(void *arg)
{
	struct locker *locker = arg;

	locker->result = co_mutex_lock(locker->context, locker->mutex);
	if (locker->result != 0)
		return;
	atomic_store(&locker->holds, true);
	CHECK_EVENTUALLY(atomic_load(&locker->may_unlock));
	CHECK_EQUAL(co_mutex_unlock(locker->mutex), 0);
}

/* ---- TestMutex --------------------------------------------------------------------------------------------------- */

static struct {
	struct co_mutex mutex;
	long counter;
	atomic_int inside;
	size_t rounds;
} shared;

static void hammer(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < shared.rounds; i++) {
		if (i % 3 == 0) {
			if (!co_mutex_try_lock(&shared.mutex))
				continue;
			CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
		}
		CHECK_EQUAL(co_mutex_lock(NULL, &shared.mutex), 0);
		CHECK_EQUAL(atomic_fetch_add(&shared.inside, 1), 0);
		shared.counter++;
		if (i % 7 == 0)
			co_yield();
		atomic_fetch_sub(&shared.inside, 1);
		CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
	}
}

static void count_up(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < shared.rounds; i++) {
		CHECK_EQUAL(co_mutex_lock(NULL, &shared.mutex), 0);
		const long value = shared.counter;

		if (i % 5 == 0)
			co_yield();
		shared.counter = value + 1;
		CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
	}
}

/* Ten coroutines hammer the mutex: never two inside, no increment lost; try_lock fails while it is held. */
COROUTINE_TEST(mutex_excludes)
{
	struct co_test_group group = {0};

	shared.rounds = 1000;
	shared.counter = 0;
	CHECK(co_mutex_try_lock(&shared.mutex));
	CHECK(!co_mutex_try_lock(&shared.mutex));
	CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);
	CHECK(co_mutex_try_lock(&shared.mutex));
	CHECK_EQUAL(co_mutex_unlock(&shared.mutex), 0);

	for (int i = 0; i < 10; i++)
		co_test_go(&group, count_up, NULL);
	co_test_wait(&group);
	CHECK_EQUAL(shared.counter, 10 * 1000);
	for (int i = 0; i < 10; i++)
		co_test_go(&group, hammer, NULL);
	co_test_wait(&group);
	CHECK(is_at_rest(&shared.mutex));
}

/* TestMutexMisuse: unlocking an unlocked mutex is an error that changes nothing. */
COROUTINE_TEST(mutex_misuse)
{
	struct co_mutex mutex = {0};

	CHECK_EQUAL(co_mutex_unlock(&mutex), CO_EUNLOCKED);
	CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	CHECK_EQUAL(co_mutex_unlock(&mutex), CO_EUNLOCKED);
	CHECK_EQUAL(co_mutex_unlock(&mutex), CO_EUNLOCKED);
	CHECK(co_mutex_try_lock(&mutex));
	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	CHECK(is_at_rest(&mutex));
}

/* A mutex is not tied to a coroutine: another may unlock it. */
static void unlock_it(void *mutex)
{
	CHECK_EQUAL(co_mutex_unlock(mutex), 0);
}

COROUTINE_TEST(another_coroutine_may_unlock)
{
	struct co_test_group group = {0};
	struct co_mutex mutex = {0};

	CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
	co_test_go(&group, unlock_it, &mutex);
	CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	co_test_wait(&group);
}

/* ---- normal and starvation mode ---------------------------------------------------------------------------------- */

/* Normal mode: who runs may take the mutex before the waiter that was woken. After a wait of more than 1 ms the loser
 * switches to starvation mode, in which unlock hands the mutex over and newcomers cannot take it. The last waiter ends
 * that mode. */
SINGLE_P_TEST(starvation_begins_after_1_ms_and_ends_with_the_last_waiter)
{
	struct co_test_group group = {0};
	struct co_mutex mutex = {0};
	struct locker waiter = {.mutex = &mutex};

	CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
	co_test_go(&group, hold, &waiter);
	CHECK_EVENTUALLY(look(&mutex).waiters.length == 1);

	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	CHECK(co_mutex_try_lock(&mutex));
	CHECK_EQUAL(co_sleep(NULL, 2 * CO_MILLISECOND), 0);
	CHECK(!atomic_load(&waiter.holds));
	if (!look(&mutex).starving) { /* it lost before its first millisecond was over: let it lose once more */
		CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
		CHECK(co_mutex_try_lock(&mutex));
	}
	CHECK_EVENTUALLY(look(&mutex).starving);
	CHECK_EQUAL(look(&mutex).waiters.length, 1);

	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	CHECK(!co_mutex_try_lock(&mutex));
	CHECK_EVENTUALLY(atomic_load(&waiter.holds));
	CHECK(!look(&mutex).starving);
	atomic_store(&waiter.may_unlock, true);
	co_test_wait(&group);
	CHECK_EQUAL(waiter.result, 0);
	CHECK(is_at_rest(&mutex));
}

/* In starvation mode waiters get the mutex in the order in which they came, newcomers last. */
SINGLE_P_TEST(starving_waiters_are_served_in_order)
{
	enum { WAITERS = 5 };
	struct co_test_group group = {0};
	struct co_mutex mutex = {0};
	struct locker waiters[WAITERS] = {0};

	CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
	for (size_t i = 0; i < WAITERS; i++) {
		waiters[i].mutex = &mutex;
		co_test_go(&group, hold, &waiters[i]);
		CHECK_EVENTUALLY(look(&mutex).waiters.length == i + 1);
	}
	for (int i = 0; i < 3 && !look(&mutex).starving; i++) {
		CHECK_EQUAL(co_sleep(NULL, 2 * CO_MILLISECOND), 0);
		CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
		CHECK(co_mutex_try_lock(&mutex));
		co_test_pause();
		CHECK_EVENTUALLY(look(&mutex).waiters.length == WAITERS);
	}
	CHECK(look(&mutex).starving);
	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	for (int i = 0; i < WAITERS; i++) {
		CHECK_EVENTUALLY(atomic_load(&waiters[i].holds));
		for (int j = i + 1; j < WAITERS; j++)
			CHECK(!atomic_load(&waiters[j].holds));
		CHECK_EQUAL(co_sleep(NULL, 2 * CO_MILLISECOND), 0);
		atomic_store(&waiters[i].may_unlock, true);
	}
	co_test_wait(&group);
	CHECK(is_at_rest(&mutex));
}

/* Starvation mode ends, too, when the mutex goes to one that has waited for less than 1 ms, although others wait. That
 * takes a machine that does not stall just then: tried up to a hundred times. */
SINGLE_P_TEST(starvation_ends_with_a_short_wait)
{
	bool ended = false;

	for (int i = 0; i < 100 && !ended; i++) {
		struct co_test_group group = {0};
		struct co_mutex mutex = {0};
		struct locker waiters[3] = {
			{.mutex = &mutex, .may_unlock = true}, {.mutex = &mutex}, {.mutex = &mutex}};

		CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
		co_test_go(&group, hold, &waiters[0]);
		CHECK_EVENTUALLY(look(&mutex).waiters.length == 1);
		for (int j = 0; j < 3 && !look(&mutex).starving; j++) {
			CHECK_EQUAL(co_sleep(NULL, 2 * CO_MILLISECOND), 0);
			CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
			CHECK(co_mutex_try_lock(&mutex));
			co_test_pause();
		}
		co_test_go(&group, hold, &waiters[1]);
		co_test_go(&group, hold, &waiters[2]);
		co_yield();
		CHECK_EQUAL(look(&mutex).waiters.length, 3);
		CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
		CHECK_EVENTUALLY(atomic_load(&waiters[1].holds));
		ended = !look(&mutex).starving && look(&mutex).waiters.length == 1;
		for (int j = 1; j < 3; j++)
			atomic_store(&waiters[j].may_unlock, true);
		co_test_wait(&group);
		CHECK(is_at_rest(&mutex));
	}
	CHECK(ended);
}

static struct {
	struct co_mutex mutex;
	atomic_bool stop;
} unfair;

static void hog(void *unused)
{
	(void)unused;
	while (!atomic_load(&unfair.stop)) {
		CHECK_EQUAL(co_mutex_lock(NULL, &unfair.mutex), 0);
		CHECK_EQUAL(co_sleep(NULL, 100 * CO_MICROSECOND), 0);
		CHECK_EQUAL(co_mutex_unlock(&unfair.mutex), 0);
	}
}

/* TestMutexFairness: one that holds the mutex nearly always does not keep out another that wants it ten times. */
COROUTINE_TEST(mutex_fairness)
{
	struct co_test_group group = {0};
	struct co_context *limit;

	atomic_store(&unfair.stop, false);
	CHECK_EQUAL(co_with_timeout(NULL, 10 * CO_SECOND, &limit), 0);
	co_test_go(&group, hog, NULL);
	for (int i = 0; i < 10; i++) {
		CHECK_EQUAL(co_sleep(NULL, 100 * CO_MICROSECOND), 0);
		CHECK_EQUAL(co_mutex_lock(limit, &unfair.mutex), 0);
		CHECK_EQUAL(co_mutex_unlock(&unfair.mutex), 0);
	}
	atomic_store(&unfair.stop, true);
	co_test_wait(&group);
	co_context_unref(limit);
	CHECK(is_at_rest(&unfair.mutex));
}

/* ---- waiters that leave ------------------------------------------------------------------------------------------ */

/* Waiters cancelled at the head, in the middle and at the tail do not hold the mutex and leave the queue at once; the
 * others get it. */
COROUTINE_TEST(cancelled_waiters_leave)
{
	enum { WAITERS = 5 };
	struct co_test_group group = {0};
	struct co_mutex mutex = {0};
	struct locker waiters[WAITERS] = {0};

	CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
	for (size_t i = 0; i < WAITERS; i++) {
		waiters[i].mutex = &mutex;
		atomic_store(&waiters[i].may_unlock, true);
		CHECK_EQUAL(co_with_cancel(NULL, &waiters[i].context), 0);
		co_test_go(&group, hold, &waiters[i]);
		CHECK_EVENTUALLY(look(&mutex).waiters.length == i + 1);
	}
	for (int i = 0; i < WAITERS; i += 2)
		co_cancel(waiters[i].context, NULL);
	CHECK_EVENTUALLY(look(&mutex).waiters.length == 2);
	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	co_test_wait(&group);
	for (int i = 0; i < WAITERS; i++) {
		CHECK_EQUAL(waiters[i].result, i % 2 == 0 ? CO_ECANCELED : 0);
		co_context_unref(waiters[i].context);
	}
	CHECK(is_at_rest(&mutex));
}

/* The last waiter leaves a starving mutex: the next lock and unlock are as on a fresh one. */
SINGLE_P_TEST(last_waiter_leaves_a_starving_mutex)
{
	struct co_test_group group = {0};
	struct co_mutex mutex = {0};
	struct locker waiter = {.mutex = &mutex};

	CHECK_EQUAL(co_with_cancel(NULL, &waiter.context), 0);
	CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
	co_test_go(&group, hold, &waiter);
	CHECK_EVENTUALLY(look(&mutex).waiters.length == 1);
	for (int i = 0; i < 3 && !look(&mutex).starving; i++) {
		CHECK_EQUAL(co_sleep(NULL, 2 * CO_MILLISECOND), 0);
		CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
		CHECK(co_mutex_try_lock(&mutex));
		co_test_pause();
		CHECK_EVENTUALLY(look(&mutex).waiters.length == 1);
	}
	co_cancel(waiter.context, NULL);
	co_test_wait(&group);
	CHECK_EQUAL(waiter.result, CO_ECANCELED);
	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	CHECK(co_mutex_try_lock(&mutex));
	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	CHECK(is_at_rest(&mutex));
	co_context_unref(waiter.context);
}

/* One that was woken, lost the race and is cancelled, before it noticed or when it waits again, must not leave the
 * mutex waiting for it: the next unlock wakes the second waiter. */
SINGLE_P_TEST(cancelled_loser_does_not_swallow_the_wake_up)
{
	for (int i = 0; i < 2; i++) {
		struct co_test_group group = {0};
		struct co_mutex mutex = {0};
		struct locker first = {.mutex = &mutex};
		struct locker second = {.mutex = &mutex, .may_unlock = true};

		CHECK_EQUAL(co_with_cancel(NULL, &first.context), 0);
		CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
		co_test_go(&group, hold, &first);
		CHECK_EVENTUALLY(look(&mutex).waiters.length == 1);
		co_test_go(&group, hold, &second);
		CHECK_EVENTUALLY(look(&mutex).waiters.length == 2);

		CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
		CHECK(co_mutex_try_lock(&mutex));
		if (i == 0)
			co_cancel(first.context, NULL);
		co_test_pause();
		CHECK_EVENTUALLY(look(&mutex).waiters.length == (i == 0 ? 1 : 2));
		co_cancel(first.context, NULL);
		CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
		co_test_wait(&group);
		CHECK_EQUAL(first.result, CO_ECANCELED);
		CHECK_EQUAL(second.result, 0);
		CHECK(is_at_rest(&mutex));
		co_context_unref(first.context);
	}
}

/* One that is cancelled between its wake-up and its turn either takes the mutex or passes the wake-up on. */
SINGLE_P_TEST(cancel_between_wake_up_and_turn)
{
	struct co_test_group group = {0};
	struct co_mutex mutex = {0};
	struct locker first = {.mutex = &mutex, .may_unlock = true};
	struct locker second = {.mutex = &mutex, .may_unlock = true};

	CHECK_EQUAL(co_with_cancel(NULL, &first.context), 0);
	CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
	co_test_go(&group, hold, &first);
	CHECK_EVENTUALLY(look(&mutex).waiters.length == 1);
	co_test_go(&group, hold, &second);
	CHECK_EVENTUALLY(look(&mutex).waiters.length == 2);
	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	co_cancel(first.context, NULL);
	co_test_wait(&group);
	CHECK(first.result == 0 || first.result == CO_ECANCELED);
	CHECK_EQUAL(first.result == 0, atomic_load(&first.holds));
	CHECK_EQUAL(second.result, 0);
	CHECK(is_at_rest(&mutex));
	co_context_unref(first.context);
}

/* A lock's deadline is kept, never early, and the waiter is gone afterwards. */
COROUTINE_TEST(deadline_ends_a_lock)
{
	struct co_mutex mutex = {0};
	struct co_context *context;
	const int64_t begin = co_now();

	CHECK_EQUAL(co_mutex_lock(NULL, &mutex), 0);
	CHECK_EQUAL(co_with_timeout(NULL, 3 * CO_MILLISECOND, &context), 0);
	CHECK_EQUAL(co_mutex_lock(context, &mutex), CO_EDEADLINE);
	CHECK(co_now() - begin >= 3 * CO_MILLISECOND);
	CHECK_EQUAL(look(&mutex).waiters.length, 0);
	CHECK_EQUAL(co_mutex_lock(context, &mutex), CO_EDEADLINE);
	CHECK_EQUAL(co_mutex_unlock(&mutex), 0);
	CHECK(is_at_rest(&mutex));
	co_context_unref(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutex_excludes),
		cmocka_unit_test(mutex_misuse),
		cmocka_unit_test(another_coroutine_may_unlock),
		cmocka_unit_test(starvation_begins_after_1_ms_and_ends_with_the_last_waiter),
		cmocka_unit_test(starving_waiters_are_served_in_order),
		cmocka_unit_test(starvation_ends_with_a_short_wait),
		cmocka_unit_test(mutex_fairness),
		cmocka_unit_test(cancelled_waiters_leave),
		cmocka_unit_test(last_waiter_leaves_a_starving_mutex),
		cmocka_unit_test(cancelled_loser_does_not_swallow_the_wake_up),
		cmocka_unit_test(cancel_between_wake_up_and_turn),
		cmocka_unit_test(deadline_ends_a_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
