/* SPDX-License-Identifier: MIT
 *
 * test_runtime_context_after.c - causes of deadlines, contexts without their parent's end, calls after a context's end;
 * after Go's context/x_test.go and afterfunc_test.go, whose names are kept.
 */
#include <string.h>

#include "base/memory.h"
#include "tests/lib/co_test.h"

static bool is_cause(struct co_context *context, const char *text)
{
	return co_context_cause(context) != NULL && strcmp(co_context_cause(context), text) == 0;
}

/* ---- TestCause --------------------------------------------------------------------------------------------------- */

/* The deadline's cause is given where the deadline ends the context, to children too; a cancel's where that does. */
COROUTINE_TEST(cause_of_a_deadline)
{
	struct co_context *context;
	struct co_context *child;
	struct co_context *other;

	CHECK_EQUAL(co_with_timeout_cause(NULL, 20 * CO_MILLISECOND, "too slow", &context), 0);
	CHECK_EQUAL(co_with_timeout_cause(context, CO_SECOND, "never heard", &child), 0);
	CHECK(co_context_cause(context) == NULL || co_now() >= co_context_deadline(context));
	CHECK_EQUAL(co_context_done(child, NULL), CO_EDEADLINE);
	CHECK(is_cause(context, "too slow") && is_cause(child, "too slow"));
	co_context_unref(child);
	CHECK_EQUAL(co_with_cancel(context, &child), 0); /* born ended */
	CHECK(is_cause(child, "too slow"));
	co_context_unref(child);
	co_context_unref(context);

	CHECK_EQUAL(co_with_deadline_cause(NULL, co_now() - 1, "too late", &context), 0);
	CHECK_EQUAL(co_context_error(context), CO_EDEADLINE);
	CHECK(is_cause(context, "too late"));
	co_context_unref(context);

	CHECK_EQUAL(co_with_timeout_cause(NULL, CO_SECOND, "too slow", &context), 0);
	CHECK_EQUAL(co_with_timeout_cause(NULL, CO_SECOND, "too slow", &other), 0);
	co_cancel(context, "stopped");
	co_cancel(other, NULL);
	CHECK_EQUAL(co_context_error(context), CO_ECANCELED);
	CHECK(is_cause(context, "stopped") && is_cause(other, "context canceled"));
	co_context_unref(context);
	co_context_unref(other);

	CHECK_EQUAL(co_with_timeout_cause(NULL, 0, NULL, &context), 0);
	CHECK(is_cause(context, "context deadline exceeded"));
	co_context_unref(context);
}

/* ---- TestWithoutCancel ------------------------------------------------------------------------------------------- */

COROUTINE_TEST(without_cancel_keeps_values_alone)
{
	static const char key;
	int value = 3;
	struct co_context *parent;
	struct co_context *holder;
	struct co_context *detached;
	struct co_context *child;

	CHECK_EQUAL(co_with_timeout(NULL, CO_SECOND, &parent), 0);
	CHECK_EQUAL(co_with_value(parent, &key, &value, &holder), 0);
	CHECK_EQUAL(co_without_cancel(holder, &detached), 0);
	CHECK_EQUAL(co_with_cancel(detached, &child), 0);
	co_context_unref(holder);
	CHECK(co_context_value(child, &key) == &value);
	CHECK_EQUAL(co_context_deadline(child), CO_NEVER);
	co_cancel(parent, NULL);
	co_context_unref(parent);
	CHECK_EQUAL(co_context_error(detached), 0);
	CHECK_EQUAL(co_context_error(child), 0);
	CHECK(co_context_value(child, &key) == &value);
	CHECK_EQUAL(co_sleep(child, CO_MILLISECOND), 0);
	co_cancel(detached, "itself"); /* it can be ended, as any context */
	CHECK(is_cause(child, "itself"));
	co_context_unref(child);
	co_context_unref(detached);
}

/* ---- TestAfterFuncCalledAfterCancel ----------------------------------------------------------------- */

struct calls {
	atomic_int count;
	struct co_context *context;
	atomic_int error;
};

static void note_call(void *arg)
{
	struct calls *calls = arg;

	atomic_store(&calls->error, co_context_error(calls->context));
	co_yield();
	atomic_fetch_add(&calls->count, 1);
}

/* TestAfterFuncCalledImmediately, TestAfterFuncCalledAsynchronously: in a coroutine of its own, at once where there is
 * nothing to wait for. */
COROUTINE_TEST(called_after_the_end)
{
	struct calls calls = {0};
	struct calls child_calls = {0};
	struct co_context *child;

	CHECK_EQUAL(co_with_cancel(NULL, &calls.context), 0);
	CHECK_EQUAL(co_with_timeout(calls.context, CO_SECOND, &child), 0);
	child_calls.context = child;
	CHECK_EQUAL(co_context_after_func(calls.context, note_call, &calls, NULL), 0);
	CHECK_EQUAL(co_context_after_func(calls.context, note_call, &calls, NULL), 0);
	CHECK_EQUAL(co_context_after_func(child, note_call, &child_calls, NULL), 0);
	co_test_pause();
	CHECK_EQUAL(atomic_load(&calls.count), 0);
	co_cancel(calls.context, NULL);
	CHECK_EVENTUALLY(atomic_load(&calls.count) == 2 && atomic_load(&child_calls.count) == 1);
	CHECK_EQUAL(calls.error, CO_ECANCELED);
	co_cancel(calls.context, NULL);
	/* Of a context that has ended: at once. */
	CHECK_EQUAL(co_context_after_func(child, note_call, &child_calls, NULL), 0);
	CHECK_EVENTUALLY(atomic_load(&child_calls.count) == 2);
	co_test_pause();
	CHECK_EQUAL(atomic_load(&calls.count), 2);
	co_context_unref(child);
	co_context_unref(calls.context);
}

/* TestAfterFuncCalledAfterTimeout. */
COROUTINE_TEST(called_after_the_deadline)
{
	struct calls calls = {0};

	CHECK_EQUAL(co_with_timeout(NULL, CO_MILLISECOND, &calls.context), 0);
	CHECK_EQUAL(co_context_after_func(calls.context, note_call, &calls, NULL), 0);
	CHECK_EVENTUALLY(atomic_load(&calls.count) == 1);
	CHECK_EQUAL(calls.error, CO_EDEADLINE);
	co_context_unref(calls.context);
}

/* TestAfterFuncNotCalledAfterStop: what was taken back is not called, and leaves the context free to go. */
COROUTINE_TEST(not_called_after_stop)
{
	struct calls calls = {0};
	struct co_pending *pending;

	CHECK_EQUAL(co_with_cancel(NULL, &calls.context), 0);
	CHECK_EQUAL(co_context_after_func(calls.context, note_call, &calls, &pending), 0);
	CHECK(co_pending_stop(pending));
	CHECK_EQUAL(co_context_after_func(calls.context, note_call, &calls, &pending), 0);
	co_cancel(calls.context, NULL);
	CHECK(!co_pending_stop(pending));
	CHECK_EVENTUALLY(atomic_load(&calls.count) == 1);
	co_test_pause();
	CHECK_EQUAL(atomic_load(&calls.count), 1);
	co_context_unref(calls.context);
	/* The background never ends. */
	CHECK_EQUAL(co_context_after_func(NULL, note_call, &calls, &pending), 0);
	CHECK(co_pending_stop(pending));
}

static void cancel_it(void *context)
{
	co_cancel(context, NULL);
}

/* Stop at the moment of the end: either it says true or the call is made. */
COROUTINE_TEST(stop_meets_end)
{
	const size_t rounds = test_scale(20000);
	struct test_random random = test_random_stream(5);
	struct calls calls = {0};
	int stopped = 0;

	for (size_t i = 0; i < rounds; i++) {
		struct co_test_group group = {0};
		struct co_context *context;
		struct co_pending *pending;

		CHECK_EQUAL(co_with_cancel(NULL, &context), 0);
		CHECK_EQUAL(co_context_after_func(context, note_call, &calls, &pending), 0);
		co_test_go(&group, cancel_it, context);
		if (test_random_below(&random, 2) == 0)
			co_yield();
		stopped += co_pending_stop(pending);
		co_test_wait(&group);
		co_context_unref(context);
	}
	CHECK_EVENTUALLY(atomic_load(&calls.count) == (int)rounds - stopped);
	CHECK(stopped > 0 && stopped < (int)rounds);
}

static bool fails(size_t bytes)
{
	(void)bytes;
	return true;
}

/* Once arranged, a call needs no memory to be made. */
SINGLE_P_TEST(called_without_memory)
{
	struct calls calls = {0};
	struct co_pending *pending;

	CHECK_EQUAL(co_with_cancel(NULL, &calls.context), 0);
	CHECK_EQUAL(co_context_after_func(calls.context, note_call, &calls, NULL), 0);
	memory_set_fault(fails);
	CHECK_EQUAL(co_context_after_func(calls.context, note_call, &calls, &pending), CO_ENOMEM);
	co_cancel(calls.context, NULL);
	while (atomic_load(&calls.count) == 0)
		co_yield();
	memory_set_fault(NULL);
	co_context_unref(calls.context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cause_of_a_deadline),
		cmocka_unit_test(without_cancel_keeps_values_alone),
		cmocka_unit_test(called_after_the_end),
		cmocka_unit_test(called_after_the_deadline),
		cmocka_unit_test(not_called_after_stop),
		cmocka_unit_test(stop_meets_end),
		cmocka_unit_test(called_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
