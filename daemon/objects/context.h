/* SPDX-License-Identifier: MIT
 *
 * context.h - a named context: Go's context.Context, whose end reaches every call that is bound to it or below it.
 *
 * The tree, the deadlines and the way of an end are the runtime's; this adds an id and a name, values, an owner whose
 * end cancels it, and waiting for its end. How ids and names lead to contexts is in daemon/contexts.h.
 */
#ifndef BATON_OBJECTS_CONTEXT_H
#define BATON_OBJECTS_CONTEXT_H

#include "base/table.h"
#include "daemon/objects/message.h"
#include "daemon/objects/object.h"
#include "daemon/objects/select.h"

extern const struct object_type context_type;

/* Its end as a case: ready once it has ended. */
extern const struct case_type context_done_case;

struct context;

/* A value that a context carries. */
struct context_value {
	const char *key;
	struct message *value;
};

struct context_options {
	uint64_t id;
	struct context *parent; /* NULL: it is the root of a tree */
	int64_t deadline_ns;    /* of co_now(); CO_NEVER: no other than the parent's */
	const struct context_value *values;
	size_t value_count; /* of two with the same key the later counts */
	/* Called once when it has ended, by who ended it: without a lock, it must not park. May be NULL. */
	void (*ended)(struct context *context);
};

/* Makes a context, which lives or, under a parent that has ended, has ended. Its values are copied, or get a reference.
 * The reference in *RET is the caller's. 0 or OBJECT_ENOMEM. A context is freed only once it has ended, or if it was
 * never started. */
int context_new(const char *name, const struct context_options *options, struct context **ret);
struct object *context_object(struct context *context);
struct context *context_of(struct object *object); /* OBJECT must be one */

/* Lets it take part: it stands among its parent's children, OWNER's end cancels it (NULL: nobody's does), options.ended
 * will be called. Once. 0; OBJECT_EENDED, cancelled, when the owner has ended. */
int context_start(struct context *context, struct owner *owner);

/* Takes it out of its parent's children, for lists. */
void context_leave_parent(struct context *context);

uint64_t context_id(const struct context *context);
struct context *context_parent(const struct context *context); /* valid as long as it; NULL: none */
bool context_is_owned(struct context *context);

/* The runtime's context, for entry.context. Valid as long as the object. */
struct co_context *context_runtime(const struct context *context);

/* 0 while it lives; OBJECT_ECANCELED or OBJECT_EDEADLINE. */
int context_error(const struct context *context);

/* Whether ANCESTOR is it, or above it. */
bool context_is_below(const struct context *context, const struct context *ancestor);

/* Ends it and all below it with CAUSE (cut at 127 bytes; NULL: "context canceled"), in steps, the marking first. When
 * this returns no call bound to one of them is granted anything any more. Not under any lock; never parks. A second
 * cancel changes nothing. */
void context_cancel(struct context *context, const char *cause);

/* Blocks until it has ended. 0; OBJECT_ECANCELED, _EDEADLINE, _EENDED, _ESHUTDOWN, _ENOMEM of the call itself. */
int context_wait(struct context *context, struct entry *entry);

/* The value of KEY that it or its nearest ancestor has, with a reference for the caller; NULL: none. */
struct message *context_value(const struct context *context, const char *key);

/* Its children behind the one of number AFTER (0: from the first) in the order in which they came: up to LIMIT, each
 * with a reference for the caller, into RET, which has room for one more. Returns how many; *RET_MORE tells whether
 * there are more. */
size_t context_children(struct context *context, uint64_t after, size_t limit, struct context **ret, bool *ret_more);

/* Its number among its parent's children, from 1. */
uint64_t context_number(const struct context *context);

/* For daemon/contexts.c: its link in the table of ids, and in the list of those that have ended. */
struct context_places {
	struct table_link by_id;
	struct list recent;
	int64_t ended_ns;
	bool is_known; /* it has an id's place and a reference by it */
};
struct context_places *context_places(struct context *context);
struct context *context_at(struct context_places *places);

#endif
