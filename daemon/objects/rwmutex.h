/* SPDX-License-Identifier: MIT
 *
 * rwmutex.h - a named reader/writer lock: Go's sync.RWMutex with fencing tokens, and holders that can die.
 *
 * Readers share it. While a writer waits no new reader is let in; a writer's unlock lets in every reader that waits;
 * the last reader lets in the writer that waits longest; when the last waiting writer gives up the readers behind it
 * come in. All are handed the lock, nobody is woken to compete.
 */
#ifndef BATON_OBJECTS_RWMUTEX_H
#define BATON_OBJECTS_RWMUTEX_H

#include "daemon/objects/lock.h"
#include "daemon/objects/object.h"
#include "daemon/objects/select.h"

extern const struct object_type rwmutex_type;

struct rwmutex;

/* Makes a free one. With options->fifo all are let in strictly in the order in which they came. The reference in *RET
 * is the caller's. 0 or OBJECT_ENOMEM. */
int rwmutex_new(const char *name, const struct lock_options *options, struct rwmutex **ret);
struct object *rwmutex_object(struct rwmutex *rwmutex);
struct rwmutex *rwmutex_of(struct object *object); /* OBJECT must be one */

/* As lock_options_conflict, for one that is there. */
const char *rwmutex_conflict(const struct rwmutex *rwmutex, const struct lock_options *wanted);

/* Lock it for the entry's owner, to read or to write: block until it has it, unless NO_WAIT. A writer that died is told
 * to those who read and to the next who writes. Errors: OBJECT_EWOULDBLOCK, _ECANCELED, _EDEADLINE, _EENDED,
 * _ESHUTDOWN, _ENOMEM; after any of them it is not held. */
int rwmutex_rlock(struct rwmutex *rwmutex, struct entry *entry, bool no_wait, struct lock_grant *ret);
int rwmutex_lock(struct rwmutex *rwmutex, struct entry *entry, bool no_wait, struct lock_grant *ret);

/* Releases the hold of TOKEN, a reader's or the writer's; whoever presents it may. HOLDER (may be NULL) is called under
 * the object's lock with the hold as it was; its owner is valid meanwhile. 0, OBJECT_EUNLOCKED or OBJECT_ESTALE, and
 * then nothing changed. */
int rwmutex_unlock(struct rwmutex *rwmutex, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg);

/* Makes the writer of TOKEN a reader, in one step: no other writer comes between. It keeps its token. 0,
 * OBJECT_EUNLOCKED, OBJECT_ESTALE (a reader's token is none of a writer), OBJECT_EENDED, OBJECT_ENOMEM. */
int rwmutex_downgrade(struct rwmutex *rwmutex, uint64_t token, int64_t now_ns);

/* Takes the hold of TOKEN from the task that took it: it is nobody's in particular. 0, OBJECT_EUNLOCKED, _ESTALE. */
int rwmutex_hand_over(struct rwmutex *rwmutex, uint64_t token);

/* Whether TOKEN holds it. *RET_WRITES (may be NULL): as the writer. */
bool rwmutex_holds(struct rwmutex *rwmutex, uint64_t token, bool *ret_writes);

/* Cases of a select. A seat for reading needs what rwmutex_prepare gives it, and rwmutex_finish takes back if the case
 * did not happen. A seat that was granted has its token, and the abandoned mark in `detail`. */
extern const struct case_type rwmutex_rlock_case;
extern const struct case_type rwmutex_lock_case;

/* 0 or OBJECT_ENOMEM. */
int rwmutex_prepare(struct rwmutex *rwmutex, struct seat *seat);
void rwmutex_finish(struct rwmutex *rwmutex, struct seat *seat);

#endif
