/* SPDX-License-Identifier: MIT
 *
 * fiber.h - one stack of execution, a thread's own or a coroutine's, with what the sanitizers keep for it.
 *
 * Invariant: every stack switch of the runtime goes through co_fiber_switch, so that the tools see all of them.
 */
#ifndef BATON_RUNTIME_FIBER_H
#define BATON_RUNTIME_FIBER_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/sanitizer.h"
#include "runtime/switch.h"

struct co_fiber {
	struct co_machine machine;
#if CO_ASAN
	void *fake_stack; /* ASan's shadow frames while the fiber is left */
	const void *stack_low;
	size_t stack_bytes;
#endif
#if CO_TSAN
	void *tsan;
#endif
};

/* Makes FIBER stand for the running thread's own stack. */
void co_fiber_init_thread(struct co_fiber *fiber);

/* Makes FIBER start at ENTRY, which must never return, on the BYTES of stack from LOW. */
void co_fiber_init(struct co_fiber *fiber, void *low, size_t bytes, void (*entry)(void));

/* Forgets a fiber that will not run again; not the running one. */
void co_fiber_done(struct co_fiber *fiber);

/* As co_fiber_done, for one that was left in the middle: what its stack points to is no leak. */
void co_fiber_drop(struct co_fiber *fiber);

#if CO_ASAN || CO_TSAN
/* Leaves FROM, which is running, for TO. LAST: FROM will never be entered again. */
void co_fiber_switch(struct co_fiber *from, struct co_fiber *to, bool last);

/* To be called first on a new stack; FROM is the fiber it was entered from. */
void co_fiber_entered(struct co_fiber *from);
#else
static inline void co_fiber_switch(struct co_fiber *from, struct co_fiber *to, bool last)
{
	(void)last;
	co_machine_switch(&from->machine, &to->machine);
}

static inline void co_fiber_entered(struct co_fiber *from)
{
	(void)from;
}
#endif

#endif
