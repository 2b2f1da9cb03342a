/* SPDX-License-Identifier: MIT
 *
 * map_range.c - what concerns a map as a whole: visiting its keys, counting and deleting them.
 *
 * A range visits in the order of the trie, a batch at a time: it takes a reference to each entry under the lock of the
 * shard, and visits without it. It keeps the last one, and goes on behind that.
 *
 * Lock order: shards by index.
 */
#include "runtime/map.h"

enum { BATCH = 64 };

/* ---- range ----------------------------------------------------------------------------------- */

/* Entries to visit, a reference to each. */
struct batch {
	unsigned count;
	struct {
		struct co_map_entry *entry;
		void *value;
	} each[BATCH];
};

/* Adds, in order, the entries below SLOT that come after AFTER (NULL: all), as many as fit. The shard is locked. */
static void collect(struct batch *batch, uintptr_t slot, unsigned depth, const struct co_map_entry *after)
{
	const struct co_map_node *node = co_map_node_in(slot);
	const unsigned first = node != NULL && after != NULL ? co_map_nibble(after->hash, depth) : 0;

	for (unsigned i = first; node != NULL && i < CO_MAP_FANOUT && batch->count < BATCH; i++)
		if (node->slots[i] != 0)
			collect(batch, node->slots[i], depth + 1, i == first ? after : NULL);
	for (struct co_map_entry *entry = co_map_chain_in(slot); entry != NULL && batch->count < BATCH;
		entry = entry->next) {
		if (after != NULL && co_map_compare(entry, after->hash, after->key, after->length) <= 0)
			continue;
		atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
		batch->each[batch->count].entry = entry;
		batch->each[batch->count++].value = entry->value;
	}
}

/* Visits SHARD's entries. False if VISIT did not want to go on. */
static bool range_shard(
	struct co_map_shard *shard, bool (*visit)(const void *key, size_t length, void *value, void *arg), void *arg)
{
	struct co_map_entry *after = NULL;
	struct batch batch;
	bool goes_on = true;

	do {
		batch.count = 0;
		co_spin_lock(&shard->lock);
		collect(&batch, shard->root, 1, after);
		co_spin_unlock(&shard->lock);
		for (unsigned i = 0; i < batch.count; i++) {
			struct co_map_entry *entry = batch.each[i].entry;

			if (goes_on)
				goes_on = visit(entry->key, entry->length, batch.each[i].value, arg);
			co_map_unref(after);
			after = entry;
		}
	} while (goes_on && batch.count == BATCH);
	co_map_unref(after);
	return goes_on;
}

void co_map_range(struct co_map *map, bool (*visit)(const void *key, size_t length, void *value, void *arg), void *arg)
{
	for (unsigned i = 0; i < CO_MAP_FANOUT && range_shard(&map->shards[i], visit, arg); i++)
		;
}

/* ---- the whole map --------------------------------------------------------------------------- */

static void lock_all(struct co_map *map)
{
	for (unsigned i = 0; i < CO_MAP_FANOUT; i++)
		co_spin_lock(&map->shards[i].lock);
}

static void unlock_all(struct co_map *map)
{
	for (unsigned i = 0; i < CO_MAP_FANOUT; i++)
		co_spin_unlock(&map->shards[i].lock);
}

static void free_below(uintptr_t slot)
{
	struct co_map_entry *entry = co_map_chain_in(slot);
	struct co_map_node *node = co_map_node_in(slot);

	for (unsigned i = 0; node != NULL && i < CO_MAP_FANOUT; i++)
		free_below(node->slots[i]);
	memory_free(node);
	while (entry != NULL) {
		struct co_map_entry *next = entry->next;

		co_map_unref(entry);
		entry = next;
	}
}

void co_map_clear(struct co_map *map)
{
	uintptr_t roots[CO_MAP_FANOUT];

	lock_all(map);
	for (unsigned i = 0; i < CO_MAP_FANOUT; i++) {
		roots[i] = map->shards[i].root;
		map->shards[i].root = 0;
		map->shards[i].length = 0;
	}
	unlock_all(map);
	for (unsigned i = 0; i < CO_MAP_FANOUT; i++)
		free_below(roots[i]);
}

size_t co_map_length(struct co_map *map)
{
	size_t length = 0;

	lock_all(map);
	for (unsigned i = 0; i < CO_MAP_FANOUT; i++)
		length += map->shards[i].length;
	unlock_all(map);
	return length;
}

void co_map_free(struct co_map *map)
{
	if (map == NULL)
		return;
	co_map_clear(map);
	memory_free(map);
}
