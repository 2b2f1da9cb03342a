/* SPDX-License-Identifier: MIT
 *
 * service_lock.h - what the services of mutexes, RWMutexes and semaphores have in common.
 */
#ifndef BATON_DAEMON_SERVICE_LOCK_H
#define BATON_DAEMON_SERVICE_LOCK_H

#include "daemon/call.h"
#include "daemon/objects/lock.h"
#include "daemon/registry.h"

/* One kind of lock. */
struct lock_kind {
	const char *name; /* "mutex" */
	enum object_kind kind;
	enum object_kind other; /* in the same name space */
	const char *unlocked;   /* in Go's words: nobody has what is to be given back */
	/* As registry_open's: ARG is a struct lock_options. */
	int (*make)(const char *name, void *arg, struct object **ret);
	/* As lock_options_conflict. */
	const char *(*conflict)(struct object *object, const struct lock_options *wanted);
};

/* Finds the lock called NAME, with a reference; NULL: there is none, and *RET_STATUS is the answer to the call. */
struct object *lock_find(struct call *call, const struct lock_kind *kind, const char *name, int *ret_status);

/* The lock called NAME, made with WANTED if it is not there, for a call that may be granted it. Parks. NULL: as
 * lock_find. */
struct object *lock_open(struct call *call, const struct lock_kind *kind, const char *name,
	const struct lock_options *wanted, int *ret_status);

/* A grant to the caller may follow: the state file must know of it. Parks. 0, or the status of the failed call. */
int lock_prepare_grant(struct call *call, const char *kind, const char *name);

/* The options of a request; false: the delay is longer than an hour, and *RET_STATUS says so. */
bool lock_read_options(struct call *call, bool fifo, uint64_t delay_us, struct lock_options *ret, int *ret_status);

/* Ends the call with what an object said. */
int lock_fail(struct call *call, const struct lock_kind *kind, const char *name, int error);

/* Somebody whose hold the caller gives back. */
struct lock_loser {
	const struct session *caller;
	struct session *session; /* NULL: it is the caller's own; else a reference */
};

/* For the HOLDER of an unlock, with a struct lock_loser. */
void lock_note_loser(const struct hold *hold, void *loser);

/* Tells the loser, if there is one, that its hold of TOKEN was ended. */
void lock_tell_loser(const struct lock_loser *loser, const char *kind, const char *name, uint64_t token);

#endif
