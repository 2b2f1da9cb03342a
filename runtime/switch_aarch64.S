/* SPDX-License-Identifier: MIT
 *
 * switch_aarch64.S - the switch for the AAPCS64 ABI of arm64.
 *
 * A stack at rest, from its saved pointer upwards: x19 to x28, x29 (frame pointer), x30 (where to go on), the low
 * halves of v8 to v15: 160 bytes. switch_frame.c builds the same for a new stack.
 */
#if defined(__aarch64__) && !defined(CO_SWITCH_UCONTEXT)

	.text

	.globl co_machine_switch
	.hidden co_machine_switch
	.type co_machine_switch, %function
	.p2align 4
co_machine_switch:
	.cfi_startproc
	hint #34 /* bti c */
	sub sp, sp, #160
	.cfi_def_cfa_offset 160
	stp x19, x20, [sp, #0]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	.cfi_offset x29, -80
	.cfi_offset x30, -72
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x9, sp
	str x9, [x0]
	ldr x9, [x1]
	mov sp, x9
	ldp x19, x20, [sp, #0]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	.cfi_def_cfa_offset 0
	.cfi_restore x29
	.cfi_restore x30
	mov x16, x30
	br x16
	.cfi_endproc
	.size co_machine_switch, . - co_machine_switch

	/* The bottom frame of a new stack. Zero frame pointer and link register end every backtrace. */
	.globl co_machine_start
	.hidden co_machine_start
	.type co_machine_start, %function
	.p2align 4
co_machine_start:
	.cfi_startproc
	.cfi_undefined x30
	hint #36 /* bti j */
	mov x29, #0
	mov x30, #0
	blr x19
	brk #1
	.cfi_endproc
	.size co_machine_start, . - co_machine_start

#endif

	.section .note.GNU-stack, "", %progbits
