/* SPDX-License-Identifier: MIT
 *
 * clock.c - the system's clocks and its random source, alone here so that a simulation can take their place.
 */
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "runtime/co.h"

static int64_t read_clock(clockid_t clock)
{
	struct timespec time;

	(void)clock_gettime(clock, &time); /* these clocks always exist */
	return (int64_t)time.tv_sec * CO_SECOND + time.tv_nsec;
}

int64_t co_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t co_boottime(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t co_realtime(void)
{
	return read_clock(CLOCK_REALTIME);
}

void co_random(void *bytes, size_t length)
{
	char *at = bytes;

	while (length > 0) {
		ssize_t n = getrandom(at, length, 0);

		if (n > 0) {
			at += n;
			length -= (size_t)n;
		}
	}
}
