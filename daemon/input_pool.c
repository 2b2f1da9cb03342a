/* SPDX-License-Identifier: MIT
 *
 * input_pool.c - a few input buffers kept for the next reader. Locking: a spin lock of its own, below all others.
 */
#include "daemon/input_pool.h"

#include <string.h>

#include "base/memory.h"
#include "runtime/co.h"

#define KEPT 16

static struct {
	struct co_spin lock;
	uint8_t *blocks[KEPT];
	unsigned count;
} pool;

uint8_t *input_block_take(void)
{
	uint8_t *block = NULL;

	co_spin_lock(&pool.lock);
	if (pool.count > 0)
		block = pool.blocks[--pool.count];
	co_spin_unlock(&pool.lock);
	return block != NULL ? block : memory_alloc(INPUT_BLOCK_BYTES);
}

void input_block_give(uint8_t *block, size_t capacity)
{
	if (block != NULL && capacity == INPUT_BLOCK_BYTES) {
		co_spin_lock(&pool.lock);
		if (pool.count < KEPT) {
			pool.blocks[pool.count++] = block;
			block = NULL;
		}
		co_spin_unlock(&pool.lock);
	}
	memory_free(block);
}

void input_pool_drain(void)
{
	while (pool.count > 0)
		memory_free(pool.blocks[--pool.count]);
}
