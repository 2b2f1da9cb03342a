/* SPDX-License-Identifier: MIT
 *
 * timer.c - timers on 4-ary heaps, one heap per P.
 *
 * The heap's entries carry the time beside the pointer, so that four children fill one cache line. A timer knows its
 * place, and is taken out for good when it is stopped.
 *
 * A timer stays in the heap that it was put into, whichever P starts it anew, stops it or fires it.
 *
 * Invariants: entry i's timer has heap_index i + 1; no entry is later than its children; `next` is entry 0's time.
 * heap_index is FIRING from the moment a timer leaves the heap to fire, and ENTERING while one thread puts it into its
 * own P's heap: so of two that start a stopped timer one waits for the other. heap_owner changes only under ENTERING.
 * Lock: timers->lock guards the heap, and heap_index and heap_owner of the timers in it. `fired` is called without it.
 */
#include "runtime/timer.h"

#include <sched.h>

#include "base/memory.h"
#include "runtime/local.h"
#include "runtime/poll.h"
#include "runtime/sched.h"

enum {
	ARITY = 4,
	CAPACITY_MIN = 64,
	FIRE_STEP = 64,
	OWNER_BITS = 12,
};

#define FIRING UINT32_MAX
#define ENTERING (UINT32_MAX - 1)

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

static uint32_t owner_in(const struct co_timer *timer)
{
	return __atomic_load_n(&timer->heap_owner, __ATOMIC_RELAXED);
}

static bool is_armed(const struct co_timer *timer)
{
	uint32_t index = index_of(timer);

	return index != 0 && index < ENTERING && co_runtime.proc_count > 0 &&
	       owner_in(timer) >> OWNER_BITS == (co_runtime.run_number & (UINT32_MAX >> OWNER_BITS));
}

/* Takes the lock of the heap that TIMER is in; NULL, and no lock, if it is not armed. */
static struct co_timers *lock_heap_of(const struct co_timer *timer)
{
	while (is_armed(timer)) {
		uint32_t owner = owner_in(timer);
		struct co_timers *timers = &co_runtime.ps[owner & ((1U << OWNER_BITS) - 1)].timers;

		co_spin_lock(&timers->lock);
		if (is_armed(timer) && owner_in(timer) == owner)
			return timers;
		co_spin_unlock(&timers->lock);
	}
	return NULL;
}

int64_t co_deadline_after(int64_t now, int64_t duration_ns)
{
	if (duration_ns <= 0)
		return now;
	return now > CO_NEVER - duration_ns ? CO_NEVER : now + duration_ns;
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

/* Sequentially consistent where it changes, for the sake of the M that sleeps in the poller: see idle.c. */
static void update_next(struct co_timers *timers)
{
	int64_t next = timers->count > 0 ? timers->entries[0].when : CO_NEVER;

	if (co_timers_next(timers) == next)
		return;
	if (co_runtime.proc_count > 1)
		atomic_store(&timers->next, next);
	else
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
	if (capacity >= ENTERING)
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

bool co_timers_fire_others(struct co_p *p, int64_t now)
{
	bool any = false;

	for (unsigned i = 0; i < co_runtime.proc_count; i++) {
		struct co_p *other = &co_runtime.ps[i];
		int64_t next = co_timers_next(&other->timers);

		if (next > now || other == p)
			continue;
		if (atomic_load(&other->is_idle) || next + CO_TIMERS_GRACE_NS <= now)
			any |= co_timers_fire(&other->timers, now);
	}
	return any;
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

/* Moves TIMER, which is in a heap whose lock is held. */
static void move(struct co_timers *timers, struct co_timer *timer, int64_t when)
{
	timer->when = when;
	reposition(timers, index_of(timer) - 1, (struct co_timer_entry){when, timer});
	update_next(timers);
	co_spin_unlock(&timers->lock);
}

/* Puts TIMER, which is in no heap, into one; false if another thread came first. */
static bool enter(struct co_timers *timers, struct co_timer *timer, int64_t when, int *ret)
{
	uint32_t former = index_of(timer);

	if (is_armed(timer) || former == ENTERING ||
		!__atomic_compare_exchange_n(
			&timer->heap_index, &former, ENTERING, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	co_spin_lock(&timers->lock);
	*ret = make_room(timers);
	if (*ret == 0) {
		timer->when = when;
		__atomic_store_n(&timer->heap_owner, owner_of(timers), __ATOMIC_RELAXED);
		sift_up(timers, timers->count++, (struct co_timer_entry){when, timer});
		update_next(timers);
	} else {
		set_index(timer, former);
	}
	co_spin_unlock(&timers->lock);
	return true;
}

int co_timer_arm(struct co_timer *timer, int64_t when, bool *ret_wake_poller)
{
	struct co_m *m = co_m_self();
	int r = 0;

	*ret_wake_poller = false;
	if (m == NULL)
		return CO_EINVAL;
	for (;;) {
		struct co_timers *timers = lock_heap_of(timer);

		if (timers != NULL)
			move(timers, timer, when);
		if (timers != NULL || enter(&m->p->timers, timer, when, &r))
			break;
	}
	if (co_runtime.proc_count > 1 && r == 0)
		*ret_wake_poller = atomic_load(&co_runtime.sleeping) &&
				   co_deadline_after(when, CO_TIMERS_GRACE_NS) < atomic_load(&co_runtime.sleeps_until);
	return r;
}

int co_timer_start(struct co_timer *timer, int64_t when)
{
	bool wake_poller;
	int r = co_timer_arm(timer, when, &wake_poller);

	if (wake_poller)
		co_poller_wake();
	return r;
}

bool co_timer_stop(struct co_timer *timer)
{
	struct co_timers *timers;

	while (index_of(timer) == ENTERING)
		sched_yield();
	timers = lock_heap_of(timer);
	if (timers == NULL)
		return false;
	take_out(timers, index_of(timer) - 1);
	set_index(timer, 0);
	co_spin_unlock(&timers->lock);
	return true;
}
