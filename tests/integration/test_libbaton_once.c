/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_once.c - libbaton's onces against a real daemon: threads of several clients, stale tokens, cancels, the
 * pollable interface.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/clients.h"
#include "tests/lib/co_test.h"
#include "tests/lib/daemon_group.h"
#include "tests/lib/fake_daemon.h"

#define THREADS 32

static uint32_t waiters_of(baton_client *client, const char *name)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_INSPECT, .kind = "once", .name = name};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, &call, &result);
	const uint32_t waiters = r == BATON_OK ? result->objects[0].waiters : 0;

	baton_result_free(result);
	return waiters;
}

/* ---- many callers ------------------------------------------------------------------------------------------------ */

struct caller {
	baton_client *client;
	const char *name;
	atomic_uint *runs;
};

/* Whoever runs counts; every third of them fails first. */
static void *call(void *arg)
{
	const struct caller *caller = arg;
	struct baton_once_run run;
	char *value = NULL;
	size_t length = 0;
	int r;

	while ((r = baton_once_do(caller->client, NULL, caller->name, &run, (void **)&value, &length)) ==
		BATON_ONCE_RUN) {
		if (atomic_fetch_add(caller->runs, 1) % 3 != 2)
			fake_require(baton_once_fail(caller->client, caller->name, run.token) == BATON_OK);
		else
			fake_require(
				baton_once_complete(caller->client, caller->name, run.token, "done", 4, 0) == BATON_OK);
	}
	fake_require(r == BATON_OK && length == 4 && strcmp(value, "done") == 0);
	baton_free(value);
	return NULL;
}

static void threads_of_several_clients_run_until_one_completes(void **state)
{
	const size_t rounds = test_scale(20);
	baton_client *clients[2] = {open_with(test_daemon.address, NULL), open_with(test_daemon.address, NULL)};

	(void)state;
	for (size_t round = 0; round < rounds; round++) {
		atomic_uint runs = 0;
		struct caller callers[2];
		pthread_t threads[THREADS];
		bool was_done = false;

		for (int i = 0; i < 2; i++)
			callers[i] = (struct caller){.client = clients[i], .name = "round", .runs = &runs};
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i % 2]), 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		assert_int_equal(atomic_load(&runs), 3);
		is_ok(baton_once_reset(clients[0], "round", &was_done));
		assert_true(was_done);
	}
	baton_close(clients[0]);
	baton_close(clients[1]);
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

static void a_stale_token_completes_nothing(void **state)
{
	baton_client *client = open_with(test_daemon.address, NULL);
	baton_client *other = open_with(test_daemon.address, NULL);
	struct baton_once_run first = {0};
	struct baton_once_run second = {0};
	bool done = true;

	(void)state;
	assert_int_equal(baton_once_do(other, NULL, "stale", &first, NULL, NULL), BATON_ONCE_RUN);
	assert_int_equal(baton_once_try_do(client, "stale", &second, NULL, NULL), BATON_EWOULDBLOCK);
	baton_close(other);
	assert_int_equal(baton_once_do(client, NULL, "stale", &second, NULL, NULL), BATON_ONCE_RUN);
	assert_false(first.abandoned);
	assert_true(second.abandoned);
	assert_true(second.token > first.token);
	assert_int_equal(baton_once_complete(client, "stale", first.token, "x", 1, 0), BATON_ESTALE);
	assert_int_equal(baton_once_fail(client, "stale", first.token), BATON_ESTALE);
	is_ok(baton_once_get(client, "stale", &done, NULL, NULL));
	assert_false(done);
	is_ok(baton_once_complete(client, "stale", second.token, NULL, 0, SECOND));
	assert_int_equal(baton_once_complete(client, "stale", second.token, "x", 1, 0), BATON_ESTALE);
	is_ok(baton_once_get(client, "stale", &done, NULL, NULL));
	assert_true(done);
	assert_int_equal(baton_once_complete(client, "stale", second.token, NULL, 0, -1), BATON_EINVAL);
	assert_int_equal(baton_once_fail(client, "never", 1), BATON_ESTALE);
	is_ok(baton_once_reset(client, "stale", NULL));
	baton_close(client);
}

/* ---- cancels, event loops ---------------------------------------------------------------------------------------- */

static void a_cancelled_caller_has_no_run(void **state)
{
	baton_client *client = open_with(test_daemon.address, NULL);
	baton_context *context = NULL;
	struct baton_once_run run = {0};
	struct baton_once_run none = {0};

	(void)state;
	assert_int_equal(baton_once_do(client, NULL, "cancel", &run, NULL, NULL), BATON_ONCE_RUN);
	is_ok(baton_with_timeout(NULL, 20 * MS, &context));
	assert_int_equal(baton_once_do(client, context, "cancel", &none, NULL, NULL), BATON_EDEADLINE);
	assert_int_equal(none.token, 0);
	assert_int_equal(waiters_of(client, "cancel"), 0);
	is_ok(baton_once_fail(client, "cancel", run.token));
	assert_int_equal(baton_once_try_do(client, "cancel", &run, NULL, NULL), BATON_ONCE_RUN);
	is_ok(baton_once_fail(client, "cancel", run.token));
	baton_context_unref(context);
	baton_close(client);
}

struct answer {
	bool done;
	bool run;
	uint64_t token;
	char value[16];
};

static void on_begun(const struct baton_result *result, void *arg)
{
	struct answer *answer = arg;

	answer->done = result->error == BATON_OK;
	answer->run = result->run;
	answer->token = result->token;
	snprintf(answer->value, sizeof(answer->value), "%.*s", (int)result->value_length, (const char *)result->value);
}

static void on_completed(const struct baton_result *result, void *arg)
{
	*(bool *)arg = result->error == BATON_OK;
}

static void process(baton_client *client)
{
	struct pollfd poll_fd = {.fd = baton_fd(client), .events = baton_events(client)};

	poll(&poll_fd, 1, 10);
	is_ok(baton_process(client));
}

static void an_event_loop_can_run_and_wait(void **state)
{
	baton_client *client = open_with(
		test_daemon.address, &(struct baton_options){.size = sizeof(struct baton_options), .pollable = true});
	const struct baton_call begin = {.size = sizeof(begin), .operation = BATON_ONCE_BEGIN, .name = "loop"};
	struct baton_call complete = {
		.size = sizeof(complete),
		.operation = BATON_ONCE_COMPLETE,
		.name = "loop",
		.value = "looped",
		.value_length = 6,
	};
	struct answer first = {0};
	struct answer second = {0};
	bool completed = false;

	(void)state;
	is_ok(baton_start(client, &begin, -1, on_begun, &first, NULL));
	is_ok(baton_start(client, &begin, -1, on_begun, &second, NULL));
	while (!first.done)
		process(client);
	assert_true(first.run);
	assert_false(second.done);
	complete.token = first.token;
	is_ok(baton_start(client, &complete, -1, on_completed, &completed, NULL));
	while (!second.done || !completed)
		process(client);
	assert_false(second.run);
	assert_string_equal(second.value, "looped");
	baton_close(client);
}

static void *select_done(void *arg)
{
	const struct baton_case cases[] = {
		{.kind = BATON_CASE_RECEIVE, .name = NULL}, {.kind = BATON_CASE_ONCE, .name = "selected"}};
	struct baton_selected selected = {0};

	fake_require(baton_select(arg, NULL, cases, 2, false, &selected) == BATON_OK);
	fake_require(selected.index == 1 && selected.length == 5 && strcmp(selected.value, "value") == 0);
	baton_free(selected.value);
	return NULL;
}

static void a_select_waits_for_the_value(void **state)
{
	baton_client *client = open_with(test_daemon.address, NULL);
	struct baton_once_run run = {0};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, select_done, client), 0);
	EVENTUALLY(waiters_of(client, "selected") == 1);
	assert_int_equal(baton_once_do(client, NULL, "selected", &run, NULL, NULL), BATON_ONCE_RUN);
	is_ok(baton_once_complete(client, "selected", run.token, "value", 5, 0));
	pthread_join(thread, NULL);
	baton_close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_of_several_clients_run_until_one_completes),
		cmocka_unit_test(a_stale_token_completes_nothing),
		cmocka_unit_test(a_cancelled_caller_has_no_run),
		cmocka_unit_test(an_event_loop_can_run_and_wait),
		cmocka_unit_test(a_select_waits_for_the_value),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
