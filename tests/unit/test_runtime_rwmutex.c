/* SPDX-License-Identifier: MIT
 *
 * test_runtime_rwmutex.c - the RWMutex: who holds whom off, who is admitted next, waiters that leave; after Go's
 * sync/rwmutex_test.go, whose names are kept.
 */
#include "tests/lib/co_test.h"

static bool is_at_rest(struct co_rwmutex *rwmutex)
{
	bool rests;

	co_spin_lock(&rwmutex->lock);
	rests = atomic_load(&rwmutex->state) == 0 && rwmutex->readers.length == 0 && rwmutex->writers.length == 0;
	co_spin_unlock(&rwmutex->lock);
	return rests;
}

static size_t waiting(struct co_rwmutex *rwmutex)
{
	size_t count;

	co_spin_lock(&rwmutex->lock);
	count = rwmutex->readers.length + rwmutex->writers.length;
	co_spin_unlock(&rwmutex->lock);
	return count;
}

/* One that locks, for reading or for writing, says so, and unlocks when told to. */
struct locker {
	struct co_rwmutex *rwmutex;
	struct co_context *context;
	bool writes;
	int result;
	unsigned place; /* the how manieth to get it, from 1 */
	atomic_bool holds;
	atomic_bool ended;
	atomic_bool may_unlock;
};

static atomic_uint admitted;

static void hold(void *arg)
{
	struct locker *locker = arg;

	locker->result = locker->writes ? co_rwmutex_lock(locker->context, locker->rwmutex)
					: co_rwmutex_read_lock(locker->context, locker->rwmutex);
	locker->place = atomic_fetch_add(&admitted, 1) + 1;
	atomic_store(&locker->holds, locker->result == 0);
	if (locker->result == 0) {
		CHECK_EVENTUALLY(atomic_load(&locker->may_unlock));
		CHECK_EQUAL(
			locker->writes ? co_rwmutex_unlock(locker->rwmutex) : co_rwmutex_read_unlock(locker->rwmutex),
			0);
	}
	atomic_store(&locker->ended, true);
}

static bool holds(struct locker *locker)
{
	return atomic_load(&locker->holds);
}

/* Starts LOCKER and lets it come as far as it can. */
static void start(struct co_test_group *group, struct locker *locker)
{
	const size_t before = waiting(locker->rwmutex);

	co_test_go(group, hold, locker);
	CHECK_EVENTUALLY(holds(locker) || waiting(locker->rwmutex) == before + 1);
}

static void let_go(struct locker *locker)
{
	atomic_store(&locker->may_unlock, true);
	CHECK_EVENTUALLY(atomic_load(&locker->ended));
}

/* ---- TestParallelReaders ----------------------------------------------------------------------------------------- */

/* Readers are in at once, and keep a writer out until the last of them has left. */
COROUTINE_TEST(parallel_readers)
{
	struct co_test_group group = {0};
	struct co_rwmutex rwmutex = {0};
	struct locker readers[10] = {0};

	for (int i = 0; i < 10; i++) {
		readers[i].rwmutex = &rwmutex;
		co_test_go(&group, hold, &readers[i]);
	}
	for (int i = 0; i < 10; i++)
		CHECK_EVENTUALLY(holds(&readers[i]));
	CHECK(!co_rwmutex_try_lock(&rwmutex));
	for (int i = 0; i < 10; i++) {
		CHECK(!co_rwmutex_try_lock(&rwmutex));
		let_go(&readers[i]);
	}
	CHECK(co_rwmutex_try_lock(&rwmutex));
	CHECK(!co_rwmutex_try_read_lock(&rwmutex));
	CHECK_EQUAL(co_rwmutex_unlock(&rwmutex), 0);
	co_test_wait(&group);
	CHECK(is_at_rest(&rwmutex));
}

/* ---- TestRWMutex ------------------------------------------------------------------------------------------------- */

static struct {
	struct co_rwmutex rwmutex;
	atomic_int activity; /* readers, and 10000 for a writer */
	size_t rounds;
} shared;

static void dally(size_t i)
{
	if (i % 3 == 0)
		co_yield();
}

static void hammer_reading(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < shared.rounds; i++) {
		int n;

		if (i % 5 == 0 ? !co_rwmutex_try_read_lock(&shared.rwmutex)
			       : co_rwmutex_read_lock(NULL, &shared.rwmutex) != 0)
			continue;
		n = atomic_fetch_add(&shared.activity, 1) + 1;
		CHECK(n >= 1 && n < 10000);
		dally(i);
		atomic_fetch_sub(&shared.activity, 1);
		CHECK_EQUAL(co_rwmutex_read_unlock(&shared.rwmutex), 0);
	}
}

static void hammer_writing(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < shared.rounds; i++) {
		if (i % 5 == 0 ? !co_rwmutex_try_lock(&shared.rwmutex) : co_rwmutex_lock(NULL, &shared.rwmutex) != 0)
			continue;
		CHECK_EQUAL(atomic_fetch_add(&shared.activity, 10000), 0);
		dally(i);
		CHECK_EQUAL(atomic_fetch_sub(&shared.activity, 10000), 10000);
		CHECK_EQUAL(co_rwmutex_unlock(&shared.rwmutex), 0);
	}
}

/* One to ten readers beside two writers: a writer is alone, readers are not with a writer. */
COROUTINE_TEST(rwmutex_excludes)
{
	shared.rounds = test_scale(1000);
	for (int readers = 1; readers <= 10; readers += 3) {
		struct co_test_group group = {0};

		for (int i = 0; i < readers; i++)
			co_test_go(&group, hammer_reading, NULL);
		for (int i = 0; i < 2; i++)
			co_test_go(&group, hammer_writing, NULL);
		co_test_wait(&group);
		CHECK(is_at_rest(&shared.rwmutex));
		CHECK_EQUAL(atomic_load(&shared.activity), 0);
	}
}

/* TestRUnlockPanic and its like: unlocking what is not locked so is an error that changes nothing. */
COROUTINE_TEST(rwmutex_misuse)
{
	struct co_rwmutex rwmutex = {0};

	CHECK_EQUAL(co_rwmutex_unlock(&rwmutex), CO_ERWUNLOCKED);
	CHECK_EQUAL(co_rwmutex_read_unlock(&rwmutex), CO_ERWUNLOCKED);
	CHECK_EQUAL(co_rwmutex_read_lock(NULL, &rwmutex), 0);
	CHECK_EQUAL(co_rwmutex_unlock(&rwmutex), CO_ERWUNLOCKED);
	CHECK_EQUAL(co_rwmutex_read_unlock(&rwmutex), 0);
	CHECK_EQUAL(co_rwmutex_lock(NULL, &rwmutex), 0);
	CHECK_EQUAL(co_rwmutex_read_unlock(&rwmutex), CO_ERWUNLOCKED);
	CHECK_EQUAL(co_rwmutex_unlock(&rwmutex), 0);
	CHECK(is_at_rest(&rwmutex));
}

static void unlock_both(void *rwmutexes)
{
	struct co_rwmutex *pair = rwmutexes;

	CHECK_EQUAL(co_rwmutex_read_unlock(&pair[0]), 0);
	CHECK_EQUAL(co_rwmutex_unlock(&pair[1]), 0);
}

/* Neither lock is tied to the coroutine that took it. */
COROUTINE_TEST(another_coroutine_may_unlock)
{
	struct co_test_group group = {0};
	struct co_rwmutex rwmutexes[2] = {0};

	CHECK_EQUAL(co_rwmutex_read_lock(NULL, &rwmutexes[0]), 0);
	CHECK_EQUAL(co_rwmutex_lock(NULL, &rwmutexes[1]), 0);
	co_test_go(&group, unlock_both, rwmutexes);
	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(co_rwmutex_lock(NULL, &rwmutexes[i]), 0);
		CHECK_EQUAL(co_rwmutex_unlock(&rwmutexes[i]), 0);
		CHECK(is_at_rest(&rwmutexes[i]));
	}
	co_test_wait(&group);
}

/* ---- the order of admission -------------------------------------------------------------------------------------- */

/* A writer that waits holds new readers off; the last reader admits it. */
COROUTINE_TEST(pending_writer_holds_off_readers)
{
	struct co_test_group group = {0};
	struct co_rwmutex rwmutex = {0};
	struct locker first = {.rwmutex = &rwmutex};
	struct locker writer = {.rwmutex = &rwmutex, .writes = true};
	struct locker late = {.rwmutex = &rwmutex};

	start(&group, &first);
	start(&group, &writer);
	CHECK(holds(&first) && !holds(&writer));
	CHECK(!co_rwmutex_try_read_lock(&rwmutex));
	start(&group, &late);
	CHECK(!holds(&late));
	let_go(&first);
	CHECK_EVENTUALLY(holds(&writer));
	CHECK(!holds(&late));
	let_go(&writer);
	CHECK_EVENTUALLY(holds(&late));
	let_go(&late);
	co_test_wait(&group);
	CHECK(is_at_rest(&rwmutex));
}

/* A writer's unlock admits every reader that waits, also those that came after another writer. */
COROUTINE_TEST(writers_unlock_admits_every_waiting_reader)
{
	struct co_test_group group = {0};
	struct co_rwmutex rwmutex = {0};
	struct locker holder = {.rwmutex = &rwmutex, .writes = true};
	struct locker next = {.rwmutex = &rwmutex, .writes = true};
	struct locker readers[4] = {0};
	struct locker late = {.rwmutex = &rwmutex};

	start(&group, &holder);
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			start(&group, &next);
		readers[i].rwmutex = &rwmutex;
		start(&group, &readers[i]);
	}
	let_go(&holder);
	for (int i = 0; i < 4; i++)
		CHECK_EVENTUALLY(holds(&readers[i]));
	CHECK(!holds(&next));
	start(&group, &late); /* which the writer that still waits holds off */
	CHECK(!holds(&late));
	for (int i = 0; i < 4; i++)
		let_go(&readers[i]);
	CHECK_EVENTUALLY(holds(&next));
	CHECK(!holds(&late));
	let_go(&next);
	CHECK_EVENTUALLY(holds(&late));
	let_go(&late);
	co_test_wait(&group);
	CHECK(is_at_rest(&rwmutex));
}

/* Of several writers the one that has waited longest is next. */
COROUTINE_TEST(longest_waiting_writer_is_next)
{
	struct co_test_group group = {0};
	struct co_rwmutex rwmutex = {0};
	struct locker reader = {.rwmutex = &rwmutex};
	struct locker writers[5] = {0};

	atomic_store(&admitted, 0);
	start(&group, &reader);
	for (int i = 0; i < 5; i++) {
		writers[i] = (struct locker){.rwmutex = &rwmutex, .writes = true, .may_unlock = true};
		start(&group, &writers[i]);
	}
	let_go(&reader);
	co_test_wait(&group);
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQUAL(writers[i].place, i + 2);
	CHECK(is_at_rest(&rwmutex));
}

/* More readers than are admitted in one step all come before the writer that waits. */
COROUTINE_TEST(many_readers_before_the_next_writer)
{
	enum { READERS = 700 };
	static struct locker readers[READERS];
	struct co_test_group group = {0};
	struct co_rwmutex rwmutex = {0};
	struct locker holder = {.rwmutex = &rwmutex, .writes = true};
	struct locker next = {.rwmutex = &rwmutex, .writes = true, .may_unlock = true};

	atomic_store(&admitted, 0);
	start(&group, &holder);
	start(&group, &next);
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct locker){.rwmutex = &rwmutex, .may_unlock = true};
		co_test_go(&group, hold, &readers[i]);
	}
	CHECK_EVENTUALLY(waiting(&rwmutex) == READERS + 1);
	let_go(&holder);
	co_test_wait(&group);
	CHECK_EQUAL(next.place, READERS + 2);
	CHECK(is_at_rest(&rwmutex));
}

/* ---- waiters that leave ------------------------------------------------------------------------------------------ */

/* A writer that gives up lets the readers in that waited for it, but none behind another writer. */
COROUTINE_TEST(writer_that_gives_up_lets_readers_in)
{
	struct co_test_group group = {0};
	struct co_rwmutex rwmutex = {0};
	struct locker holder = {.rwmutex = &rwmutex};
	struct locker first = {.rwmutex = &rwmutex, .writes = true};
	struct locker between = {.rwmutex = &rwmutex};
	struct locker second = {.rwmutex = &rwmutex, .writes = true};
	struct locker behind = {.rwmutex = &rwmutex};

	CHECK_EQUAL(co_with_cancel(NULL, &first.context), 0);
	start(&group, &holder);
	start(&group, &first);
	start(&group, &between);
	start(&group, &second);
	start(&group, &behind);
	CHECK(!holds(&between));
	co_cancel(first.context, NULL);
	CHECK_EVENTUALLY(holds(&between));
	CHECK(atomic_load(&first.ended));
	CHECK_EQUAL(first.result, CO_ECANCELED);
	CHECK(!holds(&second) && !holds(&behind));
	let_go(&holder);
	let_go(&between);
	CHECK_EVENTUALLY(holds(&second));
	CHECK(!holds(&behind));
	let_go(&second);
	let_go(&behind);
	co_test_wait(&group);
	CHECK(is_at_rest(&rwmutex));
	co_context_unref(first.context);
}

/* Waiters whose context ends leave nothing behind, and the next one is served. */
COROUTINE_TEST(cancelled_waiters_leave_nothing)
{
	struct co_test_group group = {0};
	struct co_rwmutex rwmutex = {0};
	struct locker holder = {.rwmutex = &rwmutex, .writes = true};
	struct locker waiters[4] = {0};
	struct locker last = {.rwmutex = &rwmutex, .writes = true};
	struct co_context *context;

	CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
	start(&group, &holder);
	for (int i = 0; i < 4; i++) {
		waiters[i] = (struct locker){.rwmutex = &rwmutex, .context = context, .writes = i % 2 == 0};
		start(&group, &waiters[i]);
	}
	start(&group, &last);
	co_cancel(context, NULL);
	for (int i = 0; i < 4; i++)
		CHECK_EVENTUALLY(atomic_load(&waiters[i].ended));
	for (int i = 0; i < 4; i++)
		CHECK_EQUAL(waiters[i].result, CO_ECANCELED);
	CHECK_EQUAL(rwmutex.readers.length, 0);
	CHECK_EQUAL(rwmutex.writers.length, 1);
	CHECK_EQUAL(co_rwmutex_read_lock(context, &rwmutex), CO_ECANCELED);
	CHECK_EQUAL(co_rwmutex_lock(context, &rwmutex), CO_ECANCELED);
	let_go(&holder);
	CHECK_EVENTUALLY(holds(&last));
	let_go(&last);
	co_test_wait(&group);
	CHECK(is_at_rest(&rwmutex));
	CHECK_EQUAL(co_rwmutex_lock(context, &rwmutex), CO_ECANCELED); /* also where it is free */
	co_context_unref(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parallel_readers),
		cmocka_unit_test(rwmutex_excludes),
		cmocka_unit_test(rwmutex_misuse),
		cmocka_unit_test(another_coroutine_may_unlock),
		cmocka_unit_test(pending_writer_holds_off_readers),
		cmocka_unit_test(writers_unlock_admits_every_waiting_reader),
		cmocka_unit_test(longest_waiting_writer_is_next),
		cmocka_unit_test(many_readers_before_the_next_writer),
		cmocka_unit_test(writer_that_gives_up_lets_readers_in),
		cmocka_unit_test(cancelled_waiters_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
