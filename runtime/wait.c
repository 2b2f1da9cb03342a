/* SPDX-License-Identifier: MIT
 *
 * wait.c - park and ready: the one way to suspend a coroutine.
 *
 * The state of a wait is three bits, each set once (READY and PARKED by addition: that is one instruction). CLAIMED:
 * its result is decided. READY: its coroutine may go on. PARKED: its coroutine has left its stack and released its
 * locks. Who sets the second of READY and PARKED puts the coroutine into a run queue; so it is never run on a stack
 * that it still stands on, and may be claimed and readied before it has parked. A wait that can be found only by locks
 * which are released after the switch needs less: see co_wait_init_within().
 *
 * Lock order: the caller's locks, then the context's, then a timer heap's or the run queue's.
 */
#include "runtime/wait.h"

#include "runtime/check.h"
#include "runtime/local.h"
#include "runtime/poll.h"
#include "runtime/sched.h"
#include "runtime/timer.h"

enum {
	CLAIMED = CO_WAIT_CLAIMED,
	READY = CO_WAIT_READY,
	PARKED = CO_WAIT_PARKED,
	AFTER_PARK = CO_WAIT_AFTER_PARK,
};

/* ---- queues ---------------------------------------------------------------------------------- */

void co_waitq_push(struct co_waitq *queue, struct co_waiter *waiter, struct co_wait *wait)
{
	waiter->wait = wait;
	waiter->queued = true;
	waiter->next = NULL;
	waiter->prev = queue->newest;
	if (queue->newest != NULL)
		queue->newest->next = waiter;
	else
		queue->oldest = waiter;
	queue->newest = waiter;
	queue->length++;
}

void co_waitq_push_front(struct co_waitq *queue, struct co_waiter *waiter, struct co_wait *wait)
{
	waiter->wait = wait;
	waiter->queued = true;
	waiter->prev = NULL;
	waiter->next = queue->oldest;
	if (queue->oldest != NULL)
		queue->oldest->prev = waiter;
	else
		queue->newest = waiter;
	queue->oldest = waiter;
	queue->length++;
}

void co_waitq_remove(struct co_waitq *queue, struct co_waiter *waiter)
{
	if (!waiter->queued)
		return;
	if (waiter->prev != NULL)
		waiter->prev->next = waiter->next;
	else
		queue->oldest = waiter->next;
	if (waiter->next != NULL)
		waiter->next->prev = waiter->prev;
	else
		queue->newest = waiter->prev;
	waiter->queued = false;
	queue->length--;
}

struct co_waiter *co_waitq_pop(struct co_waitq *queue)
{
	struct co_waiter *waiter = queue->oldest;

	if (waiter == NULL)
		return NULL;
	queue->oldest = waiter->next;
	if (waiter->next != NULL)
		waiter->next->prev = NULL;
	else
		queue->newest = NULL;
	waiter->queued = false;
	queue->length--;
	return waiter;
}

struct co_waiter *co_waitq_first(const struct co_waitq *queue)
{
	return queue->oldest;
}

/* ---- claiming and readying ------------------------------------------------------------------- */

void co_wait_init(struct co_wait *wait, const char *reason)
{
	atomic_init(&wait->state, 0);
	wait->result = 0;
	wait->winner = NULL;
	wait->on_park = NULL;
	wait->coroutine = NULL;
	wait->context = NULL;
	list_init(&wait->context_link);
	wait->timer.heap_index = 0;
	wait->reason = reason;
}

bool co_wait_claim(struct co_wait *wait, struct co_waiter *winner, int result)
{
	return co_wait_claim_inline(wait, winner, result);
}

bool co_wait_is_claimed(const struct co_wait *wait)
{
	return (atomic_load_explicit(&wait->state, memory_order_acquire) & CLAIMED) != 0;
}

void co_wait_ready(struct co_wait *wait)
{
	co_wait_ready_inline(wait);
}

bool co_wait_cancel(struct co_wait *wait, int result)
{
	if (!co_wait_claim(wait, NULL, result))
		return false;
	co_wait_ready(wait);
	return true;
}

/* ---- parking --------------------------------------------------------------------------------- */

static void release(struct co_spin *unlock, void (*commit)(void *arg), void *arg)
{
	if (unlock != NULL)
		co_spin_unlock(unlock);
	else if (commit != NULL)
		commit(arg);
}

/* For reports. */
static inline void note_park(struct co_m *m, struct co *coroutine, const struct co_wait *wait)
{
	co_check_stack(coroutine);
	co_check_thread();
	atomic_store_explicit(&coroutine->reason, wait->reason, memory_order_relaxed);
	atomic_store_explicit(&coroutine->since, co_p_now(m->p), memory_order_relaxed);
	atomic_store_explicit(&coroutine->state, CO_STATE_PARKED, memory_order_release);
}

/* Of a wait that nobody has seen yet: when its lock is released it must look parked. */
static bool after_park_within(struct co_m *m, struct co *coroutine)
{
	struct co_wait *wait = m->parking.wait;

	note_park(m, coroutine, wait);
	atomic_store_explicit(
		&wait->state, atomic_load_explicit(&wait->state, memory_order_relaxed) | PARKED, memory_order_relaxed);
	if (m->parking.unlock != NULL)
		co_spin_unlock(m->parking.unlock);
	return false;
}

static bool after_park(struct co_m *m, struct co *coroutine)
{
	struct co_wait *wait = m->parking.wait;
	const unsigned state = atomic_load_explicit(&wait->state, memory_order_relaxed);
	bool again = false;

	note_park(m, coroutine, wait);
	if ((state & AFTER_PARK) != 0)
		atomic_store_explicit(&wait->state, state | PARKED, memory_order_relaxed);
	release(m->parking.unlock, m->parking.commit, m->parking.commit_arg);
	if ((state & AFTER_PARK) == 0)
		again = (atomic_fetch_add_explicit(&wait->state, PARKED, memory_order_acq_rel) & READY) != 0;
	if (m->parking.wake_poller) {
		m->parking.wake_poller = false;
		co_poller_wake();
	}
	return again; /* ready already: go on at once, as if it had not parked */
}

static void deadline_passed(struct co_timer *timer)
{
	struct co_wait *wait = container_of(timer, struct co_wait, timer);
	bool claimed = co_wait_claim(wait, NULL, CO_EDEADLINE);

	co_timer_set_ended(timer); /* unless it was claimed here, WAIT may be gone from now on */
	if (claimed)
		co_wait_ready(wait);
}

/* Binds WAIT to its deadline and its context, or claims it if one of them has passed. Nothing is bound on error. */
static int bind_ends(struct co_wait *wait, struct co_context *context, int64_t deadline_ns, bool *ret_wake_poller)
{
	int error = co_context_error(context);
	int r;

	if (error != 0) {
		(void)co_wait_cancel(wait, error);
		return 0;
	}
	if (deadline_ns != CO_NEVER) {
		if (deadline_ns <= co_now()) {
			(void)co_wait_cancel(wait, CO_EDEADLINE);
			return 0;
		}
		wait->timer.fired = deadline_passed;
		r = co_timer_arm(&wait->timer, deadline_ns, ret_wake_poller);
		if (r != 0)
			return r;
	}
	if (context != NULL) {
		error = co_context_bind(context, wait);
		if (error != 0)
			(void)co_wait_cancel(wait, error);
		else
			wait->context = context;
	}
	return 0;
}

static void unbind_ends(struct co_wait *wait, int64_t deadline_ns)
{
	if (wait->context != NULL)
		co_context_unbind(wait->context, wait);
	if (deadline_ns != CO_NEVER && !co_timer_stop(&wait->timer))
		co_timer_wait_ended(&wait->timer);
}

/* Releases the caller's locks without parking; a commit runs on the thread's own stack all the same. */
static void stay(struct co_spin *unlock, void (*commit)(void *arg), void *arg)
{
	if (commit != NULL)
		co_on_thread_stack(commit, arg);
	else
		release(unlock, NULL, NULL);
}

/* Leaves the stack of M's coroutine until WAIT is ready, or not at all if it is ready by now. Inlined, as park is: the
 * processor predicts none of the returns that follow a switch, so there should be few. */
static inline __attribute__((always_inline)) void switch_away(
	struct co_m *m, struct co_wait *wait, struct co_spin *unlock, void (*commit)(void *arg), void *arg)
{
	if ((atomic_load_explicit(&wait->state, memory_order_acquire) & READY) != 0) {
		stay(unlock, commit, arg);
		return;
	}
	if (wait->on_park != NULL)
		wait->on_park(wait);
	wait->coroutine = m->current;
	m->parking.wait = wait;
	m->parking.unlock = unlock;
	m->parking.commit = commit;
	m->parking.commit_arg = arg;
	co_leave(m, after_park);
}

static inline __attribute__((always_inline)) int park(struct co_wait *wait, struct co_context *context,
	int64_t deadline_ns, struct co_spin *unlock, void (*commit)(void *arg), void *arg)
{
	struct co_m *m = co_m_self();
	bool wake_poller = false;
	int r = CO_EINVAL;

	if (m == NULL || m->current == NULL)
		goto refuse;
	if ((context == NULL && deadline_ns == CO_NEVER) ||
		(atomic_load_explicit(&wait->state, memory_order_acquire) & CLAIMED) != 0) {
		switch_away(m, wait, unlock, commit, arg);
		return wait->result;
	}
	r = bind_ends(wait, context, deadline_ns, &wake_poller);
	if (r != 0)
		goto refuse;
	m->parking.wake_poller = wake_poller;
	switch_away(m, wait, unlock, commit, arg);
	unbind_ends(wait, deadline_ns);
	return wait->result;

refuse:
	stay(unlock, commit, arg);
	return r;
}

int co_wait_park_within(struct co_wait *wait, struct co_spin *unlock)
{
	struct co_m *m = co_m_self();

	if (m == NULL || m->current == NULL) {
		release(unlock, NULL, NULL);
		return CO_EINVAL;
	}
	wait->coroutine = m->current;
	m->parking.wait = wait;
	m->parking.unlock = unlock;
	co_leave(m, after_park_within);
	return wait->result;
}

int co_wait_park(struct co_wait *wait, struct co_context *context, int64_t deadline_ns, struct co_spin *unlock)
{
	return park(wait, context, deadline_ns, unlock, NULL, NULL);
}

int co_wait_park_commit(
	struct co_wait *wait, struct co_context *context, int64_t deadline_ns, void (*commit)(void *arg), void *arg)
{
	return park(wait, context, deadline_ns, NULL, commit, arg);
}

int co_sleep(struct co_context *context, int64_t duration_ns)
{
	struct co_wait wait;
	int64_t deadline;
	int r = co_context_error(context);

	if (r != 0 || duration_ns <= 0)
		return r;
	deadline = co_deadline_after(co_now(), duration_ns);
	if (deadline == CO_NEVER)
		deadline = CO_NEVER - 1; /* a timer all the same: a sleeper is no deadlock */
	co_wait_init(&wait, "sleep");
	r = co_wait_park(&wait, context, deadline, NULL);
	if ((atomic_load(&wait.state) & PARKED) == 0)
		co_yield(); /* so short that it is over: a loop of such sleeps must not keep the P */
	return r == CO_EDEADLINE && co_now() >= deadline ? 0 : r;
}
