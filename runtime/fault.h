/* SPDX-License-Identifier: MIT
 *
 * fault.h - stack overflow: caught on a signal stack, reported by coroutine.
 */
#ifndef BATON_RUNTIME_FAULT_H
#define BATON_RUNTIME_FAULT_H

#include <signal.h>

/* A thread's own stack for signal handlers; zero is none. */
struct co_signal_stack {
	void *memory;
	stack_t former;
};

/* Installs the handlers for the process. 0 or a negative errno. */
int co_fault_open(void);

/* Puts back what was there before. */
void co_fault_close(void);

/* Gives the calling thread a stack for signal handlers. 0 or a negative errno. */
int co_signal_stack_open(struct co_signal_stack *signal_stack);

/* Takes it away from the calling thread, which opened it. */
void co_signal_stack_close(struct co_signal_stack *signal_stack);

#endif
