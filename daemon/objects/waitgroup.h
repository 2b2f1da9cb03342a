/* SPDX-License-Identifier: MIT
 *
 * waitgroup.h - a named wait group: Go's sync.WaitGroup, part of whose counter may belong to sessions that can die.
 *
 * The counter is what sessions owe as shares, and the unbound rest. A round begins when the counter leaves zero and
 * ends when it is back there; all who wait in it are then released, whatever comes after.
 */
#ifndef BATON_OBJECTS_WAITGROUP_H
#define BATON_OBJECTS_WAITGROUP_H

#include "daemon/objects/object.h"
#include "daemon/objects/select.h"

#define WAITGROUP_COUNT_MAX INT32_MAX /* as Go's */

extern const struct object_type waitgroup_type;

/* For a select: happens when the counter is zero. The seat's `token` comes out as the number of shares lost. */
extern const struct case_type waitgroup_case_zero;

struct waitgroup;

/* Makes one at zero, for registry_open: UNUSED is NULL. The reference in *RET is the caller's. 0 or OBJECT_ENOMEM. */
int waitgroup_make(const char *name, void *unused, struct object **ret);
struct waitgroup *waitgroup_of(struct object *object); /* OBJECT must be one */

/* Adds N to the counter. BOUND: as shares of the entry's owner, which come off when its session ends; N must be above
 * zero then. A negative N takes from the owner's shares, then from the unbound count, then from the sessions that have
 * had shares longest. Never waits. 0; OBJECT_ENEGATIVE: the counter would be below zero or above WAITGROUP_COUNT_MAX,
 * and nothing changed; OBJECT_EENDED; OBJECT_ENOMEM. */
int waitgroup_add(struct waitgroup *group, struct entry *entry, int64_t n, bool bound);

/* Makes N (above zero) of what others added shares of the entry's owner: of the unbound count, then of those who have
 * had shares longest. The counter stays. Never waits. Errors as waitgroup_add; OBJECT_ENEGATIVE: there is not so much.
 */
int waitgroup_adopt(struct waitgroup *group, struct entry *entry, int64_t n);

/* Waits, unless NO_WAIT, until the counter is zero. *RET_LOST: how many shares of the round, or where it was zero
 * already of the last one, came off because their session ended. Errors: OBJECT_EWOULDBLOCK, _ECANCELED, _EDEADLINE,
 * _EENDED, _ESHUTDOWN, _ENOMEM. */
int waitgroup_wait(struct waitgroup *group, struct entry *entry, bool no_wait, uint64_t *ret_lost);

#endif
