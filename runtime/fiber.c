/* SPDX-License-Identifier: MIT
 *
 * fiber.c - stack switches that the sanitizers are told of.
 *
 * ASan: announce before the switch, confirm right after; without a place to save to on the last switch of a stack, so
 * that its shadow frames are freed. TSan: one fiber per stack, switched in code that TSan does not instrument.
 */
#include "runtime/fiber.h"

#if CO_ASAN
#include <pthread.h>
#endif

void co_fiber_init_thread(struct co_fiber *fiber)
{
#if CO_ASAN
	pthread_attr_t attributes;
	void *low = NULL;

	fiber->fake_stack = NULL;
	fiber->stack_bytes = 0;
	if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
		(void)pthread_attr_getstack(&attributes, &low, &fiber->stack_bytes);
		(void)pthread_attr_destroy(&attributes);
	}
	fiber->stack_low = low;
#endif
#if CO_TSAN
	fiber->tsan = __tsan_get_current_fiber();
#endif
	(void)fiber;
}

void co_fiber_init(struct co_fiber *fiber, void *low, size_t bytes, void (*entry)(void))
{
	co_machine_prepare(&fiber->machine, low, bytes, entry);
#if CO_ASAN
	fiber->fake_stack = NULL;
	fiber->stack_low = low;
	fiber->stack_bytes = bytes;
#endif
#if CO_TSAN
	fiber->tsan = __tsan_create_fiber(0);
#endif
}

void co_fiber_done(struct co_fiber *fiber)
{
#if CO_TSAN
	__tsan_destroy_fiber(fiber->tsan);
	fiber->tsan = NULL;
#endif
	(void)fiber;
}

void co_fiber_drop(struct co_fiber *fiber)
{
#if CO_ASAN
	const char *low = co_machine_stack_pointer(&fiber->machine);
	const char *bottom = fiber->stack_low;

	if (low == NULL)
		low = bottom;
	co_tool_remember(low, (size_t)(bottom + fiber->stack_bytes - low));
#endif
	co_fiber_done(fiber);
}

#if CO_ASAN || CO_TSAN
CO_UNINSTRUMENTED void co_fiber_switch(struct co_fiber *from, struct co_fiber *to, bool last)
{
#if CO_ASAN
	__sanitizer_start_switch_fiber(last ? NULL : &from->fake_stack, to->stack_low, to->stack_bytes);
#endif
#if CO_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
	(void)last;
	co_machine_switch(&from->machine, &to->machine);
#if CO_ASAN
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
}

CO_UNINSTRUMENTED void co_fiber_entered(struct co_fiber *from)
{
#if CO_ASAN
	__sanitizer_finish_switch_fiber(NULL, &from->stack_low, &from->stack_bytes);
#endif
	(void)from;
}
#endif
