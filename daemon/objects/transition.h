/* SPDX-License-Identifier: MIT
 *
 * transition.h - every change of an object is recorded here once, with its lock held, under a rising number.
 *
 * What hangs on transitions (today: counters; later the wait-for graph and the stores) is a fixed table in
 * transition.c; it does no I/O and takes no object's lock. A reply carries the number of the transition it depends on.
 */
#ifndef BATON_OBJECTS_TRANSITION_H
#define BATON_OBJECTS_TRANSITION_H

#include <stdint.h>

#include "daemon/objects/object.h"

enum transition_kind {
	TRANSITION_CHANNEL_SENT,      /* a message went into a channel or straight to a receiver */
	TRANSITION_CHANNEL_DELIVERED, /* a message went to a receiver */
	TRANSITION_CHANNEL_SETTLED,   /* a delivery was acknowledged */
	TRANSITION_CHANNEL_RETURNED,  /* a delivery came back */
	TRANSITION_CHANNEL_CLOSED,
	TRANSITION_CHANNEL_DELETED,
	TRANSITION_MUTEX_LOCKED,
	TRANSITION_MUTEX_UNLOCKED,
	TRANSITION_MUTEX_ABANDONED,
	TRANSITION_RWMUTEX_LOCKED,
	TRANSITION_RWMUTEX_RLOCKED,
	TRANSITION_RWMUTEX_DOWNGRADED,
	TRANSITION_RWMUTEX_UNLOCKED, /* a reader's hold or the writer's */
	TRANSITION_RWMUTEX_ABANDONED,
	TRANSITION_SEMAPHORE_ACQUIRED,
	TRANSITION_SEMAPHORE_RELEASED,
	TRANSITION_SEMAPHORE_LOST, /* by the end of the session that had them, or with the semaphore */
	TRANSITION_SEMAPHORE_DELETED,
	TRANSITION_WAITGROUP_ADDED,
	TRANSITION_WAITGROUP_DONE,
	TRANSITION_WAITGROUP_ADOPTED, /* shares went from one session to another */
	TRANSITION_WAITGROUP_LOST,    /* shares came off because their session ended */
	TRANSITION_ONCE_BEGUN,
	TRANSITION_ONCE_COMPLETED,
	TRANSITION_ONCE_FAILED,
	TRANSITION_ONCE_ABANDONED,
	TRANSITION_ONCE_RESET, /* the value was forgotten */
	TRANSITION_CONTEXT_MADE,
	TRANSITION_CONTEXT_ENDED,
	TRANSITION_COND_WAITED,
	TRANSITION_COND_SIGNALLED,
	TRANSITION_COND_BROADCAST,
	TRANSITION_MAP_STORED,
	TRANSITION_MAP_DELETED,
	TRANSITION_MAP_CLEARED,
	TRANSITION_ATOMIC_CHANGED,
	TRANSITION_KIND_COUNT
};

#define TRANSITION_OBJECTS_MAX 16

struct transition {
	enum transition_kind kind;
	unsigned object_count;
	struct object *objects[TRANSITION_OBJECTS_MAX]; /* all that changed; all locked by the caller */
};

/* Records it. Returns its number, from 1. */
uint64_t transition_commit(const struct transition *transition);

/* Records the change of one object. */
uint64_t transition_commit_one(enum transition_kind kind, struct object *object);

/* The number of the latest. */
uint64_t transition_last(void);

struct transition_counters {
	uint64_t by_kind[TRANSITION_KIND_COUNT]; /* of objects changed so */
	uint64_t locks_held;                     /* now */
	uint64_t deliveries;                     /* out now */
};

void transition_counters(struct transition_counters *ret);

#endif
