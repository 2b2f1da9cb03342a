/* SPDX-License-Identifier: MIT
 *
 * switch_ucontext.c - the portable switch, for machines without an assembly one and to check that one against.
 */
#include "runtime/switch.h"

#ifdef CO_SWITCH_UCONTEXT

void co_machine_prepare(struct co_machine *machine, void *low, size_t bytes, void (*entry)(void))
{
	(void)getcontext(&machine->context); /* cannot fail on Linux with a valid pointer */
	machine->context.uc_stack.ss_sp = low;
	machine->context.uc_stack.ss_size = bytes;
	machine->context.uc_link = NULL;
	makecontext(&machine->context, entry, 0);
}

void co_machine_switch(struct co_machine *save, const struct co_machine *load)
{
	(void)swapcontext(&save->context, &load->context);
}

bool co_machine_caller(const struct co_machine *machine, uintptr_t *ret_address, uintptr_t *ret_frame)
{
#if defined(__x86_64__)
	*ret_address = (uintptr_t)machine->context.uc_mcontext.gregs[REG_RIP];
	*ret_frame = (uintptr_t)machine->context.uc_mcontext.gregs[REG_RBP];
	return true;
#else
	(void)machine;
	(void)ret_address;
	(void)ret_frame;
	return false;
#endif
}

#endif
