/* SPDX-License-Identifier: MIT
 *
 * defer.c - work put off to the end of a P's round.
 *
 * Invariant: a deferred's `queued` is true exactly while it stands in a queue. The queue is its P's alone.
 *
 * `queued` becomes false without its owner's lock. That is enough: who finds it true, under that lock, has changed the
 * structure before RUN takes the lock to look at it.
 */
#include "runtime/local.h"
#include "runtime/sched.h"

void co_defer(struct co_deferred *deferred)
{
	struct co_m *m = co_m_self();
	struct co_p *p;

	if (m == NULL || atomic_load_explicit(&deferred->queued, memory_order_acquire))
		return;
	p = m->p;
	atomic_store_explicit(&deferred->queued, true, memory_order_relaxed);
	deferred->next = NULL;
	if (p->deferred.first == NULL) {
		p->deferred.first = deferred;
		p->deferred.since = co_p_now(p);
		p->deferred.switches = atomic_load_explicit(&p->switches, memory_order_relaxed);
	} else {
		p->deferred.last->next = deferred;
	}
	p->deferred.last = deferred;
}

static struct co_deferred *take(struct co_deferred_queue *queue)
{
	struct co_deferred *deferred = queue->first;

	if (deferred != NULL) {
		queue->first = deferred->next;
		atomic_store_explicit(&deferred->queued, false, memory_order_release);
	}
	return deferred;
}

bool co_deferred_run(struct co_p *p)
{
	struct co_deferred_queue round = p->deferred;
	struct co_deferred *deferred;

	if (round.first == NULL)
		return false;
	p->deferred.first = NULL; /* what is put off from now on waits for the next round */
	while ((deferred = take(&round)) != NULL)
		deferred->run(deferred);
	return true;
}

void co_deferred_drop(struct co_p *p)
{
	while (take(&p->deferred) != NULL)
		;
}
