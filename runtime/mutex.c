/* SPDX-License-Identifier: MIT
 *
 * mutex.c - Go's sync.Mutex for coroutines (after the comment in Go's sync/mutex.go).
 *
 * Normal mode: unlock wakes the oldest waiter, which competes with newcomers and goes back to the front of the queue if
 * it loses. Once a waiter has waited 1 ms, starvation mode: unlock hands the mutex to the oldest waiter, newcomers
 * queue at the end. It ends when the mutex goes to the last waiter or to one that waited less than 1 ms.
 *
 * A newcomer spins for a moment before it parks, under Go's five conditions: the mutex is locked and not starving, it
 * has not spun often, there is more than one processor, another P runs something, and nothing waits to run on this
 * one.
 *
 * Uncontended, both are one compare-and-swap on `state`, inlined in co.h. The slow paths set CONTENDED, which sends
 * everyone there.
 *
 * Invariants: CONTENDED is set while anyone waits or competes. starving implies LOCKED (a hand-over leaves it set).
 * `woken` is true from the moment a waiter is woken to compete until it has competed or given up: no second one is
 * woken meanwhile. Lock: mutex->lock guards all fields but `state`, and is held where CONTENDED changes.
 */
#include "runtime/co.h"
#include "runtime/sched.h"
#include "runtime/wait.h"

#define STARVES_NS (1 * CO_MILLISECOND)

enum {
	SPINS = 4,
	PAUSES_PER_SPIN = 30,
};

/* How a wait in the queue ends, besides the context's errors. */
enum verdict {
	COMPETE = 0,
	HANDED_OVER = 1,
};

/* The bits of `state`. */
enum {
	LOCKED = 1, /* as in co.h */
	CONTENDED = 2,
};

bool co_mutex_try_lock(struct co_mutex *mutex)
{
	unsigned state = atomic_load_explicit(&mutex->state, memory_order_relaxed);

	while ((state & LOCKED) == 0)
		if (atomic_compare_exchange_weak_explicit(
			    &mutex->state, &state, state | LOCKED, memory_order_acquire, memory_order_relaxed))
			return true;
	return false;
}

/* Under the lock: takes the mutex if it is free; else, in one step, makes its holder's unlock look further. */
static bool lock_or_contend(struct co_mutex *mutex)
{
	return (atomic_fetch_or(&mutex->state, LOCKED | CONTENDED) & LOCKED) == 0;
}

static bool is_locked(struct co_mutex *mutex)
{
	return (atomic_load(&mutex->state) & LOCKED) != 0;
}

static bool is_starving(struct co_mutex *mutex)
{
	return __atomic_load_n(&mutex->starving, __ATOMIC_RELAXED);
}

/* Under the lock; who spins looks without it. */
static void set_starving(struct co_mutex *mutex, bool is)
{
	__atomic_store_n(&mutex->starving, is, __ATOMIC_RELAXED);
}

/* The end of every slow path under the lock: back to the fast one if nobody waits or competes. */
static void settle(struct co_mutex *mutex)
{
	if (co_waitq_first(&mutex->waiters) != NULL || mutex->woken)
		return;
	set_starving(mutex, false);
	atomic_fetch_and(&mutex->state, ~(unsigned)CONTENDED);
}

/* Wakes the oldest waiter to compete, if nobody competes already. The wait to be readied after the lock, or NULL. */
static struct co_wait *wake_one(struct co_mutex *mutex)
{
	struct co_waiter *waiter;

	if (mutex->woken)
		return NULL;
	while ((waiter = co_waitq_pop(&mutex->waiters)) != NULL) {
		if (!co_wait_claim(waiter->wait, waiter, COMPETE))
			continue;
		mutex->woken = true;
		return waiter->wait;
	}
	return NULL;
}

/* Hands the mutex, which stays locked, to the oldest waiter; unlocks it if there is none. */
static struct co_wait *hand_over(struct co_mutex *mutex)
{
	struct co_waiter *waiter;

	while ((waiter = co_waitq_pop(&mutex->waiters)) != NULL)
		if (co_wait_claim(waiter->wait, waiter, HANDED_OVER))
			return waiter->wait;
	set_starving(mutex, false);
	atomic_fetch_and(&mutex->state, ~(unsigned)LOCKED);
	return NULL;
}

int co_mutex_unlock_slowly(struct co_mutex *mutex)
{
	struct co_wait *ready = NULL;
	int r = 0;

	co_spin_lock(&mutex->lock);
	if (!is_locked(mutex)) {
		r = CO_EUNLOCKED;
	} else if (is_starving(mutex)) {
		ready = hand_over(mutex);
	} else {
		atomic_fetch_and(&mutex->state, ~(unsigned)LOCKED);
		ready = wake_one(mutex);
	}
	settle(mutex);
	co_spin_unlock(&mutex->lock);
	if (ready != NULL)
		co_wait_ready(ready);
	return r;
}

/* Gives up waiting; the lock is held and released. A wake-up that this waiter had goes to the next. */
static void give_up(struct co_mutex *mutex, bool was_woken)
{
	struct co_wait *ready = NULL;

	if (was_woken)
		mutex->woken = false;
	if (!is_locked(mutex))
		ready = wake_one(mutex);
	settle(mutex);
	co_spin_unlock(&mutex->lock);
	if (ready != NULL)
		co_wait_ready(ready);
}

static void pause_briefly(void)
{
	for (int i = 0; i < PAUSES_PER_SPIN; i++) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("yield");
#endif
	}
}

/* Spins while that may pay; true if it got the mutex. */
static bool spin(struct co_mutex *mutex)
{
	for (int i = 0; i < SPINS; i++) {
		if (co_mutex_try_lock(mutex))
			return true;
		if (is_starving(mutex) || !co_spinning_pays())
			return false;
		pause_briefly();
	}
	return false;
}

/* Queues and parks once; the lock is held and released. */
static int wait_in_queue(struct co_context *context, struct co_mutex *mutex, bool was_woken)
{
	struct co_waiter waiter;
	struct co_wait wait;
	int r;

	co_wait_init_under(&wait, "sync.Mutex.Lock", context);
	if (was_woken)
		co_waitq_push_front(&mutex->waiters, &waiter, &wait);
	else
		co_waitq_push(&mutex->waiters, &waiter, &wait);
	r = co_wait_park_under(&wait, context, &mutex->lock);
	if (r < 0) {
		co_spin_lock(&mutex->lock);
		co_waitq_remove(&mutex->waiters, &waiter);
		settle(mutex);
		co_spin_unlock(&mutex->lock);
	}
	return r;
}

/* The mutex was handed to this waiter, which has waited since SINCE. */
static void leave_starvation(struct co_mutex *mutex, int64_t since)
{
	co_spin_lock(&mutex->lock);
	if (co_waitq_first(&mutex->waiters) == NULL || co_now() - since < STARVES_NS)
		set_starving(mutex, false);
	settle(mutex);
	co_spin_unlock(&mutex->lock);
}

static int wait_for_lock(struct co_context *context, struct co_mutex *mutex)
{
	int64_t since = co_now();
	bool was_woken = false;
	int r;

	if (spin(mutex))
		return 0;
	for (;;) {
		bool starves = was_woken && co_now() - since >= STARVES_NS;

		co_spin_lock(&mutex->lock);
		if (lock_or_contend(mutex)) {
			if (was_woken)
				mutex->woken = false;
			settle(mutex);
			co_spin_unlock(&mutex->lock);
			return 0;
		}
		r = co_context_error(context);
		if (r != 0) {
			give_up(mutex, was_woken);
			return r;
		}
		if (was_woken)
			mutex->woken = false;
		if (starves)
			set_starving(mutex, true);
		r = wait_in_queue(context, mutex, was_woken);
		if (r == HANDED_OVER)
			leave_starvation(mutex, since);
		if (r != COMPETE)
			return r < 0 ? r : 0;
		was_woken = true;
	}
}

int co_mutex_lock_slowly(struct co_context *context, struct co_mutex *mutex)
{
	int r = co_context_error(context);

	if (r != 0)
		return r;
	if (co_mutex_try_lock(mutex))
		return 0;
	return wait_for_lock(context, mutex);
}
