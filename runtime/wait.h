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

#endif
