/* SPDX-License-Identifier: MIT
 *
 * coroutine.h - the record of a coroutine (G), and the pool of records.
 *
 * A record is all that a started coroutine takes until it first runs: its stack is bound then. Records are carved from
 * chunks that live as long as the run, so that a report can walk all of them. What it reads is atomic: coroutines run
 * meanwhile, and it may see one half changed.
 */
#ifndef BATON_RUNTIME_COROUTINE_H
#define BATON_RUNTIME_COROUTINE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/fiber.h"
#include "runtime/stack.h"

enum co_state {
	CO_STATE_FREE,    /* a record in the pool */
	CO_STATE_READY,   /* in a run queue */
	CO_STATE_RUNNING, /* on a P */
	CO_STATE_PARKED,
};

struct co {
	struct co_fiber fiber;
	struct co *next;        /* in the list it is in: a free list, the global queue */
	struct co_stack *stack; /* NULL until it first runs */
	void (*function)(void *arg);
	void *arg;
	const char *_Atomic site;   /* where it was started */
	const char *_Atomic reason; /* what it waits for while it is parked */
	_Atomic int64_t since;      /* when it parked, ns of co_now_cached */
	_Atomic uint64_t id;
	_Atomic(unsigned char)
		state; /* enum co_state; READY and PARKED release the fields above to who makes a report */
};

/* Records that one P keeps for itself; zero is empty. */
struct co_record_cache {
	struct co *first;
	size_t count;
};

/* Takes a record, whose fields are undefined; NULL: no memory. CACHE may be NULL: for threads that are no P. */
struct co *co_record_get(struct co_record_cache *cache);
void co_record_put(struct co_record_cache *cache, struct co *coroutine);

/* Calls VISIT for every record that is not free. Safe in signal handlers if VISIT is. */
void co_records_visit(void (*visit)(struct co *coroutine, void *arg), void *arg);

/* Frees all records, in use or not. */
void co_records_close(void);

#endif
