/* SPDX-License-Identifier: MIT
 *
 * test_runtime_many.c - many coroutines: a hundred thousand parked at once, in each guard mode what it can hold, stacks
 * used again, memory given back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/co_test.h"

static struct co_stats stats_now(void)
{
	struct co_stats stats;

	co_stats(&stats);
	return stats;
}

static size_t crowd;
static atomic_size_t woken;

static void wait_for_close(void *gate)
{
	CHECK_EQUAL(co_receive(NULL, gate, NULL), CO_ECLOSED);
	atomic_fetch_add(&woken, 1);
}

/* All of the crowd is parked at once, each on a stack of its own; all wake; all stacks are free afterwards. */
static void park_the_crowd(void)
{
	struct co_channel *gate = co_channel_new(1, 0);
	struct co_stats stats = stats_now();
	const uint64_t live = stats.live;
	const uint64_t stacks = stats.stacks_in_use;

	CHECK(gate != NULL);
	atomic_store(&woken, 0);
	for (size_t i = 0; i < crowd; i++)
		CHECK_EQUAL(co_go(wait_for_close, gate), 0);
	CHECK_EVENTUALLY(co_test_parked() == crowd);
	stats = stats_now();
	CHECK_EQUAL(stats.live, live + crowd);
	CHECK_EQUAL(stats.stacks_in_use, stacks + crowd);
	CHECK(stats.stacks_mapped >= stats.stacks_in_use);
	CHECK_EQUAL(co_channel_close(gate), 0);
	CHECK_EVENTUALLY(atomic_load(&woken) == crowd);
	CHECK_EVENTUALLY(stats_now().live == live);
	CHECK_EQUAL(stats_now().stacks_in_use, stacks);
	co_channel_free(gate);
}

static void hundred_thousand_parked(void **state)
{
	(void)state;
	crowd = test_crowd(100000);
	co_test_run(__func__, park_the_crowd, NULL);
}

/* More than one mapping each allows: what has no guard page any more still works. */
static void every_guard_mode_holds_forty_thousand(void **state)
{
	static const enum co_guard modes[] = {CO_GUARD_INSTALL, CO_GUARD_MPROTECT, CO_GUARD_SLAB};

	(void)state;
	crowd = test_crowd(40000);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const struct co_options options = {.procs = co_test_most_procs(), .guard = modes[i]};

		co_test_run(__func__, park_the_crowd, &options);
	}
}

/* ---- used again -------------------------------------------------------------------------------------------------- */

static void touch(void *number)
{
	volatile char frame[3000];

	memset((char *)(uintptr_t)frame, 7, sizeof(frame));
	atomic_fetch_add((atomic_size_t *)number, (size_t)(frame[17] == 7));
}

/* Coroutines that end without parking, however many, need a handful of stacks: each is bound when it first runs. */
SINGLE_P_TEST(stacks_are_bound_late_and_used_again)
{
	static atomic_size_t ended;
	const size_t count = test_crowd(100000);
	const uint64_t mapped = stats_now().stacks_mapped;

	atomic_store(&ended, 0);
	for (size_t i = 0; i < count; i++) {
		CHECK_EQUAL(co_go(touch, &ended), 0);
		if (i % 10000 == 9999)
			co_yield();
	}
	CHECK_EVENTUALLY(atomic_load(&ended) == count);
	CHECK(stats_now().stacks_mapped - mapped <= 512);
}

/* Parking in waves uses the stacks of the wave before. */
COROUTINE_TEST(waves_use_the_same_stacks)
{
	uint64_t mapped = 0;

	crowd = test_crowd(5000);
	for (int wave = 0; wave < 10; wave++) {
		park_the_crowd();
		if (wave == 1)
			mapped = stats_now().stacks_mapped;
	}
	CHECK(stats_now().stacks_mapped <= mapped + 1024);
}

/* TestSelectStackAdjust, TestShrinkStackDuringBlockedSend: while the stacks of others are given back to the kernel,
 * those of the parked stay as they are, and what they wait with: a peer writes into them. */
#define PATIENT 50

static struct {
	struct co_channel *in;
	struct co_channel *out;
	atomic_long sum;
} visit;

static void wait_with_select(void *unused)
{
	volatile unsigned char frame[6000]; /* more than the page that is touched anyway */
	long value = 0;
	const long sent = 1000;
	struct co_case cases[] = {co_case_receive(visit.in, &value), co_case_send(visit.out, &sent)};

	(void)unused;
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (unsigned char)(i * 7);
	CHECK(co_select(NULL, cases, 2) >= 0);
	for (size_t i = 0; i < sizeof(frame); i++)
		CHECK(frame[i] == (unsigned char)(i * 7));
	atomic_fetch_add(&visit.sum, value);
}

COROUTINE_TEST(parked_stacks_stay_whole)
{
	struct co_test_group group = {0};
	long value;

	visit.in = co_channel_new(sizeof(long), 0);
	visit.out = co_channel_new(sizeof(long), 0);
	CHECK(visit.in != NULL && visit.out != NULL);
	atomic_store(&visit.sum, 0);
	for (int i = 0; i < PATIENT; i++)
		co_test_go(&group, wait_with_select, NULL);
	CHECK_EVENTUALLY(co_test_parked() == PATIENT);
	for (size_t i = 0, count = test_crowd(3000); i < 3; i++) {
		struct co_channel *gate = co_channel_new(1, 0);

		CHECK(gate != NULL);
		atomic_store(&woken, 0);
		for (size_t j = 0; j < count; j++)
			CHECK_EQUAL(co_go(wait_for_close, gate), 0);
		CHECK_EVENTUALLY(co_test_parked() == PATIENT + count);
		CHECK_EQUAL(co_channel_close(gate), 0);
		CHECK_EVENTUALLY(atomic_load(&woken) == count);
		co_test_pause();
		co_channel_free(gate);
	}
	for (value = 1; value <= PATIENT / 2; value++)
		CHECK_EQUAL(co_send(NULL, visit.in, &value), 0);
	for (int i = 0; i < PATIENT / 2; i++) {
		CHECK_EQUAL(co_receive(NULL, visit.out, &value), 0);
		CHECK_EQUAL(value, 1000);
	}
	co_test_wait(&group);
	CHECK_EQUAL(atomic_load(&visit.sum), PATIENT / 2 * (PATIENT / 2 + 1) / 2);
	co_channel_free(visit.in);
	co_channel_free(visit.out);
}

static void give_memory_back(void)
{
	struct co_channel *gate = co_channel_new(1, 0);
	const size_t count = test_crowd(40000);
	const size_t before = test_resident_pages();
	size_t peak;

	CHECK(gate != NULL && before > 0);
	atomic_store(&woken, 0);
	for (size_t i = 0; i < count; i++)
		CHECK_EQUAL(co_go(wait_for_close, gate), 0);
	CHECK_EVENTUALLY(co_test_parked() == count);
	peak = test_resident_pages();
	CHECK_EQUAL(co_channel_close(gate), 0);
	CHECK_EVENTUALLY(atomic_load(&woken) == count);
	if (peak - before >= count) /* else most had been there from the run before */
		CHECK_EVENTUALLY(test_resident_pages() < before + (peak - before) / 2);
	co_channel_free(gate);
}

/* After a peak the kernel gets most of the memory back. */
static void memory_is_given_back(void **state)
{
	(void)state;
	if (TEST_SANITIZED)
		skip(); /* they hold on to memory of their own */
	co_test_run(__func__, give_memory_back, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hundred_thousand_parked),
		cmocka_unit_test(every_guard_mode_holds_forty_thousand),
		cmocka_unit_test(stacks_are_bound_late_and_used_again),
		cmocka_unit_test(waves_use_the_same_stacks),
		cmocka_unit_test(parked_stacks_stay_whole),
		cmocka_unit_test(memory_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
