/* SPDX-License-Identifier: MIT
 *
 * monitor.h - a thread that watches the Ps, and sleeps while they do.
 */
#ifndef BATON_RUNTIME_MONITOR_H
#define BATON_RUNTIME_MONITOR_H

#include <stdatomic.h>
#include <stdbool.h>

/* True while the monitor sleeps without a limit. */
extern atomic_bool co_monitor_sleeps;

/* Starts it. 0 or a negative errno. */
int co_monitor_open(void);

/* Ends it. The Ms may still run. */
void co_monitor_close(void);

/* Has it look at once. Safe in signal handlers. */
void co_monitor_wake(void);

/* To be called by an M that has work again. */
static inline void co_monitor_notice(void)
{
	if (atomic_load(&co_monitor_sleeps))
		co_monitor_wake();
}

#endif
