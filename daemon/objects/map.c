/* SPDX-License-Identifier: MIT
 *
 * map.c - a table of keys, and the order in which they came.
 *
 * A key that comes anew, after it was deleted too, gets a higher number than all before: a range that stops at the
 * highest number of its beginning therefore meets each key at most once, and ends.
 *
 * Nothing is allocated or freed, and no value compared, under the lock. Values never change: who compares holds a
 * reference, and acts if the entry then still has that very value, else looks again.
 * Locking: object.lock.
 */
#include "daemon/objects/map.h"

#include <string.h>

#include "base/memory.h"
#include "base/siphash.h"
#include "base/table.h"
#include "daemon/objects/transition.h"

#define STEP 256u

struct map_entry {
	struct table_link by_key;
	struct list order;
	uint64_t number; /* rises with each that is added */
	struct message *key;
	struct message *value;
};

struct map {
	struct object object;
	struct table table;
	struct list order; /* of entries, by number */
	uint64_t last_number;
};

struct object *map_object(struct map *map)
{
	return &map->object;
}

struct map *map_of(struct object *object)
{
	return container_of(object, struct map, object);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* The hash of KEY under a secret of this run, drawn at the first use. */
static uint64_t hash_of(const struct message *key)
{
	static struct co_spin lock;
	static bool is_drawn;
	static uint8_t secret[SIPHASH_KEY_BYTES];
	uint8_t drawn[SIPHASH_KEY_BYTES];

	if (!__atomic_load_n(&is_drawn, __ATOMIC_ACQUIRE)) {
		co_random(drawn, sizeof(drawn));
		co_spin_lock(&lock);
		if (!is_drawn)
			memcpy(secret, drawn, sizeof(secret));
		__atomic_store_n(&is_drawn, true, __ATOMIC_RELEASE);
		co_spin_unlock(&lock);
	}
	return siphash_1_3(secret, key->bytes, key->length);
}

static bool are_equal(const struct message *a, const struct message *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static struct map_entry *entry_of(struct table_link *link)
{
	return container_of(link, struct map_entry, by_key);
}

static bool has_key(const struct table_link *link, const void *key)
{
	return are_equal(container_of(link, struct map_entry, by_key)->key, key);
}

/* Under the lock. NULL: none. */
static struct map_entry *find(const struct map *map, uint64_t hash, const struct message *key)
{
	struct table_link *link = table_find(&map->table, hash, has_key, key);

	return link != NULL ? entry_of(link) : NULL;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

static struct map_entry *entry_new(struct message *key, struct message *value)
{
	struct map_entry *entry = memory_alloc(sizeof(*entry));

	if (entry == NULL)
		return NULL;
	*entry = (struct map_entry){.key = message_ref(key), .value = message_ref(value)};
	list_init(&entry->order);
	return entry;
}

static void entry_free(struct map_entry *entry)
{
	if (entry == NULL)
		return;
	message_unref(entry->key);
	message_unref(entry->value);
	memory_free(entry);
}

/* Frees all of ORDER; YIELD (may be NULL) is called now and then. */
static void free_all(struct list *order, void (*yield)(void))
{
	struct list *link;

	for (unsigned i = 1; (link = list_pop_head(order)) != NULL; i++) {
		entry_free(container_of(link, struct map_entry, order));
		if (i % STEP == 0 && yield != NULL)
			yield();
	}
}

/* Under the lock. */
static void add(struct map *map, struct map_entry *entry, uint64_t hash)
{
	entry->number = ++map->last_number;
	table_add(&map->table, &entry->by_key, hash);
	list_add_tail(&map->order, &entry->order);
}

static void take_out(struct map *map, struct map_entry *entry)
{
	table_remove(&map->table, &entry->by_key);
	list_remove(&entry->order);
}

static void grow_if_wanted(struct map *map)
{
	struct table_link **unused;
	struct table_array spare;
	size_t wanted;

	co_spin_lock(&map->object.lock);
	wanted = table_wants(&map->table);
	co_spin_unlock(&map->object.lock);
	if (wanted == 0)
		return;
	spare = table_spare(wanted);
	co_spin_lock(&map->object.lock);
	unused = table_grow(&map->table, spare);
	co_spin_unlock(&map->object.lock);
	memory_free(unused);
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

/* An operation under way. */
struct work {
	struct map *map;
	uint64_t hash;
	struct message *key;
	struct message *value;
	struct map_entry *fresh; /* to be added; NULL once it was */
	struct map_entry *gone;  /* that was taken out */
	struct map_answer answer;
};

/* Puts the value into ENTRY, whose former one is the answer's; without an entry adds the fresh one. Under the lock. */
static void put(struct work *work, struct map_entry *entry)
{
	if (entry != NULL) {
		work->answer.value = entry->value;
		entry->value = message_ref(work->value);
	} else {
		add(work->map, work->fresh, work->hash);
		work->fresh = NULL;
	}
	(void)transition_commit_one(TRANSITION_MAP_STORED, &work->map->object);
}

static void take(struct work *work, struct map_entry *entry)
{
	take_out(work->map, entry);
	work->gone = entry;
	work->answer.value = message_ref(entry->value);
	(void)transition_commit_one(TRANSITION_MAP_DELETED, &work->map->object);
}

/* Does what needs no comparison. */
static void change(struct work *work, enum map_operation operation)
{
	struct map_entry *entry;

	co_spin_lock(&work->map->object.lock);
	entry = find(work->map, work->hash, work->key);
	work->answer.found = entry != NULL;
	if (operation == MAP_STORE || operation == MAP_SWAP || (operation == MAP_LOAD_OR_STORE && entry == NULL))
		put(work, entry);
	else if ((operation == MAP_LOAD_AND_DELETE || operation == MAP_DELETE) && entry != NULL)
		take(work, entry);
	else if (entry != NULL)
		work->answer.value = message_ref(entry->value);
	co_spin_unlock(&work->map->object.lock);
	if (operation == MAP_LOAD_OR_STORE && !work->answer.found)
		work->answer.value = message_ref(work->value);
}

/* The value there is, with a reference; NULL: none. */
static struct message *look(const struct work *work)
{
	struct message *value = NULL;
	struct map_entry *entry;

	co_spin_lock(&work->map->object.lock);
	entry = find(work->map, work->hash, work->key);
	if (entry != NULL)
		value = message_ref(entry->value);
	co_spin_unlock(&work->map->object.lock);
	return value;
}

/* Changes or deletes the entry if it still has SEEN. False: it has not. */
static bool change_if_same(struct work *work, enum map_operation operation, const struct message *seen)
{
	struct map_entry *entry;
	bool is_same;

	co_spin_lock(&work->map->object.lock);
	entry = find(work->map, work->hash, work->key);
	is_same = entry != NULL && entry->value == seen;
	if (is_same && operation == MAP_COMPARE_AND_SWAP)
		put(work, entry);
	else if (is_same)
		take(work, entry);
	co_spin_unlock(&work->map->object.lock);
	return is_same;
}

static void compare_and_change(struct work *work, enum map_operation operation, const struct message *expected)
{
	bool is_over;

	do {
		struct message *seen = look(work);

		is_over = seen == NULL || !are_equal(seen, expected);
		if (!is_over)
			work->answer.done = change_if_same(work, operation, seen);
		message_unref(seen);
	} while (!is_over && !work->answer.done);
	message_unref(work->answer.value);
	work->answer.value = NULL;
}

int map_apply(struct map *map, enum map_operation operation, struct message *key, struct message *value,
	const struct message *expected, struct map_answer *ret)
{
	const bool may_add = operation == MAP_STORE || operation == MAP_SWAP || operation == MAP_LOAD_OR_STORE;
	struct work work = {.map = map, .hash = hash_of(key), .key = key, .value = value};

	if (may_add) {
		work.fresh = entry_new(key, value);
		if (work.fresh == NULL)
			return OBJECT_ENOMEM;
	}
	if (expected != NULL)
		compare_and_change(&work, operation, expected);
	else
		change(&work, operation);
	if (may_add && work.fresh == NULL)
		grow_if_wanted(map);
	entry_free(work.fresh);
	entry_free(work.gone);
	*ret = work.answer;
	return OBJECT_OK;
}

/* ---- range ------------------------------------------------------------------------------------------------------- */

struct ranging {
	struct map_cursor *cursor;
	struct map_pair *pairs;
	size_t count;
	size_t bytes;
};

enum step { STEP_ON, STEP_FULL, STEP_END };

/* Takes ENTRY's pair, if it is due. Under the lock. */
static enum step visit(struct ranging *ranging, const struct map_entry *entry)
{
	struct map_cursor *cursor = ranging->cursor;

	if (entry->number > cursor->until)
		return STEP_END;
	if (entry->number <= cursor->after)
		return STEP_ON;
	if (ranging->count == cursor->limit || (ranging->count > 0 && ranging->bytes >= cursor->byte_limit))
		return STEP_FULL;
	ranging->pairs[ranging->count++] =
		(struct map_pair){.key = message_ref(entry->key), .value = message_ref(entry->value)};
	ranging->bytes += entry->key->length + entry->value->length;
	cursor->after = entry->number;
	return STEP_ON;
}

/* Goes on from LINK for up to STEP entries; *LAST becomes the last that it went over. Under the lock. */
static enum step go_on(struct map *map, struct ranging *ranging, const struct list *link, struct map_entry **last)
{
	for (unsigned i = 0; i < STEP; i++, link = link->next) {
		struct map_entry *entry = container_of(link, struct map_entry, order);
		enum step step;

		if (link == &map->order)
			return STEP_END;
		step = visit(ranging, entry);
		if (step != STEP_ON)
			return step;
		*last = entry;
	}
	return STEP_FULL;
}

size_t map_range(struct map *map, struct map_cursor *cursor, struct map_pair *ret, bool *ret_more)
{
	struct ranging ranging = {.cursor = cursor, .pairs = ret};
	const uint64_t hash = cursor->key != NULL ? hash_of(cursor->key) : 0;
	struct message *former = cursor->key;
	struct map_entry *at = NULL;

	co_spin_lock(&map->object.lock);
	if (cursor->until == 0)
		cursor->until = map->last_number;
	if (cursor->key != NULL)
		at = find(map, hash, cursor->key);
	if (at != NULL && at->number != cursor->number)
		at = NULL; /* it was deleted, and came anew */
	*ret_more = go_on(map, &ranging, at != NULL ? at->order.next : map->order.next, &at) == STEP_FULL;
	cursor->key = at != NULL ? message_ref(at->key) : NULL;
	cursor->number = at != NULL ? at->number : 0;
	co_spin_unlock(&map->object.lock);
	message_unref(former);
	return ranging.count;
}

/* ---- clear ------------------------------------------------------------------------------------------------------- */

int map_clear(struct map *map)
{
	struct table former;
	struct table fresh;
	struct list order;

	if (!table_init(&fresh))
		return OBJECT_ENOMEM;
	list_init(&order);
	co_spin_lock(&map->object.lock);
	former = map->table;
	fresh.is_growing = former.is_growing; /* who is about it finds this one */
	map->table = fresh;
	list_splice_tail(&order, &map->order);
	(void)transition_commit_one(TRANSITION_MAP_CLEARED, &map->object);
	co_spin_unlock(&map->object.lock);
	free_all(&order, co_yield);
	table_done(&former);
	return OBJECT_OK;
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

int map_new(const char *name, struct map **ret)
{
	struct map *map = memory_zalloc(sizeof(*map));
	int r = OBJECT_ENOMEM;

	if (map == NULL)
		return OBJECT_ENOMEM;
	list_init(&map->order);
	if (table_init(&map->table))
		r = object_init(&map->object, &map_type, name);
	if (r != OBJECT_OK) {
		table_done(&map->table);
		memory_free(map);
		return r;
	}
	*ret = map;
	return OBJECT_OK;
}

uint64_t map_length(struct map *map)
{
	uint64_t length;

	co_spin_lock(&map->object.lock);
	length = map->table.count;
	co_spin_unlock(&map->object.lock);
	return length;
}

static bool map_is_idle(const struct object *object, int64_t now_ns)
{
	(void)now_ns;
	return container_of(object, const struct map, object)->table.count == 0;
}

static void map_describe(struct object *object, struct object_description *ret)
{
	*ret = (struct object_description){.length = map_length(map_of(object))};
	(void)memccpy(ret->state, "keys", '\0', sizeof(ret->state));
}

static void map_visit_parties(
	struct object *object, bool (*visit_party)(const struct object_party *party, void *arg), void *arg)
{
	(void)object;
	(void)visit_party;
	(void)arg;
}

static void map_free(struct object *object)
{
	struct map *map = map_of(object);

	free_all(&map->order, NULL);
	table_done(&map->table);
	object_done(object);
	memory_free(map);
}

const struct object_type map_type = {
	.kind = OBJECT_MAP,
	.name = "map",
	.is_idle = map_is_idle,
	.describe = map_describe,
	.visit_parties = map_visit_parties,
	.free = map_free,
};
