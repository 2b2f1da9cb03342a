/* SPDX-License-Identifier: MIT
 *
 * wait.h - the runtime's own side of the suspend primitive.
 */
#ifndef BATON_RUNTIME_WAIT_H
#define BATON_RUNTIME_WAIT_H

#include "runtime/co.h"

/* Binds WAIT to CONTEXT, so that the context's end claims it. 0, or the error of a context that has ended: not bound.
 */
int co_context_bind(struct co_context *context, struct co_wait *wait);

/* Undoes it; nothing if the context's end has taken it out already. */
void co_context_unbind(struct co_context *context, struct co_wait *wait);

/* A call that is to be made once a context has ended. ENDED must not park. */
struct co_context_call {
	struct list link;
	void (*ended)(struct co_context_call *call);
};

/* False, and nothing was done, if CONTEXT has ended. */
bool co_context_add_call(struct co_context *context, struct co_context_call *call);

/* True if it was still to be made, and now is not; false if it has been, or is about to be made. */
bool co_context_remove_call(struct co_context *context, struct co_context_call *call);

#endif
