/* SPDX-License-Identifier: MIT
 *
 * cond.h - a named condition variable: Go's sync.Cond over a named mutex, whose hold may be another session's.
 */
#ifndef BATON_OBJECTS_COND_H
#define BATON_OBJECTS_COND_H

#include "daemon/objects/mutex.h"
#include "daemon/objects/object.h"

extern const struct object_type cond_type;

struct cond;

/* What is asked of a wait. */
struct cond_request {
	struct mutex *mutex;
	uint64_t token;   /* under which the mutex is held */
	int64_t until_ns; /* of co_now(): from then on it waits for the mutex alone; CO_NEVER: not so */
	/* Called once under the mutex's lock with the hold that is given back, to keep its owner valid: it is granted
	 * to that again. */
	void (*holder)(const struct hold *hold, void *arg);
	void *arg;
};

struct cond_outcome {
	bool locked;             /* the mutex is held again, by who held it before */
	struct lock_grant grant; /* of it */
	bool timed_out;          /* until_ns came before a signal */
	int reason;              /* not locked: the object_error that ended the wait */
};

/* Makes one that nobody waits on, for registry_open: UNUSED is NULL. The reference in *RET is the caller's. 0 or
 * OBJECT_ENOMEM. */
int cond_make(const char *name, void *unused, struct object **ret);
struct cond *cond_of(struct object *object); /* OBJECT must be one */

/* Unlocks the mutex and waits in one step; woken or timed out it is handed the mutex at an unlock. OBJECT_OK says no
 * more than that it waited: see *RET. A waiter that was signalled and does not get the mutex passes its signal on.
 * Errors, after which the mutex is held as before: OBJECT_EUNLOCKED, OBJECT_ESTALE, OBJECT_ECANCELED, _EDEADLINE,
 * _EENDED, _ESHUTDOWN. */
int cond_wait(struct cond *cond, struct entry *entry, const struct cond_request *request, struct cond_outcome *ret);

/* Wakes the one that has waited longest. Returns how many: 0 or 1. */
uint64_t cond_signal(struct cond *cond);

/* Wakes all who wait now, in steps. Returns how many. */
uint64_t cond_broadcast(struct cond *cond);

#endif
