/* SPDX-License-Identifier: MIT
 *
 * switch_x86_64.S - the switch for the System V ABI of x86-64.
 *
 * A stack at rest, from its saved pointer upwards: r15 r14 r13 r12 rbx rbp, the address to go on at. switch_frame.c
 * builds the same for a new stack. The jump goes by register: a ret would never be predicted. No SHSTK property: the
 * linker then keeps shadow stacks off for the program, which could not follow the switch.
 */
#if defined(__x86_64__) && !defined(CO_SWITCH_UCONTEXT)

	.text

	.globl co_machine_switch
	.hidden co_machine_switch
	.type co_machine_switch, @function
	.p2align 4
co_machine_switch:
	.cfi_startproc
	endbr64
	pushq %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq %r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq %r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq %r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq %r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	movq %rsp, (%rdi)
	movq (%rsi), %rsp
	popq %r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq %r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq %r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq %r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	popq %rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	jmpq *%rcx
	.cfi_endproc
	.size co_machine_switch, . - co_machine_switch

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
	callq *%r12
	ud2
	.cfi_endproc
	.size co_machine_start, . - co_machine_start

#endif

	.section .note.GNU-stack, "", @progbits
