/* SPDX-License-Identifier: MIT
 *
 * lock.h - what mutexes and RWMutexes have in common: options, grants, and what a holder that died left behind.
 *
 * All of it is guarded by the lock's object.lock.
 */
#ifndef BATON_OBJECTS_LOCK_H
#define BATON_OBJECTS_LOCK_H

#include "daemon/objects/object.h"

/* What the first call makes of a lock, for as long as it lives. */
struct lock_options {
	bool fifo;        /* strictly in the order in which calls came */
	int64_t delay_ns; /* after a holder's death nobody is let in for so long; 0: at once */
};

struct lock_grant {
	uint64_t token;
	bool abandoned; /* the holder before died holding it */
};

/* The option that WANTED asks for and HAD has not, or has otherwise: "fifo", "lock_delay". NULL: there is none; who
 * asks for nothing takes what is. */
const char *lock_options_conflict(const struct lock_options *had, const struct lock_options *wanted);

/* What a dead holder left: a mark for the next, which is kept for an hour, and a time in which nobody is let in. */
struct lock_past {
	struct object *object;
	bool is_abandoned;
	int64_t abandoned_ns;
	int64_t quiet_until_ns;
	bool is_timed; /* the timer is armed, with a reference to the object */
	struct co_timer timer;
};

void lock_past_init(struct lock_past *past, struct object *object);

/* A holder died, one whose death is told to the next or (IS_TOLD false: a reader) not. Nobody is let in for DELAY_NS;
 * then the object's type->admit is called. Without memory for a timer there is no delay. */
void lock_past_begin(struct lock_past *past, int64_t now_ns, int64_t delay_ns, bool is_told);

/* Whether the next holder is told that the last one died; lock_past_told: it was. */
bool lock_past_is_abandoned(const struct lock_past *past, int64_t now_ns);
void lock_past_told(struct lock_past *past);

/* Whether nobody is let in yet. */
bool lock_past_delays(const struct lock_past *past, int64_t now_ns);

#endif
