/* SPDX-License-Identifier: MIT
 *
 * timer.h - a P's timers: a 4-ary heap on nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef BATON_RUNTIME_TIMER_H
#define BATON_RUNTIME_TIMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/co.h"

struct co_p;

/* How late a busy P may be with its timers before other Ms fire them. */
#define CO_TIMERS_GRACE_NS (1 * CO_MILLISECOND)

struct co_timer_entry {
	int64_t when;
	struct co_timer *timer;
};

struct co_timers {
	struct co_spin lock;
	uint32_t owner; /* the number of the P */
	size_t count;
	size_t capacity;
	struct co_timer_entry *entries;
	_Atomic int64_t next; /* when the first is due; CO_NEVER if there is none */
	atomic_ullong fired;
};

void co_timers_init(struct co_timers *timers, uint32_t owner);

/* Frees the heap. Timers that are still armed are not touched; they count as stopped once the run has ended. */
void co_timers_done(struct co_timers *timers);

/* Calls the timers that are due at NOW, a bounded number of them. True if it called any. On the thread's own stack. */
bool co_timers_fire(struct co_timers *timers, int64_t now);

/* Fires what is due of the other Ps' timers: an idle P's at once, a busy one's after the grace. True if it called any.
 * On P's thread. */
bool co_timers_fire_others(struct co_p *p, int64_t now);

/* As co_timer_start; where the M that sleeps in the poller must be woken for it, tells so, and leaves it to the caller.
 * For callers that hold a lock. */
int co_timer_arm(struct co_timer *timer, int64_t when, bool *ret_wake_poller);

static inline int64_t co_timers_next(struct co_timers *timers)
{
	return atomic_load_explicit(&timers->next, memory_order_relaxed);
}

/* True once it left the heap to fire, until it is started again or declared ended. */
bool co_timer_has_fired(const struct co_timer *timer);

/* For a `fired` function whose timer's memory may go as soon as its owner sees that it has ended: the function's last
 * access says so with co_timer_set_ended, and the owner, where co_timer_stop said false, waits in co_timer_wait_ended.
 */
void co_timer_set_ended(struct co_timer *timer);
void co_timer_wait_ended(const struct co_timer *timer);

#endif
