/* SPDX-License-Identifier: MIT
 *
 * switching.c - yields, and coroutines that start and end.
 */
#include "tests/bench/runtime/bench.h"

enum { BATCH = 1000 };

static void yield_often(size_t n)
{
	for (size_t i = 0; i < n; i++)
		co_yield();
}

static void yield_2(size_t n)
{
	fan_out(2, n, yield_often);
}

static void yield_1000(size_t n)
{
	fan_out(1000, n, yield_often);
}

static void done(void *group)
{
	(void)co_waitgroup_done(group);
}

static void spawn(struct co_waitgroup *group, size_t count)
{
	must(co_waitgroup_add(group, (int32_t)count), "add");
	for (size_t i = 0; i < count; i++)
		must(co_go(done, group), "go");
	must(co_waitgroup_wait(NULL, group), "wait");
}

static void spawn_in_batches(size_t n)
{
	struct co_waitgroup group = {0};

	for (size_t i = 0; i < n; i += BATCH)
		spawn(&group, BATCH);
}

static void spawn_all(size_t n)
{
	struct co_waitgroup group = {0};
	const int64_t cpu = cpu_now();
	const int64_t began = co_now();

	spawn(&group, n);
	tell("wall", (double)(co_now() - began) / CO_MILLISECOND);
	tell("cpu", (double)(cpu_now() - cpu) / CO_MILLISECOND);
}

const struct work switching_works[] = {
	{.name = "yield-2", .run = yield_2},
	{.name = "yield-1000", .run = yield_1000},
	{.name = "spawn-batches", .run = spawn_in_batches},
	{.name = "spawn-all", .report = spawn_all},
	{.name = NULL},
};
