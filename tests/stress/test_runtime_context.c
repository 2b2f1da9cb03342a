/* SPDX-License-Identifier: MIT
 *
 * test_runtime_context.c - context trees under concurrent cancels, deadlines and births; after Go's
 * TestSimultaneousCancels, TestLayersCancel and TestLayersTimeout.
 */
#include <stdio.h>
#include <string.h>

#include "tests/lib/co_stress.h"

#define NODES 100

static struct {
	struct co_context *nodes[NODES];
	atomic_size_t next;
	atomic_size_t ended;
} tree;

static void cancel_next(void *unused)
{
	(void)unused;
	co_cancel(tree.nodes[atomic_fetch_add(&tree.next, 1)], NULL);
}

static void wait_for_end(void *context)
{
	if (co_context_done(context, NULL) < 0)
		atomic_fetch_add(&tree.ended, 1);
}

/* TestSimultaneousCancels: all nodes of a tree are cancelled at once, each by another; every waiter hears of it. */
COROUTINE_TEST(simultaneous_cancels)
{
	const size_t rounds = test_scale(1000);
	struct test_random random = test_random_stream(1);

	for (size_t round = 0; round < rounds; round++) {
		struct co_test_group waiters = {0};
		struct co_test_group cancellers = {0};

		atomic_store(&tree.next, 0);
		atomic_store(&tree.ended, 0);
		for (size_t i = 0; i < NODES; i++) {
			struct co_context *parent = i == 0 ? NULL : tree.nodes[test_random_below(&random, i)];

			CHECK_EQUAL(co_with_cancel(parent, &tree.nodes[i]), 0);
			co_test_go(&waiters, wait_for_end, tree.nodes[i]);
		}
		if (round % 2 == 0)
			co_yield();
		for (size_t i = 0; i < NODES; i++)
			co_test_go(&cancellers, cancel_next, NULL);
		co_test_wait(&cancellers);
		co_test_wait(&waiters);
		CHECK_EQUAL(atomic_load(&tree.ended), NODES);
		for (size_t i = 0; i < NODES; i++)
			co_context_unref(tree.nodes[i]);
	}
}

/* ---- TestLayersCancel, TestLayersTimeout ------------------------------------------------------------------------- */

#define LAYERS 30

struct layers {
	struct co_context *contexts[LAYERS];
	bool cancellable[LAYERS];
	int64_t deadline;
};

/* A stack of contexts of random kinds: values, cancels, timeouts. */
static void pile_up(struct layers *layers, struct test_random *random, bool with_timeouts)
{
	static const char keys[LAYERS];

	layers->deadline = CO_NEVER;
	for (size_t i = 0; i < LAYERS; i++) {
		struct co_context *parent = i == 0 ? NULL : layers->contexts[i - 1];
		const int64_t timeout = (int64_t)(2 + test_random_below(random, 3)) * CO_MILLISECOND;
		const uint64_t kind = test_random_below(random, with_timeouts ? 3 : 2);

		layers->cancellable[i] = kind != 0;
		if (kind == 0)
			CHECK_EQUAL(co_with_value(parent, &keys[i], &layers->contexts[i], &layers->contexts[i]), 0);
		else if (kind == 1)
			CHECK_EQUAL(co_with_cancel(parent, &layers->contexts[i]), 0);
		else
			CHECK_EQUAL(co_with_timeout(parent, timeout, &layers->contexts[i]), 0);
		if (kind == 2 && layers->deadline > co_context_deadline(layers->contexts[i]))
			layers->deadline = co_context_deadline(layers->contexts[i]);
		CHECK(kind != 0 || co_context_value(layers->contexts[i], &keys[i]) == &layers->contexts[i]);
	}
}

static void drop(struct layers *layers)
{
	for (size_t i = 0; i < LAYERS; i++)
		co_context_unref(layers->contexts[i]);
}

/* TestLayersCancel: cancelling one layer ends it and all above it in the pile, and no other. */
COROUTINE_TEST(layers_cancel)
{
	const size_t rounds = test_scale(3000);
	struct test_random random = test_random_stream(2);

	for (size_t round = 0; round < rounds; round++) {
		struct layers layers;
		size_t cut = test_random_below(&random, LAYERS);

		pile_up(&layers, &random, false);
		while (cut > 0 && !layers.cancellable[cut])
			cut--;
		co_cancel(layers.contexts[cut], "cut");
		for (size_t i = 0; i < LAYERS; i++)
			CHECK_EQUAL(co_context_error(layers.contexts[i]), i < cut ? 0 : CO_ECANCELED);
		CHECK_EQUAL(co_context_done(layers.contexts[LAYERS - 1], NULL), CO_ECANCELED);
		CHECK_EQUAL(strcmp(co_context_cause(layers.contexts[LAYERS - 1]), "cut"), 0);
		co_cancel(layers.contexts[0], NULL);
		drop(&layers);
	}
}

static void ride_out(void *number)
{
	struct test_random random = test_random_stream((uint64_t) * (const int *)number);
	struct layers layers;
	struct co_context *top;

	pile_up(&layers, &random, true);
	top = layers.contexts[LAYERS - 1];
	CHECK_EQUAL(co_context_deadline(top), layers.deadline);
	if (layers.deadline != CO_NEVER) {
		CHECK_EQUAL(co_context_done(top, NULL), CO_EDEADLINE);
		CHECK(co_now() >= layers.deadline);
	} else {
		CHECK_EQUAL(co_context_error(top), 0);
	}
	drop(&layers);
}

/* TestLayersTimeout: the earliest deadline of the pile ends its top, many piles at once. */
COROUTINE_TEST(layers_timeout)
{
	struct co_test_group group = {0};
	const size_t piles = test_scale(200);

	co_test_go_each(&group, piles < 5000 ? piles : 5000, ride_out);
	co_test_wait(&group);
}

/* ---- births under a dying parent --------------------------------------------------------------------------------- */

static atomic_size_t born[2]; /* alive at birth, ended at birth */

static void bear_and_sleep(void *parent)
{
	struct co_context *child = NULL;

	for (int i = 0; i < 10; i++) {
		CHECK_EQUAL(
			i % 2 == 0 ? co_with_cancel(parent, &child) : co_with_timeout(parent, CO_SECOND * 100, &child),
			0);
		atomic_fetch_add(&born[co_context_error(child) != 0], 1);
		if (i % 3 == 0)
			co_yield();
		if (i < 9)
			co_context_unref(child);
	}
	CHECK_EQUAL(co_sleep(child, 1000 * CO_SECOND), CO_ECANCELED);
	co_context_unref(child);
}

static void cancel_soon(void *context)
{
	co_yield();
	co_cancel(context, NULL);
}

/* Children that are born while their parent is cancelled end too, whichever comes first. */
COROUTINE_TEST(births_under_a_dying_parent)
{
	const size_t rounds = test_scale(5000);

	atomic_store(&born[0], 0);
	atomic_store(&born[1], 0);
	for (size_t round = 0; round < rounds; round++) {
		struct co_test_group group = {0};
		struct co_context *parent;

		CHECK_EQUAL(co_with_cancel(NULL, &parent), 0);
		for (int i = 0; i < 8; i++) {
			co_test_go(&group, bear_and_sleep, parent);
			if (i == 3)
				co_test_go(&group, cancel_soon, parent);
		}
		co_test_wait(&group);
		co_context_unref(parent);
	}
	CHECK(atomic_load(&born[0]) > 0 && atomic_load(&born[1]) > 0);
	printf("born alive %zu, born ended %zu\n", atomic_load(&born[0]), atomic_load(&born[1]));
}

/* The last reference goes while the parent is cancelled and the deadline passes. */
static void drop_child(void *child)
{
	co_context_unref(child);
}

COROUTINE_TEST(last_reference_meets_cancel_and_deadline)
{
	const size_t rounds = test_scale(100000);
	struct test_random random = test_random_stream(5);

	for (size_t round = 0; round < rounds; round++) {
		struct co_test_group group = {0};
		struct co_context *parent;
		struct co_context *child;
		const int64_t soon = (int64_t)test_random_below(&random, 10) * CO_MICROSECOND;

		CHECK_EQUAL(co_with_cancel(NULL, &parent), 0);
		CHECK_EQUAL(co_with_timeout(parent, soon, &child), 0);
		co_test_go(&group, drop_child, child);
		co_test_go(&group, cancel_soon, parent);
		co_test_wait(&group);
		CHECK_EQUAL(co_context_error(parent), CO_ECANCELED);
		co_context_unref(parent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simultaneous_cancels),
		cmocka_unit_test(layers_cancel),
		cmocka_unit_test(layers_timeout),
		cmocka_unit_test(births_under_a_dying_parent),
		cmocka_unit_test(last_reference_meets_cancel_and_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
