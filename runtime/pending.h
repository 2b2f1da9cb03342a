/* SPDX-License-Identifier: MIT
 *
 * pending.h - calls to come: what co_after_func and co_context_after_func are made of.
 */
#ifndef BATON_RUNTIME_PENDING_H
#define BATON_RUNTIME_PENDING_H

#include "runtime/co.h"

/* A call of FUNCTION(ARG) that is not to come yet: co_pending_arm() sees to that. Reports name its coroutine by SITE.
 * IS_WANTED: the caller has a hold on it, too, and gives it up with co_pending_stop(). 0, CO_ENOMEM, or CO_EINVAL where
 * no coroutine and no callback runs. */
int co_pending_new(void (*function)(void *arg), void *arg, const char *site, bool is_wanted, struct co_pending **ret);

/* Has the call made at WHEN. Once for each call. 0 or CO_ENOMEM. As co_timer_arm for *RET_WAKE_POLLER. */
int co_pending_arm(struct co_pending *pending, int64_t when, bool *ret_wake_poller);

/* Drops a call that was never armed. */
void co_pending_drop(struct co_pending *pending);

#endif
