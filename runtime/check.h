/* SPDX-License-Identifier: MIT
 *
 * check.h - rules that a coroutine may have broken: its canary always, the rest in debug builds (CO_DEBUG, sanitizers).
 */
#ifndef BATON_RUNTIME_CHECK_H
#define BATON_RUNTIME_CHECK_H

#include "runtime/sched.h"

#if defined(BATON_SANITIZE) && !defined(CO_DEBUG)
#define CO_DEBUG
#endif

/* Ends the program if COROUTINE, which is not running, has overwritten its stack's canary. */
void co_check_canary(const struct co *coroutine);

static inline void co_check_stack(const struct co *coroutine)
{
	if (co_stacks_have_canaries())
		co_check_canary(coroutine);
}

#ifdef CO_DEBUG
/* Ends the program if a coroutine has changed its thread's signal mask or floating-point control word. */
void co_check_thread(void);

/* Ends the program if the calling thread is none of the run's. */
void co_check_machine(void);

/* Notes how many pages the coroutine touched whose STACK this was. */
void co_check_stack_use(struct co_p *p, const struct co_stack *stack);
#else
static inline void co_check_thread(void)
{
}

static inline void co_check_machine(void)
{
}

static inline void co_check_stack_use(struct co_p *p, const struct co_stack *stack)
{
	(void)p;
	(void)stack;
}
#endif

#endif
