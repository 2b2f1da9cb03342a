/* SPDX-License-Identifier: MIT
 *
 * local.h - the one way to thread-local state.
 *
 * Compilers keep the address of a thread-local object over a call, and a coroutine may be on another thread after one
 * that parks. So nothing else in the runtime is thread-local, and the accessor is opaque to its callers.
 */
#ifndef BATON_RUNTIME_LOCAL_H
#define BATON_RUNTIME_LOCAL_H

struct co_m;

/* The M that the calling thread is; NULL for a thread that the runtime does not run. Ask again after every park. */
struct co_m *co_m_self(void);

void co_m_set_self(struct co_m *m);

#endif
