/* SPDX-License-Identifier: MIT
 *
 * contexts.h - how ids and names lead to contexts, and for how long.
 *
 * An id is never used again; in a text it is "@" and 16 hexadecimal digits. A name belongs to the context that was made
 * with it last. "background", "todo" and "" are the root of all, which never ends. A context that has ended stays for a
 * while, so that all can learn of it; then its id is gone.
 * Lock order: the lock here is taken inside no other but a timer's, and holds none.
 */
#ifndef BATON_DAEMON_CONTEXTS_H
#define BATON_DAEMON_CONTEXTS_H

#include "daemon/objects/context.h"

#define CONTEXTS_KEPT_NS (60 * CO_SECOND)
#define CONTEXTS_TEXT_BYTES sizeof("@0123456789abcdef")

/* What looking for a context answers besides enum object_error and REGISTRY_EFULL. */
enum contexts_error {
	CONTEXTS_EGONE = -1100,   /* the id is none, or none any more: "context gone" */
	CONTEXTS_ENONE = -1101,   /* the name was never made, or is gone */
	CONTEXTS_EEXISTS = -1102, /* a context of this name lives */
	CONTEXTS_ENAME = -1103,   /* the name is the root's, or looks like an id */
};

/* Makes the root. KEPT_NS: for how long a context is kept that has ended. 0 or OBJECT_ENOMEM. */
int contexts_init(int64_t kept_ns);

/* Ends all contexts, and any that is made from now on. Within the run. */
void contexts_stop(void);

/* Does that too where it was not done, and forgets them. When no call is made any more, before registry_done(). */
void contexts_done(void);

/* The root, and one that has ended with "context gone"; valid until contexts_done(). */
struct context *contexts_background(void);
struct context *contexts_gone(void);

/* Makes a context of OPTIONS (id, ended and a NULL parent, which means the root, are filled in) called NAME ("": by its
 * id), cancelled by OWNER's end (NULL: nobody's). The reference in *RET is the caller's: registry_release(). 0,
 * OBJECT_ENOMEM, _EENDED, REGISTRY_EFULL, CONTEXTS_EEXISTS or _ENAME. */
int contexts_make(const char *name, struct context_options *options, struct owner *owner, struct context **ret);

/* The context that TEXT, an id or a name, leads to, with a reference for the caller: registry_release(). 0,
 * CONTEXTS_EGONE or CONTEXTS_ENONE. */
int contexts_find(const char *text, struct context **ret);

/* Cancels CONTEXT with "deleted" and forgets it at once. Not the root. */
void contexts_delete(struct context *context);

/* ID as text. */
void contexts_format(uint64_t id, char text[CONTEXTS_TEXT_BYTES]);

/* Whether TEXT has the form of an id. */
bool contexts_is_id(const char *text);

#endif
