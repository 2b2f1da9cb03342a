/* SPDX-License-Identifier: MIT
 *
 * map.h - what a map is made of: for map.c, map_range.c and the map's tests.
 *
 * Invariants: a slot holds 0, a node, or a chain of entries with one hash in the order of co_map_compare(); a node has
 * two slots in use, or one that is a node (or, where memory ran out over an insertion, one chain).
 */
#ifndef BATON_RUNTIME_MAP_H
#define BATON_RUNTIME_MAP_H

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/siphash.h"
#include "runtime/co.h"

enum {
	CO_MAP_BITS = 4,
	CO_MAP_FANOUT = 1 << CO_MAP_BITS,
	CO_MAP_DEPTH_MAX = 64 / CO_MAP_BITS,
};

/* A slot with this bit is a node. */
#define CO_MAP_NODE ((uintptr_t)1)

struct co_map_entry {
	struct co_map_entry *next; /* in its chain */
	uint64_t hash;
	void *value;
	atomic_uint references;
	size_t length;
	char key[];
};

struct co_map_node {
	uintptr_t slots[CO_MAP_FANOUT];
	unsigned used;
	struct co_map_node *next_dead;
};

struct co_map_shard {
	struct co_spin lock;
	uintptr_t root;
	size_t length;
	char padding[40]; /* to a cache line */
};

struct co_map {
	uint8_t seed[SIPHASH_KEY_BYTES];
	uint64_t mask;
	struct co_map_shard shards[CO_MAP_FANOUT];
};

/* As co_map_new; of the keys' hashes only the bits in MASK count, so that keys can be made to collide. */
struct co_map *co_map_new_masked(uint64_t mask);

/* Gives one reference back; NULL is allowed. Without the shard's lock. */
static inline void co_map_unref(struct co_map_entry *entry)
{
	if (entry != NULL && atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) == 1)
		memory_free(entry);
}

/* The node, or the first entry of the chain, in SLOT; NULL if that is not what is in it. */
static inline struct co_map_node *co_map_node_in(uintptr_t slot)
{
	return (slot & CO_MAP_NODE) != 0 ? (struct co_map_node *)(slot - CO_MAP_NODE) : NULL;
}

static inline struct co_map_entry *co_map_chain_in(uintptr_t slot)
{
	return (slot & CO_MAP_NODE) == 0 ? (struct co_map_entry *)slot : NULL;
}

/* Which slot of a node at DEPTH is HASH's; at depth 0, which shard. */
static inline unsigned co_map_nibble(uint64_t hash, unsigned depth)
{
	return (unsigned)(hash >> (64 - CO_MAP_BITS - CO_MAP_BITS * depth)) & (CO_MAP_FANOUT - 1);
}

/* The order of entries, as memcmp's result: by hash, then length, then bytes. */
static inline int co_map_compare(const struct co_map_entry *entry, uint64_t hash, const void *key, size_t length)
{
	if (entry->hash != hash)
		return entry->hash < hash ? -1 : 1;
	if (entry->length != length)
		return entry->length < length ? -1 : 1;
	return length > 0 ? memcmp(entry->key, key, length) : 0;
}

#endif
