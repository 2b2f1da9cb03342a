/* SPDX-License-Identifier: MIT
 *
 * run_queue.c - which coroutine runs next.
 *
 * A P runs, in this order: the coroutine that was made ready last (`next`, for hand-overs that stay in the cache), its
 * own queue, the global queue. `next` may jump the queue only so often in a row, and the global queue is looked at
 * every 61st time. A P's queue that is full gives half of itself to the global one.
 *
 * Lock: co_runtime.lock guards the global queue. Nothing is taken under it.
 */
#include "runtime/run_queue.h"

#include <sched.h>

#include "runtime/idle.h"
#include "runtime/local.h"
#include "runtime/sched.h"

enum {
	GLOBAL_QUEUE_EVERY = 61, /* as Go's schedule() */
	NEXT_STREAK_MAX = 61,
};

#define NEXT_STAYS_NS (3 * CO_MICROSECOND) /* as Go's runqgrab() */

/* A chain of coroutines through `next`. */
struct chain {
	struct co *first;
	struct co *last;
	size_t length;
};

static void chain_add(struct chain *chain, struct co *coroutine)
{
	coroutine->next = NULL;
	if (chain->last != NULL)
		chain->last->next = coroutine;
	else
		chain->first = coroutine;
	chain->last = coroutine;
	chain->length++;
}

static void global_put_chain(const struct chain *chain)
{
	co_spin_lock(&co_runtime.lock);
	if (co_runtime.global_last != NULL)
		co_runtime.global_last->next = chain->first;
	else
		co_runtime.global_first = chain->first;
	co_runtime.global_last = chain->last;
	atomic_fetch_add(&co_runtime.global_count, chain->length);
	co_spin_unlock(&co_runtime.lock);
	co_offer_work();
}

void co_queue_put_global(struct co *coroutine)
{
	struct chain chain = {.first = NULL};

	chain_add(&chain, coroutine);
	global_put_chain(&chain);
}

static bool global_is_empty(void)
{
	return atomic_load_explicit(&co_runtime.global_count, memory_order_relaxed) == 0;
}

/* Takes the oldest of the global queue, and moves up to MORE of those behind it to P's queue, which has room, but no
 * more than P's share. */
static struct co *global_get(struct co_p *p, size_t more)
{
	size_t share = atomic_load_explicit(&co_runtime.global_count, memory_order_relaxed) / co_runtime.proc_count;
	struct co *coroutine;
	size_t taken = 0;

	if (global_is_empty())
		return NULL;
	if (more > share)
		more = share;
	co_spin_lock(&co_runtime.lock);
	coroutine = co_runtime.global_first;
	if (coroutine != NULL) {
		struct co *at = coroutine->next;

		for (taken = 1; taken <= more && at != NULL; taken++) {
			struct co *next = at->next;

			(void)co_run_queue_put(&p->queue, at, false);
			at = next;
		}
		co_runtime.global_first = at;
		if (at == NULL)
			co_runtime.global_last = NULL;
		atomic_fetch_sub(&co_runtime.global_count, taken);
	}
	co_spin_unlock(&co_runtime.lock);
	return coroutine;
}

/* P's queue is full: half of it goes to the global one, and COROUTINE behind it. */
static void put_into_full(struct co_p *p, struct co *coroutine)
{
	struct chain chain = {.first = NULL};
	struct co *oldest;

	while (chain.length < CO_RUN_QUEUE_LENGTH / 2 && (oldest = co_run_queue_get(&p->queue, p->is_alone)) != NULL)
		chain_add(&chain, oldest);
	chain_add(&chain, coroutine);
	global_put_chain(&chain);
}

static void offer_beyond(struct co_p *p, unsigned about)
{
	if (!p->is_alone && co_run_queue_length(&p->queue) > about)
		co_offer_work();
}

void co_queue_put(struct co_p *p, struct co *coroutine, unsigned about)
{
	if (co_run_queue_put(&p->queue, coroutine, !p->is_alone))
		offer_beyond(p, about);
	else
		put_into_full(p, coroutine);
}

void co_queue_offer(struct co_p *p)
{
	offer_beyond(p, 0);
}

void co_queue_put_last(struct co_p *p, struct co *coroutine)
{
	if (!global_is_empty())
		co_queue_put_global(coroutine);
	else if (co_run_queue_put(&p->queue, coroutine, false))
		offer_beyond(p, 1);
	else
		put_into_full(p, coroutine);
}

/* Puts COROUTINE, which may be NULL, into P's `next`; returns what was there. */
static struct co *swap_next(struct co_p *p, struct co *coroutine)
{
	struct co *former;

	former = atomic_load_explicit(&p->next, memory_order_relaxed);
	if (former != NULL && !p->is_alone) /* a thief may take it; nobody else puts one there */
		return atomic_exchange_explicit(&p->next, coroutine, memory_order_acq_rel);
	atomic_store_explicit(&p->next, coroutine, memory_order_release);
	return former;
}

void co_make_runnable(struct co *coroutine)
{
	struct co_m *m = co_m_self();

	atomic_store_explicit(&coroutine->state, CO_STATE_READY, memory_order_release);
	if (m == NULL) {
		co_queue_put_global(coroutine);
	} else if (m->current == NULL) {
		co_queue_put(m->p, coroutine, 1);
	} else {
		struct co *former = swap_next(m->p, coroutine);

		if (former != NULL)
			co_queue_put(m->p, former, 0);
	}
}

struct co *co_queue_pick(struct co_p *p)
{
	struct co *coroutine;

	if (atomic_load_explicit(&p->switches, memory_order_relaxed) % GLOBAL_QUEUE_EVERY == 0) {
		coroutine = global_get(p, 0);
		if (coroutine != NULL)
			return coroutine;
	}
	coroutine = atomic_load_explicit(&p->next, memory_order_relaxed) != NULL ? swap_next(p, NULL) : NULL;
	if (coroutine != NULL) {
		if (++p->next_streak <= NEXT_STREAK_MAX)
			return coroutine;
		co_queue_put(p, coroutine, 1);
	}
	p->next_streak = 0;
	coroutine = co_run_queue_get(&p->queue, p->is_alone);
	return coroutine != NULL ? coroutine : global_get(p, CO_RUN_QUEUE_LENGTH / 2);
}

/* ---- stealing -------------------------------------------------------------------------------- */

static struct co *look_at(struct co_run_queue *queue, unsigned at)
{
	return atomic_load_explicit(&queue->ring[at % CO_RUN_QUEUE_LENGTH], memory_order_relaxed);
}

/* Takes half of FROM, whose owner and other thieves are at it too: the first to *RET_FIRST, the others behind TO's
 * tail, which stays where it is. How many in all. As Go's runqgrab(). */
static unsigned grab(struct co_run_queue *from, struct co_run_queue *to, struct co **ret_first)
{
	unsigned at = atomic_load_explicit(&to->tail, memory_order_relaxed);

	for (;;) {
		unsigned head = atomic_load_explicit(&from->head, memory_order_acquire);
		unsigned count = atomic_load_explicit(&from->tail, memory_order_acquire) - head;

		count -= count / 2;
		if (count == 0)
			return 0;
		if (count > CO_RUN_QUEUE_LENGTH / 2)
			continue; /* the two were not read at once */
		*ret_first = look_at(from, head);
		for (unsigned i = 1; i < count; i++)
			atomic_store_explicit(&to->ring[(at + i - 1) % CO_RUN_QUEUE_LENGTH], look_at(from, head + i),
				memory_order_relaxed);
		if (atomic_compare_exchange_strong_explicit(
			    &from->head, &head, head + count, memory_order_acq_rel, memory_order_relaxed))
			return count;
	}
}

/* Takes VICTIM's `next` if VICTIM runs the same coroutine all the while: else it is about to be run there. */
static struct co *steal_next(struct co_p *victim)
{
	struct co *coroutine = atomic_load_explicit(&victim->next, memory_order_acquire);
	uint64_t switches = atomic_load_explicit(&victim->switches, memory_order_relaxed);

	if (coroutine == NULL)
		return NULL;
	if (co_runtime.cpus == 1)
		sched_yield();
	else
		for (int64_t until = co_now() + NEXT_STAYS_NS; co_now() < until;)
			;
	if (atomic_load_explicit(&victim->switches, memory_order_relaxed) != switches ||
		!atomic_compare_exchange_strong(&victim->next, &coroutine, NULL))
		return NULL;
	return coroutine;
}

struct co *co_queue_steal(struct co_p *p, struct co_p *victim, bool with_next)
{
	struct co *coroutine = NULL;
	unsigned count = grab(&victim->queue, &p->queue, &coroutine);

	if (count == 0)
		return with_next ? steal_next(victim) : NULL;
	if (count > 1)
		atomic_fetch_add(&p->queue.tail, count - 1);
	return coroutine;
}

bool co_queue_any(void)
{
	if (atomic_load(&co_runtime.global_count) > 0)
		return true;
	for (unsigned i = 0; i < co_runtime.proc_count; i++)
		if (!co_run_queue_is_empty(&co_runtime.ps[i].queue))
			return true;
	return false;
}

/* ---- for locks ------------------------------------------------------------------------------- */

bool co_spinning_pays(void)
{
	struct co_m *m = co_m_self();
	unsigned without_work = atomic_load_explicit(&co_runtime.idle, memory_order_relaxed) +
				atomic_load_explicit(&co_runtime.searching, memory_order_relaxed);

	return co_runtime.cpus > 1 && co_runtime.proc_count > without_work + 1 && m != NULL &&
	       atomic_load_explicit(&m->p->next, memory_order_relaxed) == NULL && co_run_queue_is_empty(&m->p->queue);
}
