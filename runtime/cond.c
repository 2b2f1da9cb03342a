/* SPDX-License-Identifier: MIT
 *
 * cond.c - Go's sync.Cond for coroutines: a queue of waiters, first in, first out.
 *
 * A waiter queues before it unlocks the mutex, or under one lock with it, so no signal after that is missed. A
 * broadcast reaches the tickets drawn before it, however many steps that takes: who waits later is not woken by it.
 *
 * Lock: cond->lock guards all fields. The mutex is unlocked, and waits are readied, after it.
 */
#include "runtime/claimed.h"
#include "runtime/co.h"
#include "runtime/wait.h"

struct party {
	struct co_waiter waiter;
	uint64_t ticket;
};

/* Takes a wait that will not park out again. A signal that reached it meanwhile goes to the next. */
static void give_up(struct co_cond *cond, struct co_waiter *waiter, struct co_wait *wait)
{
	bool reached = !co_wait_claim(wait, NULL, CO_ECANCELED);

	if (reached) /* who claimed it has yet to let go of it */
		(void)co_wait_park(wait, NULL, CO_NEVER, NULL);
	co_spin_lock(&cond->lock);
	co_waitq_remove(&cond->waiters, waiter);
	co_spin_unlock(&cond->lock);
	if (reached)
		co_cond_signal(cond);
}

static void leave_queue(struct co_cond *cond, struct co_waiter *waiter)
{
	co_spin_lock(&cond->lock);
	co_waitq_remove(&cond->waiters, waiter);
	co_spin_unlock(&cond->lock);
}

/* Waits where the mutex can be unlocked under the cond's lock, which is held until the caller has left its stack.
 * False, and nothing was done, if others wait for the mutex. */
static bool wait_at_once(struct co_cond *cond, struct co_mutex *mutex, int *ret)
{
	struct party party;
	struct co_wait wait;

	co_spin_lock(&cond->lock);
	if (!co_mutex_unlock_at_once(mutex)) {
		co_spin_unlock(&cond->lock);
		return false;
	}
	co_wait_init_within(&wait, "sync.Cond.Wait", CO_WAIT_BY_LOCK);
	party.ticket = cond->next_ticket++;
	co_waitq_push(&cond->waiters, &party.waiter, &wait);
	*ret = co_wait_park_within(&wait, &cond->lock);
	if (*ret != 0) /* no coroutine called */
		leave_queue(cond, &party.waiter);
	return true;
}

int co_cond_wait(struct co_context *context, struct co_cond *cond, struct co_mutex *mutex)
{
	struct party party;
	struct co_wait wait;
	int unlocked;
	int r = co_context_error(context);

	if (r != 0)
		return r;
	if (context == NULL && wait_at_once(cond, mutex, &r)) {
		(void)co_mutex_lock(NULL, mutex);
		return r;
	}
	co_wait_init(&wait, "sync.Cond.Wait");
	co_spin_lock(&cond->lock);
	party.ticket = cond->next_ticket++;
	co_waitq_push(&cond->waiters, &party.waiter, &wait);
	co_spin_unlock(&cond->lock);
	unlocked = co_mutex_unlock(mutex);
	if (unlocked != 0) {
		give_up(cond, &party.waiter, &wait);
		return unlocked;
	}
	r = co_wait_park(&wait, context, CO_NEVER, NULL);
	if (r != 0)
		leave_queue(cond, &party.waiter);
	(void)co_mutex_lock(NULL, mutex); /* without a context it cannot fail */
	return r;
}

void co_cond_signal(struct co_cond *cond)
{
	struct co_claimed claimed = {NULL, NULL};
	struct co_waiter *waiter;

	co_spin_lock(&cond->lock);
	while ((waiter = co_waitq_pop(&cond->waiters)) != NULL)
		if (co_claimed_add(&claimed, waiter, 0))
			break;
	co_spin_unlock(&cond->lock);
	co_claimed_ready(&claimed);
}

/* Claims up to a step of the waiters whose tickets are before LIMIT. True if there are more. The lock is held. */
static bool claim_some(struct co_cond *cond, uint64_t limit, struct co_claimed *claimed)
{
	struct co_waiter *waiter = NULL;

	for (int i = 0; i < CO_CLAIM_STEP; i++) {
		waiter = co_waitq_first(&cond->waiters);
		if (waiter == NULL || container_of(waiter, struct party, waiter)->ticket >= limit)
			return false;
		co_waitq_remove(&cond->waiters, waiter);
		(void)co_claimed_add(claimed, waiter, 0);
	}
	return true;
}

void co_cond_broadcast(struct co_cond *cond)
{
	uint64_t limit;
	bool more = true;

	co_spin_lock(&cond->lock);
	limit = cond->next_ticket;
	while (more) {
		struct co_claimed claimed = {NULL, NULL};

		more = claim_some(cond, limit, &claimed);
		co_spin_unlock(&cond->lock);
		co_claimed_ready(&claimed);
		if (more)
			co_spin_lock(&cond->lock);
	}
}
