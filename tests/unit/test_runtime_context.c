/* SPDX-License-Identifier: MIT
 *
 * test_runtime_context.c - the context tree: cancel, deadlines, values, lifetimes; after Go's context/x_test.go, whose
 * names are kept. The random trees are in tests/stress.
 */
#include <malloc.h>
#include <string.h>

#include "base/memory.h"
#include "tests/lib/co_test.h"

struct watcher {
	struct co_context *context;
	int error;
	atomic_bool done;
};

static void watch(void *arg)
{
	struct watcher *watcher = arg;

	watcher->error = co_context_done(watcher->context, NULL);
	atomic_store(&watcher->done, true);
}

static bool has_cause(struct co_context *context, const char *cause)
{
	const char *actual = co_context_cause(context);

	return actual != NULL && strcmp(actual, cause) == 0;
}

/* ---- cancelling -------------------------------------------------------------------------------------------------- */

/* TestBackground, TestTODO: the background context never ends and has nothing. */
COROUTINE_TEST(background_never_ends)
{
	struct co_context *limit;
	static const int key;

	CHECK_EQUAL(co_context_error(NULL), 0);
	CHECK(co_context_cause(NULL) == NULL);
	CHECK_EQUAL(co_context_deadline(NULL), CO_NEVER);
	CHECK(co_context_value(NULL, &key) == NULL);
	CHECK(co_context_ref(NULL) == NULL);
	CHECK(co_context_unref(NULL) == NULL);
	CHECK_EQUAL(co_with_timeout(NULL, CO_MILLISECOND, &limit), 0);
	CHECK_EQUAL(co_context_done(NULL, limit), CO_EDEADLINE);
	CHECK(co_context_unref(limit) == NULL);
}

/* TestWithCancel: cancelling ends it, once; it says why. */
COROUTINE_TEST(with_cancel)
{
	struct co_test_group group = {0};
	struct watcher watcher = {0};

	CHECK_EQUAL(co_with_cancel(NULL, &watcher.context), 0);
	CHECK_EQUAL(co_context_error(watcher.context), 0);
	CHECK(co_context_cause(watcher.context) == NULL);
	CHECK_EQUAL(co_context_deadline(watcher.context), CO_NEVER);
	co_test_go(&group, watch, &watcher);
	CHECK_EVENTUALLY(co_test_parked() == 1);
	CHECK(!atomic_load(&watcher.done));

	co_cancel(watcher.context, NULL);
	CHECK_EQUAL(co_context_error(watcher.context), CO_ECANCELED);
	CHECK(has_cause(watcher.context, "context canceled"));
	co_cancel(watcher.context, "too late");
	CHECK(has_cause(watcher.context, "context canceled"));
	co_test_wait(&group);
	CHECK_EQUAL(watcher.error, CO_ECANCELED);
	CHECK_EQUAL(co_context_done(watcher.context, NULL), CO_ECANCELED);
	co_context_unref(watcher.context);
}

/* TestCause, TestCauseRace: a cause is copied, seen below, kept by the first cancel and cut at 127 bytes. */
COROUTINE_TEST(cause_is_copied_and_inherited)
{
	struct co_context *parent;
	struct co_context *child;
	char cause[300];

	memset(cause, 'x', sizeof(cause) - 1);
	cause[sizeof(cause) - 1] = '\0';
	CHECK_EQUAL(co_with_cancel(NULL, &parent), 0);
	CHECK_EQUAL(co_with_cancel(parent, &child), 0);
	co_cancel(parent, cause);
	memset(cause, 'y', sizeof(cause) - 1);
	co_cancel(child, "mine");
	CHECK_EQUAL(strlen(co_context_cause(parent)), 127);
	CHECK_EQUAL(strspn(co_context_cause(parent), "x"), 127);
	CHECK_EQUAL(co_context_error(child), CO_ECANCELED);
	CHECK_EQUAL(strspn(co_context_cause(child), "x"), 127);
	co_context_unref(child);
	co_context_unref(parent);
}

/* TestParentFinishesChild: through value and timer contexts in between, and whatever is waited for. */
COROUTINE_TEST(parent_finishes_child)
{
	static const int key;
	struct co_context *tree[5];
	struct co_test_group group = {0};
	struct watcher watchers[5] = {0};

	CHECK_EQUAL(co_with_cancel(NULL, &tree[0]), 0);
	CHECK_EQUAL(co_with_cancel(tree[0], &tree[1]), 0);
	CHECK_EQUAL(co_with_value(tree[0], &key, &group, &tree[2]), 0);
	CHECK_EQUAL(co_with_cancel(tree[2], &tree[3]), 0);
	CHECK_EQUAL(co_with_timeout(tree[0], 3600 * CO_SECOND, &tree[4]), 0);
	for (int i = 0; i < 5; i++) {
		CHECK_EQUAL(co_context_error(tree[i]), 0);
		watchers[i].context = tree[i];
		co_test_go(&group, watch, &watchers[i]);
	}
	CHECK_EVENTUALLY(co_test_parked() == 5);
	co_cancel(tree[0], "all of you");
	for (int i = 0; i < 5; i++) {
		CHECK_EQUAL(co_context_error(tree[i]), CO_ECANCELED);
		CHECK(has_cause(tree[i], "all of you"));
	}
	co_test_wait(&group);
	for (int i = 0; i < 5; i++) {
		CHECK_EQUAL(watchers[i].error, CO_ECANCELED);
		co_context_unref(tree[i]);
	}
}

/* TestChildFinishesFirst: the parent and the siblings go on. */
COROUTINE_TEST(child_finishes_first)
{
	struct co_context *parent;
	struct co_context *child;
	struct co_context *sibling;

	CHECK_EQUAL(co_with_cancel(NULL, &parent), 0);
	CHECK_EQUAL(co_with_cancel(parent, &child), 0);
	CHECK_EQUAL(co_with_cancel(parent, &sibling), 0);
	co_cancel(child, NULL);
	CHECK_EQUAL(co_context_error(child), CO_ECANCELED);
	CHECK_EQUAL(co_context_error(parent), 0);
	CHECK_EQUAL(co_context_error(sibling), 0);
	co_context_unref(child);
	co_cancel(parent, "later");
	CHECK(has_cause(sibling, "later"));
	co_context_unref(parent);
	co_context_unref(sibling);
}

/* TestWithCancelCanceledParent: a child of an ended parent is born ended, with its error and cause. */
COROUTINE_TEST(child_of_ended_parent_is_born_ended)
{
	struct co_context *parents[2];
	struct co_context *child;
	struct co_context *grandchild;

	CHECK_EQUAL(co_with_cancel(NULL, &parents[0]), 0);
	co_cancel(parents[0], "before your time");
	CHECK_EQUAL(co_with_timeout(NULL, 0, &parents[1]), 0);
	for (int i = 0; i < 2; i++) {
		const int error = i == 0 ? CO_ECANCELED : CO_EDEADLINE;

		CHECK_EQUAL(co_context_error(parents[i]), error);
		CHECK_EQUAL(co_with_cancel(parents[i], &child), 0);
		CHECK_EQUAL(co_context_error(child), error);
		CHECK(has_cause(child, co_context_cause(parents[i])));
		CHECK_EQUAL(co_with_timeout(child, CO_SECOND, &grandchild), 0);
		CHECK_EQUAL(co_context_error(grandchild), error);
		CHECK_EQUAL(co_sleep(grandchild, CO_SECOND), error);
		co_context_unref(grandchild);
		co_context_unref(child);
		co_context_unref(parents[i]);
	}
}

#define MANY 1000

static void sleep_under(void *context)
{
	CHECK_EQUAL(co_sleep(context, 3600 * CO_SECOND), CO_ECANCELED);
}

/* A thousand waits under one context and a thousand children, each with a wait: all end with it. */
COROUTINE_TEST(one_cancel_ends_thousands)
{
	static struct co_context *children[MANY];
	struct co_test_group group = {0};
	struct co_context *parent;

	CHECK_EQUAL(co_with_cancel(NULL, &parent), 0);
	for (size_t i = 0; i < MANY; i++) {
		CHECK_EQUAL(co_with_cancel(parent, &children[i]), 0);
		co_test_go(&group, sleep_under, parent);
		co_test_go(&group, sleep_under, children[i]);
	}
	CHECK_EVENTUALLY(co_test_parked() == 2 * MANY);
	co_cancel(parent, NULL);
	for (size_t i = 0; i < MANY; i++)
		CHECK_EQUAL(co_context_error(children[i]), CO_ECANCELED);
	co_test_wait(&group);
	for (size_t i = 0; i < MANY; i++)
		co_context_unref(children[i]);
	co_context_unref(parent);
}

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

/* TestDeadline, TestTimeout: it ends at its deadline, never before; the earliest deadline above counts. */
COROUTINE_TEST(deadline_and_timeout)
{
	struct co_context *early;
	struct co_context *late;
	const int64_t deadline = co_now() + 4 * CO_MILLISECOND;

	CHECK_EQUAL(co_with_deadline(NULL, deadline, &early), 0);
	CHECK_EQUAL(co_context_deadline(early), deadline);
	CHECK_EQUAL(co_with_timeout(early, 3600 * CO_SECOND, &late), 0);
	CHECK_EQUAL(co_context_deadline(late), deadline);
	CHECK_EQUAL(co_context_done(late, NULL), CO_EDEADLINE);
	CHECK(co_now() >= deadline);
	CHECK_EQUAL(co_context_error(early), CO_EDEADLINE);
	CHECK(has_cause(early, "context deadline exceeded"));
	CHECK(has_cause(late, "context deadline exceeded"));
	co_cancel(early, "too late");
	CHECK_EQUAL(co_context_error(early), CO_EDEADLINE);
	CHECK(has_cause(early, "context deadline exceeded"));
	co_context_unref(late);

	CHECK_EQUAL(co_with_deadline(NULL, co_now() + 3600 * CO_SECOND, &late), 0);
	co_context_unref(early);
	CHECK_EQUAL(co_with_timeout(late, CO_MILLISECOND, &early), 0);
	CHECK(co_context_deadline(early) < co_context_deadline(late));
	CHECK_EQUAL(co_sleep(early, 3600 * CO_SECOND), CO_EDEADLINE);
	CHECK_EQUAL(co_context_error(late), 0);
	co_context_unref(early);
	co_context_unref(late);
}

/* TestCanceledTimeout: the cancel beats the deadline, and the deadline's timer is gone. */
COROUTINE_TEST(canceled_timeout)
{
	bool in_time = false;

	while (!in_time) {
		struct co_context *context;
		struct co_context *child;

		CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &context), 0);
		CHECK_EQUAL(co_with_timeout(context, 2 * CO_MILLISECOND, &child), 0);
		co_cancel(context, "first");
		in_time = co_now() < co_context_deadline(context);
		CHECK_EQUAL(co_sleep(NULL, 4 * CO_MILLISECOND), 0);
		if (in_time) {
			CHECK_EQUAL(co_context_error(context), CO_ECANCELED);
			CHECK_EQUAL(co_context_error(child), CO_ECANCELED);
			CHECK(has_cause(child, "first"));
		}
		co_context_unref(child);
		co_context_unref(context);
	}
}

/* Deadlines that have passed, and such that never do. */
COROUTINE_TEST(deadlines_at_the_edges)
{
	static const int64_t passed[] = {0, -1, INT64_MIN};
	static const int64_t never[] = {CO_NEVER, CO_NEVER - 1, CO_NEVER / 2};
	struct co_context *context;

	for (size_t i = 0; i < 3; i++) {
		CHECK_EQUAL(co_with_timeout(NULL, passed[i], &context), 0);
		CHECK_EQUAL(co_context_error(context), CO_EDEADLINE);
		co_context_unref(context);
		CHECK_EQUAL(co_with_deadline(NULL, passed[i], &context), 0);
		CHECK_EQUAL(co_context_error(context), CO_EDEADLINE);
		co_context_unref(context);
		CHECK_EQUAL(co_with_timeout(NULL, never[i], &context), 0);
		CHECK_EQUAL(co_sleep(context, CO_MILLISECOND / 2), 0);
		CHECK_EQUAL(co_context_error(context), 0);
		co_context_unref(context);
	}
	CHECK_EQUAL(co_with_deadline(NULL, CO_NEVER, &context), 0);
	CHECK_EQUAL(co_context_deadline(context), CO_NEVER);
	co_context_unref(context);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* TestValues: the nearest value of a key counts, through cancel and timer contexts; keys are compared by address. */
COROUTINE_TEST(values)
{
	static const char keys[3] = {'k', 'k', 'k'};
	int one = 1;
	int two = 2;
	int three = 3;
	struct co_context *chain[5];

	CHECK_EQUAL(co_with_value(NULL, &keys[0], &one, &chain[0]), 0);
	CHECK_EQUAL(co_with_value(chain[0], &keys[1], &two, &chain[1]), 0);
	CHECK_EQUAL(co_with_cancel(chain[1], &chain[2]), 0);
	CHECK_EQUAL(co_with_timeout(chain[2], CO_SECOND, &chain[3]), 0);
	CHECK_EQUAL(co_with_value(chain[3], &keys[0], &three, &chain[4]), 0);
	CHECK(co_context_value(chain[0], &keys[0]) == &one);
	CHECK(co_context_value(chain[0], &keys[1]) == NULL);
	CHECK(co_context_value(chain[3], &keys[0]) == &one);
	CHECK(co_context_value(chain[3], &keys[1]) == &two);
	CHECK(co_context_value(chain[4], &keys[0]) == &three);
	CHECK(co_context_value(chain[4], &keys[1]) == &two);
	CHECK(co_context_value(chain[4], &keys[2]) == NULL);
	co_cancel(chain[0], NULL);
	CHECK_EQUAL(co_context_error(chain[4]), CO_ECANCELED);
	CHECK(co_context_value(chain[4], &keys[1]) == &two);
	for (int i = 0; i < 5; i++)
		co_context_unref(chain[i]);
}

/* ---- lifetimes --------------------------------------------------------------------------------------------------- */

/* A child holds its parent: references may be dropped in any order, and a context no longer referenced is out of the
 * tree. */
COROUTINE_TEST(references_in_any_order)
{
	struct co_context *parent;
	struct co_context *children[4];

	CHECK_EQUAL(co_with_cancel(NULL, &parent), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQUAL(i % 2 == 0 ? co_with_cancel(parent, &children[i])
				       : co_with_timeout(parent, 3600 * CO_SECOND, &children[i]),
			0);
	CHECK(co_context_ref(children[0]) == children[0]);
	co_context_unref(children[1]);
	co_context_unref(children[2]);
	co_cancel(parent, "gone");
	co_context_unref(parent);
	co_context_unref(children[0]);
	CHECK(has_cause(children[0], "gone"));
	CHECK(has_cause(children[3], "gone"));
	co_context_unref(children[0]);
	co_context_unref(children[3]);
}

/* TestCancelRemoves: children that ended or were dropped leave nothing in a parent that lives on. */
COROUTINE_TEST(cancel_removes)
{
	struct co_context *parent;
	struct co_context *child;
	size_t before = 0;

	CHECK_EQUAL(co_with_cancel(NULL, &parent), 0);
	for (size_t i = 0; i < 4000; i++) {
		if (i == 1000)
			before = mallinfo2().uordblks;
		CHECK_EQUAL(
			i % 3 == 0 ? co_with_timeout(parent, CO_SECOND, &child) : co_with_cancel(parent, &child), 0);
		if (i % 2 == 0)
			co_cancel(child, NULL);
		co_context_unref(child);
	}
	CHECK(mallinfo2().uordblks < before + 64 * (size_t)1024);
	co_context_unref(parent);
}

/* Waiting for one context under another: whichever ends first is the answer. */
COROUTINE_TEST(done_waits_under_a_second_context)
{
	struct co_context *done;
	struct co_context *limit;

	CHECK_EQUAL(co_with_cancel(NULL, &done), 0);
	CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &limit), 0);
	CHECK_EQUAL(co_context_done(done, limit), CO_EDEADLINE);
	CHECK_EQUAL(co_context_error(done), 0);
	co_cancel(done, NULL);
	CHECK_EQUAL(co_context_done(done, NULL), CO_ECANCELED);
	co_context_unref(limit);
	CHECK_EQUAL(co_with_cancel(NULL, &limit), 0);
	CHECK_EQUAL(co_context_done(done, limit), CO_ECANCELED);
	co_context_unref(limit);
	co_context_unref(done);
}

/* ---- TestAllocs, TestCustomContextGoroutines --------------------------------------------------------------------- */

static size_t allocations;

static bool counts(size_t bytes)
{
	(void)bytes;
	allocations++;
	return false;
}

/* Makes a context of the kind NUMBER under PARENT, cancels it, and drops it. */
static int make_and_cancel(struct co_context *parent, int number)
{
	static const int key;
	struct co_context *context;
	int r;

	switch (number) {
	case 0:
		r = co_with_cancel(parent, &context);
		break;
	case 1:
		r = co_with_timeout(parent, 3600 * CO_SECOND, &context);
		break;
	case 2:
		r = co_with_value(parent, &key, &allocations, &context);
		break;
	default:
		r = co_without_cancel(parent, &context);
		break;
	}
	if (r != 0)
		return r;
	co_cancel(context, "a cause");
	if (co_context_error(context) != CO_ECANCELED || (number == 2 && co_context_value(context, &key) == NULL))
		r = 1;
	co_context_unref(context);
	return r;
}

/* TestAllocs: a context takes one allocation at most, whatever is done to it, or none where one before it has left its
 * memory; to wait under it takes none. */
SINGLE_P_TEST(one_allocation_each_at_most)
{
	struct co_context *parent;
	int failed = 0;

	CHECK_EQUAL(co_with_cancel(NULL, &parent), 0);
	CHECK_EQUAL(make_and_cancel(parent, 1), 0); /* the timer's heap is there */
	for (int number = 0; number < 4; number++) {
		allocations = 0;
		memory_set_fault(counts);
		failed = make_and_cancel(parent, number);
		memory_set_fault(NULL);
		CHECK_EQUAL(failed, 0);
		CHECK(allocations <= 1);
	}
	allocations = 0;
	memory_set_fault(counts);
	failed = co_sleep(parent, 1);
	memory_set_fault(NULL);
	CHECK_EQUAL(failed, 0);
	CHECK_EQUAL(allocations, 0);
	co_context_unref(parent);
}

/* TestCustomContextGoroutines: no context, and no end of one, takes a coroutine. */
COROUTINE_TEST(no_coroutine_of_its_own)
{
	struct co_stats before;
	struct co_stats now;

	co_stats(&before);
	for (int i = 0; i < 100; i++)
		CHECK_EQUAL(make_and_cancel(NULL, i % 4), 0);
	co_stats(&now);
	CHECK_EQUAL(now.spawned, before.spawned);
}

/* TestDeadlineExceededSupportsTimeout: what a deadline ended is told from what was cancelled, in numbers and words. */
COROUTINE_TEST(ends_are_told_apart)
{
	CHECK(CO_EDEADLINE != CO_ECANCELED);
	CHECK_EQUAL(strcmp(co_strerror(CO_EDEADLINE), "context deadline exceeded"), 0);
	CHECK_EQUAL(strcmp(co_strerror(CO_ECANCELED), "context canceled"), 0);
}

/* ---- TestInterlockedCancels -------------------------------------------------------------------------------------- */

struct pair {
	struct co_context *parent;
	struct co_context *child;
};

static void cancel_child_after_parent(void *arg)
{
	const struct pair *pair = arg;

	CHECK_EQUAL(co_context_done(pair->parent, NULL), CO_ECANCELED);
	co_cancel(pair->child, "interlocked");
}

/* One that waits for the parent cancels the child while the parent is cancelled. */
COROUTINE_TEST(interlocked_cancels)
{
	for (int i = 0; i < 100; i++) {
		struct co_test_group group = {0};
		struct pair pair;

		CHECK_EQUAL(co_with_cancel(NULL, &pair.parent), 0);
		CHECK_EQUAL(co_with_cancel(pair.parent, &pair.child), 0);
		co_test_go(&group, cancel_child_after_parent, &pair);
		if (i % 2 == 0)
			co_yield();
		co_cancel(pair.parent, NULL);
		CHECK_EQUAL(co_context_done(pair.child, NULL), CO_ECANCELED);
		co_test_wait(&group);
		co_context_unref(pair.child);
		co_context_unref(pair.parent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(background_never_ends),
		cmocka_unit_test(with_cancel),
		cmocka_unit_test(cause_is_copied_and_inherited),
		cmocka_unit_test(parent_finishes_child),
		cmocka_unit_test(child_finishes_first),
		cmocka_unit_test(child_of_ended_parent_is_born_ended),
		cmocka_unit_test(one_cancel_ends_thousands),
		cmocka_unit_test(deadline_and_timeout),
		cmocka_unit_test(canceled_timeout),
		cmocka_unit_test(deadlines_at_the_edges),
		cmocka_unit_test(values),
		cmocka_unit_test(references_in_any_order),
		cmocka_unit_test(cancel_removes),
		cmocka_unit_test(done_waits_under_a_second_context),
		cmocka_unit_test(one_allocation_each_at_most),
		cmocka_unit_test(no_coroutine_of_its_own),
		cmocka_unit_test(ends_are_told_apart),
		cmocka_unit_test(interlocked_cancels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
