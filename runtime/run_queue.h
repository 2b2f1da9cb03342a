/* SPDX-License-Identifier: MIT
 *
 * run_queue.h - queues of runnable coroutines: a bounded one per P (after Go's runq in runtime/proc.go), a global one.
 *
 * A P's is a ring that the owner alone fills at the tail; the owner, and later thieves, take from the head by
 * compare-and-swap. First in, first out.
 */
#ifndef BATON_RUNTIME_RUN_QUEUE_H
#define BATON_RUNTIME_RUN_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct co;
struct co_p;

enum { CO_RUN_QUEUE_LENGTH = 256 };

struct co_run_queue {
	atomic_uint head;
	atomic_uint tail; /* written by the owner alone */
	struct co *_Atomic ring[CO_RUN_QUEUE_LENGTH];
};

/* Adds a coroutine at the tail; false if the ring is full. By the owner. IS_OFFERED: sequentially consistent, for who
 * looks next whether an M is idle. */
static inline bool co_run_queue_put(struct co_run_queue *queue, struct co *coroutine, bool is_offered)
{
	unsigned head = atomic_load_explicit(&queue->head, memory_order_acquire);
	unsigned tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);

	if (tail - head >= CO_RUN_QUEUE_LENGTH)
		return false;
	atomic_store_explicit(&queue->ring[tail % CO_RUN_QUEUE_LENGTH], coroutine, memory_order_relaxed);
	if (is_offered)
		atomic_store(&queue->tail, tail + 1);
	else
		atomic_store_explicit(&queue->tail, tail + 1, memory_order_release);
	return true;
}

/* Takes the coroutine at the head; NULL if there is none. By anyone; IS_ALONE: by the owner, and there is nobody else.
 */
static inline struct co *co_run_queue_get(struct co_run_queue *queue, bool is_alone)
{
	unsigned head = atomic_load_explicit(&queue->head, memory_order_acquire);

	for (;;) {
		unsigned tail = atomic_load_explicit(&queue->tail, memory_order_acquire);
		struct co *coroutine;

		if (tail == head)
			return NULL;
		coroutine = atomic_load_explicit(&queue->ring[head % CO_RUN_QUEUE_LENGTH], memory_order_relaxed);
		if (is_alone) {
			atomic_store_explicit(&queue->head, head + 1, memory_order_relaxed);
			return coroutine;
		}
		if (atomic_compare_exchange_weak_explicit(
			    &queue->head, &head, head + 1, memory_order_acq_rel, memory_order_acquire))
			return coroutine;
	}
}

/* How many there are, by the owner: thieves may make it less. */
static inline unsigned co_run_queue_length(struct co_run_queue *queue)
{
	return atomic_load_explicit(&queue->tail, memory_order_relaxed) -
	       atomic_load_explicit(&queue->head, memory_order_relaxed);
}

static inline bool co_run_queue_is_empty(struct co_run_queue *queue)
{
	return atomic_load(&queue->head) == atomic_load(&queue->tail);
}

/* Puts a coroutine that is ready into the queue it belongs in. From any thread. */
void co_make_runnable(struct co *coroutine);

/* Adds to the tail of P's queue; when that is full, half of it goes to the global queue first. An idle M is woken if
 * more is queued now than P is ABOUT to run at once: 0 while a coroutine of it runs, 1 otherwise. */
void co_queue_put(struct co_p *p, struct co *coroutine, unsigned about);

/* Adds behind all that are runnable now, P's and global. By P, which is about to run the first, and soon comes by here
 * again: that an M is idle may be seen late. */
void co_queue_put_last(struct co_p *p, struct co *coroutine);

/* Wakes an idle M for what stands in P's queue: P, which was about to run it, does something else first. By P. */
void co_queue_offer(struct co_p *p);

/* Adds to the global queue, and wakes an idle M. From any thread. */
void co_queue_put_global(struct co *coroutine);

/* Moves half of VICTIM's queue to P's, which is empty; WITH_NEXT: takes VICTIM's `next` if there is nothing else and it
 * stays there for a moment. One of them, to be run; NULL if there was nothing. By P. */
struct co *co_queue_steal(struct co_p *p, struct co_p *victim, bool with_next);

/* True if a coroutine stands in the global queue or in a P's, `next` excepted. */
bool co_queue_any(void);

/* The next coroutine for P to run; NULL if none is runnable. */
struct co *co_queue_pick(struct co_p *p);

/* True where to spin for a lock may be quicker than to park: another P runs, and nothing waits for this one. */
bool co_spinning_pays(void);

#endif
