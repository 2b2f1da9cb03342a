/* SPDX-License-Identifier: MIT
 *
 * poll.h - the scheduler's side of the poller.
 */
#ifndef BATON_RUNTIME_POLL_H
#define BATON_RUNTIME_POLL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/sched.h"

/* Opens the poller of a run. 0 or a negative errno. */
int co_poller_open(void);

/* Closes it: removals that were asked for are carried out, what is still registered is forgotten. By an M. */
void co_poller_close(void);

/* Takes the poller, if no other M has it: only one polls. */
static inline bool co_poller_take(void)
{
	return !atomic_load_explicit(&co_runtime.polling, memory_order_relaxed) &&
	       !atomic_exchange(&co_runtime.polling, true);
}

static inline void co_poller_release(void)
{
	atomic_store(&co_runtime.polling, false);
}

/* Takes in what the kernel has to report and calls on_events, then carries out what was asked for since. UNTIL is when
 * to come back at the latest, ns of CLOCK_MONOTONIC: 0 without sleeping, CO_NEVER not before something happens. By the
 * M that has the poller, on its own stack. */
void co_poller_poll(int64_t until);

/* Carries out what was asked for since the last poll; true if there was anything. By the M that has the poller. */
bool co_poller_carry_out(void);

/* True if something was asked for. */
bool co_poller_has_changes(void);

/* As co_poll_want_write, but does not wake the M that polls: co_poller_wake() is to follow. For callers under a lock.
 */
int co_poller_ask_write(struct co_poll *poll);

/* Ends the sleep of the M that polls, if it sleeps. From any thread. A system call then. */
void co_poller_wake(void);

/* How often the kernel was asked. */
uint64_t co_poller_polls(void);

#endif
