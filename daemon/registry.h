/* SPDX-License-Identifier: MIT
 *
 * registry.h - names to objects: a name space per kind, but one for mutexes and RWMutexes.
 *
 * Lock order: the registry's lock is taken inside no other lock and holds none but an object's (to see whether it is
 * idle).
 */
#ifndef BATON_DAEMON_REGISTRY_H
#define BATON_DAEMON_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/objects/object.h"

/* Prepares the empty registry; registry_done drops every object in it. MAX_OBJECTS: 0 for no limit. */
void registry_init(uint64_t max_objects);
void registry_done(void);

/* The object of KIND called NAME with a reference for the caller; NULL if there is none. */
struct object *registry_find(enum object_kind kind, const char *name);

/* As registry_find, and where there is none MAKE(name, arg, &object) makes it (its reference becomes the registry's).
 * *RET_CREATED (may be NULL) tells. 0, OBJECT_ENOMEM, -1000 (REGISTRY_EFULL) at the limit, or -1001 (REGISTRY_EKIND):
 * the name is in use as another kind of its name space. */
#define REGISTRY_EFULL (-1000)
#define REGISTRY_EKIND (-1001)
int registry_open(enum object_kind kind, const char *name,
	int (*make)(const char *name, void *arg, struct object **ret), void *arg, struct object **ret,
	bool *ret_created);

/* Takes the name from OBJECT if it still leads to it; true if it did. For delete. */
bool registry_remove(struct object *object);

/* Gives back a reference of registry_find or _open, and forgets the object if it is idle and nobody else is at it. */
void registry_release(struct object *object);

/* The objects behind (AFTER_KIND, AFTER_NAME) in order of kind name, then name (strcmp), that match PATTERN (fnmatch;
 * "": all) and KIND (-1: all): up to LIMIT, each with a reference for the caller, into RET. Returns how many; *RET_MORE
 * tells whether there are more. AFTER_KIND NULL or "": from the beginning. */
size_t registry_list(int kind, const char *pattern, const char *after_kind, const char *after_name, size_t limit,
	struct object **ret, bool *ret_more);

/* How many objects there are. */
uint64_t registry_count(void);

/* Calls VISIT for every object of KIND (-1: all), in steps that do not hold the registry's lock during VISIT. */
void registry_each(int kind, void (*visit)(struct object *object));

/* The kind called NAME ("chan"), or -1; and back. */
int registry_kind(const char *name);
const char *registry_kind_name(enum object_kind kind);

#endif
