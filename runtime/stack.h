/* SPDX-License-Identifier: MIT
 *
 * stack.h - coroutine stacks: carved from slabs of address space, guarded at the low end, pooled last in first out.
 *
 * A stack is committed by touch. A pool that has grown too large hands memory back to the kernel from idle time, never
 * when a coroutine ends. All functions are for a thread's own stack.
 */
#ifndef BATON_RUNTIME_STACK_H
#define BATON_RUNTIME_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/co.h"

struct co_stack {
	struct co_stack *next; /* in the list it is in */
	char *low;             /* the lowest address of its space, guard included */
	enum co_guard guard;
	unsigned tool_number;
};

/* Stacks that one P keeps for itself; zero is empty. */
struct co_stack_cache {
	struct co_stack *first;
	size_t count;
};

/* Prepares for stacks of BYTES of address space (a multiple of the page size) under the best guard mode from GUARD on
 * that the kernel has. 0 or a negative errno. */
int co_stacks_open(size_t bytes, enum co_guard guard);

/* Unmaps every stack, in use or not. */
void co_stacks_close(void);

/* Takes a stack, the most recently used first. NULL: no memory. */
struct co_stack *co_stack_get(struct co_stack_cache *cache);

/* Gives it back; it may be in use no more. */
void co_stack_put(struct co_stack_cache *cache, struct co_stack *stack);

/* The lowest usable address, and the usable bytes from there. */
__attribute__((pure)) char *co_stack_low(const struct co_stack *stack);
__attribute__((pure)) size_t co_stack_bytes(const struct co_stack *stack);

/* How many bytes at its upper end are left out, so that the stacks' first frames do not all fall into the same few sets
 * of the processor's cache. */
__attribute__((pure)) size_t co_stack_colour(const struct co_stack *stack);

/* False when the canary of a stack that has one instead of a guard page was overwritten. */
bool co_stack_is_intact(const struct co_stack *stack);

/* True if any stack has only a canary: callers may skip co_stack_is_intact otherwise. */
extern atomic_bool co_stack_canaries;

static inline bool co_stacks_have_canaries(void)
{
	return atomic_load_explicit(&co_stack_canaries, memory_order_relaxed);
}

/* Hands unused memory of pooled stacks back to the kernel, a bounded piece at a time. True if there is more to do. */
bool co_stacks_trim(void);

/* The stack whose guard ADDRESS lies in, NULL if in none. *RET_SLAB_GUARD: it is a whole slab's. For signal handlers.
 */
const struct co_stack *co_stack_of_guard(const void *address, bool *ret_slab_guard);

/* How many pages of STACK are resident. A system call. */
size_t co_stack_resident_pages(const struct co_stack *stack);

/* How many stacks were carved. */
uint64_t co_stacks_mapped(void);

#endif
