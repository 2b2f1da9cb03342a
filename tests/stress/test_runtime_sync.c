/* SPDX-License-Identifier: MIT
 *
 * test_runtime_sync.c - RWMutex, semaphore, Cond and WaitGroup under random yields, cancels and deadlines at the moment
 * of completion: nobody is in who may not be, no wake-up is lost with a waiter that left, nobody waits for ever, and
 * nothing is left in the queues.
 */
#include <stdio.h>
#include <string.h>

#include "tests/lib/co_stress.h"

#define WORKERS 8

static struct {
	struct co_test_group killers;
	size_t rounds;
	atomic_size_t done;
	atomic_size_t given_up;
} run;

/* Counts how a wait ended; false where its context ended it. */
static bool succeeded(int r)
{
	atomic_fetch_add(r == 0 ? &run.done : &run.given_up, 1);
	return r == 0;
}

static void run_workers(const char *what, void (*worker)(void *), size_t rounds)
{
	struct co_test_group group = {0};

	memset(&run, 0, sizeof(run));
	run.rounds = test_scale(rounds);
	co_test_go_each(&group, WORKERS, worker);
	co_test_wait(&group);
	co_test_wait(&run.killers);
	printf("%s: %zu done, %zu given up\n", what, atomic_load(&run.done), atomic_load(&run.given_up));
	CHECK(atomic_load(&run.done) > 0 && atomic_load(&run.given_up) > 0);
}

/* ---- RWMutex ----------------------------------------------------------------------------------------------------- */

static struct {
	struct co_rwmutex rwmutex;
	atomic_int activity; /* readers, and 10000 for a writer */
} library;

static void read_one(struct co_context *context, struct test_random *random)
{
	int n;

	if (!succeeded(co_rwmutex_read_lock(context, &library.rwmutex)))
		return;
	n = atomic_fetch_add(&library.activity, 1);
	CHECK(n >= 0 && n < 10000);
	co_test_dawdle(random);
	atomic_fetch_sub(&library.activity, 1);
	CHECK_EQUAL(co_rwmutex_read_unlock(&library.rwmutex), 0);
}

static void write_one(struct co_context *context, struct test_random *random)
{
	if (!succeeded(co_rwmutex_lock(context, &library.rwmutex)))
		return;
	CHECK_EQUAL(atomic_fetch_add(&library.activity, 10000), 0);
	co_test_dawdle(random);
	atomic_fetch_sub(&library.activity, 10000);
	CHECK_EQUAL(co_rwmutex_unlock(&library.rwmutex), 0);
}

static void use_library(void *arg)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)arg);

	for (size_t i = 0; i < run.rounds; i++) {
		struct co_context *context = co_test_doomed(&random, &run.killers, 60 * CO_MICROSECOND);

		if (test_random_below(&random, 3) == 0)
			write_one(context, &random);
		else
			read_one(context, &random);
		co_context_unref(context);
		co_test_dawdle(&random);
	}
}

COROUTINE_TEST(rwmutex)
{
	run_workers("rwmutex", use_library, 20000);
	CHECK_EQUAL(atomic_load(&library.rwmutex.state), 0);
	CHECK_EQUAL(library.rwmutex.readers.length + library.rwmutex.writers.length, 0);
}

/* ---- semaphore --------------------------------------------------------------------------------------------------- */

#define BERTHS 5

static struct {
	struct co_semaphore semaphore;
	atomic_ullong inside;
} harbour;

static void use_harbour(void *arg)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)arg);

	for (size_t i = 0; i < run.rounds; i++) {
		const uint64_t weight = 1 + test_random_below(&random, BERTHS);
		struct co_context *context = co_test_doomed(&random, &run.killers, 60 * CO_MICROSECOND);
		const bool has = succeeded(co_semaphore_acquire(context, &harbour.semaphore, weight));

		co_context_unref(context);
		if (has) {
			CHECK(atomic_fetch_add(&harbour.inside, weight) + weight <= BERTHS);
			co_test_dawdle(&random);
			atomic_fetch_sub(&harbour.inside, weight);
			CHECK_EQUAL(co_semaphore_release(&harbour.semaphore, weight), 0);
		}
		co_test_dawdle(&random);
	}
}

COROUTINE_TEST(semaphore)
{
	co_semaphore_init(&harbour.semaphore, BERTHS);
	run_workers("semaphore", use_harbour, 20000);
	CHECK_EQUAL(harbour.semaphore.held, 0);
	CHECK_EQUAL(harbour.semaphore.waiters.length, 0);
}

/* ---- Cond: a store on two of them, with one signal per change ---------------------------------------------------- */

#define SHELF 3

static struct {
	struct co_mutex mutex;
	struct co_cond not_empty;
	struct co_cond not_full;
	int count;
	atomic_int produced;
	atomic_int consumed;
} store;

/* Waits on COND until the shelf is no longer at COUNT. The mutex is held. */
static int wait_while(struct co_context *context, struct co_cond *cond, int count)
{
	int r = 0;

	while (r == 0 && store.count == count)
		r = co_cond_wait(context, cond, &store.mutex);
	return r;
}

static void put_one(struct co_context *context)
{
	(void)co_mutex_lock(NULL, &store.mutex);
	if (succeeded(wait_while(context, &store.not_full, SHELF))) {
		store.count++;
		atomic_fetch_add(&store.produced, 1);
		co_cond_signal(&store.not_empty);
	}
	(void)co_mutex_unlock(&store.mutex);
}

static void take_one(struct co_context *context)
{
	(void)co_mutex_lock(NULL, &store.mutex);
	if (succeeded(wait_while(context, &store.not_empty, 0))) {
		store.count--;
		atomic_fetch_add(&store.consumed, 1);
		co_cond_signal(&store.not_full);
	}
	(void)co_mutex_unlock(&store.mutex);
}

static void use_store(void *arg)
{
	const int number = *(const int *)arg;
	struct test_random random = test_random_stream((uint64_t)number);

	for (size_t i = 0; i < run.rounds; i++) {
		struct co_context *context = co_test_doomed(&random, &run.killers, 60 * CO_MICROSECOND);

		if (number % 2 == 0)
			put_one(context);
		else
			take_one(context);
		co_context_unref(context);
		co_test_dawdle(&random);
	}
}

static size_t waiting(struct co_cond *cond)
{
	size_t length;

	co_spin_lock(&cond->lock);
	length = cond->waiters.length;
	co_spin_unlock(&cond->lock);
	return length;
}

/* Once a side has finished, stands in for it, so that the other can finish. */
static void stand_in(void *arg)
{
	const atomic_bool *over = arg;

	while (!atomic_load(over)) {
		(void)co_mutex_lock(NULL, &store.mutex);
		if (store.count == 0 && waiting(&store.not_empty) > 0) {
			store.count++;
			atomic_fetch_add(&store.produced, 1);
			co_cond_signal(&store.not_empty);
		} else if (store.count == SHELF && waiting(&store.not_full) > 0) {
			store.count--;
			atomic_fetch_add(&store.consumed, 1);
			co_cond_signal(&store.not_full);
		}
		(void)co_mutex_unlock(&store.mutex);
		co_test_pause();
	}
}

COROUTINE_TEST(cond)
{
	struct co_test_group group = {0};
	atomic_bool over = false;

	memset(&store, 0, sizeof(store));
	co_test_go(&group, stand_in, &over);
	run_workers("cond", use_store, 10000);
	atomic_store(&over, true);
	co_test_wait(&group);
	CHECK_EQUAL(atomic_load(&store.produced) - atomic_load(&store.consumed), store.count);
	CHECK_EQUAL(store.not_empty.waiters.length + store.not_full.waiters.length, 0);
}

/* One signal, two waiters of which one is cancelled at that moment: the other has the signal unless the first took it.
 */
struct pair {
	struct co_mutex mutex;
	struct co_cond cond;
	struct co_context *context;
	struct test_random random;
	atomic_int results[2];
	atomic_int ended;
	bool yields[2]; /* the canceller and the signaller, before they act */
};

static void wait_with_context(void *arg)
{
	struct pair *pair = arg;

	(void)co_mutex_lock(NULL, &pair->mutex);
	pair->results[0] = co_cond_wait(pair->context, &pair->cond, &pair->mutex);
	atomic_fetch_add(&pair->ended, 1);
	(void)co_mutex_unlock(&pair->mutex);
}

static void wait_without(void *arg)
{
	struct pair *pair = arg;

	(void)co_mutex_lock(NULL, &pair->mutex);
	pair->results[1] = co_cond_wait(NULL, &pair->cond, &pair->mutex);
	atomic_fetch_add(&pair->ended, 1);
	(void)co_mutex_unlock(&pair->mutex);
}

static void cancel_pair(void *arg)
{
	struct pair *pair = arg;

	if (pair->yields[0])
		co_yield();
	co_cancel(pair->context, NULL);
}

static void signal_pair(void *arg)
{
	struct pair *pair = arg;

	if (pair->yields[1])
		co_yield();
	co_cond_signal(&pair->cond);
}

/* The signal comes while the cancelled one still stands in the queue. */
static void cancel_then_signal(void *arg)
{
	struct pair *pair = arg;

	co_cancel(pair->context, NULL);
	co_cond_signal(&pair->cond);
}

COROUTINE_TEST(cancel_meets_signal)
{
	const size_t rounds = test_scale(50000);
	struct pair pair = {.random = test_random_stream(3)};
	size_t taken[2] = {0};

	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};

		atomic_store(&pair.ended, 0);
		pair.yields[0] = test_random_below(&pair.random, 2) == 0;
		pair.yields[1] = test_random_below(&pair.random, 2) == 0;
		CHECK_EQUAL(co_with_cancel(NULL, &pair.context), 0);
		co_test_go(&group, wait_with_context, &pair);
		co_test_go(&group, wait_without, &pair);
		while (waiting(&pair.cond) < 2)
			co_yield();
		if (i % 3 == 2) {
			co_test_go(&group, cancel_then_signal, &pair);
		} else {
			co_test_go(&group, i % 3 == 0 ? signal_pair : cancel_pair, &pair);
			co_test_go(&group, i % 3 == 0 ? cancel_pair : signal_pair, &pair);
		}
		while (atomic_load(&pair.ended) == 0)
			co_yield();
		if (pair.results[0] == 0 && atomic_load(&pair.ended) == 1)
			co_cond_signal(&pair.cond); /* the first took it: one more for the second */
		taken[pair.results[0] == 0]++;
		co_test_wait(&group); /* hangs if the signal was lost */
		CHECK(pair.results[0] == 0 || pair.results[0] == CO_ECANCELED);
		CHECK_EQUAL(pair.results[1], 0);
		CHECK_EQUAL(waiting(&pair.cond), 0);
		pair.results[0] = 0;
		co_context_unref(pair.context);
	}
	printf("cancel meets signal: %zu by the first, %zu passed on\n", taken[1], taken[0]);
	CHECK(taken[0] > 0 && taken[1] > 0);
}

/* ---- WaitGroup --------------------------------------------------------------------------------------------------- */

static struct {
	struct co_waitgroup group;
} rally;

static void wait_for_rally(void *arg)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)arg);

	for (size_t i = 0; i < run.rounds; i++) {
		struct co_context *context = co_test_doomed(&random, &run.killers, 60 * CO_MICROSECOND);

		CHECK_EQUAL(co_waitgroup_add(&rally.group, 1), 0);
		co_test_dawdle(&random);
		CHECK_EQUAL(co_waitgroup_done(&rally.group), 0);
		(void)succeeded(co_waitgroup_wait(context, &rally.group));
		co_context_unref(context);
		co_test_dawdle(&random);
	}
}

COROUTINE_TEST(waitgroup)
{
	run_workers("waitgroup", wait_for_rally, 20000);
	CHECK_EQUAL(co_waitgroup_wait(NULL, &rally.group), 0);
	CHECK_EQUAL(atomic_load(&rally.group.state), 0);
	CHECK_EQUAL(rally.group.waiters.length, 0);
	CHECK_EQUAL(co_waitgroup_done(&rally.group), CO_ENEGATIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rwmutex),
		cmocka_unit_test(semaphore),
		cmocka_unit_test(cond),
		cmocka_unit_test(cancel_meets_signal),
		cmocka_unit_test(waitgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
