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

#endif
