/* SPDX-License-Identifier: MIT
 *
 * context.h - what the blocking client needs of contexts beyond baton.h: to be called when one ends.
 *
 * Lock order: the contexts' lock (one for all) -> the clients' list -> a client.
 */
#ifndef BATON_CLIENTLIB_CONTEXT_H
#define BATON_CLIENTLIB_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "clientlib/baton.h"

/* Somebody to be called when a context is cancelled. Its memory is the caller's. */
struct context_watch {
	struct list link;
	void (*on_cancel)(struct context_watch *watch);
};

/* Has ON_CANCEL called, under the contexts' lock, once CONTEXT is cancelled, from the thread that cancels it; deadlines
 * are the watcher's own to keep. False, and nothing is registered, if it is cancelled already or has no lock to take:
 * NULL. */
bool context_watch(baton_context *context, struct context_watch *watch);

/* Ends it. When this returns ON_CANCEL does not run and will not. Needs no prior context_watch() of a zeroed watch. */
void context_unwatch(struct context_watch *watch);

/* The context's deadline on the monotonic clock; INT64_MAX: none. NULL has none. */
int64_t context_deadline(const baton_context *context);

/* Holds the contexts' lock over a fork(), so that the child finds it free. */
void context_lock_for_fork(void);
void context_unlock_after_fork(void);

#endif
