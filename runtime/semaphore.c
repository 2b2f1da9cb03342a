/* SPDX-License-Identifier: MIT
 *
 * semaphore.c - a weighted semaphore for coroutines, first in, first out, as Go's x/sync/semaphore: who waits for much
 * is not passed by those that want little.
 *
 * Invariants: held <= size; without the lock held, the oldest waiter wants more than is free.
 * Lock: semaphore->lock guards all fields. Waits are readied after it.
 */
#include "runtime/claimed.h"
#include "runtime/co.h"

struct party {
	struct co_waiter waiter;
	uint64_t weight;
};

void co_semaphore_init(struct co_semaphore *semaphore, uint64_t size)
{
	*semaphore = (struct co_semaphore){.size = size};
}

/* Gives the oldest waiter its weight if that is free. False if not, or if nobody waits. The lock is held. */
static bool grant_one(struct co_semaphore *semaphore, struct co_claimed *claimed)
{
	struct co_waiter *waiter = co_waitq_first(&semaphore->waiters);
	uint64_t weight;

	if (waiter == NULL)
		return false;
	weight = container_of(waiter, struct party, waiter)->weight;
	if (weight > semaphore->size - semaphore->held)
		return false;
	co_waitq_remove(&semaphore->waiters, waiter);
	if (co_claimed_add(claimed, waiter, 0))
		semaphore->held += weight;
	return true;
}

/* Grants what can be granted, and releases the lock. */
static void settle(struct co_semaphore *semaphore)
{
	bool more = true;

	while (more) {
		struct co_claimed claimed = {NULL, NULL};

		for (int i = 0; i < CO_CLAIM_STEP && more; i++)
			more = grant_one(semaphore, &claimed);
		co_spin_unlock(&semaphore->lock);
		co_claimed_ready(&claimed);
		if (more)
			co_spin_lock(&semaphore->lock);
	}
}

/* Takes WEIGHT if it is free and nobody waits. The lock is held. */
static bool take(struct co_semaphore *semaphore, uint64_t weight)
{
	if (co_waitq_first(&semaphore->waiters) != NULL || weight > semaphore->size - semaphore->held)
		return false;
	semaphore->held += weight;
	return true;
}

int co_semaphore_acquire(struct co_context *context, struct co_semaphore *semaphore, uint64_t weight)
{
	struct party party = {.weight = weight};
	struct co_wait wait;
	int r = co_context_error(context);

	if (r != 0)
		return r;
	co_spin_lock(&semaphore->lock);
	if (weight > semaphore->size || take(semaphore, weight)) {
		r = weight > semaphore->size ? CO_EINVAL : 0;
		co_spin_unlock(&semaphore->lock);
		return r;
	}
	co_wait_init(&wait, "semaphore acquire");
	co_waitq_push(&semaphore->waiters, &party.waiter, &wait);
	r = co_wait_park(&wait, context, CO_NEVER, &semaphore->lock);
	if (r != 0) {
		co_spin_lock(&semaphore->lock);
		co_waitq_remove(&semaphore->waiters, &party.waiter);
		settle(semaphore); /* those behind may want less */
	}
	return r;
}

bool co_semaphore_try_acquire(struct co_semaphore *semaphore, uint64_t weight)
{
	bool taken;

	co_spin_lock(&semaphore->lock);
	taken = take(semaphore, weight);
	co_spin_unlock(&semaphore->lock);
	return taken;
}

int co_semaphore_release(struct co_semaphore *semaphore, uint64_t weight)
{
	co_spin_lock(&semaphore->lock);
	if (weight > semaphore->held) {
		co_spin_unlock(&semaphore->lock);
		return CO_ERELEASED;
	}
	semaphore->held -= weight;
	settle(semaphore);
	return 0;
}
