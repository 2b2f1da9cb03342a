/* SPDX-License-Identifier: MIT
 *
 * once.h - a named once: of all who call, one runs; the others wait for the value that it completes with.
 *
 * As Go's sync.OnceValue between processes, but for a runner that fails or dies: then the next caller runs.
 */
#ifndef BATON_OBJECTS_ONCE_H
#define BATON_OBJECTS_ONCE_H

#include "daemon/objects/message.h"
#include "daemon/objects/object.h"
#include "daemon/objects/select.h"

#define ONCE_FOR_EVER CO_NEVER

extern const struct object_type once_type;

/* For a select: happens when it is done. The seat's `slot` comes out as a reference to the value, a struct message. */
extern const struct case_type once_case_done;

struct once;

/* What a caller gets: the run, or the value. */
struct once_outcome {
	bool run;
	uint64_t token;        /* run: to complete it or to fail it with */
	bool abandoned;        /* run: the runner before died */
	struct message *value; /* else: a reference, the caller's */
};

/* Makes one that nobody ran, for registry_open: UNUSED is NULL. The reference in *RET is the caller's. 0 or
 * OBJECT_ENOMEM. */
int once_make(const char *name, void *unused, struct object **ret);
struct once *once_of(struct object *object); /* OBJECT must be one */

/* Gets the value, or the run where nobody has that; waits, unless NO_WAIT, while somebody has. Callers that wait become
 * runners in the order they came. Errors: OBJECT_EWOULDBLOCK, _ECANCELED, _EDEADLINE, _EENDED, _ESHUTDOWN, _ENOMEM;
 * after any of them the caller has no run. */
int once_do(struct once *once, struct entry *entry, bool no_wait, struct once_outcome *ret);

/* Ends the run of TOKEN, whoever presents it, with VALUE (of which a reference is taken), which is kept until KEEP_NS
 * (of co_now(); ONCE_FOR_EVER): all callers that wait get it. HOLDER (may be NULL) is called as mutex_unlock() does. 0;
 * OBJECT_ESTALE: that run is over, and nothing changed. */
int once_complete(struct once *once, uint64_t token, struct message *value, int64_t keep_ns, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg);

/* Ends the run of TOKEN without a value: the next caller runs. Otherwise as once_complete. */
int once_fail(struct once *once, uint64_t token, int64_t now_ns, void (*holder)(const struct hold *hold, void *arg),
	void *arg);

/* A reference to the value; NULL: it is not done. */
struct message *once_get(struct once *once, int64_t now_ns);

/* Forgets the value, so that the next caller runs. False, and nothing changes, where it is not done. */
bool once_reset(struct once *once, int64_t now_ns);

#endif
