/* SPDX-License-Identifier: MIT
 *
 * wait.h - the runtime's own side of the suspend primitive.
 */
#ifndef BATON_RUNTIME_WAIT_H
#define BATON_RUNTIME_WAIT_H

#include "runtime/co.h"

/* How far a wait of the runtime's own can be reached, beyond what co_wait_park is told. */
enum co_wait_reach {
	CO_WAIT_OPEN,     /* by anyone at any time: as co_wait_init has it */
	CO_WAIT_BY_LOCKS, /* by who holds one of the locks that the park releases */
	CO_WAIT_BY_LOCK,  /* by who holds the one lock that the park releases */
};

/* As co_wait_init. Where only locks that the park releases lead to the wait, nobody looks at it before its coroutine
 * has left its stack; and where it is one lock, no two at a time: then that is not paid for. The park must be told of
 * no deadline and no context. */
void co_wait_init_within(struct co_wait *wait, const char *reason, enum co_wait_reach reach);

/* Binds WAIT to CONTEXT, so that the context's end claims it. 0, or the error of a context that has ended: not bound.
 */
int co_context_bind(struct co_context *context, struct co_wait *wait);

/* Undoes it; nothing if the context's end has taken it out already. */
void co_context_unbind(struct co_context *context, struct co_wait *wait);

#endif
