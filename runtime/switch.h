/* SPDX-License-Identifier: MIT
 *
 * switch.h - the machine's part of a stack switch: callee-saved registers and the stack pointer, nothing else.
 *
 * Floating-point control words and the signal mask belong to the thread and are not saved (saving MXCSR and the x87
 * control word would cost four times the rest of the switch). x86-64 and arm64 are assembly; elsewhere, or with
 * CO_SWITCH_UCONTEXT, swapcontext(3) stands in, which costs a system call per switch.
 */
#ifndef BATON_RUNTIME_SWITCH_H
#define BATON_RUNTIME_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__x86_64__) && !defined(__aarch64__) && !defined(CO_SWITCH_UCONTEXT)
#define CO_SWITCH_UCONTEXT
#endif

#ifdef CO_SWITCH_UCONTEXT
#include <ucontext.h>
#endif

/* Where a stack that is not running goes on. */
struct co_machine {
#ifdef CO_SWITCH_UCONTEXT
	ucontext_t context;
#else
	void *stack_pointer;
#endif
};

/* Makes MACHINE start at ENTRY, which must never return, on the BYTES of stack from LOW. */
void co_machine_prepare(struct co_machine *machine, void *low, size_t bytes, void (*entry)(void));

/* The lowest address that a stack at rest uses; NULL if that is not known. */
static inline const void *co_machine_stack_pointer(const struct co_machine *machine)
{
#ifdef CO_SWITCH_UCONTEXT
	(void)machine;
	return NULL;
#else
	return machine->stack_pointer;
#endif
}

/* What a stack at rest holds from its stack pointer upwards. */
#if defined(__aarch64__)
enum { CO_MACHINE_BYTES = 160 };
#else
enum { CO_MACHINE_BYTES = 56 };
#endif

/* Where MACHINE, which is at rest, goes on, and its frame pointer there; it reads the stack. False: not known. */
bool co_machine_caller(const struct co_machine *machine, uintptr_t *ret_address, uintptr_t *ret_frame);

/* Leaves the running stack in SAVE and goes on with LOAD; returns when another switch loads SAVE. */
void co_machine_switch(struct co_machine *save, const struct co_machine *load);

#endif
