/* SPDX-License-Identifier: MIT
 *
 * spin.c - waiting for a spin lock.
 *
 * The holder needs a few instructions, unless the kernel took its CPU away: so read until the lock looks free, and let
 * the holder's thread run after a while.
 */
#include <sched.h>

#include "runtime/co.h"

enum { PAUSES_BEFORE_YIELD = 100 };

static void pause_briefly(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

__attribute__((noinline)) void co_spin_wait(struct co_spin *spin)
{
	unsigned pauses = 0;

	do {
		while (atomic_load_explicit(&spin->held, memory_order_relaxed) != 0) {
			if (++pauses % PAUSES_BEFORE_YIELD == 0)
				sched_yield();
			else
				pause_briefly();
		}
	} while (atomic_exchange_explicit(&spin->held, 1, memory_order_acquire) != 0);
}
