/* SPDX-License-Identifier: MIT
 *
 * registry.c - names to objects, in shards: a hash of the name, under a key of this run, says which.
 *
 * Invariants
 *  1. `registered` says whether the object stands in its shard, which then holds one reference.
 *  2. References to registered objects are taken and given back under the shard's lock, or by who has one: so under it
 *     "two references" means the shard's and the caller's, and an idle object is forgotten in the same step.
 * Walks go object by object with a cursor; who takes an object out moves the cursors that stand on it. An idle object
 * that nobody released last (its abandoned mark ran out) is found by a sweep: a part of one with each object made, one
 * a minute or when the objects have doubled since the last.
 */
#include "daemon/registry.h"

#include <fnmatch.h>
#include <string.h>

#include "base/siphash.h"
#include "daemon/objects/atomic.h"
#include "daemon/objects/channel.h"
#include "daemon/objects/cond.h"
#include "daemon/objects/context.h"
#include "daemon/objects/map.h"
#include "daemon/objects/mutex.h"
#include "daemon/objects/once.h"
#include "daemon/objects/rwmutex.h"
#include "daemon/objects/semaphore.h"
#include "daemon/objects/waitgroup.h"

#define SHARDS 16u /* of a name space */
#define SWEEP_STEP 64u
#define SWEEP_PAUSE_NS (60 * CO_SECOND)
#define SWEEP_FLOOR 256u /* fewer objects are not worth a sweep before its time */

struct shard {
	struct co_spin lock;
	struct object *objects; /* uthash: by name, and in the order in which they came */
	struct list cursors;    /* of struct cursor */
	struct object keeper;   /* without a type: stands among the objects, so that uthash keeps its table */
};

/* A walk through the name space of a kind, or through all. */
struct cursor {
	struct list link; /* in its shard's cursors */
	int space;
	int last_space;
	unsigned shard;
	struct object *next; /* under the shard's lock */
};

static const struct object_type *const types[OBJECT_KIND_COUNT] = {
	[OBJECT_CHANNEL] = &channel_type,
	[OBJECT_MUTEX] = &mutex_type,
	[OBJECT_RWMUTEX] = &rwmutex_type,
	[OBJECT_SEMAPHORE] = &semaphore_type,
	[OBJECT_WAITGROUP] = &waitgroup_type,
	[OBJECT_ONCE] = &once_type,
	[OBJECT_COND] = &cond_type,
	[OBJECT_CONTEXT] = &context_type,
	[OBJECT_MAP] = &map_type,
	[OBJECT_ATOMIC] = &atomic_type,
};

/* The kind whose name space KIND's names stand in: rlock and lock of one name must never both succeed. */
static int space_of(enum object_kind kind)
{
	return kind == OBJECT_RWMUTEX ? OBJECT_MUTEX : (int)kind;
}

static struct {
	struct shard shards[OBJECT_KIND_COUNT][SHARDS];
	uint8_t key[SIPHASH_KEY_BYTES];
	uint64_t max_objects; /* 0: no limit */
	_Atomic uint64_t count;

	atomic_flag is_taken; /* by who takes a step of the sweep; nobody waits for it; guards what follows */
	bool is_sweeping;
	int64_t next_sweep_ns;
	uint64_t next_sweep_count;
	struct cursor sweep;
} registry;

/* ---- shards ------------------------------------------------------------------------------------------------------ */

/* Where a name belongs. */
struct place {
	struct shard *shard;
	const char *name;
	size_t length;
	unsigned hash;
};

/* The table within a shard goes by the hash's low bits. */
static struct shard *shard_of(enum object_kind kind, unsigned hash)
{
	return &registry.shards[space_of(kind)][(hash >> 24) % SHARDS];
}

/* OBJECT has been registered at some time. */
static struct shard *shard_of_object(const struct object *object)
{
	return shard_of(object->type->kind, object->by_name.hashv);
}

static struct place find_place(enum object_kind kind, const char *name)
{
	struct place place = {.name = name, .length = strlen(name)};

	place.hash = (unsigned)siphash_1_3(registry.key, name, place.length);
	place.shard = shard_of(kind, place.hash);
	return place;
}

/* Under the shard's lock. */
static struct object *look_up(const struct place *place)
{
	struct object *object;

	HASH_FIND_BYHASHVALUE(by_name, place->shard->objects, place->name, place->length, place->hash, object);
	return object != NULL ? object_ref(object) : NULL;
}

/* Under the shard's lock. The reference of the table is left to the caller. */
static void take_out(struct shard *shard, struct object *object)
{
	list_for_each (at, &shard->cursors) {
		struct cursor *cursor = container_of(at, struct cursor, link);

		if (cursor->next == object)
			cursor->next = object->by_name.next;
	}
	HASH_DELETE(by_name, shard->objects, object);
	object->registered = false;
	atomic_fetch_sub(&registry.count, 1);
}

/* ---- walking ----------------------------------------------------------------------------------------------------- */

static void cursor_enter(struct cursor *cursor, unsigned number)
{
	struct shard *shard = &registry.shards[cursor->space][number];

	cursor->shard = number;
	co_spin_lock(&shard->lock);
	cursor->next = shard->objects;
	list_add_tail(&shard->cursors, &cursor->link);
	co_spin_unlock(&shard->lock);
}

/* KIND -1: all. */
static void cursor_start(struct cursor *cursor, int kind)
{
	cursor->space = kind < 0 ? 0 : space_of((enum object_kind)kind);
	cursor->last_space = kind < 0 ? OBJECT_KIND_COUNT - 1 : cursor->space;
	cursor_enter(cursor, 0);
}

static void cursor_leave(struct cursor *cursor)
{
	struct shard *shard = &registry.shards[cursor->space][cursor->shard];

	co_spin_lock(&shard->lock);
	list_remove(&cursor->link);
	co_spin_unlock(&shard->lock);
}

/* The next object, with a reference; NULL at the end, and then the cursor is done with. */
static struct object *cursor_next(struct cursor *cursor)
{
	for (;;) {
		struct shard *shard = &registry.shards[cursor->space][cursor->shard];
		struct object *object;

		co_spin_lock(&shard->lock);
		object = cursor->next;
		if (object == &shard->keeper)
			object = object->by_name.next;
		if (object != NULL) {
			cursor->next = object->by_name.next;
			object_ref(object);
		}
		co_spin_unlock(&shard->lock);
		if (object != NULL)
			return object;
		cursor_leave(cursor);
		if (cursor->shard + 1 < SHARDS)
			cursor_enter(cursor, cursor->shard + 1);
		else if (cursor->space++ < cursor->last_space)
			cursor_enter(cursor, 0);
		else
			return NULL;
	}
}

/* KIND -1: any. */
static bool is_of(const struct object *object, int kind)
{
	return kind < 0 || (int)object->type->kind == kind;
}

/* ---- the sweep --------------------------------------------------------------------------------------------------- */

static void sweep_step(int64_t now_ns)
{
	if (!registry.is_sweeping)
		cursor_start(&registry.sweep, -1);
	registry.is_sweeping = true;
	for (unsigned i = 0; i < SWEEP_STEP; i++) {
		struct object *object = cursor_next(&registry.sweep);

		if (object == NULL) {
			registry.is_sweeping = false;
			registry.next_sweep_ns = now_ns + SWEEP_PAUSE_NS;
			registry.next_sweep_count = 2 * registry_count() + SWEEP_FLOOR;
			return;
		}
		registry_release(object);
	}
}

static void sweep_if_due(void)
{
	const int64_t now_ns = co_now_cached();

	if (atomic_flag_test_and_set(&registry.is_taken))
		return;
	if (registry.is_sweeping || now_ns >= registry.next_sweep_ns || registry_count() >= registry.next_sweep_count)
		sweep_step(now_ns);
	atomic_flag_clear(&registry.is_taken);
}

/* ---- the registry ------------------------------------------------------------------------------------------------ */

/* A name is never empty, so that nobody finds the keeper. Without memory for its table the shard does without. */
static void shard_init(struct shard *shard)
{
	list_init(&shard->cursors);
	HASH_ADD_KEYPTR(by_name, shard->objects, "", 0, &shard->keeper);
}

static void shard_done(struct shard *shard)
{
	if (hash_was_added(shard->keeper.by_name))
		HASH_DELETE(by_name, shard->objects, &shard->keeper);
}

static void forget(struct object *object)
{
	(void)registry_remove(object);
}

void registry_init(uint64_t max_objects)
{
	memset(&registry, 0, sizeof(registry));
	registry.max_objects = max_objects;
	co_random(registry.key, sizeof(registry.key));
	object_forget = forget;
	for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
		for (unsigned i = 0; i < SHARDS; i++)
			shard_init(&registry.shards[kind][i]);
}

void registry_done(void)
{
	struct cursor cursor;
	struct object *object;

	cursor_start(&cursor, -1);
	while ((object = cursor_next(&cursor)) != NULL) {
		(void)registry_remove(object);
		if (object->type->stop != NULL)
			object->type->stop(object);
		object_unref(object);
	}
	for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
		for (unsigned i = 0; i < SHARDS; i++)
			shard_done(&registry.shards[kind][i]);
}

struct object *registry_find(enum object_kind kind, const char *name)
{
	const struct place place = find_place(kind, name);
	struct object *object;

	co_spin_lock(&place.shard->lock);
	object = look_up(&place);
	if (object != NULL && object->type->kind != kind) {
		object_unref(object); /* not the last: the shard has one */
		object = NULL;
	}
	co_spin_unlock(&place.shard->lock);
	return object;
}

/* Registers OBJECT at PLACE, unless a namesake was faster: that one then, with a reference, is in *RET. */
static int add(const struct place *place, struct object *object, struct object **ret)
{
	struct shard *shard = place->shard;
	int r = OBJECT_OK;

	co_spin_lock(&shard->lock);
	*ret = look_up(place);
	if (*ret == NULL) {
		HASH_ADD_KEYPTR_BYHASHVALUE(by_name, shard->objects, object->name, place->length, place->hash, object);
		object->registered = hash_was_added(object->by_name);
		if (object->registered)
			*ret = object_ref(object);
		else
			r = OBJECT_ENOMEM;
	}
	co_spin_unlock(&shard->lock);
	return r;
}

static int make_at(const struct place *place, int (*make)(const char *name, void *arg, struct object **ret), void *arg,
	struct object **ret, bool *ret_created)
{
	struct object *object = NULL;
	bool is_in = false;
	int r = REGISTRY_EFULL;

	if (atomic_fetch_add(&registry.count, 1) < registry.max_objects || registry.max_objects == 0)
		r = make(place->name, arg, &object);
	if (r == 0) {
		r = add(place, object, ret);
		is_in = r == 0 && *ret == object;
	}
	if (!is_in)
		atomic_fetch_sub(&registry.count, 1);
	if (!is_in && object != NULL)
		object_unref(object);
	*ret_created = is_in;
	return r;
}

int registry_open(enum object_kind kind, const char *name,
	int (*make)(const char *name, void *arg, struct object **ret), void *arg, struct object **ret,
	bool *ret_created)
{
	const struct place place = find_place(kind, name);
	bool created = false;
	int r = OBJECT_OK;

	co_spin_lock(&place.shard->lock);
	*ret = look_up(&place);
	co_spin_unlock(&place.shard->lock);
	if (*ret == NULL) {
		sweep_if_due();
		r = make_at(&place, make, arg, ret, &created);
	}
	if (ret_created != NULL)
		*ret_created = created;
	if (r == OBJECT_OK && (*ret)->type->kind != kind) {
		registry_release(*ret);
		r = REGISTRY_EKIND;
	}
	return r;
}

bool registry_remove(struct object *object)
{
	struct shard *shard = shard_of_object(object);
	bool was_registered;

	co_spin_lock(&shard->lock);
	was_registered = object->registered;
	if (was_registered)
		take_out(shard, object);
	co_spin_unlock(&shard->lock);
	if (was_registered)
		object_unref(object);
	return was_registered;
}

/* Under the shard's lock: whether nobody but the shard and the caller knows OBJECT, and nothing in it would be missed.
 */
static bool is_forgettable(struct object *object, int64_t now_ns)
{
	bool idle;

	if (!object->registered || atomic_load(&object->references) != 2)
		return false;
	co_spin_lock(&object->lock);
	idle = object->type->is_idle(object, now_ns);
	co_spin_unlock(&object->lock);
	return idle;
}

void registry_release(struct object *object)
{
	struct shard *shard = shard_of_object(object);
	unsigned references = 1;

	if (object->type->is_idle != NULL) {
		co_spin_lock(&shard->lock);
		if (is_forgettable(object, co_now_cached())) {
			take_out(shard, object);
			references = 2;
		} else if (object->registered) {
			object_unref(object); /* not the last: the shard has one */
			references = 0;
		}
		co_spin_unlock(&shard->lock);
	}
	while (references-- > 0)
		object_unref(object);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static int compare(const char *kind_a, const char *name_a, const char *kind_b, const char *name_b)
{
	const int r = strcmp(kind_a, kind_b);

	return r != 0 ? r : strcmp(name_a, name_b);
}

/* The first place in the sorted ROWS whose object comes behind OBJECT. */
static size_t place_in(struct object *const *rows, size_t count, const struct object *object)
{
	size_t low = 0;

	while (low < count) {
		const size_t middle = low + (count - low) / 2;

		if (compare(rows[middle]->type->name, rows[middle]->name, object->type->name, object->name) < 0)
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

/* Puts OBJECT into the sorted ROWS, of which there are at most LIMIT: the last one falls out. Takes the reference. */
static void insert(struct object **rows, size_t *count, size_t limit, struct object *object, bool *more)
{
	const size_t place = place_in(rows, *count, object);
	struct object *out = NULL;

	if (*count == limit) {
		*more = true;
		out = place == limit ? object : rows[limit - 1];
	}
	if (out != object) {
		const size_t behind = *count - place - (out != NULL);

		memmove(&rows[place + 1], &rows[place], behind * sizeof(struct object *));
		rows[place] = object;
		*count += out == NULL;
	}
	if (out != NULL)
		registry_release(out);
}

size_t registry_list(int kind, const char *pattern, const char *after_kind, const char *after_name, size_t limit,
	struct object **ret, bool *ret_more)
{
	struct cursor cursor;
	struct object *object;
	size_t count = 0;

	*ret_more = false;
	cursor_start(&cursor, kind);
	while ((object = cursor_next(&cursor)) != NULL) {
		const bool is_behind = after_kind == NULL || *after_kind == '\0' ||
				       compare(object->type->name, object->name, after_kind, after_name) > 0;

		if (is_of(object, kind) && is_behind && (*pattern == '\0' || fnmatch(pattern, object->name, 0) == 0))
			insert(ret, &count, limit, object, ret_more);
		else
			registry_release(object);
	}
	return count;
}

uint64_t registry_count(void)
{
	return atomic_load(&registry.count);
}

void registry_each(int kind, void (*visit)(struct object *object))
{
	struct cursor cursor;
	struct object *object;

	cursor_start(&cursor, kind);
	while ((object = cursor_next(&cursor)) != NULL) {
		if (is_of(object, kind))
			visit(object);
		registry_release(object);
	}
}

int registry_kind(const char *name)
{
	for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
		if (strcmp(types[kind]->name, name) == 0)
			return kind;
	return -1;
}

const char *registry_kind_name(enum object_kind kind)
{
	return types[kind]->name;
}
