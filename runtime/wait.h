/* SPDX-License-Identifier: MIT
 *
 * wait.h - the runtime's own side of the suspend primitive.
 */
#ifndef BATON_RUNTIME_WAIT_H
#define BATON_RUNTIME_WAIT_H

#include "runtime/co.h"
#include "runtime/run_queue.h"

struct co_p;

/* The bits of a wait's state: see wait.c. */
enum {
	CO_WAIT_CLAIMED = 1,
	CO_WAIT_READY = 2,
	CO_WAIT_PARKED = 4,
	CO_WAIT_AFTER_PARK = 8,  /* nobody else sees the wait before it has parked */
	CO_WAIT_ONE_BY_ONE = 16, /* nor do two at a time, ever */
};

/* How far a wait of the runtime's own can be reached. */
enum co_wait_reach {
	CO_WAIT_OPEN = 0,                                          /* by anyone at any time: as co_wait_init has it */
	CO_WAIT_BY_LOCKS = CO_WAIT_AFTER_PARK,                     /* by holders of locks that the park releases */
	CO_WAIT_BY_LOCK = CO_WAIT_AFTER_PARK | CO_WAIT_ONE_BY_ONE, /* of the one lock that it releases */
};

/* As co_wait_init. Where only locks that the park releases lead to the wait, nobody looks at it before its coroutine
 * has left its stack; and where it is one lock, no two at a time: then that is not paid for. Such a wait has neither
 * context nor deadline, and nothing but a claim ends it. */
static inline void co_wait_init_within(struct co_wait *wait, const char *reason, enum co_wait_reach reach)
{
	if (reach == CO_WAIT_OPEN) {
		co_wait_init(wait, reason);
		return;
	}
	atomic_init(&wait->state, reach);
	wait->winner = NULL;
	wait->on_park = NULL;
	wait->reason = reason;
}

/* Parks the caller as co_wait_park does, where WAIT is not CO_WAIT_OPEN. The claimer's result. */
int co_wait_park_within(struct co_wait *wait, struct co_spin *unlock);

/* The two for a wait under one lock, UNLOCK: such a one where there is no CONTEXT. */
static inline void co_wait_init_under(struct co_wait *wait, const char *reason, const struct co_context *context)
{
	co_wait_init_within(wait, reason, context == NULL ? CO_WAIT_BY_LOCK : CO_WAIT_OPEN);
}

static inline int co_wait_park_under(struct co_wait *wait, struct co_context *context, struct co_spin *unlock)
{
	return context == NULL ? co_wait_park_within(wait, unlock) : co_wait_park(wait, context, CO_NEVER, unlock);
}

/* The bodies of co_wait_claim and co_wait_ready. */
static inline bool co_wait_claim_inline(struct co_wait *wait, struct co_waiter *winner, int result)
{
	const unsigned state = atomic_load_explicit(&wait->state, memory_order_relaxed);

	if ((state & CO_WAIT_CLAIMED) != 0)
		return false;
	if ((state & CO_WAIT_ONE_BY_ONE) != 0)
		atomic_store_explicit(&wait->state, state | CO_WAIT_CLAIMED, memory_order_relaxed);
	else if ((atomic_fetch_or_explicit(&wait->state, CO_WAIT_CLAIMED, memory_order_acq_rel) & CO_WAIT_CLAIMED) != 0)
		return false;
	wait->winner = winner;
	wait->result = result;
	return true;
}

static inline void co_wait_ready_inline(struct co_wait *wait)
{
	/* Where it has parked already, nobody but the claimer, which is here, touches the state any more. */
	if ((atomic_load_explicit(&wait->state, memory_order_acquire) & CO_WAIT_PARKED) != 0 ||
		(atomic_fetch_add_explicit(&wait->state, CO_WAIT_READY, memory_order_acq_rel) & CO_WAIT_PARKED) != 0)
		co_make_runnable(wait->coroutine);
}

/* Binds WAIT to CONTEXT, so that the context's end claims it. 0, or the error of a context that has ended: not bound.
 */
int co_context_bind(struct co_context *context, struct co_wait *wait);

/* Undoes it; nothing if the context's end has taken it out already. */
void co_context_unbind(struct co_context *context, struct co_wait *wait);

/* Frees the memory of contexts that P has kept. */
void co_contexts_forget(struct co_p *p);

#endif
