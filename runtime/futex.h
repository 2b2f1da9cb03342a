/* SPDX-License-Identifier: MIT
 *
 * futex.h - sleeping on a word of memory, futex(2).
 */
#ifndef BATON_RUNTIME_FUTEX_H
#define BATON_RUNTIME_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/co.h"

/* Sleeps while WORD has VALUE, for DURATION_NS at most (CO_NEVER: no limit). May return for no reason. */
static inline void co_futex_wait(atomic_uint *word, unsigned value, int64_t duration_ns)
{
	struct timespec limit = {duration_ns / CO_SECOND, duration_ns % CO_SECOND};

	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, duration_ns == CO_NEVER ? NULL : &limit, NULL, 0);
}

/* Ends the sleep of one thread on WORD. */
static inline void co_futex_wake(atomic_uint *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#endif
