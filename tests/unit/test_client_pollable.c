/* SPDX-License-Identifier: MIT
 *
 * test_client_pollable.c - the interface for event loops against a scripted daemon.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "baton/v1/channel.pb-c.h"
#include "baton/v1/connection.pb-c.h"
#include "baton/v1/mutex.pb-c.h"
#include "clientlib/clock.h"
#include "tests/lib/co_test.h"
#include "tests/lib/fake_daemon.h"

#define TTL (600 * RIG_MS)

/* ---- a loop of our own ------------------------------------------------------------------------------------------- */

/* One turn, at most until UNTIL. Returns baton_process()'s answer; 0 when there was nothing to process. */
static int turn(baton_client *client, int64_t until)
{
	struct pollfd polled = {.fd = baton_fd(client), .events = baton_events(client)};
	int64_t due = baton_timeout(client);
	struct timespec left = {0};
	int64_t ns;
	int r;

	due = due < until ? due : until;
	ns = due - clock_monotonic();
	if (ns > 0)
		left = (struct timespec){.tv_sec = ns / CORE_SECOND, .tv_nsec = ns % CORE_SECOND};
	r = ppoll(&polled, 1, &left, NULL);
	return r > 0 || clock_monotonic() >= baton_timeout(client) ? baton_process(client) : 0;
}

/* Turns until CONDITION holds. */
#define LOOP_UNTIL(client, condition)                                                                                  \
	do {                                                                                                           \
		const int64_t loop_limit = clock_monotonic() + 60 * CORE_SECOND;                                       \
		while (!(condition)) {                                                                                 \
			turn((client), loop_limit);                                                                    \
			assert_true(clock_monotonic() < loop_limit);                                                   \
		}                                                                                                      \
	} while (0)

static baton_client *open_pollable(const struct fake_daemon *daemon)
{
	const struct baton_options options = {.size = sizeof(options), .pollable = true};
	baton_client *client = NULL;

	assert_int_equal(baton_open(daemon->address, &options, &client), BATON_OK);
	return client;
}

/* What became of a call. */
struct outcome {
	int count;
	int error;
	uint64_t token;
	char text[200];
};

static void note(const struct baton_result *result, void *arg)
{
	struct outcome *outcome = arg;

	outcome->count++;
	outcome->error = result->error;
	outcome->token = result->token;
	snprintf(outcome->text, sizeof(outcome->text), "%s", result->text);
}

static uint64_t start(baton_client *client, enum baton_operation operation, int64_t timeout_ns, struct outcome *outcome)
{
	const struct baton_call call = {.size = sizeof(call), .operation = operation, .name = "x"};
	uint64_t id = 0;

	*outcome = (struct outcome){.error = 1};
	assert_int_equal(baton_start(client, &call, timeout_ns, note, outcome, &id), BATON_OK);
	return id;
}

static void serve_the_end(struct fake_daemon *daemon)
{
	while (fake_read(daemon))
		;
}

/* Every request gets an empty response. */
static void answer_everything(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, 0);
	while (fake_read(daemon)) {
		if (daemon->header.kind != FRAME_REQUEST || daemon->header.method == METHOD(SESSION_CLOSE))
			continue; /* nobody reads the answer to that */
		rig_say(&daemon->rig, FRAME_REPLY, 0, daemon->header.call, ++daemon->rig.number, NULL, 0);
		fake_flush(daemon);
	}
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void expect_all_at_once(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, 0);
	/* Both calls came with HELLO and Open: they are in the buffer already. */
	fake_require(buffer_length(&daemon->in) > daemon->header.length);
	fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), 0);
	fake_require(daemon->header.task == 0);
	rig_reply_locked(&daemon->rig, daemon->header.call, 31);
	fake_require(buffer_length(&daemon->in) > daemon->header.length);
	fake_expect(daemon, FRAME_REQUEST, METHOD(CHANNEL_LENGTH), 0);
	rig_reply_error(&daemon->rig, daemon->header.call, STATUS(NOT_FOUND), REASON(NOT_MADE), "not made");
	fake_flush(daemon);
	serve_the_end(daemon);
}

static void the_first_calls_go_with_the_opening(void **state)
{
	struct fake_daemon daemon;
	struct outcome lock;
	struct outcome length;
	baton_client *client;

	(void)state;
	fake_start(&daemon, expect_all_at_once, NULL);
	client = open_pollable(&daemon);
	assert_false(baton_is_open(client));
	assert_null(baton_session(client));
	start(client, BATON_MUTEX_LOCK, -1, &lock);
	start(client, BATON_CHAN_LENGTH, -1, &length);
	LOOP_UNTIL(client, length.count > 0);
	assert_int_equal(lock.count, 1);
	assert_int_equal(lock.error, BATON_OK);
	assert_int_equal(lock.token, 31);
	assert_int_equal(length.error, BATON_ENOTMADE);
	assert_true(baton_is_open(client));
	assert_non_null(baton_session(client));
	baton_close(client);
	fake_join(&daemon);
}

static void a_rule_broken_is_told_at_once_and_a_call_refused_here_by_done(void **state)
{
	struct fake_daemon daemon;
	struct outcome outcome;
	struct baton_call call = {.size = sizeof(call), .operation = BATON_MUTEX_LOCK, .name = "a b"};
	baton_client *client;

	(void)state;
	fake_start(&daemon, answer_everything, NULL);
	client = open_pollable(&daemon);
	assert_int_equal(baton_start(client, &call, -1, note, &outcome, NULL), BATON_EINVAL);
	assert_string_equal(baton_last_error(), "mutex \"a b\" has white space in it");
	assert_int_equal(baton_invoke(client, NULL, &call, NULL), BATON_EINVAL);
	start(client, BATON_MUTEX_LOCK, 0, &outcome);
	assert_int_equal(outcome.count, 0);
	assert_true(baton_timeout(client) <= clock_monotonic());
	assert_int_equal(baton_process(client), 0);
	assert_int_equal(outcome.count, 1);
	assert_int_equal(outcome.error, BATON_EDEADLINE);
	LOOP_UNTIL(client, baton_is_open(client));
	baton_close(client);
	fake_join(&daemon);
}

/* Grants a lock when it is cancelled, cancels the next. */
static void answer_cancels(struct fake_daemon *daemon)
{
	uint64_t call;

	fake_accept_session(daemon, 0);
	for (int i = 0; i < 2; i++) {
		fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), 0);
		call = daemon->header.call;
		fake_expect(daemon, FRAME_CANCEL, 0, 0);
		fake_require(daemon->header.call == call);
		if (i == 0)
			rig_reply_locked(&daemon->rig, call, 8);
		else
			rig_reply_error(&daemon->rig, call, STATUS(CANCELLED), REASON(CANCELLED), "context canceled");
		fake_flush(daemon);
	}
	serve_the_end(daemon);
}

static void a_stopped_call_ends_as_the_daemon_says(void **state)
{
	struct fake_daemon daemon;
	struct outcome outcome;
	baton_client *client;
	uint64_t id;

	(void)state;
	fake_start(&daemon, answer_cancels, NULL);
	client = open_pollable(&daemon);
	id = start(client, BATON_MUTEX_LOCK, -1, &outcome);
	assert_int_equal(baton_process(client), 0); /* it is sent */
	baton_stop(client, id);
	LOOP_UNTIL(client, outcome.count > 0);
	assert_int_equal(outcome.error, BATON_OK);
	baton_stop(client, id);
	id = start(client, BATON_MUTEX_LOCK, -1, &outcome);
	assert_int_equal(baton_process(client), 0);
	baton_stop(client, id);
	LOOP_UNTIL(client, outcome.count > 0);
	assert_int_equal(outcome.error, BATON_ECANCELED);
	id = start(client, BATON_MUTEX_LOCK, -1, &outcome);
	baton_stop(client, id); /* unsent: there is nothing to ask the daemon */
	LOOP_UNTIL(client, outcome.count > 0);
	assert_int_equal(outcome.error, BATON_ECANCELED);
	baton_close(client);
	fake_join(&daemon);
}

/* ---- calls from within ------------------------------------------------------------------------------------------- */

struct chain {
	baton_client *client;
	int left;
};

static void go_on(const struct baton_result *result, void *arg)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_PING};
	struct chain *chain = arg;

	assert_int_equal(result->error, BATON_OK);
	if (--chain->left > 0)
		assert_int_equal(baton_start(chain->client, &call, -1, go_on, chain, NULL), BATON_OK);
}

static void done_may_start_calls(void **state)
{
	struct fake_daemon daemon;
	struct chain chain = {.left = 1000};
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_PING};

	(void)state;
	fake_start(&daemon, answer_everything, NULL);
	chain.client = open_pollable(&daemon);
	assert_int_equal(baton_start(chain.client, &call, -1, go_on, &chain, NULL), BATON_OK);
	LOOP_UNTIL(chain.client, chain.left == 0);
	baton_close(chain.client);
	fake_join(&daemon);
}

static void thousands_of_calls_may_be_under_way(void **state)
{
	struct fake_daemon daemon;
	const int count = (int)test_scale(20000);
	struct outcome *outcomes = calloc((size_t)count, sizeof(*outcomes));
	baton_client *client;

	(void)state;
	assert_non_null(outcomes);
	fake_start(&daemon, answer_everything, NULL);
	client = open_pollable(&daemon);
	for (int i = 0; i < count; i++)
		start(client, BATON_MUTEX_UNLOCK, i % 2 == 0 ? -1 : 60 * CORE_SECOND, &outcomes[i]);
	LOOP_UNTIL(client, outcomes[count - 1].count > 0);
	for (int i = 0; i < count; i++) {
		assert_int_equal(outcomes[i].count, 1);
		assert_int_equal(outcomes[i].error, BATON_OK);
	}
	assert_true(baton_timeout(client) == INT64_MAX);
	baton_close(client);
	fake_join(&daemon);
	free(outcomes);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void close_at_once(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, 0);
	fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), 0);
}

static void a_daemon_that_goes_ends_every_call_and_then_the_client(void **state)
{
	struct fake_daemon daemon;
	struct outcome outcome;
	const struct baton_call ping = {.size = sizeof(ping), .operation = BATON_PING};
	baton_client *client;
	int r = 0;

	(void)state;
	fake_start(&daemon, close_at_once, NULL);
	client = open_pollable(&daemon);
	start(client, BATON_MUTEX_LOCK, -1, &outcome);
	assert_int_equal(baton_process(client), 0);
	fake_join(&daemon);
	for (int i = 0; i < 1000 && r == 0; i++)
		r = turn(client, clock_monotonic() + CORE_SECOND);
	assert_int_equal(r, BATON_EUNREACHABLE);
	assert_string_equal(baton_last_error(), "the daemon closed the connection");
	assert_int_equal(outcome.count, 1);
	assert_int_equal(outcome.error, BATON_EUNKNOWN);
	assert_int_equal(baton_start(client, &ping, -1, note, &outcome, NULL), BATON_EUNREACHABLE);
	assert_int_equal(baton_process(client), BATON_EUNREACHABLE);
	baton_close(client);
}

static void say_nothing(struct fake_daemon *daemon)
{
	fake_accept(daemon);
	serve_the_end(daemon);
}

static void closing_does_not_wait_and_calls_nobody(void **state)
{
	struct fake_daemon daemon;
	struct outcome outcome;
	baton_client *client;

	(void)state;
	fake_start(&daemon, say_nothing, NULL);
	client = open_pollable(&daemon);
	start(client, BATON_MUTEX_LOCK, -1, &outcome);
	baton_close(client);
	assert_int_equal(outcome.count, 0);
	fake_join(&daemon);
}

/* ---- over time --------------------------------------------------------------------------------------------------- */

/* Answers a beat, drops the connection, takes the session up again with what was not sent before, beats once more. */
static void drop_and_take_up(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, TTL);
	fake_expect(daemon, FRAME_PING, 0, FRAME_ACK);
	rig_say(&daemon->rig, FRAME_PONG, 0, daemon->header.call, 0, NULL, 0);
	fake_flush(daemon);
	fake_accept_session(daemon, TTL);
	fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), 0);
	rig_reply_locked(&daemon->rig, daemon->header.call, 8);
	fake_flush(daemon);
	fake_expect(daemon, FRAME_PING, 0, FRAME_ACK);
	rig_say(&daemon->rig, FRAME_PONG, 0, daemon->header.call, 0, NULL, 0);
	fake_flush(daemon);
	serve_the_end(daemon);
}

static void a_session_with_ttl_beats_and_connects_again(void **state)
{
	struct fake_daemon daemon;
	const struct baton_options options = {.size = sizeof(options), .pollable = true, .ttl_ns = TTL};
	struct outcome outcome;
	baton_client *client;
	int64_t first;
	int64_t safe;

	(void)state;
	fake_start(&daemon, drop_and_take_up, NULL);
	assert_int_equal(baton_open(daemon.address, &options, &client), BATON_OK);
	assert_true(baton_guaranteed_until(client) == INT64_MIN);
	LOOP_UNTIL(client, baton_is_open(client));
	first = baton_guaranteed_until(client);
	assert_true(first <= clock_boottime() + TTL && first > clock_boottime() - TTL);
	LOOP_UNTIL(client, baton_fd(client) < 0);
	start(client, BATON_MUTEX_LOCK, -1, &outcome);
	LOOP_UNTIL(client, outcome.count > 0);
	assert_int_equal(outcome.error, BATON_OK);
	safe = baton_guaranteed_until(client);
	assert_true(safe > first);
	LOOP_UNTIL(client, baton_guaranteed_until(client) > safe);
	baton_close(client);
	fake_join(&daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_calls_go_with_the_opening),
		cmocka_unit_test(a_rule_broken_is_told_at_once_and_a_call_refused_here_by_done),
		cmocka_unit_test(a_stopped_call_ends_as_the_daemon_says),
		cmocka_unit_test(done_may_start_calls),
		cmocka_unit_test(thousands_of_calls_may_be_under_way),
		cmocka_unit_test(a_daemon_that_goes_ends_every_call_and_then_the_client),
		cmocka_unit_test(closing_does_not_wait_and_calls_nobody),
		cmocka_unit_test(a_session_with_ttl_beats_and_connects_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
