/* SPDX-License-Identifier: MIT
 *
 * map.h - a named map: Go's sync.Map, of bytes to bytes. Nothing of it blocks.
 */
#ifndef BATON_OBJECTS_MAP_H
#define BATON_OBJECTS_MAP_H

#include "daemon/objects/message.h"
#include "daemon/objects/object.h"

extern const struct object_type map_type;

struct map;

/* Makes an empty map. The reference in *RET is the caller's. 0 or OBJECT_ENOMEM. */
int map_new(const char *name, struct map **ret);
struct object *map_object(struct map *map);
struct map *map_of(struct object *object); /* OBJECT must be one */

enum map_operation {
	MAP_LOAD,               /* -> found, value */
	MAP_STORE,              /* value */
	MAP_LOAD_OR_STORE,      /* value -> found: it was there; value: what is there now */
	MAP_LOAD_AND_DELETE,    /* -> found, value: what was there */
	MAP_DELETE,             /* -> found */
	MAP_SWAP,               /* value -> found, value: what was there */
	MAP_COMPARE_AND_SWAP,   /* expected, value -> done */
	MAP_COMPARE_AND_DELETE, /* expected -> done */
};

struct map_answer {
	bool found;
	bool done;
	struct message *value; /* a reference of the caller's, or NULL */
};

/* Does OPERATION under KEY. VALUE and EXPECTED are NULL where it takes none; references are taken as needed. Values are
 * compared by their bytes. 0 or OBJECT_ENOMEM, and then nothing changed. */
int map_apply(struct map *map, enum map_operation operation, struct message *key, struct message *value,
	const struct message *expected, struct map_answer *ret);

struct map_pair {
	struct message *key; /* references of the caller's */
	struct message *value;
};

/* Where a range stands. Zeroed at the beginning, but for the limits. */
struct map_cursor {
	uint64_t after;      /* the number of the key that was visited last */
	uint64_t until;      /* no key with a higher one is visited: those are newer than the range */
	struct message *key; /* that it has gone over last: a reference, in the end the caller's; or NULL */
	uint64_t number;     /* and its number */
	size_t limit;        /* pairs */
	size_t byte_limit;   /* past it no more pairs; there is always one */
};

/* The next pairs, in the order in which their keys came: up to the limits, and those among the next 256 keys, into RET.
 * Returns how many, which may be none; *RET_MORE tells whether there may be more. Each key comes at most once. */
size_t map_range(struct map *map, struct map_cursor *cursor, struct map_pair *ret, bool *ret_more);

/* Empties it in one step; what was in it is freed before this returns, with yields. From a coroutine. 0 or
 * OBJECT_ENOMEM. */
int map_clear(struct map *map);

uint64_t map_length(struct map *map);

#endif
