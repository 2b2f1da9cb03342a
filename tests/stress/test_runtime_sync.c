/* SPDX-License-Identifier: MIT
 *
 * test_runtime_sync.c - RWMutex, semaphore, Cond, WaitGroup, Once and map under random yields, cancels and deadlines at
 * the moment of completion: nobody is in who may not be, no wake-up is lost with a waiter that left, nobody waits for
 * ever, and nothing is left in the queues.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
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

/* ---- Once -------------------------------------------------------------------------------------------------------- */

struct cell {
	struct co_once once;
	atomic_int calls;
	atomic_bool is_complete;
};

static struct cell *cells;

static void fill(void *arg)
{
	struct cell *cell = arg;
	struct test_random random = test_random_stream((uint64_t)(cell - cells));

	atomic_fetch_add(&cell->calls, 1);
	if (test_random_below(&random, 4) == 0)
		co_sleep(NULL, 30 * CO_MICROSECOND); /* long enough for others to give up */
	co_test_dawdle(&random);
	atomic_store(&cell->is_complete, true);
}

static void fill_cells(void *arg)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)arg);

	for (size_t i = 0; i < run.rounds; i++) {
		struct co_context *context = co_test_doomed(&random, &run.killers, 20 * CO_MICROSECOND);

		if (succeeded(co_once_do(context, &cells[i].once, fill, &cells[i])))
			CHECK(atomic_load(&cells[i].is_complete));
		co_context_unref(context);
		co_test_dawdle(&random);
	}
}

/* TestOnce with waiters that give up: at most one call each, and nobody is told that it is done before it is. */
COROUTINE_TEST(once)
{
	const size_t rounds = 20000;

	cells = memory_zalloc(test_scale(rounds) * sizeof(*cells));
	CHECK(cells != NULL);
	run_workers("once", fill_cells, rounds);
	for (size_t i = 0; i < run.rounds; i++) {
		CHECK(atomic_load(&cells[i].calls) <= 1);
		CHECK_EQUAL(co_once_do(NULL, &cells[i].once, fill, &cells[i]), 0);
		CHECK_EQUAL(atomic_load(&cells[i].calls), 1);
	}
	memory_free(cells);
}

/* ---- map --------------------------------------------------------------------------------------------------------- */

#define OWN_KEYS 20

static struct co_map *map;

/* What one worker has in the map under keys of its own: nobody else changes those. */
struct holdings {
	uint32_t first;
	uintptr_t values[OWN_KEYS];
	unsigned seen[OWN_KEYS];
};

static bool see_own(const void *key, size_t length, void *value, void *arg)
{
	struct holdings *own = arg;
	uint32_t number;

	memcpy(&number, key, length);
	if (number >= own->first && number < own->first + OWN_KEYS &&
		own->values[number - own->first] == (uintptr_t)value)
		own->seen[number - own->first]++;
	if (number % 7 == 0)
		co_yield();
	return true;
}

static void change_own(struct holdings *own, struct test_random *random, uintptr_t value)
{
	const uint32_t index = (uint32_t)test_random_below(random, OWN_KEYS);
	const uint32_t key = own->first + index;
	void *former = NULL;

	switch (test_random_below(random, 3)) {
	case 0:
		CHECK(co_map_swap(map, &key, sizeof(key), (void *)value, &former) == (own->values[index] != 0));
		CHECK((uintptr_t)former == own->values[index]);
		own->values[index] = value;
		break;
	case 1:
		CHECK(co_map_load_and_delete(map, &key, sizeof(key), &former) == (own->values[index] != 0));
		CHECK((uintptr_t)former == own->values[index]);
		own->values[index] = 0;
		break;
	default:
		(void)co_map_load(map, &key, sizeof(key), &former);
		CHECK((uintptr_t)former == own->values[index]);
		break;
	}
}

static void use_map(void *arg)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)arg);
	struct holdings own = {.first = (uint32_t) * (const int *)arg * OWN_KEYS};

	for (size_t i = 0; i < run.rounds; i++) {
		change_own(&own, &random, i + 1);
		co_test_dawdle(&random);
		if (i % 100 != 0)
			continue;
		memset(own.seen, 0, sizeof(own.seen));
		co_map_range(map, see_own, &own);
		for (int key = 0; key < OWN_KEYS; key++)
			CHECK_EQUAL(own.seen[key], own.values[key] != 0);
	}
}

/* TestMapMatchesRWMutex with many at it: each finds its own keys as it left them. */
COROUTINE_TEST(own_keys)
{
	struct co_test_group group = {0};

	run.rounds = test_scale(20000);
	map = co_map_new();
	CHECK(map != NULL);
	co_test_go_each(&group, WORKERS, use_map);
	co_test_wait(&group);
	co_map_free(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rwmutex),
		cmocka_unit_test(semaphore),
		cmocka_unit_test(cond),
		cmocka_unit_test(cancel_meets_signal),
		cmocka_unit_test(waitgroup),
		cmocka_unit_test(once),
		cmocka_unit_test(own_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
