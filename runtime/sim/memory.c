/* SPDX-License-Identifier: MIT
 *
 * memory.c - the allocator of a simulation, in place of base/memory.c: counts what is live, and fills what is fresh and
 * what is freed with rubbish that is the same in each run, so that who reads it does so in each run alike.
 */
#include "base/memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/sim/sim.h"

enum {
	FRESH = 0xA5,
	FREED = 0xDB,
};

static struct {
	bool (*fails)(size_t bytes);
	size_t live;
} memory;

size_t sim_live_blocks(void)
{
	return memory.live;
}

void memory_set_fault(bool (*fails)(size_t bytes))
{
	memory.fails = fails;
}

/* A block that begins with its size. */
struct block {
	size_t bytes;
	size_t unused; /* keeps what follows aligned */
	unsigned char content[];
};

static void *new_block(size_t bytes, int fill)
{
	struct block *block = NULL;

	if (memory.fails == NULL || !memory.fails(bytes))
		block = malloc(sizeof(*block) + bytes);
	if (block == NULL)
		return NULL;
	block->bytes = bytes;
	memory.live++;
	memset(block->content, fill, bytes);
	return block->content;
}

static struct block *block_of(void *content)
{
	return (struct block *)(void *)((unsigned char *)content - offsetof(struct block, content));
}

void *memory_alloc(size_t bytes)
{
	return new_block(bytes, FRESH);
}

void *memory_zalloc(size_t bytes)
{
	return new_block(bytes, 0);
}

void *memory_realloc(void *content, size_t bytes)
{
	size_t former = content != NULL ? block_of(content)->bytes : 0;
	void *fresh = new_block(bytes, FRESH);

	if (fresh == NULL || content == NULL)
		return fresh;
	memcpy(fresh, content, former < bytes ? former : bytes);
	memory_free(content);
	return fresh;
}

char *memory_copy(const void *bytes, size_t length)
{
	char *copy = memory_alloc(length + 1);

	if (copy == NULL)
		return NULL;
	if (length > 0)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

void memory_free(void *content)
{
	struct block *block;

	if (content == NULL)
		return;
	block = block_of(content);
	memory.live--;
	memset(block->content, FREED, block->bytes);
	free(block);
}
