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
 * Lock order: shards by index.
 */
#include "runtime/map.h"

/* A key on its way to its slot. */
struct lookup {
	struct co_map_shard *shard;
	const void *key;
	size_t length;
	uint64_t hash;
	uintptr_t *slot;
	unsigned node_count;
	struct co_map_node *nodes[CO_MAP_DEPTH_MAX]; /* that were passed; the first is in the shard's root */
	struct co_map_entry *before; /* in the slot's chain, the last that comes before KEY; NULL if none does */
};

/* ---- making ---------------------------------------------------------------------------------- */

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

static struct co_map_entry *new_entry(const struct lookup *at, void *value)
{
	struct co_map_entry *entry;
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

/* ---- looking up ------------------------------------------------------------------------------ */

static struct lookup look(struct co_map *map, const void *key, size_t length)
{
	struct lookup at;

	at.key = key;
	at.length = length;
	at.hash = siphash(map->seed, key, length) & map->mask;
	at.shard = &map->shards[co_map_nibble(at.hash, 0)];
	return at;
}

/* Finds the key's slot, and its entry, NULL if it has none. The shard is locked. */
static struct co_map_entry *find(struct lookup *at)
{
	struct co_map_node *node;
	int order = 1;

	at->slot = &at->shard->root;
	at->node_count = 0;
	at->before = NULL;
	while ((node = co_map_node_in(*at->slot)) != NULL) {
		at->nodes[at->node_count++] = node;
		at->slot = &node->slots[co_map_nibble(at->hash, at->node_count)];
	}
	for (struct co_map_entry *entry = co_map_chain_in(*at->slot); entry != NULL; entry = entry->next) {
		order = co_map_compare(entry, at->hash, at->key, at->length);
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
	return *at->slot == 0 || co_map_chain_in(*at->slot)->hash == at->hash;
}

/* Puts CO_MAP_NODE between the slot and its chain. */
static void push_down(struct lookup *at, struct co_map_node *node)
{
	struct co_map_entry *chain = co_map_chain_in(*at->slot);

	node->slots[co_map_nibble(chain->hash, at->node_count + 1)] = *at->slot;
	node->used = 1;
	*at->slot = (uintptr_t)node | CO_MAP_NODE;
}

static void put_in(struct lookup *at, struct co_map_entry *entry)
{
	if (*at->slot == 0 && at->node_count > 0)
		at->nodes[at->node_count - 1]->used++;
	if (at->before != NULL) {
		entry->next = at->before->next;
		at->before->next = entry;
	} else {
		entry->next = co_map_chain_in(*at->slot);
		*at->slot = (uintptr_t)entry;
	}
	at->shard->length++;
}

/* Allocates what put lacks: the entry, or a node to make room for it. False: no memory. */
static bool provide(const struct lookup *at, void *value, struct co_map_entry **fresh, struct co_map_node **spare)
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
	struct co_map_entry *fresh = NULL;
	struct co_map_node *spare = NULL;
	struct co_map_entry *entry;
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
	co_map_unref(fresh);
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
	return i == 0 ? &at->shard->root : &at->nodes[i - 1]->slots[co_map_nibble(at->hash, i)];
}

/* The only slot of CO_MAP_NODE in use. */
static uintptr_t only_slot(const struct co_map_node *node)
{
	unsigned i = 0;

	while (node->slots[i] == 0)
		i++;
	return node->slots[i];
}

/* The slot has become empty: takes nodes out that are not needed any more, and adds them to *RET_DEAD. */
static void prune(struct lookup *at, struct co_map_node **ret_dead)
{
	bool is_empty = true; /* what the node below left in its slot */

	for (unsigned i = at->node_count; i-- > 0;) {
		struct co_map_node *node = at->nodes[i];
		uintptr_t left = 0;

		node->used -= is_empty;
		if (node->used == 1)
			left = only_slot(node);
		if (node->used > 1 || co_map_node_in(left) != NULL)
			return;
		*slot_of_node(at, i) = left;
		is_empty = left == 0;
		node->next_dead = *ret_dead;
		*ret_dead = node;
	}
}

static void take_out(struct lookup *at, struct co_map_entry *entry, struct co_map_node **ret_dead)
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
	struct co_map_node *dead = NULL;
	struct co_map_entry *entry;

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
		struct co_map_node *next = dead->next_dead;

		memory_free(dead);
		dead = next;
	}
	co_map_unref(entry);
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
	struct co_map_entry *entry;

	co_spin_lock(&at.shard->lock);
	entry = find(&at);
	*ret_value = entry != NULL ? entry->value : NULL;
	co_spin_unlock(&at.shard->lock);
	return entry != NULL;
}

bool co_map_compare_and_swap(struct co_map *map, const void *key, size_t length, void *expected, void *value)
{
	struct lookup at = look(map, key, length);
	struct co_map_entry *entry;
	bool swapped;

	co_spin_lock(&at.shard->lock);
	entry = find(&at);
	swapped = entry != NULL && entry->value == expected;
	if (swapped)
		entry->value = value;
	co_spin_unlock(&at.shard->lock);
	return swapped;
}
