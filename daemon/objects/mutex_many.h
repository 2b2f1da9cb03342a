/* SPDX-License-Identifier: MIT
 *
 * mutex_many.h - several mutexes locked in one step, under one token: all of them or none.
 */
#ifndef BATON_OBJECTS_MUTEX_MANY_H
#define BATON_OBJECTS_MUTEX_MANY_H

#include "daemon/objects/mutex.h"

#define MUTEX_MANY_MAX 16u

/* One of the mutexes; the seat is filled in. The caller's memory, off the stack. */
struct mutex_place {
	struct mutex *mutex;
	struct seat seat;
};

/* Puts the mutexes into the order in which they are locked; each may be there once. */
void mutex_sort_places(struct mutex_place *places, size_t count);

/* As mutex_lock, for COUNT sorted places, from 2 to MUTEX_MANY_MAX: they are granted in one step, when all are free.
 * For its first second others may pass the call at those that are free meanwhile, after that nobody who came later
 * does. The grant says `abandoned` if one of them was. */
int mutex_lock_all(struct mutex_place *places, size_t count, struct entry *entry, bool no_wait, struct lock_grant *ret);

/* As mutex_unlock: all of them, or none, and then *RET_FAILED is the index of one that TOKEN does not hold. HOLDER is
 * called once. */
int mutex_unlock_all(struct mutex_place *places, size_t count, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg, size_t *ret_failed);

#endif
