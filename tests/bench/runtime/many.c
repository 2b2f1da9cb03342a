/* SPDX-License-Identifier: MIT
 *
 * many.c - what a great number of coroutines costs: queued, parked, asleep. Each work is for a process of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/runtime/bench.h"

#define FIRST_WAKES (6 * CO_SECOND) /* after the start: later than the last is started */
#define LAST_WAKES (8 * CO_SECOND)

/* Bytes that the process has resident, page tables included. */
static double memory(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	double kilobytes = 0;

	must(file != NULL ? 0 : CO_EINVAL, "/proc/self/status");
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0 || strncmp(line, "VmPTE:", 6) == 0)
			kilobytes += atof(line + 6);
	(void)fclose(file);
	return kilobytes * 1024;
}

/* ---- queued ---------------------------------------------------------------------------------- */

static void done(void *group)
{
	(void)co_waitgroup_done(group);
}

/* Started while nothing else runs. */
static void queue(size_t n)
{
	struct co_waitgroup group = {0};
	double before = memory();

	must(co_waitgroup_add(&group, (int32_t)n), "add");
	for (size_t i = 0; i < n; i++)
		must(co_go(done, &group), "go");
	tell("bytes", (memory() - before) / (double)n);
	must(co_waitgroup_wait(NULL, &group), "wait");
}

/* ---- parked ---------------------------------------------------------------------------------- */

struct gate {
	struct co_channel *channel;
	struct co_waitgroup up;
	struct co_waitgroup group;
};

static void wait_at_gate(void *arg)
{
	struct gate *gate = arg;

	(void)co_waitgroup_done(&gate->up);
	(void)co_receive(NULL, gate->channel, NULL);
	(void)co_waitgroup_done(&gate->group);
}

/* What passed between two readings, by the clock and of CPU, as NAME and NAME-cpu: ns each. */
struct reading {
	int64_t wall;
	int64_t cpu;
};

static struct reading read_clocks(void)
{
	return (struct reading){co_now(), cpu_now()};
}

static void tell_since(struct reading began, size_t n, const char *name)
{
	struct reading now = read_clocks();
	char name_cpu[32];

	(void)snprintf(name_cpu, sizeof(name_cpu), "%s-cpu", name);
	tell(name, (double)(now.wall - began.wall) / (double)n);
	tell(name_cpu, (double)(now.cpu - began.cpu) / (double)n);
}

static void park_round(size_t n, const char *park, const char *wake)
{
	struct gate gate = {.channel = co_channel_new(sizeof(int64_t), 0)};
	double before = memory();
	struct reading began = read_clocks();

	must(gate.channel != NULL ? 0 : CO_ENOMEM, "channel");
	must(co_waitgroup_add(&gate.up, (int32_t)n), "add");
	must(co_waitgroup_add(&gate.group, (int32_t)n), "add");
	for (size_t i = 0; i < n; i++)
		must(co_go(wait_at_gate, &gate), "go");
	must(co_waitgroup_wait(NULL, &gate.up), "wait");
	tell_since(began, n, park);
	if (strcmp(park, "cold") == 0)
		tell("bytes", (memory() - before) / (double)n);
	began = read_clocks();
	must(co_channel_close(gate.channel), "close");
	must(co_waitgroup_wait(NULL, &gate.group), "wait");
	tell_since(began, n, wake);
	co_channel_free(gate.channel);
}

/* Twice: the second round finds what the first has left. */
static void park(size_t n)
{
	park_round(n, "cold", "wake");
	park_round(n, "pooled", "wake-pooled");
}

/* ---- asleep ---------------------------------------------------------------------------------- */

struct sleeper {
	int64_t at;
	struct dormitory *dormitory;
};

struct dormitory {
	struct co_waitgroup group;
	_Atomic int64_t late;
};

static void sleep_until(void *arg)
{
	struct sleeper *sleeper = arg;

	(void)co_sleep(NULL, sleeper->at - co_now());
	atomic_fetch_add_explicit(&sleeper->dormitory->late, co_now() - sleeper->at, memory_order_relaxed);
	(void)co_waitgroup_done(&sleeper->dormitory->group);
}

static void sleepers(size_t n)
{
	struct dormitory dormitory = {.late = 0};
	struct sleeper *all = calloc(n, sizeof(*all));
	const int64_t cpu = cpu_now();
	const int64_t began = co_now();
	uint64_t x = 88172645463325252U;

	must(all != NULL ? 0 : CO_ENOMEM, "sleepers");
	must(co_waitgroup_add(&dormitory.group, (int32_t)n), "add");
	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		all[i].at = began + FIRST_WAKES + (int64_t)(x % (LAST_WAKES - FIRST_WAKES));
		all[i].dormitory = &dormitory;
		must(co_go(sleep_until, &all[i]), "go");
	}
	tell("started-s", (double)(co_now() - began) / CO_SECOND);
	must(co_waitgroup_wait(NULL, &dormitory.group), "wait");
	tell("cpu", (double)(cpu_now() - cpu) / (double)n);
	tell("late-us", (double)atomic_load(&dormitory.late) / (double)n / CO_MICROSECOND);
	free(all);
}

const struct work many_works[] = {
	{.name = "queued", .report = queue},
	{.name = "parked", .report = park},
	{.name = "sleepers", .report = sleepers},
	{.name = NULL},
};
