/* SPDX-License-Identifier: MIT
 *
 * rwmutex.c - Go's sync.RWMutex for coroutines.
 *
 * Uncontended, each operation is one compare-and-swap on `state`, which counts the readers;
 * an only reader's are inlined in co.h. The slow paths set
 * CONTENDED, which sends everyone there; under it `state` changes by those that hold the lock alone.
 *
 * Waiters have tickets in the order of their coming. A reader may pass if no writer holds the mutex, and its ticket is
 * before the oldest waiting writer's, or before `admit_before`: a writer's unlock sets that to the next ticket, so that
 * it admits all readers that wait then, however many steps that takes. A writer may pass if nobody holds the mutex and
 * no reader may pass.
 *
 * Invariants: CONTENDED is set while anyone waits; without the lock held, no waiter may pass.
 * Lock: rwmutex->lock guards all fields but `state`, and is held where CONTENDED changes. Waits are readied after it.
 */
#include "runtime/claimed.h"
#include "runtime/co.h"
#include "runtime/wait.h"

/* The bits of `state`; the rest of it counts readers. */
enum {
	WRITER = 1,
	CONTENDED = 2,
	READER = CO_RWMUTEX_READER,
};

struct party {
	struct co_waiter waiter;
	uint64_t ticket;
};

/* ---- under the lock -------------------------------------------------------------------------- */

/* Sends everyone to the slow paths. Returns `state`. */
static unsigned contend(struct co_rwmutex *rwmutex)
{
	return atomic_fetch_or(&rwmutex->state, CONTENDED);
}

static bool anyone_waits(const struct co_rwmutex *rwmutex)
{
	return co_waitq_first(&rwmutex->readers) != NULL || co_waitq_first(&rwmutex->writers) != NULL;
}

static uint64_t ticket_of(struct co_waiter *waiter)
{
	return waiter != NULL ? container_of(waiter, struct party, waiter)->ticket : UINT64_MAX;
}

/* Lets the next waiter that may pass in. False if there is none. */
static bool admit_one(struct co_rwmutex *rwmutex, struct co_claimed *claimed)
{
	const unsigned state = atomic_load(&rwmutex->state);
	struct co_waiter *reader = co_waitq_first(&rwmutex->readers);
	struct co_waiter *writer = co_waitq_first(&rwmutex->writers);

	if ((state & WRITER) != 0)
		return false;
	if (reader != NULL && (ticket_of(reader) < ticket_of(writer) || ticket_of(reader) < rwmutex->admit_before)) {
		co_waitq_remove(&rwmutex->readers, reader);
		if (co_claimed_add(claimed, reader, 0))
			atomic_fetch_add(&rwmutex->state, READER);
		return true;
	}
	if (writer != NULL && state < READER) {
		co_waitq_remove(&rwmutex->writers, writer);
		if (co_claimed_add(claimed, writer, 0))
			atomic_fetch_or(&rwmutex->state, WRITER);
		return true;
	}
	return false;
}

/* The end of every slow path that may let someone in: does so, and releases the lock. */
static void settle(struct co_rwmutex *rwmutex)
{
	bool more = true;

	while (more) {
		struct co_claimed claimed = {NULL, NULL};

		for (int i = 0; i < CO_CLAIM_STEP && more; i++)
			more = admit_one(rwmutex, &claimed);
		if (!anyone_waits(rwmutex))
			atomic_fetch_and(&rwmutex->state, ~(unsigned)CONTENDED);
		co_spin_unlock(&rwmutex->lock);
		co_claimed_ready(&claimed);
		if (more)
			co_spin_lock(&rwmutex->lock);
	}
}

/* Queues and parks; releases the lock. */
static int wait_in_queue(
	struct co_context *context, struct co_rwmutex *rwmutex, struct co_waitq *queue, const char *reason)
{
	struct party party = {.ticket = rwmutex->next_ticket++};
	struct co_wait wait;
	int r;

	co_wait_init_under(&wait, reason, context);
	co_waitq_push(queue, &party.waiter, &wait);
	r = co_wait_park_under(&wait, context, &rwmutex->lock);
	if (r != 0) {
		co_spin_lock(&rwmutex->lock);
		(void)contend(rwmutex);
		co_waitq_remove(queue, &party.waiter);
		settle(rwmutex);
	}
	return r;
}

/* ---- readers --------------------------------------------------------------------------------- */

/* Reads in if no writer holds the mutex or waits for it. The lock is held, and then released. */
static bool read_in(struct co_rwmutex *rwmutex)
{
	if ((contend(rwmutex) & WRITER) != 0 || anyone_waits(rwmutex))
		return false;
	atomic_fetch_add(&rwmutex->state, READER);
	settle(rwmutex);
	return true;
}

static bool read_in_quickly(struct co_rwmutex *rwmutex)
{
	unsigned state = atomic_load_explicit(&rwmutex->state, memory_order_relaxed);

	while ((state & (WRITER | CONTENDED)) == 0)
		if (atomic_compare_exchange_weak_explicit(
			    &rwmutex->state, &state, state + READER, memory_order_acquire, memory_order_relaxed))
			return true;
	return false;
}

int co_rwmutex_read_lock_slowly(struct co_context *context, struct co_rwmutex *rwmutex)
{
	int r = context != NULL ? co_context_error(context) : 0;

	if (r != 0)
		return r;
	if (read_in_quickly(rwmutex))
		return 0;
	co_spin_lock(&rwmutex->lock);
	if (read_in(rwmutex))
		return 0;
	return wait_in_queue(context, rwmutex, &rwmutex->readers, "sync.RWMutex.RLock");
}

bool co_rwmutex_try_read_lock(struct co_rwmutex *rwmutex)
{
	if (read_in_quickly(rwmutex))
		return true;
	co_spin_lock(&rwmutex->lock);
	if (read_in(rwmutex))
		return true;
	settle(rwmutex);
	return false;
}

int co_rwmutex_read_unlock_slowly(struct co_rwmutex *rwmutex)
{
	unsigned state = atomic_load_explicit(&rwmutex->state, memory_order_relaxed);

	while ((state & CONTENDED) == 0 && state >= READER)
		if (atomic_compare_exchange_weak_explicit(
			    &rwmutex->state, &state, state - READER, memory_order_release, memory_order_relaxed))
			return 0;
	co_spin_lock(&rwmutex->lock);
	if (contend(rwmutex) < READER) {
		settle(rwmutex);
		return CO_ERWUNLOCKED;
	}
	atomic_fetch_sub(&rwmutex->state, READER);
	settle(rwmutex);
	return 0;
}

/* ---- writers --------------------------------------------------------------------------------- */

/* Takes the mutex if nobody holds it or waits for it. The lock is held, and then released. */
static bool write_in(struct co_rwmutex *rwmutex)
{
	if ((contend(rwmutex) & ~(unsigned)CONTENDED) != 0 || anyone_waits(rwmutex))
		return false;
	atomic_fetch_or(&rwmutex->state, WRITER);
	settle(rwmutex);
	return true;
}

static bool write_in_quickly(struct co_rwmutex *rwmutex)
{
	unsigned state = 0;

	return atomic_compare_exchange_strong_explicit(
		&rwmutex->state, &state, WRITER, memory_order_acquire, memory_order_relaxed);
}

int co_rwmutex_lock(struct co_context *context, struct co_rwmutex *rwmutex)
{
	int r = context != NULL ? co_context_error(context) : 0;

	if (r != 0)
		return r;
	if (write_in_quickly(rwmutex))
		return 0;
	co_spin_lock(&rwmutex->lock);
	if (write_in(rwmutex))
		return 0;
	return wait_in_queue(context, rwmutex, &rwmutex->writers, "sync.RWMutex.Lock");
}

bool co_rwmutex_try_lock(struct co_rwmutex *rwmutex)
{
	if (write_in_quickly(rwmutex))
		return true;
	co_spin_lock(&rwmutex->lock);
	if (write_in(rwmutex))
		return true;
	settle(rwmutex);
	return false;
}

int co_rwmutex_unlock(struct co_rwmutex *rwmutex)
{
	unsigned state = WRITER;

	if (atomic_compare_exchange_strong_explicit(
		    &rwmutex->state, &state, 0, memory_order_release, memory_order_relaxed))
		return 0;
	co_spin_lock(&rwmutex->lock);
	if ((contend(rwmutex) & WRITER) == 0) {
		settle(rwmutex);
		return CO_ERWUNLOCKED;
	}
	atomic_fetch_and(&rwmutex->state, ~(unsigned)WRITER);
	rwmutex->admit_before = rwmutex->next_ticket;
	settle(rwmutex);
	return 0;
}
