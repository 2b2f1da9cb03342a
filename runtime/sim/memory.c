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

/* What stands before a block. */
struct header {
	size_t bytes;
	size_t unused; /* keeps what follows aligned */
	unsigned char content[];
};

static void *new_block(size_t bytes, int fill)
{
	struct header *header = NULL;

	if (memory.fails == NULL || !memory.fails(bytes))
		header = malloc(sizeof(*header) + bytes);
	if (header == NULL)
		return NULL;
	header->bytes = bytes;
	memory.live++;
	memset(header->content, fill, bytes);
	return header->content;
}

static struct header *header_of(void *block)
{
	return (struct header *)(void *)((unsigned char *)block - offsetof(struct header, content));
}

void *memory_alloc(size_t bytes)
{
	return new_block(bytes, FRESH);
}

void *memory_zalloc(size_t bytes)
{
	return new_block(bytes, 0);
}

void *memory_realloc(void *block, size_t bytes)
{
	size_t former = block != NULL ? header_of(block)->bytes : 0;
	void *fresh = new_block(bytes, FRESH);

	if (fresh == NULL || block == NULL)
		return fresh;
	memcpy(fresh, block, former < bytes ? former : bytes);
	memory_free(block);
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

void memory_free(void *block)
{
	struct header *header;

	if (block == NULL)
		return;
	header = header_of(block);
	memory.live--;
	memset(header->content, FREED, header->bytes);
	free(header);
}
