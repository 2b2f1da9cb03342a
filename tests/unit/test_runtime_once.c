/* SPDX-License-Identifier: MIT
 *
 * test_runtime_once.c - Once; after Go's sync/once_test.go, whose names are kept.
 */
#include "tests/lib/co_test.h"

static struct {
	struct co_once once;
	atomic_int calls;
	atomic_bool is_complete;
	atomic_bool may_return;
} shared;

static void call(void *unused)
{
	(void)unused;
	atomic_fetch_add(&shared.calls, 1);
	CHECK_EVENTUALLY(atomic_load(&shared.may_return));
	atomic_store(&shared.is_complete, true);
}

static void do_once(void *unused)
{
	(void)unused;
	CHECK_EQUAL(co_once_do(NULL, &shared.once, call, NULL), 0);
	CHECK(atomic_load(&shared.is_complete));
}

static void reset(bool may_return)
{
	shared.once = (struct co_once){0};
	atomic_store(&shared.calls, 0);
	atomic_store(&shared.is_complete, false);
	atomic_store(&shared.may_return, may_return);
}

/* TestOnce: of many that come at once, one calls; all others return only after that call has. */
COROUTINE_TEST(called_once_and_complete)
{
	struct co_test_group group = {0};

	reset(false);
	for (int i = 0; i < 10; i++)
		co_test_go(&group, do_once, NULL);
	CHECK_EVENTUALLY(atomic_load(&shared.calls) == 1);
	CHECK_EVENTUALLY(co_test_parked() >= 9);
	atomic_store(&shared.may_return, true);
	co_test_wait(&group);
	CHECK_EQUAL(co_once_do(NULL, &shared.once, call, NULL), 0);
	CHECK_EQUAL(atomic_load(&shared.calls), 1);
}

static void do_once_under_deadline(void *arg)
{
	struct co_context *context;

	CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &context), 0);
	*(int *)arg = co_once_do(context, &shared.once, call, NULL);
	co_context_unref(context);
}

/* A waiter whose context ends goes away; a call that its own context's end did not reach is not repeated. */
COROUTINE_TEST(context_ends_the_wait_only)
{
	struct co_test_group caller = {0};
	struct co_test_group waiter = {0};
	struct co_context *ended;
	int result = 0;

	reset(false);
	CHECK_EQUAL(co_with_cancel(NULL, &ended), 0);
	co_cancel(ended, NULL);
	CHECK_EQUAL(co_once_do(ended, &shared.once, call, NULL), CO_ECANCELED);
	CHECK_EQUAL(atomic_load(&shared.calls), 0);
	co_test_go(&caller, do_once, NULL);
	CHECK_EVENTUALLY(atomic_load(&shared.calls) == 1);
	co_test_go(&waiter, do_once_under_deadline, &result);
	co_test_wait(&waiter);
	CHECK_EQUAL(result, CO_EDEADLINE);
	atomic_store(&shared.may_return, true);
	co_test_wait(&caller);
	CHECK_EQUAL(co_once_do(ended, &shared.once, call, NULL), 0); /* it is done: there is nothing to wait for */
	CHECK_EQUAL(atomic_load(&shared.calls), 1);
	co_context_unref(ended);
}

/* ---- TestOnceValue ----------------------------------------------------------------------------------------------- */

static struct {
	struct co_once_value value;
	atomic_int calls;
} answer;

static void *find_answer(void *arg)
{
	atomic_fetch_add(&answer.calls, 1);
	co_yield();
	return arg;
}

static void ask(void *arg)
{
	void *value = NULL;

	CHECK_EQUAL(co_once_value_get(NULL, &answer.value, find_answer, arg, &value), 0);
	CHECK(value == arg);
}

/* TestOnceValue: the value is made once, and everybody gets it. */
COROUTINE_TEST(value_is_made_once)
{
	struct co_test_group group = {0};
	struct co_context *ended;
	int forty_two = 42;
	void *value = &group;

	answer.value = (struct co_once_value){0};
	atomic_store(&answer.calls, 0);
	CHECK_EQUAL(co_with_cancel(NULL, &ended), 0);
	co_cancel(ended, NULL);
	CHECK_EQUAL(co_once_value_get(ended, &answer.value, find_answer, NULL, &value), CO_ECANCELED);
	CHECK(value == &group);
	for (int i = 0; i < 10; i++)
		co_test_go(&group, ask, &forty_two);
	co_test_wait(&group);
	CHECK_EQUAL(atomic_load(&answer.calls), 1);
	CHECK_EQUAL(co_once_value_get(ended, &answer.value, find_answer, NULL, &value), 0);
	CHECK(value == &forty_two);
	co_context_unref(ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(called_once_and_complete),
		cmocka_unit_test(context_ends_the_wait_only),
		cmocka_unit_test(value_is_made_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
