/* SPDX-License-Identifier: MIT
 *
 * timer.c - timers on 4-ary heaps, one heap per P.
 *
 * The heap's entries carry the time beside the pointer, so that four children fill one cache line. A timer knows its
 * place, and is taken out for good when it is stopped.
 *
 * Invariants: entry i's timer has heap_index i + 1; no entry is later than its children; `next` is entry 0's time.
 * heap_index is FIRING from the moment a timer leaves the heap to fire.
 * Lock: timers->lock guards the heap and heap_index of the timers in it. `fired` is called without it.
 */
#include "runtime/timer.h"

#include <sched.h>

#include "base/memory.h"
#include "runtime/local.h"
#include "runtime/sched.h"

enum {
	ARITY = 4,
	CAPACITY_MIN = 64,
	FIRE_STEP = 64,
	OWNER_BITS = 12,
};

#define FIRING UINT32_MAX

static uint32_t index_of(const struct co_timer *timer)
{
	return __atomic_load_n(&timer->heap_index, __ATOMIC_ACQUIRE);
}

static void set_index(struct co_timer *timer, uint32_t index)
{
	__atomic_store_n(&timer->heap_index, index, __ATOMIC_RELEASE);
}

/* What heap_owner holds: the number of the P, and of the run, so that a timer that a former run left armed counts as
 * stopped. */
static uint32_t owner_of(const struct co_timers *timers)
{
	return co_runtime.run_number << OWNER_BITS | timers->owner;
}

static struct co_timers *heap_of(const struct co_timer *timer)
{
	return &co_runtime.ps[timer->heap_owner & ((1U << OWNER_BITS) - 1)].timers;
}

static bool is_armed(const struct co_timer *timer)
{
	uint32_t index = index_of(timer);

	return index != 0 && index != FIRING && co_runtime.proc_count > 0 &&
	       timer->heap_owner >> OWNER_BITS == (co_runtime.run_number & (UINT32_MAX >> OWNER_BITS));
}

/* ---- the heap -------------------------------------------------------------------------------- */

static void place(struct co_timers *timers, size_t at, struct co_timer_entry entry)
{
	timers->entries[at] = entry;
	set_index(entry.timer, (uint32_t)at + 1);
}

static void sift_up(struct co_timers *timers, size_t at, struct co_timer_entry entry)
{
	while (at > 0) {
		size_t parent = (at - 1) / ARITY;

		if (timers->entries[parent].when <= entry.when)
			break;
		place(timers, at, timers->entries[parent]);
		at = parent;
	}
	place(timers, at, entry);
}

static void sift_down(struct co_timers *timers, size_t at, struct co_timer_entry entry)
{
	for (;;) {
		size_t first = at * ARITY + 1;
		size_t least = first;

		if (first >= timers->count)
			break;
		for (size_t child = first + 1; child < first + ARITY && child < timers->count; child++)
			if (timers->entries[child].when < timers->entries[least].when)
				least = child;
		if (timers->entries[least].when >= entry.when)
			break;
		place(timers, at, timers->entries[least]);
		at = least;
	}
	place(timers, at, entry);
}

static void update_next(struct co_timers *timers)
{
	int64_t next = timers->count > 0 ? timers->entries[0].when : CO_NEVER;

	atomic_store_explicit(&timers->next, next, memory_order_relaxed);
}

static void reposition(struct co_timers *timers, size_t at, struct co_timer_entry entry)
{
	if (at > 0 && entry.when < timers->entries[(at - 1) / ARITY].when)
		sift_up(timers, at, entry);
	else
		sift_down(timers, at, entry);
}

static void take_out(struct co_timers *timers, size_t at)
{
	struct co_timer_entry last = timers->entries[--timers->count];

	if (at < timers->count)
		reposition(timers, at, last);
	update_next(timers);
}

static int make_room(struct co_timers *timers)
{
	size_t capacity = timers->capacity == 0 ? CAPACITY_MIN : timers->capacity * 2;
	struct co_timer_entry *entries;

	if (timers->count < timers->capacity)
		return 0;
	if (capacity >= FIRING)
		return CO_ENOMEM;
	entries = memory_realloc(timers->entries, capacity * sizeof(*entries));
	if (entries == NULL)
		return CO_ENOMEM;
	timers->entries = entries;
	timers->capacity = capacity;
	return 0;
}

/* ---- for the scheduler ----------------------------------------------------------------------- */

void co_timers_init(struct co_timers *timers, uint32_t owner)
{
	*timers = (struct co_timers){.owner = owner, .next = CO_NEVER};
}

void co_timers_done(struct co_timers *timers)
{
	memory_free(timers->entries);
	co_timers_init(timers, timers->owner);
}

bool co_timers_fire(struct co_timers *timers, int64_t now)
{
	unsigned fired = 0;

	while (fired < FIRE_STEP && co_timers_next(timers) <= now) {
		struct co_timer *timer = NULL;

		co_spin_lock(&timers->lock);
		if (timers->count > 0 && timers->entries[0].when <= now) {
			timer = timers->entries[0].timer;
			take_out(timers, 0);
			set_index(timer, FIRING);
		}
		co_spin_unlock(&timers->lock);
		if (timer == NULL)
			break;
		timer->fired(timer);
		fired++;
	}
	if (fired > 0)
		atomic_fetch_add_explicit(&timers->fired, fired, memory_order_relaxed);
	return fired > 0;
}

bool co_timer_has_fired(const struct co_timer *timer)
{
	return index_of(timer) == FIRING;
}

void co_timer_set_ended(struct co_timer *timer)
{
	set_index(timer, 0);
}

void co_timer_wait_ended(const struct co_timer *timer)
{
	while (index_of(timer) == FIRING)
		sched_yield();
}

/* ---- for everyone ---------------------------------------------------------------------------- */

int co_timer_start(struct co_timer *timer, int64_t when)
{
	struct co_m *m = co_m_self();
	struct co_timers *timers;
	int r = 0;

	if (m == NULL)
		return CO_EINVAL;
	timers = is_armed(timer) ? heap_of(timer) : &m->p->timers;
	co_spin_lock(&timers->lock);
	if (is_armed(timer)) {
		timer->when = when;
		reposition(timers, index_of(timer) - 1, (struct co_timer_entry){when, timer});
	} else {
		r = make_room(timers);
		if (r == 0) {
			timer->when = when;
			timer->heap_owner = owner_of(timers);
			sift_up(timers, timers->count++, (struct co_timer_entry){when, timer});
		}
	}
	update_next(timers);
	co_spin_unlock(&timers->lock);
	return r;
}

bool co_timer_stop(struct co_timer *timer)
{
	struct co_timers *timers;
	bool stopped = false;

	if (!is_armed(timer))
		return false;
	timers = heap_of(timer);
	co_spin_lock(&timers->lock);
	if (is_armed(timer)) {
		take_out(timers, index_of(timer) - 1);
		set_index(timer, 0);
		stopped = true;
	}
	co_spin_unlock(&timers->lock);
	return stopped;
}
