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

#include "runtime/local.h"
#include "runtime/poll.h"
#include "runtime/sched.h"

enum {
	GLOBAL_QUEUE_EVERY = 61, /* as Go's schedule() */
	NEXT_STREAK_MAX = 61,
};

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

/* Takes the oldest of the global queue, and moves up to MORE of those behind it to P's queue, which has room. */
static struct co *global_get(struct co_p *p, size_t more)
{
	struct co *coroutine;
	size_t taken = 0;

	if (global_is_empty())
		return NULL;
	co_spin_lock(&co_runtime.lock);
	coroutine = co_runtime.global_first;
	if (coroutine != NULL) {
		struct co *at = coroutine->next;

		for (taken = 1; taken <= more && at != NULL; taken++) {
			struct co *next = at->next;

			(void)co_run_queue_put(&p->queue, at);
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

void co_queue_put(struct co_p *p, struct co *coroutine)
{
	struct chain chain = {.first = NULL};
	struct co *oldest;

	if (co_run_queue_put(&p->queue, coroutine))
		return;
	while (chain.length < CO_RUN_QUEUE_LENGTH / 2 && (oldest = co_run_queue_get(&p->queue, p->is_alone)) != NULL)
		chain_add(&chain, oldest);
	chain_add(&chain, coroutine);
	global_put_chain(&chain);
}

void co_queue_put_last(struct co_p *p, struct co *coroutine)
{
	if (global_is_empty())
		co_queue_put(p, coroutine);
	else
		co_queue_put_global(coroutine);
}

/* Puts COROUTINE, which may be NULL, into P's `next`; returns what was there. */
static struct co *swap_next(struct co_p *p, struct co *coroutine)
{
	struct co *former;

	if (!p->is_alone)
		return atomic_exchange_explicit(&p->next, coroutine, memory_order_acq_rel);
	former = atomic_load_explicit(&p->next, memory_order_relaxed);
	atomic_store_explicit(&p->next, coroutine, memory_order_relaxed);
	return former;
}

void co_make_runnable(struct co *coroutine)
{
	struct co_m *m = co_m_self();

	atomic_store_explicit(&coroutine->state, CO_STATE_READY, memory_order_relaxed);
	if (m == NULL) {
		co_queue_put_global(coroutine);
		co_poller_wake();
	} else if (m->current == NULL) {
		co_queue_put(m->p, coroutine);
	} else {
		struct co *former = swap_next(m->p, coroutine);

		if (former != NULL)
			co_queue_put(m->p, former);
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
		co_queue_put(p, coroutine);
	}
	p->next_streak = 0;
	coroutine = co_run_queue_get(&p->queue, p->is_alone);
	return coroutine != NULL ? coroutine : global_get(p, CO_RUN_QUEUE_LENGTH / 2);
}

bool co_spinning_pays(void)
{
	struct co_m *m = co_m_self();

	return co_runtime.proc_count > 1 && m != NULL && co_run_queue_is_empty(&m->p->queue);
}
