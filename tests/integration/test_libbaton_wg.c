/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_wg.c - libbaton's wait groups against a real daemon: rounds of several clients, shares of clients that
 * go without a word, the pollable interface, a select.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/lib/clients.h"
#include "tests/lib/co_test.h"
#include "tests/lib/daemon_fixture.h"
#include "tests/lib/fake_daemon.h"

#define WORKERS 16

static struct daemon_fixture fixture;

static int start_daemon(void **state)
{
	(void)state;
	daemon_fixture_start(&fixture);
	return 0;
}

static int stop_daemon(void **state)
{
	(void)state;
	daemon_fixture_stop(&fixture);
	return 0;
}

/* The counter and the waiters of the group NAME. */
static struct baton_object_info look_at(baton_client *client, const char *name)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_INSPECT, .kind = "wg", .name = name};
	struct baton_result *result = NULL;
	struct baton_object_info info = {0};

	if (baton_invoke(client, NULL, &call, &result) == BATON_OK)
		info = (struct baton_object_info){
			.length = result->objects[0].length,
			.holders = result->objects[0].holders,
			.waiters = result->objects[0].waiters,
		};
	baton_result_free(result);
	return info;
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

static atomic_uint finished;

static void *work(void *client)
{
	fake_require(baton_wg_adopt(client, "round", 1) == BATON_OK);
	atomic_fetch_add(&finished, 1);
	fake_require(baton_wg_done(client, "round") == BATON_OK);
	return NULL;
}

static void a_wait_returns_when_all_workers_are_done(void **state)
{
	baton_client *clients[WORKERS];

	(void)state;
	for (int i = 0; i < WORKERS; i++)
		clients[i] = open_with(fixture.address, NULL);
	for (size_t round = test_scale(30); round > 0; round--) {
		pthread_t threads[WORKERS];
		uint64_t lost = 7;

		atomic_store(&finished, 0);
		is_ok(baton_wg_add(clients[0], "round", WORKERS));
		for (int i = 0; i < WORKERS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, work, clients[i]), 0);
		is_ok(baton_wg_wait(clients[0], NULL, "round", &lost));
		assert_int_equal(atomic_load(&finished), WORKERS);
		assert_int_equal(lost, 0);
		for (int i = 0; i < WORKERS; i++)
			pthread_join(threads[i], NULL);
	}
	for (int i = 0; i < WORKERS; i++)
		baton_close(clients[i]);
}

/* ---- errors, shares ---------------------------------------------------------------------------------------------- */

static void what_is_refused_changes_nothing(void **state)
{
	baton_client *client = open_with(fixture.address, NULL);

	(void)state;
	assert_int_equal(baton_wg_done(client, "refused"), BATON_ENEGATIVE);
	assert_string_equal(baton_last_error(), "wg \"refused\": negative WaitGroup counter");
	is_ok(baton_wg_add(client, "refused", 2));
	assert_int_equal(baton_wg_add(client, "refused", -3), BATON_ENEGATIVE);
	assert_int_equal(baton_wg_add(client, "refused", INT64_C(1) << 40), BATON_EINVAL);
	assert_int_equal(baton_wg_add_bound(client, "refused", 0), BATON_EINVAL);
	assert_int_equal(baton_wg_adopt(client, "refused", 3), BATON_ENEGATIVE);
	assert_int_equal(baton_wg_adopt(client, "refused", -1), BATON_EINVAL);
	assert_int_equal(baton_wg_try_wait(client, "refused", NULL), BATON_EWOULDBLOCK);
	assert_int_equal(look_at(client, "refused").length, 2);
	is_ok(baton_wg_add(client, "refused", -2));
	is_ok(baton_wg_try_wait(client, "refused", NULL));
	baton_close(client);
}

static void shares_of_a_client_that_is_gone_come_off(void **state)
{
	baton_client *client = open_with(fixture.address, NULL);
	baton_client *dying = open_with(fixture.address, NULL);
	baton_context *context = NULL;
	uint64_t lost = 0;

	(void)state;
	is_ok(baton_wg_add(client, "death", 1));
	is_ok(baton_wg_add_bound(dying, "death", 3));
	is_ok(baton_wg_done(dying, "death"));
	is_ok(baton_with_timeout(NULL, 20 * MS, &context));
	assert_int_equal(baton_wg_wait(client, context, "death", &lost), BATON_EDEADLINE);
	assert_int_equal(look_at(client, "death").holders, 1);
	baton_abandon(dying);
	EVENTUALLY(look_at(client, "death").length == 1);
	is_ok(baton_wg_done(client, "death"));
	is_ok(baton_wg_wait(client, NULL, "death", &lost));
	assert_int_equal(lost, 2);
	baton_context_unref(context);
	baton_close(client);
}

/* ---- event loops, select ----------------------------------------------------------------------------------------- */

static void on_done(const struct baton_result *result, void *arg)
{
	*(bool *)arg = result->error == BATON_OK;
}

static void an_event_loop_can_wait(void **state)
{
	baton_client *client = open_with(
		fixture.address, &(struct baton_options){.size = sizeof(struct baton_options), .pollable = true});
	const struct baton_call calls[] = {
		{.size = sizeof(calls[0]), .operation = BATON_WG_ADD, .name = "loop", .number = 1, .bound = true},
		{.size = sizeof(calls[0]), .operation = BATON_WG_WAIT, .name = "loop"},
		{.size = sizeof(calls[0]), .operation = BATON_WG_DONE, .name = "loop"},
	};
	bool done[3] = {false};

	(void)state;
	for (int i = 0; i < 3; i++)
		is_ok(baton_start(client, &calls[i], -1, on_done, &done[i], NULL));
	while (!done[0] || !done[1] || !done[2]) {
		struct pollfd poll_fd = {.fd = baton_fd(client), .events = baton_events(client)};

		poll(&poll_fd, 1, 10);
		is_ok(baton_process(client));
	}
	baton_close(client);
}

static void *select_zero(void *client)
{
	const struct baton_case cases[] = {{.kind = BATON_CASE_WG, .name = "selected"}};
	struct baton_selected selected = {0};

	fake_require(baton_select(client, NULL, cases, 1, false, &selected) == BATON_OK);
	fake_require(selected.index == 0 && selected.number == 1);
	return NULL;
}

static void a_select_waits_for_zero(void **state)
{
	baton_client *client = open_with(fixture.address, NULL);
	baton_client *dying = open_with(fixture.address, NULL);
	pthread_t thread;

	(void)state;
	is_ok(baton_wg_add_bound(dying, "selected", 1));
	assert_int_equal(pthread_create(&thread, NULL, select_zero, client), 0);
	EVENTUALLY(look_at(client, "selected").waiters == 1);
	baton_abandon(dying);
	pthread_join(thread, NULL);
	baton_close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_returns_when_all_workers_are_done),
		cmocka_unit_test(what_is_refused_changes_nothing),
		cmocka_unit_test(shares_of_a_client_that_is_gone_come_off),
		cmocka_unit_test(an_event_loop_can_wait),
		cmocka_unit_test(a_select_waits_for_zero),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
