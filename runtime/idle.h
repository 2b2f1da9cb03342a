/* SPDX-License-Identifier: MIT
 *
 * idle.h - Ms without work: looking for it, sleeping, and being woken.
 */
#ifndef BATON_RUNTIME_IDLE_H
#define BATON_RUNTIME_IDLE_H

#include <stdatomic.h>

#include "runtime/sched.h"

/* Prepares for the Ms of a run. All but the first begin asleep. */
void co_idle_open(void);

/* For an M whose P has nothing to run: does what was put off, steals, fires timers, or sleeps until there may be
 * something. The coroutine to run; NULL: look again. */
struct co *co_find_work(struct co_m *m);

/* The first sleep of an M's thread. */
void co_idle_begin(struct co_m *m);

/* M, which was asleep in the poller, has work by what the poller reports: it is idle no more. */
void co_idle_leave(struct co_m *m);

/* Wakes an idle M, which will look for work; nothing if there is none. From any thread. */
void co_idle_wake_one(void);

/* Wakes every M, to see that the run is stopping. */
void co_idle_wake_all(void);

/* To be called once work is in a queue where others find it: wakes an M, unless none is idle or one looks already. */
static inline void co_offer_work(void)
{
	if (atomic_load(&co_runtime.idle) > 0 && atomic_load(&co_runtime.searching) == 0)
		co_idle_wake_one();
}

#endif
