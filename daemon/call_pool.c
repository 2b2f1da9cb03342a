/* SPDX-License-Identifier: MIT
 *
 * call_pool.c - pooled call records and scratch.
 */
#include "daemon/call_pool.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/connection.h"
#include "daemon/lane.h"
#include "daemon/objects/context.h"

#define CALLS_KEPT 1024
#define SCRATCHES_KEPT 16
#define BLOCK_BYTES 4096
#define CAP_FACTOR 4
#define CAP_BASE 16384

_Static_assert(sizeof(struct call) <= 512, "a call's record stays small: a million may be blocked");

/* A further block of a scratch that outgrew its own. */
struct block {
	struct block *next;
	alignas(max_align_t) uint8_t bytes[];
};

struct call_scratch {
	ProtobufCAllocator allocator;
	struct call_scratch *next; /* in the pool */
	struct block *blocks;      /* beyond bytes[] */
	size_t used;               /* of bytes[] */
	size_t left;               /* before the cap */
	alignas(max_align_t) uint8_t bytes[BLOCK_BYTES];
};

static struct {
	struct co_spin lock;
	struct call *calls; /* linked through `lane` */
	unsigned call_count;
	struct call_scratch *scratches;
	unsigned scratch_count;
} pool;

struct call *call_new(void)
{
	struct call *call;

	co_spin_lock(&pool.lock);
	call = pool.calls;
	if (call != NULL) {
		pool.calls = (void *)call->lane;
		pool.call_count--;
	}
	co_spin_unlock(&pool.lock);
	if (call == NULL)
		return memory_zalloc(sizeof *call);
	memset(call, 0, sizeof *call);
	return call;
}

void call_free(struct call *call)
{
	if (call->outcome != NULL)
		lane_free_outcome(call);
	if (call->context != NULL)
		object_unref(context_object(call->context));
	connection_unref(call->connection);
	co_spin_lock(&pool.lock);
	if (pool.call_count < CALLS_KEPT) {
		call->lane = (void *)pool.calls;
		pool.calls = call;
		pool.call_count++;
		call = NULL;
	}
	co_spin_unlock(&pool.lock);
	memory_free(call);
}

static void *scratch_alloc(void *allocator_data, size_t bytes)
{
	return call_scratch_alloc(allocator_data, bytes);
}

static void scratch_free(void *allocator_data, void *block)
{
	(void)allocator_data;
	(void)block;
}

struct call_scratch *call_scratch_take(size_t frame_bytes)
{
	struct call_scratch *scratch;

	co_spin_lock(&pool.lock);
	scratch = pool.scratches;
	if (scratch != NULL) {
		pool.scratches = scratch->next;
		pool.scratch_count--;
	}
	co_spin_unlock(&pool.lock);
	if (scratch == NULL) {
		scratch = memory_alloc(sizeof *scratch);
		if (scratch == NULL)
			return NULL;
	}
	scratch->allocator = (ProtobufCAllocator){
		.alloc = scratch_alloc,
		.free = scratch_free,
		.allocator_data = scratch,
	};
	scratch->blocks = NULL;
	scratch->used = 0;
	scratch->left = CAP_FACTOR * frame_bytes + CAP_BASE;
	return scratch;
}

void call_scratch_give(struct call_scratch *scratch)
{
	while (scratch->blocks != NULL) {
		struct block *block = scratch->blocks;

		scratch->blocks = block->next;
		memory_free(block);
	}
	co_spin_lock(&pool.lock);
	if (pool.scratch_count < SCRATCHES_KEPT) {
		scratch->next = pool.scratches;
		pool.scratches = scratch;
		pool.scratch_count++;
		scratch = NULL;
	}
	co_spin_unlock(&pool.lock);
	memory_free(scratch);
}

void *call_scratch_alloc(struct call_scratch *scratch, size_t bytes)
{
	size_t rounded = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct block *block;
	void *memory;

	if (rounded < bytes || rounded > scratch->left)
		return NULL;
	scratch->left -= rounded;
	if (rounded <= BLOCK_BYTES - scratch->used) {
		memory = scratch->bytes + scratch->used;
		scratch->used += rounded;
		return memory;
	}
	block = memory_alloc(sizeof *block + rounded);
	if (block == NULL)
		return NULL;
	block->next = scratch->blocks;
	scratch->blocks = block;
	return block->bytes;
}

ProtobufCAllocator *call_scratch_allocator(struct call_scratch *scratch)
{
	return &scratch->allocator;
}

void call_pool_drain(void)
{
	while (pool.calls != NULL) {
		struct call *call = pool.calls;

		pool.calls = (void *)call->lane;
		memory_free(call);
	}
	while (pool.scratches != NULL) {
		struct call_scratch *scratch = pool.scratches;

		pool.scratches = scratch->next;
		memory_free(scratch);
	}
	pool.call_count = 0;
	pool.scratch_count = 0;
}
