/* SPDX-License-Identifier: MIT
 *
 * switch_x86_64.S - where a new stack starts, for the System V ABI of x86-64; the switch is in switch.h.
 *
 * A stack at rest, from its saved pointer upwards: the address to go on at, rbp. switch_frame.c builds the same for a
 * new stack, and above it the entry function. No SHSTK property: the linker then keeps shadow stacks off for the
 * program, which could not follow the switch.
 */
#if defined(__x86_64__) && !defined(CO_SWITCH_UCONTEXT)

	.text

	/* The bottom frame of a new stack. An undefined return address and a zero frame pointer end every backtrace. */
	.globl co_machine_start
	.hidden co_machine_start
	.type co_machine_start, @function
	.p2align 4
co_machine_start:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	xorl %ebp, %ebp
	popq %rax
	callq *%rax
	ud2
	.cfi_endproc
	.size co_machine_start, . - co_machine_start

#endif

	.section .note.GNU-stack, "", @progbits
