/* SPDX-License-Identifier: MIT
 *
 * test_runtime_million.c - a million coroutines parked at once, in every guard mode, under the machine's own limit of
 * mappings: each on a stack of its own, each with its own value when it wakes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/co_test.h"

#define MILLION 1000000
#define BYTES_EACH 5000 /* a page, its record, its place in the page tables */
#define PATIENCE (100 * CO_SECOND)

static struct {
	size_t count;
	struct co_channel *gate;
	atomic_ullong sum;
} crowd;

/* Each adds what it had on its stack before it parked. */
static void wait_at_gate(void *number)
{
	volatile uint64_t own = *(const uint64_t *)number;

	CHECK_EQUAL(co_receive(NULL, crowd.gate, NULL), CO_ECLOSED);
	atomic_fetch_add(&crowd.sum, own);
}

static struct co_stats stats_now(void)
{
	struct co_stats stats;

	co_stats(&stats);
	return stats;
}

static void park_all(void)
{
	static const uint64_t numbers[4] = {1, 2, 3, 4};
	const uint64_t live = stats_now().live;
	const int64_t limit = co_now() + PATIENCE;
	size_t maps;

	crowd.gate = co_channel_new(1, 0);
	CHECK(crowd.gate != NULL);
	atomic_store(&crowd.sum, 0);
	for (size_t i = 0; i < crowd.count; i++)
		CHECK_EQUAL(co_go(wait_at_gate, (void *)(uintptr_t)&numbers[i % 4]), 0);
	while (co_test_parked() < crowd.count && co_now() < limit)
		co_sleep(NULL, CO_MILLISECOND);
	CHECK_EQUAL(co_test_parked(), crowd.count);
	CHECK_EQUAL(stats_now().live, live + crowd.count);
	CHECK(stats_now().stacks_in_use >= crowd.count);
	maps = test_count_lines("/proc/self/maps");
	printf("%zu parked, %s, %zu mappings, %zu MiB\n", crowd.count, co_guard_name(co_guard_in_use()), maps,
		test_resident_pages() >> 8);
	CHECK_EQUAL(co_channel_close(crowd.gate), 0);
	while (stats_now().live > live && co_now() < limit)
		co_sleep(NULL, CO_MILLISECOND);
	CHECK_EQUAL(stats_now().live, live);
	CHECK_EQUAL(atomic_load(&crowd.sum), (crowd.count / 4) * 10);
	co_channel_free(crowd.gate);
}

/* Bytes that the machine could give. */
static size_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[200];
	size_t kilobytes = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %zu kB", &kilobytes) == 1)
			break;
	fclose(file);
	return kilobytes << 10;
}

/* As many as the machine has memory for, a million at most. */
static void park_in_mode(enum co_guard guard)
{
	const struct co_options options = {.procs = 2, .guard = guard};
	const size_t fits = memory_available() / BYTES_EACH / 4 * 3;

	crowd.count = test_crowd(MILLION);
	if (crowd.count > fits)
		crowd.count = fits;
	crowd.count -= crowd.count % 4;
	assert_true(crowd.count > 0);
	co_test_run("a million parked", park_all, &options);
}

static void guard_markers(void **state)
{
	(void)state;
	park_in_mode(CO_GUARD_INSTALL);
}

/* Past the limit of mappings the stacks have slab guards and canaries. */
static void guard_pages(void **state)
{
	(void)state;
	park_in_mode(CO_GUARD_MPROTECT);
}

static void slab_guards(void **state)
{
	(void)state;
	park_in_mode(CO_GUARD_SLAB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guard_markers),
		cmocka_unit_test(guard_pages),
		cmocka_unit_test(slab_guards),
	};

	setenv("TEST_PATIENCE", "110", 0); /* it takes a few seconds, on a machine that has nothing else to do */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
