/* SPDX-License-Identifier: MIT
 *
 * check.c - rules that a coroutine may have broken, checked while it does not run.
 */
#include "runtime/check.h"

#include <pthread.h>
#include <signal.h>

#include "runtime/dump.h"
#include "runtime/local.h"

#define MXCSR_FLAGS 0x3fu     /* exceptions that have occurred */
#define MXCSR_DEFAULT 0x1f80u /* all exceptions masked, round to nearest */

void co_check_canary(const struct co *coroutine)
{
	if (!co_stack_is_intact(coroutine->stack))
		co_fatal_overflow(coroutine);
}

#ifdef CO_DEBUG

void co_check_stack_use(struct co_p *p, const struct co_stack *stack)
{
	uint64_t pages = co_stack_resident_pages(stack);

	if (pages > atomic_load_explicit(&p->stack_high_pages, memory_order_relaxed))
		atomic_store_explicit(&p->stack_high_pages, pages, memory_order_relaxed);
}

void co_check_thread(void)
{
	sigset_t mask;

	(void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
	if (!sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGCHLD))
		co_fatal("fatal error: a coroutine changed its thread's signal mask\n");
#if defined(__SSE__)
	if ((__builtin_ia32_stmxcsr() & ~MXCSR_FLAGS) != MXCSR_DEFAULT)
		co_fatal("fatal error: a coroutine changed its thread's floating-point control word\n");
#endif
}

void co_check_machine(void)
{
	if (co_m_self() == NULL)
		co_fatal("fatal error: a channel was used by a thread that is none of the run's\n");
}

#endif
