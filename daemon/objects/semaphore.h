/* SPDX-License-Identifier: MIT
 *
 * semaphore.h - a named weighted semaphore: permits that belong to sessions, handed out first in, first out.
 *
 * Who waits for many permits is not passed by those who come later and want few (as in Go's x/sync/semaphore).
 */
#ifndef BATON_OBJECTS_SEMAPHORE_H
#define BATON_OBJECTS_SEMAPHORE_H

#include "daemon/objects/object.h"
#include "daemon/objects/select.h"

extern const struct object_type semaphore_type;

struct semaphore;

/* Makes one with SIZE permits, at least 1. The reference in *RET is the caller's. 0 or OBJECT_ENOMEM. */
int semaphore_new(const char *name, uint64_t size, struct semaphore **ret);
struct object *semaphore_object(struct semaphore *semaphore);
struct semaphore *semaphore_of(struct object *object); /* OBJECT must be one */

/* How many permits there are in all. Never changes. */
uint64_t semaphore_size(const struct semaphore *semaphore);

/* Acquires COUNT permits, from 1 to the size, for the entry's owner: blocks until it has them, unless NO_WAIT. *RET is
 * the token of this hold. Errors: OBJECT_EWOULDBLOCK, _ECANCELED, _EDEADLINE, _EENDED, _ESHUTDOWN, _EDELETED, _ENOMEM;
 * after any of them none is held. */
int semaphore_acquire(struct semaphore *semaphore, struct entry *entry, uint64_t count, bool no_wait, uint64_t *ret);

/* Releases the permits of TOKEN, all of them; whoever presents it may. HOLDER (may be NULL) is called under the
 * object's lock with the hold as it was; its owner is valid meanwhile. 0, OBJECT_ESTALE or OBJECT_EDELETED, and then
 * nothing changed. */
int semaphore_release(struct semaphore *semaphore, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg);

/* Whether TOKEN holds permits. */
bool semaphore_holds(struct semaphore *semaphore, uint64_t token);

/* Deletes it: who waits gets OBJECT_EDELETED, and nobody is granted anything any more. */
void semaphore_delete(struct semaphore *semaphore);

/* Takes the oldest hold of a deleted one from its owner. HOLDER as above. False: there is none. */
bool semaphore_drop_oldest(struct semaphore *semaphore, void (*holder)(const struct hold *hold, void *arg), void *arg);

/* Acquiring as a case of a select. A seat needs what semaphore_prepare gives it, and semaphore_finish takes back if the
 * case did not happen. A seat that was granted has its token. */
extern const struct case_type semaphore_case;

/* For COUNT permits, from 1 to the size. 0 or OBJECT_ENOMEM. */
int semaphore_prepare(struct semaphore *semaphore, struct seat *seat, uint64_t count);
void semaphore_finish(struct semaphore *semaphore, struct seat *seat);

#endif
