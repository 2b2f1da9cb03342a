/* SPDX-License-Identifier: MIT
 *
 * mutex.c - Go's sync.Mutex for coroutines (after the comment in Go's sync/mutex.go).
 *
 * Normal mode: unlock wakes the oldest waiter, which competes with newcomers and goes back to the front of the queue if
 * it loses. Once a waiter has waited 1 ms, starvation mode: unlock hands the mutex to the oldest waiter, newcomers
 * queue at the end. It ends when the mutex goes to the last waiter or to one that waited less than 1 ms.
 *
 * A newcomer spins for a moment before it parks, where another P may be about to unlock.
 *
 * Invariants: starving implies locked (a hand-over leaves it locked). `woken` is true from the moment a waiter is woken
 * to compete until it has competed or given up: no second one is woken meanwhile.
 * Lock: mutex->lock guards all fields.
 */
#include "runtime/co.h"
#include "runtime/sched.h"

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

static bool try_lock_held(struct co_mutex *mutex)
{
	if (mutex->locked)
		return false;
	mutex->locked = true;
	return true;
}

bool co_mutex_try_lock(struct co_mutex *mutex)
{
	bool locked;

	co_spin_lock(&mutex->lock);
	locked = try_lock_held(mutex);
	co_spin_unlock(&mutex->lock);
	return locked;
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
	mutex->starving = false;
	mutex->locked = false;
	return NULL;
}

int co_mutex_unlock(struct co_mutex *mutex)
{
	struct co_wait *ready = NULL;
	int r = 0;

	co_spin_lock(&mutex->lock);
	if (!mutex->locked) {
		r = CO_EUNLOCKED;
	} else if (mutex->starving) {
		ready = hand_over(mutex);
	} else {
		mutex->locked = false;
		ready = wake_one(mutex);
	}
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
	if (!mutex->locked)
		ready = wake_one(mutex);
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
	for (int i = 0; i < SPINS && co_spinning_pays(); i++) {
		pause_briefly();
		if (co_mutex_try_lock(mutex))
			return true;
	}
	return false;
}

/* Queues and parks once; the lock is held and released. */
static int wait_in_queue(struct co_context *context, struct co_mutex *mutex, bool was_woken)
{
	struct co_waiter waiter;
	struct co_wait wait;
	int r;

	co_wait_init(&wait, "sync.Mutex.Lock");
	if (was_woken)
		co_waitq_push_front(&mutex->waiters, &waiter, &wait);
	else
		co_waitq_push(&mutex->waiters, &waiter, &wait);
	r = co_wait_park(&wait, context, CO_NEVER, &mutex->lock);
	if (r < 0) {
		co_spin_lock(&mutex->lock);
		co_waitq_remove(&mutex->waiters, &waiter);
		co_spin_unlock(&mutex->lock);
	}
	return r;
}

/* The mutex was handed to this waiter, which has waited since SINCE. */
static void leave_starvation(struct co_mutex *mutex, int64_t since)
{
	co_spin_lock(&mutex->lock);
	if (co_waitq_first(&mutex->waiters) == NULL || co_now() - since < STARVES_NS)
		mutex->starving = false;
	co_spin_unlock(&mutex->lock);
}

static int lock_slowly(struct co_context *context, struct co_mutex *mutex)
{
	int64_t since = co_now();
	bool was_woken = false;
	int r;

	if (spin(mutex))
		return 0;
	for (;;) {
		bool starves = was_woken && co_now() - since >= STARVES_NS;

		co_spin_lock(&mutex->lock);
		if (try_lock_held(mutex)) {
			if (was_woken)
				mutex->woken = false;
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
			mutex->starving = true;
		r = wait_in_queue(context, mutex, was_woken);
		if (r == HANDED_OVER)
			leave_starvation(mutex, since);
		if (r != COMPETE)
			return r < 0 ? r : 0;
		was_woken = true;
	}
}

int co_mutex_lock(struct co_context *context, struct co_mutex *mutex)
{
	int r = co_context_error(context);

	if (r != 0)
		return r;
	if (co_mutex_try_lock(mutex))
		return 0;
	return lock_slowly(context, mutex);
}
