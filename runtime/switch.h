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
enum { CO_MACHINE_BYTES = 16 };
#endif

/* Where MACHINE, which is at rest, goes on, and its frame pointer there; it reads the stack. False: not known. */
bool co_machine_caller(const struct co_machine *machine, uintptr_t *ret_address, uintptr_t *ret_frame);

#if defined(__x86_64__) && !defined(CO_SWITCH_UCONTEXT)

#ifdef __AVX512F__
#define CO_AVX512_REGISTERS                                                                                            \
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",  \
		"xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define CO_AVX512_REGISTERS
#endif

/* Leaves the running stack in SAVE and goes on with LOAD; returns when another switch loads SAVE.
 *
 * Inlined: only the frame pointer and the address to go on at are stored, the compiler sees to the registers that it
 * has something in; and neither a call nor a return is made, so that the processor's stack of return addresses still
 * fits the callers of a coroutine that goes on where the last one parked. The jump goes by register: a return would
 * never be predicted. What is below the stack pointer (the red zone) is left alone. */
static inline __attribute__((always_inline)) void co_machine_switch(
	struct co_machine *save, const struct co_machine *load)
{
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rbp\n\t"
			 "pushq %%rax\n\t"
			 "movq %%rsp, (%0)\n\t"
			 "movq (%1), %%rsp\n\t"
			 "popq %%rax\n\t"
			 "popq %%rbp\n\t"
			 "jmpq *%%rax\n"
			 "1:\tendbr64\n\t"
			 "leaq 128(%%rsp), %%rsp"
			 : "+D"(save), "+S"(load)
			 :
			 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
			 "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "xmm0", "xmm1",
			 "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
			 "xmm13", "xmm14", "xmm15" CO_AVX512_REGISTERS);
}

#else

/* As above; not inlined. */
void co_machine_switch(struct co_machine *save, const struct co_machine *load);

#endif

#endif
