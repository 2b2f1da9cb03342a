/* SPDX-License-Identifier: MIT
 *
 * entry.c - a call's waits, and the stop that ends one of them whenever it comes.
 *
 * The word `stop` decides between a wait and a stop: a wait begins by turning RUNNING into WAITING and ends by turning
 * it back; a stop turns either into its error, for good. Who turned WAITING into an error ends the wait by its claim;
 * who turned RUNNING into one leaves the wait alone, and the next wait does not begin. So
 *  1. a stop touches the wait only while it is begun, and none is begun after a stop: it never meets co_wait_init;
 *  2. between its waits the entry's wait is claimed, so that a waker that finds it in a queue passes it over.
 */
#include "daemon/objects/object.h"

enum { RUNNING = 0, WAITING = 1 };

#define WAITS_PER_STEP 256u

void entry_init(struct entry *entry, struct owner *owner, int64_t now_ns, int64_t deadline_ns)
{
	*entry = (struct entry){.owner = owner, .deadline_ns = deadline_ns, .since_ns = now_ns};
	entry->seat.entry = entry;
	co_wait_init(&entry->wait, "call");
	(void)co_wait_claim(&entry->wait, NULL, 0);
}

void seat_init(struct seat *seat, struct entry *entry)
{
	*seat = (struct seat){.entry = entry};
}

/* The object_error for what a wait was ended with. */
static int translate(int result)
{
	switch (result) {
	case CO_ECANCELED:
		return OBJECT_ECANCELED;
	case CO_EDEADLINE:
		return OBJECT_EDEADLINE;
	case CO_ENOMEM:
		return OBJECT_ENOMEM;
	default:
		return result;
	}
}

int entry_refusal(struct entry *entry)
{
	const int stop = atomic_load_explicit(&entry->stop, memory_order_relaxed);

	if (stop < 0)
		return stop;
	if (entry->context != NULL && co_context_error(entry->context) != 0)
		return translate(co_context_error(entry->context));
	if (entry->deadline_ns <= entry->since_ns)
		return OBJECT_EDEADLINE;
	return OBJECT_OK;
}

static void tell_parking(struct co_wait *wait)
{
	struct entry *entry = container_of(wait, struct entry, wait);

	entry->on_park(entry);
}

void entry_begin(struct entry *entry, const char *reason)
{
	int stop = RUNNING;

	entry->is_begun = false;
	if (atomic_load(&entry->stop) < 0)
		return;
	co_wait_init(&entry->wait, reason);
	if (entry->on_park != NULL)
		entry->wait.on_park = tell_parking;
	entry->is_begun = atomic_compare_exchange_strong(&entry->stop, &stop, WAITING);
	if (!entry->is_begun)
		(void)co_wait_claim(&entry->wait, NULL, stop);
}

/* What co_wait_park said of ENTRY's wait. */
static int end_park(struct entry *entry, int r)
{
	int stop = WAITING;

	if (r == CO_ENOMEM && !co_wait_cancel(&entry->wait, r)) /* it did not park, yet was claimed in its queue */
		r = co_wait_park(&entry->wait, NULL, CO_NEVER, NULL);
	(void)atomic_compare_exchange_strong(&entry->stop, &stop, RUNNING);
	return translate(r);
}

int entry_park(struct entry *entry, struct co_spin *lock)
{
	if (!entry->is_begun) {
		co_spin_unlock(lock);
		return atomic_load(&entry->stop);
	}
	return end_park(entry, co_wait_park(&entry->wait, entry->context, entry->deadline_ns, lock));
}

int entry_park_commit(struct entry *entry, void (*commit)(void *arg), void *arg)
{
	if (!entry->is_begun) {
		co_on_thread_stack(commit, arg);
		return atomic_load(&entry->stop);
	}
	return end_park(entry, co_wait_park_commit(&entry->wait, entry->context, entry->deadline_ns, commit, arg));
}

void entry_stop(struct entry *entry, int error)
{
	int stop = atomic_load(&entry->stop);

	do {
		if (stop < 0)
			return;
	} while (!atomic_compare_exchange_weak(&entry->stop, &stop, error));
	if (stop == WAITING)
		(void)co_wait_cancel(&entry->wait, error);
}

void entry_fail(struct entry *entry, int error)
{
	entry->wait.result = error;
}

bool entry_fail_some(struct co_waitq *queue, int error)
{
	struct co_waiter *waiter = NULL;
	unsigned left = WAITS_PER_STEP;

	while (left-- > 0 && (waiter = co_waitq_pop(queue)) != NULL)
		if (co_wait_claim(waiter->wait, waiter, error))
			co_wait_ready(waiter->wait);
	return co_waitq_first(queue) != NULL;
}

bool entry_visit_waiter(const struct co_waiter *waiter, const char *role,
	bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	const struct entry *entry = container_of(waiter, const struct seat, waiter)->entry;
	const struct object_party party = {
		.role = role, .owner = entry->owner, .task = entry->task, .since_ns = entry->since_ns};

	return visit(&party, arg);
}

bool entry_visit_waiters(const struct co_waitq *queue, const char *role,
	bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	for (struct co_waiter *waiter = queue->oldest; waiter != NULL; waiter = waiter->next)
		if (!entry_visit_waiter(waiter, role, visit, arg))
			return false;
	return true;
}
