/* SPDX-License-Identifier: MIT
 *
 * coroutine.c - the pool of coroutine records.
 *
 * Invariant: a record is in a P's cache, in the shared list, or in use; a chunk is never freed before the run ends.
 * Locks: `pool.spin` guards the shared list; a chunk is pushed to the list of chunks by compare-and-swap.
 */
#include "runtime/coroutine.h"

#include "base/memory.h"
#include "runtime/co.h"

enum {
	CHUNK_RECORDS = 128,
	CACHE_MAX = 1024,
	CACHE_MOVE = 512,
};

struct chunk {
	struct chunk *next;
	struct co records[CHUNK_RECORDS];
};

static struct {
	struct chunk *_Atomic chunks;
	struct co_spin spin;
	struct co *free;
} pool;

static size_t move_records(struct co **from, struct co **to, size_t count)
{
	size_t moved = 0;

	while (moved < count && *from != NULL) {
		struct co *coroutine = *from;

		*from = coroutine->next;
		coroutine->next = *to;
		*to = coroutine;
		moved++;
	}
	return moved;
}

/* A new chunk's records as a list; NULL: no memory. */
static struct co *new_records(void)
{
	struct chunk *chunk = memory_zalloc(sizeof(*chunk));

	if (chunk == NULL)
		return NULL;
	for (size_t i = 0; i + 1 < CHUNK_RECORDS; i++)
		chunk->records[i].next = &chunk->records[i + 1];
	chunk->next = atomic_load(&pool.chunks);
	while (!atomic_compare_exchange_weak(&pool.chunks, &chunk->next, chunk))
		;
	return &chunk->records[0];
}

/* Takes one record from the shared list, more of them to CACHE if there is one. */
static struct co *get_shared(struct co_record_cache *cache)
{
	struct co *coroutine = NULL;
	struct co *fresh;

	co_spin_lock(&pool.spin);
	if (move_records(&pool.free, &coroutine, 1) != 0 && cache != NULL)
		cache->count += move_records(&pool.free, &cache->first, CACHE_MOVE);
	co_spin_unlock(&pool.spin);
	if (coroutine != NULL)
		return coroutine;
	fresh = new_records();
	if (fresh == NULL)
		return NULL;
	(void)move_records(&fresh, &coroutine, 1);
	if (cache != NULL) {
		cache->count += CHUNK_RECORDS - 1;
		cache->first = fresh;
		return coroutine;
	}
	co_spin_lock(&pool.spin);
	(void)move_records(&fresh, &pool.free, CHUNK_RECORDS);
	co_spin_unlock(&pool.spin);
	return coroutine;
}

struct co *co_record_get(struct co_record_cache *cache)
{
	struct co *coroutine;

	if (cache == NULL || cache->first == NULL)
		return get_shared(cache);
	coroutine = cache->first;
	cache->first = coroutine->next;
	cache->count--;
	return coroutine;
}

void co_record_put(struct co_record_cache *cache, struct co *coroutine)
{
	atomic_store_explicit(&coroutine->state, CO_STATE_FREE, memory_order_relaxed);
	coroutine->next = cache->first;
	cache->first = coroutine;
	if (++cache->count <= CACHE_MAX)
		return;
	co_spin_lock(&pool.spin);
	cache->count -= move_records(&cache->first, &pool.free, CACHE_MOVE);
	co_spin_unlock(&pool.spin);
}

void co_records_visit(void (*visit)(struct co *coroutine, void *arg), void *arg)
{
	for (struct chunk *chunk = atomic_load(&pool.chunks); chunk != NULL; chunk = chunk->next)
		for (size_t i = 0; i < CHUNK_RECORDS; i++)
			if (atomic_load_explicit(&chunk->records[i].state, memory_order_relaxed) != CO_STATE_FREE)
				visit(&chunk->records[i], arg);
}

void co_records_close(void)
{
	struct chunk *chunk = atomic_exchange(&pool.chunks, NULL);

	while (chunk != NULL) {
		struct chunk *next = chunk->next;

		memory_free(chunk);
		chunk = next;
	}
	pool.free = NULL;
}
