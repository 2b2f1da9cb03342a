/* SPDX-License-Identifier: MIT
 *
 * select.h - waiting for several objects at once: exactly one case happens, the others never did.
 *
 * A kind says how it takes part by a table per kind of case (send, receive, lock, ...). After Go's selectgo
 * (runtime/select.go), as the runtime's own select.
 */
#ifndef BATON_OBJECTS_SELECT_H
#define BATON_OBJECTS_SELECT_H

#include "daemon/objects/object.h"

/* A wait's result besides object_error: what was waited for can perhaps be had, and must be tried for anew. */
enum { SELECT_AGAIN = 1 };

/* All of it under the object's lock. */
struct case_type {
	/* Carries the case out if it is ready: OBJECT_OK, or an error that is the case's outcome (a send on a closed
	 * channel). OBJECT_EWOULDBLOCK: it is not ready, and nothing happened. */
	int (*attempt)(struct object *object, struct seat *seat);

	/* Puts SEAT into the object's queue. Who claims it from there has carried the case out, with its outcome as the
	 * wait's result, or says SELECT_AGAIN. */
	void (*join)(struct object *object, struct seat *seat);

	/* Takes SEAT out of the queue, where it may stand no more, and lets those in whom it held up. AGAIN: it was
	 * woken with SELECT_AGAIN. */
	void (*leave)(struct object *object, struct seat *seat, bool again);

	/* Gives the lock back, after what the kind does then; NULL: nothing. It may take the lock anew. No other object
	 * is locked; where a select has several, this one was unlocked too in between. */
	void (*unlock)(struct object *object);
};

struct select_case {
	struct object *object; /* a reference of the caller's; NULL: the case is never ready */
	const struct case_type *type;
	struct seat seat; /* of seat_init; what the type needs goes in, what is handed over comes out */
	int result;       /* of the case that happened: OBJECT_OK, or the error that it is */

	/* select.c's */
	struct select_case *next_locked;
	uint32_t drawn;
};

/* Waits until one of the cases has happened, unless NO_WAIT; those that are ready are equally likely. OBJECT_OK: *RET
 * is the one, and its `result` says how. OBJECT_EWOULDBLOCK (NO_WAIT: none is ready), _ECANCELED, _EDEADLINE, _EENDED,
 * _ESHUTDOWN, _ENOMEM: none happened. Without a case that has an object it waits until it is stopped. */
int select_wait(struct entry *entry, struct select_case *cases, size_t count, bool no_wait, struct select_case **ret);

#endif
