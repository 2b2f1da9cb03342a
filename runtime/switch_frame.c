/* SPDX-License-Identifier: MIT
 *
 * switch_frame.c - the first frame of a new stack, laid out as the assembly switches leave one at rest.
 */
#include "runtime/switch.h"

#ifndef CO_SWITCH_UCONTEXT

#include <stdint.h>
#include <string.h>

#include "runtime/sanitizer.h"

void co_machine_start(void); /* in assembly: calls the entry function from the stack's bottom frame */

/* The words of a stack at rest: how many, which holds the entry function for co_machine_start, which the frame pointer
 * and the address to go on at; and the words that keep the bottom frame aligned to 16 bytes. */
enum {
#if defined(__x86_64__)
	WORDS = 3,
	RESUME_WORD = 0,
	FRAME_WORD = 1,
	ENTRY_WORD = 2,
	PADDING_WORDS = 2,
#else
	WORDS = 20,
	ENTRY_WORD = 0,
	FRAME_WORD = 10,
	RESUME_WORD = 11,
	PADDING_WORDS = 2,
#endif
};

void co_machine_prepare(struct co_machine *machine, void *low, size_t bytes, void (*entry)(void))
{
	uintptr_t top = ((uintptr_t)low + bytes) & ~(uintptr_t)15;
	uintptr_t *frame = (uintptr_t *)top - PADDING_WORDS - WORDS;

	memset(frame, 0, (WORDS + PADDING_WORDS) * sizeof(*frame));
	frame[ENTRY_WORD] = (uintptr_t)entry;
	frame[RESUME_WORD] = (uintptr_t)co_machine_start;
	machine->stack_pointer = frame;
}

/* For a stack that may be running again: no sanitizer is to watch. */
CO_UNINSTRUMENTED __attribute__((no_sanitize("address"))) bool co_machine_caller(
	const struct co_machine *machine, uintptr_t *ret_address, uintptr_t *ret_frame)
{
	const volatile uintptr_t *words = *(uintptr_t *const volatile *)&machine->stack_pointer;

	*ret_address = words[RESUME_WORD];
	*ret_frame = words[FRAME_WORD];
	return true;
}

#endif
