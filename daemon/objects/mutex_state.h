/* SPDX-License-Identifier: MIT
 *
 * mutex_state.h - the inside of a mutex, for mutex.c and mutex_many.c. All of it under object.lock.
 */
#ifndef BATON_OBJECTS_MUTEX_STATE_H
#define BATON_OBJECTS_MUTEX_STATE_H

#include "daemon/objects/mutex.h"

struct mutex {
	struct object object;
	struct hold hold; /* its owner is NULL while nobody holds the lock */
	struct co_waitq waiters;
	bool starving;
	bool woken;
	struct lock_options options;
	struct lock_past past;
	int64_t now_ns;

	/* For calls that lock several: their seats have waits_for_all. */
	size_t many_waiting;
	const struct seat *called; /* whose call looks next whether it can have all; NULL: nobody's */
	uint64_t epoch; /* rises with every grant; a seat's ticket is the one in which it was looked at last */
};

static inline bool mutex_is_held(const struct mutex *mutex)
{
	return mutex->hold.owner != NULL;
}

static inline void mutex_hear_time(struct mutex *mutex, int64_t now_ns)
{
	if (now_ns > mutex->now_ns)
		mutex->now_ns = now_ns;
}

/* Whether one who comes now may have it at once, before those who wait. */
bool mutex_is_open(const struct mutex *mutex);

/* Whether the first call in the queue that wants several, other than SEAT's, may not be passed any more. */
bool mutex_is_owed_to_other(const struct mutex *mutex, const struct seat *seat);

/* Gives the free lock to SEAT's call under TOKEN; the transition is the caller's to record. 0 or OBJECT_EENDED. */
int mutex_take(struct mutex *mutex, struct seat *seat, uint64_t token);

/* Lets in whose turn it is, if nobody holds the lock. */
void mutex_pass_on(struct mutex *mutex);

#endif
