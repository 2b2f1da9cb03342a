/* SPDX-License-Identifier: MIT
 *
 * test_client_contexts.c - the blocking interface against a scripted daemon: contexts, and calls that end with them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "clientlib/clock.h"
#include "tests/lib/callers.h"

/* Says over `arg`, a pipe, that the lock has come; then waits for its CANCEL and says so to the caller. */
static void answer_cancel(struct fake_daemon *daemon)
{
	const int *pipe_end = daemon->arg;
	uint64_t call;

	fake_accept_session(daemon, 0);
	fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), 0);
	call = daemon->header.call;
	fake_require(write(*pipe_end, "!", 1) == 1);
	fake_expect(daemon, FRAME_CANCEL, 0, 0);
	fake_require(daemon->header.call == call);
	rig_reply_error(&daemon->rig, call, STATUS(CANCELLED), REASON(CANCELLED), "context canceled");
	fake_flush(daemon);
	fake_serve_the_end(daemon);
}

static void cancelling_a_context_ends_the_calls_below_it(void **state)
{
	struct fake_daemon daemon;
	struct caller caller;
	baton_client *client;
	baton_context *parent;
	baton_context *child;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	fake_start(&daemon, answer_cancel, &ends[1]);
	client = open_fake(&daemon);
	assert_int_equal(baton_with_cancel(NULL, &parent), BATON_OK);
	assert_int_equal(baton_with_timeout(parent, INT64_C(3600) * CORE_SECOND, &child), BATON_OK);
	start_caller(&caller, client, child, BATON_MUTEX_LOCK);
	wait_for_byte(ends[0]);
	baton_cancel(parent, "enough of it");
	pthread_join(caller.thread, NULL);
	assert_int_equal(caller.error, BATON_ECANCELED);
	assert_string_equal(caller.result->text, "mutex \"x\": context canceled: enough of it");
	baton_result_free(caller.result);
	baton_context_unref(child);
	baton_context_unref(parent);
	baton_close(client);
	fake_join(&daemon);
	close(ends[0]);
	close(ends[1]);
}

/* In one thread that leads, in another that follows, and over a deadline as well as a cancel. */
static void without_a_verdict_the_outcome_is_unknown_after_two_seconds(void **state)
{
	struct fake_daemon daemon;
	struct caller callers[2];
	baton_client *client;
	baton_context *cancelled;
	baton_context *limited;
	int64_t began;
	int64_t took;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	fake_start(&daemon, fake_ignore_locks, &ends[1]);
	client = open_fake(&daemon);
	assert_int_equal(baton_with_cancel(NULL, &cancelled), BATON_OK);
	start_caller(&callers[0], client, cancelled, BATON_MUTEX_LOCK);
	wait_for_byte(ends[0]);
	began = clock_monotonic();
	assert_int_equal(baton_with_timeout(NULL, 100 * RIG_MS, &limited), BATON_OK);
	start_caller(&callers[1], client, limited, BATON_MUTEX_LOCK);
	wait_for_byte(ends[0]);
	baton_cancel(cancelled, NULL);
	assert_int_equal(baton_ping(client), BATON_OK);
	caller_ends(&callers[0], BATON_EUNKNOWN);
	caller_ends(&callers[1], BATON_EUNKNOWN);
	took = clock_monotonic() - began;
	assert_true(took >= CORE_VERDICT_PATIENCE + 100 * RIG_MS);
	assert_true(took < 20 * CORE_SECOND);
	baton_context_unref(cancelled);
	baton_context_unref(limited);
	baton_close(client);
	fake_join(&daemon);
	close(ends[0]);
	close(ends[1]);
}

static void under_a_dead_context_only_cleaning_up_is_done(void **state)
{
	struct fake_daemon daemon;
	const struct baton_call lock = {.size = sizeof(lock), .operation = BATON_MUTEX_LOCK, .name = "x"};
	const struct baton_call unlock = {
		.size = sizeof(unlock), .operation = BATON_MUTEX_UNLOCK, .name = "x", .token = 1};
	baton_client *client;
	baton_context *context;

	(void)state;
	fake_start(&daemon, fake_answer_out_of_order, NULL);
	client = open_fake(&daemon);
	assert_int_equal(baton_with_cancel(NULL, &context), BATON_OK);
	baton_cancel(context, NULL);
	assert_int_equal(baton_invoke(client, context, &lock, NULL), BATON_ECANCELED);
	assert_string_equal(baton_last_error(), "mutex \"x\": context canceled");
	assert_int_equal(baton_invoke(client, context, &unlock, NULL), BATON_OK);
	baton_context_unref(context);
	baton_close(client);
	fake_join(&daemon);
}

static void contexts_end_downwards_and_once(void **state)
{
	baton_context *top;
	baton_context *middle;
	baton_context *bottom;
	baton_context *late;

	(void)state;
	assert_int_equal(baton_with_cancel(NULL, &top), BATON_OK);
	assert_int_equal(baton_with_timeout(top, INT64_C(3600) * CORE_SECOND, &middle), BATON_OK);
	assert_int_equal(baton_with_deadline(middle, INT64_MAX, &bottom), BATON_OK);
	assert_null(baton_context_cause(bottom));
	assert_null(baton_context_unref(middle));
	baton_cancel(bottom, "bottom");
	assert_int_equal(baton_context_error(top), BATON_OK);
	baton_cancel(top, "top");
	baton_cancel(top, "again");
	assert_string_equal(baton_context_cause(top), "top");
	assert_string_equal(baton_context_cause(bottom), "bottom");
	assert_int_equal(baton_with_cancel(top, &late), BATON_OK);
	assert_int_equal(baton_context_error(late), BATON_ECANCELED);
	assert_string_equal(baton_context_cause(late), "top");
	baton_context_unref(top);
	assert_string_equal(baton_context_cause(late), "top");
	baton_context_unref(late);
	baton_context_unref(bottom);
	assert_int_equal(baton_with_timeout(NULL, 0, &top), BATON_OK);
	assert_int_equal(baton_context_error(top), BATON_EDEADLINE);
	baton_cancel(top, "too late");
	assert_string_equal(baton_context_cause(top), "context deadline exceeded");
	baton_context_unref(top);
	assert_int_equal(baton_context_error(NULL), BATON_OK);
	baton_cancel(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cancelling_a_context_ends_the_calls_below_it),
		cmocka_unit_test(without_a_verdict_the_outcome_is_unknown_after_two_seconds),
		cmocka_unit_test(under_a_dead_context_only_cleaning_up_is_done),
		cmocka_unit_test(contexts_end_downwards_and_once),
	};

	return cmocka_run_group_tests(tests, check_descriptors, check_descriptors);
}
