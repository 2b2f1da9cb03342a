/* SPDX-License-Identifier: MIT
 *
 * clock.h - the clocks the drivers pass to the core, in nanoseconds.
 */
#ifndef BATON_CLIENTLIB_CLOCK_H
#define BATON_CLIENTLIB_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read(clockid_t id)
{
	struct timespec now = {0};

	clock_gettime(id, &now); /* cannot fail: these clocks exist on every Linux */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_monotonic(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

static inline int64_t clock_boottime(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

/* TIMEOUT (not negative) after NOW; INT64_MAX where that is no time any more. */
static inline int64_t clock_after(int64_t now, int64_t timeout)
{
	int64_t at;

	return __builtin_add_overflow(now, timeout, &at) ? INT64_MAX : at;
}

#endif
