/* SPDX-License-Identifier: MIT
 *
 * test_runtime_typed.c - typed channels with directions, what the compiler refuses of them, and typed atomics (after
 * Go's sync/atomic tests, whose names are kept).
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/co_atomic.h"
#include "runtime/co_typed.h"
#include "tests/lib/child.h"
#include "tests/lib/co_test.h"

CO_CHANNEL(ints, int);

struct point {
	int x;
	double y;
};
CO_CHANNEL(points, struct point);

/* ---- channels ---------------------------------------------------------------------------------------------------- */

static void send_squares(void *arg)
{
	ints_sender out = *(ints_sender *)arg;

	for (int i = 1; i <= 10; i++)
		CHECK_EQUAL(ints_send(NULL, out, i * i), 0);
	CHECK_EQUAL(ints_close(out), 0);
}

static void sum_up(ints_receiver in, int *ret_sum)
{
	int value;

	*ret_sum = 0;
	while (ints_receive(NULL, in, &value) == 0)
		*ret_sum += value;
}

COROUTINE_TEST(ends_share_one_channel)
{
	struct co_test_group group = {0};
	ints squares;
	ints_sender sender;
	int sum;

	CHECK_EQUAL(ints_make(2, &squares), 0);
	CHECK_EQUAL(ints_capacity(ints_from(squares)), 2);
	sender = ints_to(squares);
	co_test_go(&group, send_squares, &sender);
	sum_up(ints_from(squares), &sum);
	co_test_wait(&group);
	CHECK_EQUAL(sum, 385);
	CHECK_EQUAL(ints_try_send(squares, 1), CO_ESENDCLOSED);
	CHECK_EQUAL(ints_close(squares), CO_ECLOSECLOSED);
	ints_free(squares);
}

/* TestChanSendInterface: an element may be a structure. */
COROUTINE_TEST(elements_of_a_structure)
{
	points channel;
	const struct point sent = {3, 0.5};
	struct point received;

	CHECK_EQUAL(points_make(2, &channel), 0);
	CHECK_EQUAL(points_try_receive(channel, &received), CO_EWOULDBLOCK);
	CHECK_EQUAL(points_send(NULL, channel, sent), 0);
	CHECK_EQUAL(points_length(channel), 1);
	CHECK_EQUAL(points_receive(NULL, points_from(channel), &received), 0);
	CHECK(received.x == 3 && received.y == 0.5);
	points_free(channel);
}

/* A zero channel is Go's nil; cases of a select take ends as well. */
COROUTINE_TEST(typed_cases_of_a_select)
{
	ints nil = {NULL};
	ints channel;
	int value = 7;
	int received = 0;

	CHECK_EQUAL(ints_make(1, &channel), 0);
	for (int round = 0; round < 2; round++) {
		struct co_case cases[] = {
			ints_case_receive(nil, &received),
			ints_case_send(ints_to(channel), &value),
			ints_case_receive(ints_from(channel), &received),
		};

		CHECK_EQUAL(co_select(NULL, cases, 3), 1 + round);
	}
	CHECK_EQUAL(received, 7);
	CHECK_EQUAL(ints_try_send(nil, 1), CO_EWOULDBLOCK);
	ints_free(channel);
}

/* ---- perm: what does not compile --------------------------------------------------------------------------------- */

static struct test_child child;

static int compile_misuse(void *number)
{
	const char *source = getenv("BATON_SOURCE");
	char text[12];

	snprintf(text, sizeof(text), "%d", *(int *)number);
	if (source != NULL && chdir(source) != 0)
		return 99;
	execlp("sh", "sh", "-c",
		"LC_ALL=C ${CC:-cc} -std=c11 -D_GNU_SOURCE -I. -fsyntax-only -DMISUSE=$0 tests/unit/typed_misuse.c",
		text, NULL);
	return 98;
}

static void misuse_does_not_compile(void **state)
{
	(void)state;
	for (int number = 0; number <= 12; number++) {
		test_child_run(&child, compile_misuse, &number);
		test_child_exited(&child, number == 0 ? 0 : 1);
		if (number > 0)
			test_child_said(&child, "incompatible type");
	}
}

/* ---- atomics ----------------------------------------------------------------------------------------------------- */

/* TestAddInt32 and its like: add returns the new value and wraps, the others the old one. */
#define CHECK_ATOMIC(type, number, least, most)                                                                        \
	do {                                                                                                           \
		type atomic = {0};                                                                                     \
		CHECK(type##_load(&atomic) == 0);                                                                      \
		CHECK(type##_add(&atomic, 5) == 5);                                                                    \
		CHECK(type##_add(&atomic, (number)-2) == 3);                                                           \
		CHECK(type##_swap(&atomic, most) == 3);                                                                \
		CHECK(type##_add(&atomic, 1) == (least));                                                              \
		CHECK(type##_add(&atomic, (number)-1) == (most));                                                      \
		CHECK(!type##_compare_and_swap(&atomic, 1, 2));                                                        \
		CHECK(type##_load(&atomic) == (most));                                                                 \
		CHECK(type##_compare_and_swap(&atomic, most, 12));                                                     \
		CHECK(type##_and(&atomic, 6) == 12);                                                                   \
		CHECK(type##_or(&atomic, 3) == 4);                                                                     \
		CHECK(type##_load(&atomic) == 7);                                                                      \
		type##_store(&atomic, 9);                                                                              \
		CHECK(type##_swap(&atomic, 1) == 9);                                                                   \
	} while (0)

COROUTINE_TEST(atomic_words)
{
	CHECK_ATOMIC(co_int32, int32_t, INT32_MIN, INT32_MAX);
	CHECK_ATOMIC(co_uint32, uint32_t, 0, UINT32_MAX);
	CHECK_ATOMIC(co_int64, int64_t, INT64_MIN, INT64_MAX);
	CHECK_ATOMIC(co_uint64, uint64_t, 0, UINT64_MAX);
}

static struct {
	co_int64 sum;
	co_uint32 swapped;
	size_t rounds;
} hammered;

static void hammer(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < hammered.rounds; i++) {
		uint32_t seen;

		co_int64_add(&hammered.sum, 1);
		do {
			seen = co_uint32_load(&hammered.swapped);
			if (i % 5 == 0)
				co_yield();
		} while (!co_uint32_compare_and_swap(&hammered.swapped, seen, seen + 1));
	}
}

/* TestHammer32, TestHammer64: nothing is lost. */
COROUTINE_TEST(atomic_hammer)
{
	struct co_test_group group = {0};

	hammered.rounds = test_scale(10000);
	co_int64_store(&hammered.sum, 0);
	co_uint32_store(&hammered.swapped, 0);
	for (int i = 0; i < 4; i++)
		co_test_go(&group, hammer, NULL);
	co_test_wait(&group);
	CHECK_EQUAL(co_int64_load(&hammered.sum), 4 * hammered.rounds);
	CHECK_EQUAL(co_uint32_load(&hammered.swapped), 4 * hammered.rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_share_one_channel),
		cmocka_unit_test(elements_of_a_structure),
		cmocka_unit_test(typed_cases_of_a_select),
		cmocka_unit_test(misuse_does_not_compile),
		cmocka_unit_test(atomic_words),
		cmocka_unit_test(atomic_hammer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
