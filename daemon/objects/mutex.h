/* SPDX-License-Identifier: MIT
 *
 * mutex.h - a named mutex: Go's sync.Mutex with a fencing token, and a holder that can die.
 */
#ifndef BATON_OBJECTS_MUTEX_H
#define BATON_OBJECTS_MUTEX_H

#include "daemon/objects/lock.h"
#include "daemon/objects/object.h"
#include "daemon/objects/select.h"

extern const struct object_type mutex_type;

struct mutex;

/* Makes a free mutex. With options->fifo the lock is always handed over, strictly in order, as in starvation mode. The
 * reference in *RET is the caller's. 0 or OBJECT_ENOMEM. */
int mutex_new(const char *name, const struct lock_options *options, struct mutex **ret);
struct object *mutex_object(struct mutex *mutex);
struct mutex *mutex_of(struct object *object); /* OBJECT must be one */

/* As lock_options_conflict, for one that is there. */
const char *mutex_conflict(const struct mutex *mutex, const struct lock_options *wanted);

/* Locks it for the entry's owner: blocks until it has it, unless NO_WAIT. Normal mode: waiters are first in, first out,
 * but one that wakes competes with newcomers; one that lost for 1 ms switches to starvation mode, in which the lock is
 * handed over in order, until the last waiter is served or one waited less than 1 ms (Go's sync.Mutex). Errors:
 * OBJECT_EWOULDBLOCK, _ECANCELED, _EDEADLINE, _EENDED, _ESHUTDOWN, _ENOMEM; after any of them it is not held. */
int mutex_lock(struct mutex *mutex, struct entry *entry, bool no_wait, struct lock_grant *ret);

/* Unlocks it; whoever presents the token may. HOLDER (may be NULL) is called under the object's lock with the hold as
 * it was; its owner is valid meanwhile. 0, OBJECT_EUNLOCKED or OBJECT_ESTALE, and then nothing changed. */
int mutex_unlock(struct mutex *mutex, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg);

/* Takes the hold of TOKEN from the task that took it: it is nobody's in particular. 0, OBJECT_EUNLOCKED, _ESTALE. */
int mutex_hand_over(struct mutex *mutex, uint64_t token);

/* Whether TOKEN is the present holder's. */
bool mutex_holds(struct mutex *mutex, uint64_t token);

/* ---- for those who change it together with other objects: under its lock ----------------------------------------- */

/* As mutex_unlock. */
int mutex_unlock_locked(struct mutex *mutex, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg);

/* Puts SEAT, whose wait was begun, into the queue: it is handed the lock, at once if nobody has it and nobody is
 * before it. Who claims the wait through it has granted the lock to the seat's for_owner (token and, in `detail`, the
 * abandoned mark are in the seat), or says OBJECT_EENDED: that owner has ended. */
void mutex_join(struct mutex *mutex, struct seat *seat, int64_t now_ns);

/* Takes SEAT out of the queue, where it may stand no more, and lets those in whom it held up. */
void mutex_leave(struct mutex *mutex, struct seat *seat);

/* Locking as a case of a select. */
extern const struct case_type mutex_lock_case;

#endif
