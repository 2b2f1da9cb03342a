/* SPDX-License-Identifier: MIT
 *
 * test_runtime_run_queue.c - the queue of a P: what its owner and thieves take out is what was put in, each once; after
 * Go's runtime/proc_test.go and sync/pool_test.go, whose names are kept. Threads stand in for the Ms: no run is needed.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/sched.h"
#include "tests/lib/co_test.h"

#define LENGTH CO_RUN_QUEUE_LENGTH

static struct co records[LENGTH];

/* An empty queue whose places are counted from START. */
static struct co_p *new_p(unsigned start)
{
	struct co_p *p = memory_zalloc(sizeof(*p));

	assert_non_null(p);
	atomic_init(&p->queue.head, start);
	atomic_init(&p->queue.tail, start);
	return p;
}

/* The counts wrap around in a run that is long enough. */
static const unsigned starts[] = {0, LENGTH - 1, UINT32_MAX - 3};

#define STARTS (sizeof(starts) / sizeof(starts[0]))

/* TestSchedLocalQueue: first in, first out, as many as there is room for; alone or not. */
static void first_in_first_out(void **state)
{
	(void)state;
	for (size_t at = 0; at < STARTS; at++) {
		struct co_p *p = new_p(starts[at]);

		for (unsigned count = 0; count <= LENGTH; count++) {
			const bool is_alone = count % 2 == 0;

			for (unsigned i = 0; i < count; i++)
				assert_true(co_run_queue_put(&p->queue, &records[i], !is_alone));
			assert_int_equal(co_run_queue_length(&p->queue), count);
			assert_int_equal(co_run_queue_is_empty(&p->queue), count == 0);
			if (count == LENGTH)
				assert_false(co_run_queue_put(&p->queue, &records[0], true));
			for (unsigned i = 0; i < count; i++)
				assert_ptr_equal(co_run_queue_get(&p->queue, is_alone), &records[i]);
			assert_null(co_run_queue_get(&p->queue, is_alone));
		}
		memory_free(p);
	}
}

/* TestSchedLocalQueueSteal: a thief takes the older half, the larger one of an odd number; nobody is lost or doubled.
 */
static void thief_takes_half(void **state)
{
	(void)state;
	for (size_t at = 0; at < STARTS; at++) {
		struct co_p *victim = new_p(starts[at]);
		struct co_p *thief = new_p(UINT32_MAX - starts[at]);

		for (unsigned count = 0; count <= LENGTH; count++) {
			const unsigned taken = count - count / 2;

			for (unsigned i = 0; i < count; i++)
				assert_true(co_run_queue_put(&victim->queue, &records[i], true));
			assert_ptr_equal(co_queue_steal(thief, victim, false), count > 0 ? &records[0] : NULL);
			for (unsigned i = 1; i < taken; i++)
				assert_ptr_equal(co_run_queue_get(&thief->queue, false), &records[i]);
			assert_null(co_run_queue_get(&thief->queue, false));
			for (unsigned i = taken; i < count; i++)
				assert_ptr_equal(co_run_queue_get(&victim->queue, false), &records[i]);
			assert_null(co_run_queue_get(&victim->queue, false));
		}
		memory_free(victim);
		memory_free(thief);
	}
}

/* A `next` is taken last, and only if nothing else is there. */
static void next_is_stolen_last(void **state)
{
	struct co_p *victim = new_p(0);
	struct co_p *thief = new_p(0);

	(void)state;
	atomic_store(&victim->next, &records[0]);
	assert_true(co_run_queue_put(&victim->queue, &records[1], true));
	assert_ptr_equal(co_queue_steal(thief, victim, true), &records[1]);
	assert_null(co_queue_steal(thief, victim, false));
	assert_ptr_equal(co_queue_steal(thief, victim, true), &records[0]);
	assert_null(co_queue_steal(thief, victim, true));
	memory_free(victim);
	memory_free(thief);
}

/* ---- several threads --------------------------------------------------------------------------------------------- */

#define THIEVES 3

static struct {
	struct co_p *victim;
	struct co *records;
	atomic_uchar *taken;
	atomic_long left;
	atomic_size_t stolen;
	size_t count;
} market;

static void take(struct co *coroutine)
{
	atomic_fetch_add(&market.taken[coroutine - market.records], 1);
	atomic_fetch_sub(&market.left, 1);
}

static void *steal_all(void *unused)
{
	struct co_p *own = new_p(UINT32_MAX - 100);
	struct co *coroutine;

	(void)unused;
	while (atomic_load(&market.left) > 0) {
		coroutine = co_queue_steal(own, market.victim, false);
		if (coroutine == NULL)
			sched_yield();
		for (; coroutine != NULL; coroutine = co_run_queue_get(&own->queue, false)) {
			take(coroutine);
			atomic_fetch_add(&market.stolen, 1);
		}
	}
	memory_free(own);
	return NULL;
}

/* The owner puts all in, and takes some out itself. */
static void put_all(void)
{
	struct test_random random = test_random_stream(1);
	struct co *coroutine;

	for (size_t i = 0; i < market.count; i++) {
		while (!co_run_queue_put(&market.victim->queue, &market.records[i], true))
			sched_yield();
		if (test_random_below(&random, 3) == 0 &&
			(coroutine = co_run_queue_get(&market.victim->queue, false)) != NULL)
			take(coroutine);
	}
	while ((coroutine = co_run_queue_get(&market.victim->queue, false)) != NULL)
		take(coroutine);
}

/* TestPoolDequeue, TestPoolChain: an owner and three thieves take each coroutine once. */
static void owner_and_thieves(void **state)
{
	pthread_t threads[THIEVES];

	(void)state;
	market.count = test_scale(200000);
	market.victim = new_p(UINT32_MAX - LENGTH * 3);
	market.records = memory_zalloc(market.count * sizeof(*market.records));
	market.taken = memory_zalloc(market.count);
	assert_non_null(market.records);
	assert_non_null(market.taken);
	atomic_store(&market.left, (long)market.count);
	atomic_store(&market.stolen, 0);
	for (int i = 0; i < THIEVES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, steal_all, NULL), 0);
	put_all();
	for (int i = 0; i < THIEVES; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < market.count; i++)
		assert_int_equal(atomic_load(&market.taken[i]), 1);
	assert_true(atomic_load(&market.stolen) > 0);
	memory_free(market.victim);
	memory_free(market.records);
	memory_free(market.taken);
}

static struct {
	struct co_p *p;
	atomic_bool over;
	atomic_size_t looks;
	atomic_size_t seen_empty;
} shop;

static void *look_at_queue(void *unused)
{
	(void)unused;
	while (!atomic_load(&shop.over)) {
		if (co_run_queue_is_empty(&shop.p->queue))
			atomic_fetch_add(&shop.seen_empty, 1);
		atomic_fetch_add(&shop.looks, 1);
	}
	return NULL;
}

/* TestSchedLocalQueueEmpty: a queue that always holds one never looks empty to others, however it changes. */
static void never_looks_empty(void **state)
{
	const size_t rounds = test_scale(1000000);
	pthread_t thread;

	(void)state;
	shop.p = new_p(UINT32_MAX - 100);
	atomic_store(&shop.over, false);
	assert_true(co_run_queue_put(&shop.p->queue, &records[0], true));
	assert_int_equal(pthread_create(&thread, NULL, look_at_queue, NULL), 0);
	while (atomic_load(&shop.looks) == 0)
		sched_yield();
	for (size_t i = 1; i < rounds; i++) {
		assert_true(co_run_queue_put(&shop.p->queue, &records[i % LENGTH], true));
		assert_ptr_equal(co_run_queue_get(&shop.p->queue, false), &records[(i - 1) % LENGTH]);
	}
	atomic_store(&shop.over, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&shop.seen_empty), 0);
	memory_free(shop.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_in_first_out),
		cmocka_unit_test(thief_takes_half),
		cmocka_unit_test(next_is_stolen_last),
		cmocka_unit_test(owner_and_thieves),
		cmocka_unit_test(never_looks_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
