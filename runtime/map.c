/* SPDX-License-Identifier: MIT
 *
 * map.c - a map for concurrent use, as Go's sync.Map: sixteen shards, each a hash trie under a spin lock (the shape is
 * that of Go's internal/sync.HashTrieMap; Bagwell, "Ideal Hash Trees", 2001).
 *
 * A key's hash is read four bits at a time from the top: the first four choose the shard, the next ones a slot in the
 * node at each depth. So an insertion moves at most one chain, a deletion merges nodes one by one, and nothing is ever
 * rehashed under a lock. The order of the trie, with that of the keys in a chain, is one that changes keep: range goes
 * on behind the last key it visited, whatever was done meanwhile.
 *
 * Memory is allocated before a lock is taken and freed after it is released. An entry has a reference of the map's and
 * one of each range that is visiting it.
 *
 * Invariants: a slot holds 0, a node, or a chain of entries with one hash in the order of compare(); a node has two
 * slots in use, or one that is a node (or, where memory ran out over an insertion, one chain). Lock order: shards by
 * index.
 */
#include "runtime/map.h"

#include <string.h>

#include "base/memory.h"
#include "base/siphash.h"

enum {
	BITS = 4,
	FANOUT = 1 << BITS,
	DEPTH_MAX = 64 / BITS,
	BATCH = 64,
};

/* A slot with this bit is a node. */
#define NODE ((uintptr_t)1)

struct entry {
	struct entry *next; /* in its chain */
	uint64_t hash;
	void *value;
	atomic_uint references;
	size_t length;
	char key[];
};

struct node {
	uintptr_t slots[FANOUT];
	unsigned used;
	struct node *next_dead;
};

struct shard {
	struct co_spin lock;
	uintptr_t root;
	size_t length;
	char padding[40]; /* to a cache line */
};

struct co_map {
	uint8_t seed[SIPHASH_KEY_BYTES];
	uint64_t mask;
	struct shard shards[FANOUT];
};

/* A key on its way to its slot. */
struct lookup {
	struct shard *shard;
	const void *key;
	size_t length;
	uint64_t hash;
	uintptr_t *slot;
	unsigned node_count;
	struct node *nodes[DEPTH_MAX]; /* that were passed; the first is in the shard's root */
	struct entry *before;          /* in the slot's chain, the last that comes before KEY; NULL if none does */
};

/* ---- entries and nodes ----------------------------------------------------------------------- */

static struct entry *new_entry(const struct lookup *at, void *value)
{
	struct entry *entry;
	size_t bytes;

	if (__builtin_add_overflow(sizeof(*entry), at->length, &bytes))
		return NULL;
	entry = memory_alloc(bytes);
	if (entry == NULL)
		return NULL;
	entry->hash = at->hash;
	entry->value = value;
	entry->length = at->length;
	atomic_init(&entry->references, 1);
	if (at->length > 0)
		memcpy(entry->key, at->key, at->length);
	return entry;
}

static void unref(struct entry *entry)
{
	if (entry != NULL && atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) == 1)
		memory_free(entry);
}

static struct node *node_in(uintptr_t slot)
{
	return (slot & NODE) != 0 ? (struct node *)(slot - NODE) : NULL;
}

static struct entry *chain_in(uintptr_t slot)
{
	return (slot & NODE) == 0 ? (struct entry *)slot : NULL;
}

static unsigned nibble(uint64_t hash, unsigned depth)
{
	return (unsigned)(hash >> (64 - BITS - BITS * depth)) & (FANOUT - 1);
}

/* The order of entries, as memcmp's result: by hash, then length, then bytes. */
static int compare(const struct entry *entry, uint64_t hash, const void *key, size_t length)
{
	if (entry->hash != hash)
		return entry->hash < hash ? -1 : 1;
	if (entry->length != length)
		return entry->length < length ? -1 : 1;
	return length > 0 ? memcmp(entry->key, key, length) : 0;
}

/* ---- looking up ------------------------------------------------------------------------------ */

static struct lookup look(struct co_map *map, const void *key, size_t length)
{
	struct lookup at;

	at.key = key;
	at.length = length;
	at.hash = siphash(map->seed, key, length) & map->mask;
	at.shard = &map->shards[nibble(at.hash, 0)];
	return at;
}

/* Finds the key's slot, and its entry, NULL if it has none. The shard is locked. */
static struct entry *find(struct lookup *at)
{
	struct node *node;
	int order = 1;

	at->slot = &at->shard->root;
	at->node_count = 0;
	at->before = NULL;
	while ((node = node_in(*at->slot)) != NULL) {
		at->nodes[at->node_count++] = node;
		at->slot = &node->slots[nibble(at->hash, at->node_count)];
	}
	for (struct entry *entry = chain_in(*at->slot); entry != NULL; entry = entry->next) {
		order = compare(entry, at->hash, at->key, at->length);
		if (order == 0)
			return entry;
		if (order > 0 || entry->hash != at->hash)
			break;
		at->before = entry;
	}
	return NULL;
}

/* ---- putting in ------------------------------------------------------------------------------ */

/* True where an entry can be put in: the slot is empty or has its hash. */
static bool has_room(const struct lookup *at)
{
	return *at->slot == 0 || chain_in(*at->slot)->hash == at->hash;
}

/* Puts NODE between the slot and its chain. */
static void push_down(struct lookup *at, struct node *node)
{
	struct entry *chain = chain_in(*at->slot);

	node->slots[nibble(chain->hash, at->node_count + 1)] = *at->slot;
	node->used = 1;
	*at->slot = (uintptr_t)node | NODE;
}

static void put_in(struct lookup *at, struct entry *entry)
{
	if (*at->slot == 0 && at->node_count > 0)
		at->nodes[at->node_count - 1]->used++;
	if (at->before != NULL) {
		entry->next = at->before->next;
		at->before->next = entry;
	} else {
		entry->next = chain_in(*at->slot);
		*at->slot = (uintptr_t)entry;
	}
	at->shard->length++;
}

/* Allocates what put lacks: the entry, or a node to make room for it. False: no memory. */
static bool provide(const struct lookup *at, void *value, struct entry **fresh, struct node **spare)
{
	if (*fresh == NULL) {
		*fresh = new_entry(at, value);
		return *fresh != NULL;
	}
	*spare = memory_zalloc(sizeof(**spare));
	return *spare != NULL;
}

/* Gives KEY a value: VALUE if it has none, or if REPLACES. 1 and its value before, 0 and NULL if it had none, or
 * CO_ENOMEM. */
static int put(struct co_map *map, const void *key, size_t length, void *value, bool replaces, void **ret_previous)
{
	struct lookup at = look(map, key, length);
	struct entry *fresh = NULL;
	struct node *spare = NULL;
	struct entry *entry;
	int r = CO_ENOMEM;

	*ret_previous = NULL;
	for (;;) {
		co_spin_lock(&at.shard->lock);
		entry = find(&at);
		while (entry == NULL && fresh != NULL && spare != NULL && !has_room(&at)) {
			push_down(&at, spare);
			spare = NULL;
			entry = find(&at);
		}
		if (entry != NULL || (fresh != NULL && has_room(&at)))
			break;
		co_spin_unlock(&at.shard->lock);
		if (!provide(&at, value, &fresh, &spare))
			goto done;
	}
	r = entry != NULL ? 1 : 0;
	if (entry != NULL) {
		*ret_previous = entry->value;
		if (replaces)
			entry->value = value;
	} else {
		put_in(&at, fresh);
		fresh = NULL;
	}
	co_spin_unlock(&at.shard->lock);
done:
	unref(fresh);
	memory_free(spare);
	return r;
}

int co_map_store(struct co_map *map, const void *key, size_t length, void *value)
{
	void *previous;
	int r = put(map, key, length, value, true, &previous);

	return r < 0 ? r : 0;
}

int co_map_swap(struct co_map *map, const void *key, size_t length, void *value, void **ret_previous)
{
	return put(map, key, length, value, true, ret_previous);
}

int co_map_load_or_store(struct co_map *map, const void *key, size_t length, void *value, void **ret_actual)
{
	int r = put(map, key, length, value, false, ret_actual);

	if (r == 0)
		*ret_actual = value;
	return r;
}

/* ---- taking out ------------------------------------------------------------------------------ */

/* The slot that holds node number I of the lookup. */
static uintptr_t *slot_of_node(const struct lookup *at, unsigned i)
{
	return i == 0 ? &at->shard->root : &at->nodes[i - 1]->slots[nibble(at->hash, i)];
}

/* The only slot of NODE in use. */
static uintptr_t only_slot(const struct node *node)
{
	unsigned i = 0;

	while (node->slots[i] == 0)
		i++;
	return node->slots[i];
}

/* The slot has become empty: takes nodes out that are not needed any more, and adds them to *RET_DEAD. */
static void prune(struct lookup *at, struct node **ret_dead)
{
	bool is_empty = true; /* what the node below left in its slot */

	for (unsigned i = at->node_count; i-- > 0;) {
		struct node *node = at->nodes[i];
		uintptr_t left = 0;

		node->used -= is_empty;
		if (node->used == 1)
			left = only_slot(node);
		if (node->used > 1 || node_in(left) != NULL)
			return;
		*slot_of_node(at, i) = left;
		is_empty = left == 0;
		node->next_dead = *ret_dead;
		*ret_dead = node;
	}
}

static void take_out(struct lookup *at, struct entry *entry, struct node **ret_dead)
{
	if (at->before != NULL)
		at->before->next = entry->next;
	else
		*at->slot = (uintptr_t)entry->next;
	at->shard->length--;
	if (*at->slot == 0)
		prune(at, ret_dead);
}

/* Deletes KEY, if it is in the map and, where EXPECTED is not NULL, has that value. True and its value if so. */
static bool take(struct co_map *map, const void *key, size_t length, void *const *expected, void **ret_value)
{
	struct lookup at = look(map, key, length);
	struct node *dead = NULL;
	struct entry *entry;

	*ret_value = NULL;
	co_spin_lock(&at.shard->lock);
	entry = find(&at);
	if (entry != NULL && expected != NULL && entry->value != *expected)
		entry = NULL;
	if (entry != NULL) {
		*ret_value = entry->value;
		take_out(&at, entry, &dead);
	}
	co_spin_unlock(&at.shard->lock);
	while (dead != NULL) {
		struct node *next = dead->next_dead;

		memory_free(dead);
		dead = next;
	}
	unref(entry);
	return entry != NULL;
}

bool co_map_load_and_delete(struct co_map *map, const void *key, size_t length, void **ret_value)
{
	return take(map, key, length, NULL, ret_value);
}

bool co_map_delete(struct co_map *map, const void *key, size_t length)
{
	void *value;

	return take(map, key, length, NULL, &value);
}

bool co_map_compare_and_delete(struct co_map *map, const void *key, size_t length, void *expected)
{
	void *value;

	return take(map, key, length, &expected, &value);
}

/* ---- looking and changing in place ----------------------------------------------------------- */

bool co_map_load(struct co_map *map, const void *key, size_t length, void **ret_value)
{
	struct lookup at = look(map, key, length);
	struct entry *entry;

	co_spin_lock(&at.shard->lock);
	entry = find(&at);
	*ret_value = entry != NULL ? entry->value : NULL;
	co_spin_unlock(&at.shard->lock);
	return entry != NULL;
}

bool co_map_compare_and_swap(struct co_map *map, const void *key, size_t length, void *expected, void *value)
{
	struct lookup at = look(map, key, length);
	struct entry *entry;
	bool swapped;

	co_spin_lock(&at.shard->lock);
	entry = find(&at);
	swapped = entry != NULL && entry->value == expected;
	if (swapped)
		entry->value = value;
	co_spin_unlock(&at.shard->lock);
	return swapped;
}

/* ---- range ----------------------------------------------------------------------------------- */

/* Entries to visit, a reference to each. */
struct batch {
	unsigned count;
	struct {
		struct entry *entry;
		void *value;
	} each[BATCH];
};

/* Adds, in order, the entries below SLOT that come after AFTER (NULL: all), as many as fit. The shard is locked. */
static void collect(struct batch *batch, uintptr_t slot, unsigned depth, const struct entry *after)
{
	const struct node *node = node_in(slot);
	const unsigned first = node != NULL && after != NULL ? nibble(after->hash, depth) : 0;

	for (unsigned i = first; node != NULL && i < FANOUT && batch->count < BATCH; i++)
		if (node->slots[i] != 0)
			collect(batch, node->slots[i], depth + 1, i == first ? after : NULL);
	for (struct entry *entry = chain_in(slot); entry != NULL && batch->count < BATCH; entry = entry->next) {
		if (after != NULL && compare(entry, after->hash, after->key, after->length) <= 0)
			continue;
		atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
		batch->each[batch->count].entry = entry;
		batch->each[batch->count++].value = entry->value;
	}
}

/* Visits SHARD's entries. False if VISIT did not want to go on. */
static bool range_shard(
	struct shard *shard, bool (*visit)(const void *key, size_t length, void *value, void *arg), void *arg)
{
	struct entry *after = NULL;
	struct batch batch;
	bool goes_on = true;

	do {
		batch.count = 0;
		co_spin_lock(&shard->lock);
		collect(&batch, shard->root, 1, after);
		co_spin_unlock(&shard->lock);
		for (unsigned i = 0; i < batch.count; i++) {
			struct entry *entry = batch.each[i].entry;

			if (goes_on)
				goes_on = visit(entry->key, entry->length, batch.each[i].value, arg);
			unref(after);
			after = entry;
		}
	} while (goes_on && batch.count == BATCH);
	unref(after);
	return goes_on;
}

void co_map_range(struct co_map *map, bool (*visit)(const void *key, size_t length, void *value, void *arg), void *arg)
{
	for (unsigned i = 0; i < FANOUT && range_shard(&map->shards[i], visit, arg); i++)
		;
}

/* ---- the whole map --------------------------------------------------------------------------- */

static void lock_all(struct co_map *map)
{
	for (unsigned i = 0; i < FANOUT; i++)
		co_spin_lock(&map->shards[i].lock);
}

static void unlock_all(struct co_map *map)
{
	for (unsigned i = 0; i < FANOUT; i++)
		co_spin_unlock(&map->shards[i].lock);
}

static void free_below(uintptr_t slot)
{
	struct entry *entry = chain_in(slot);
	struct node *node = node_in(slot);

	for (unsigned i = 0; node != NULL && i < FANOUT; i++)
		free_below(node->slots[i]);
	memory_free(node);
	while (entry != NULL) {
		struct entry *next = entry->next;

		unref(entry);
		entry = next;
	}
}

void co_map_clear(struct co_map *map)
{
	uintptr_t roots[FANOUT];

	lock_all(map);
	for (unsigned i = 0; i < FANOUT; i++) {
		roots[i] = map->shards[i].root;
		map->shards[i].root = 0;
		map->shards[i].length = 0;
	}
	unlock_all(map);
	for (unsigned i = 0; i < FANOUT; i++)
		free_below(roots[i]);
}

size_t co_map_length(struct co_map *map)
{
	size_t length = 0;

	lock_all(map);
	for (unsigned i = 0; i < FANOUT; i++)
		length += map->shards[i].length;
	unlock_all(map);
	return length;
}

struct co_map *co_map_new_masked(uint64_t mask)
{
	struct co_map *map = memory_zalloc(sizeof(*map));

	if (map == NULL)
		return NULL;
	map->mask = mask;
	co_random(map->seed, sizeof(map->seed));
	return map;
}

struct co_map *co_map_new(void)
{
	return co_map_new_masked(UINT64_MAX);
}

void co_map_free(struct co_map *map)
{
	if (map == NULL)
		return;
	co_map_clear(map);
	memory_free(map);
}
