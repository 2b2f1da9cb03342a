/* SPDX-License-Identifier: MIT
 *
 * clock.c - clocks, deadlines and chance, in one place so that a simulation can take their place.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "runtime/co.h"
#include "runtime/local.h"
#include "runtime/sched.h"

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

int64_t co_now_cached(void)
{
	struct co_m *m = co_m_self();

	return m != NULL ? co_p_now(m->p) : co_now();
}

int64_t co_deadline_after(int64_t now, int64_t duration_ns)
{
	if (duration_ns <= 0)
		return now;
	return now > CO_NEVER - duration_ns ? CO_NEVER : now + duration_ns;
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
