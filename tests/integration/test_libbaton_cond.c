/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_cond.c - libbaton's conds against a real daemon: a bounded queue of several clients, waits that end
 * early, the pollable interface.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/clients.h"
#include "tests/lib/co_test.h"
#include "tests/lib/daemon_fixture.h"
#include "tests/lib/fake_daemon.h"

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

static uint32_t waiters_of(baton_client *client, const char *kind, const char *name)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_INSPECT, .kind = kind, .name = name};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, &call, &result);
	const uint32_t waiters = r == BATON_OK ? result->objects[0].waiters : 0;

	baton_result_free(result);
	return waiters;
}

/* ---- a bounded queue --------------------------------------------------------------------------------------------- */

#define ROOM 4
#define PRODUCERS 4

/* Shared memory stands for what processes share: it is only looked at under the mutex. */
struct queue {
	atomic_uint length;
	atomic_uint produced;
	atomic_uint consumed;
	atomic_uint total;
};

struct worker {
	baton_client *client;
	struct queue *queue;
};

static void wait_on(baton_client *client, const char *cond, uint64_t *token)
{
	bool timed_out = true;

	fake_require(baton_cond_wait(client, NULL, cond, "queue", token, -1, &timed_out) == BATON_OK);
	fake_require(!timed_out && *token != 0);
}

static void *produce(void *arg)
{
	const struct worker *worker = arg;
	struct queue *queue = worker->queue;
	bool more = true;

	while (more) {
		uint64_t token;

		fake_require(baton_mutex_lock(worker->client, NULL, "queue", &token, NULL) == BATON_OK);
		while (queue->length == ROOM && queue->produced < queue->total)
			wait_on(worker->client, "not-full", &token);
		more = queue->produced < queue->total;
		if (more) {
			queue->length++;
			queue->produced++;
		}
		fake_require(baton_mutex_unlock(worker->client, "queue", token) == BATON_OK);
		fake_require(baton_cond_signal(worker->client, "not-empty", NULL) == BATON_OK);
	}
	return NULL;
}

static void *consume(void *arg)
{
	const struct worker *worker = arg;
	struct queue *queue = worker->queue;

	while (queue->consumed < queue->total) {
		uint64_t token;

		fake_require(baton_mutex_lock(worker->client, NULL, "queue", &token, NULL) == BATON_OK);
		while (queue->length == 0)
			wait_on(worker->client, "not-empty", &token);
		queue->length--;
		queue->consumed++;
		fake_require(baton_mutex_unlock(worker->client, "queue", token) == BATON_OK);
		fake_require(baton_cond_signal(worker->client, "not-full", NULL) == BATON_OK);
	}
	fake_require(baton_cond_broadcast(worker->client, "not-full", NULL) == BATON_OK);
	return NULL;
}

static void a_bounded_queue_loses_no_wake_up(void **state)
{
	struct queue queue = {.total = (unsigned)test_scale(400)};
	struct worker workers[2] = {
		{open_with(fixture.address, NULL), &queue}, {open_with(fixture.address, NULL), &queue}};
	pthread_t producers[PRODUCERS];
	pthread_t consumer;

	(void)state;
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&producers[i], NULL, produce, &workers[i % 2]), 0);
	assert_int_equal(pthread_create(&consumer, NULL, consume, &workers[0]), 0);
	pthread_join(consumer, NULL);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producers[i], NULL);
	assert_int_equal(queue.produced, queue.total);
	assert_int_equal(queue.consumed, queue.total);
	assert_int_equal(waiters_of(workers[0].client, "cond", "not-full"), 0);
	baton_close(workers[0].client);
	baton_close(workers[1].client);
}

/* ---- waits that end early ---------------------------------------------------------------------------------------- */

static void a_wait_needs_the_mutex(void **state)
{
	baton_client *client = open_with(fixture.address, NULL);
	baton_context *context = NULL;
	uint64_t token = 7;
	uint64_t held;
	bool holds = false;

	(void)state;
	assert_int_equal(baton_cond_wait(client, NULL, "c", "m", &token, -1, NULL), BATON_EUNLOCKED);
	is_ok(baton_mutex_lock(client, NULL, "m", &held, NULL));
	assert_int_equal(baton_cond_wait(client, NULL, "c", "m", &token, -1, NULL), BATON_ESTALE);
	assert_int_equal(token, 7);
	assert_int_equal(baton_cond_wait(client, NULL, "c", "no name", &held, -1, NULL), BATON_EINVAL);
	assert_int_equal(baton_cond_wait(client, NULL, "c", NULL, &held, -1, NULL), BATON_EINVAL);
	is_ok(baton_with_cancel(NULL, &context));
	baton_cancel(context, NULL);
	token = held;
	assert_int_equal(baton_cond_wait(client, context, "c", "m", &token, -1, NULL), BATON_ECANCELED);
	assert_int_equal(token, held);
	is_ok(baton_mutex_check(client, "m", held, &holds));
	assert_true(holds);
	baton_context_unref(context);
	baton_close(client);
}

static void a_wait_that_times_out_has_the_mutex_again(void **state)
{
	baton_client *client = open_with(fixture.address, NULL);
	uint64_t woken = 7;
	uint64_t first;
	uint64_t token;
	bool timed_out = false;

	(void)state;
	is_ok(baton_mutex_lock(client, NULL, "m", &first, NULL));
	token = first;
	is_ok(baton_cond_wait(client, NULL, "c", "m", &token, 20 * MS, &timed_out));
	assert_true(timed_out);
	assert_true(token > first);
	assert_int_equal(baton_mutex_unlock(client, "m", first), BATON_ESTALE);
	is_ok(baton_cond_wait(client, NULL, "c", "m", &token, 0, &timed_out));
	assert_true(timed_out);
	is_ok(baton_mutex_unlock(client, "m", token));
	is_ok(baton_cond_signal(client, "c", &woken));
	assert_int_equal(woken, 0);
	baton_close(client);
}

static void the_calls_own_end_leaves_it_without_the_mutex(void **state)
{
	baton_client *client = open_with(fixture.address, NULL);
	baton_context *context = NULL;
	uint64_t token;
	uint64_t other;

	(void)state;
	is_ok(baton_mutex_lock(client, NULL, "m", &token, NULL));
	is_ok(baton_with_timeout(NULL, 20 * MS, &context));
	assert_int_equal(baton_cond_wait(client, context, "c", "m", &token, -1, NULL), BATON_EDEADLINE);
	assert_int_equal(token, 0);
	assert_string_equal(
		baton_last_error(), "cond \"c\": context deadline exceeded; the mutex \"m\" is not held any more");
	is_ok(baton_mutex_try_lock(client, "m", &other, NULL));
	is_ok(baton_mutex_unlock(client, "m", other));
	baton_context_unref(context);
	baton_close(client);
}

/* ---- holds of others, event loops -------------------------------------------------------------------------------- */

struct told {
	atomic_int event;
	uint64_t token;
	uint64_t new_token;
};

static void on_notice(const struct baton_notice *notice, void *arg)
{
	struct told *told = arg;

	told->token = notice->token;
	told->new_token = notice->new_token;
	atomic_store(&told->event, notice->event);
}

struct wait {
	baton_client *client;
	uint64_t token;
};

static void *wait_for_another(void *arg)
{
	struct wait *wait = arg;

	fake_require(baton_cond_wait(wait->client, NULL, "c", "m", &wait->token, -1, NULL) == BATON_OK);
	return NULL;
}

static void the_session_that_had_the_hold_is_told_its_new_token(void **state)
{
	struct told told = {0};
	const struct baton_options options = {.size = sizeof(options), .on_notice = on_notice, .arg = &told};
	baton_client *holder = open_with(fixture.address, &options);
	struct wait wait = {.client = open_with(fixture.address, NULL)};
	pthread_t thread;
	uint64_t token;

	(void)state;
	is_ok(baton_mutex_lock(holder, NULL, "m", &token, NULL));
	wait.token = token;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_another, &wait), 0);
	EVENTUALLY(waiters_of(holder, "cond", "c") == 1);
	is_ok(baton_cond_signal(holder, "c", NULL));
	pthread_join(thread, NULL);
	baton_close(wait.client); /* the hold is not its own */
	is_ok(baton_ping(holder));
	EVENTUALLY(atomic_load(&told.event) == BATON_EVENT_HOLD_MOVED);
	assert_true(told.token == token);
	assert_true(told.new_token == wait.token);
	is_ok(baton_mutex_unlock(holder, "m", wait.token));
	baton_close(holder);
}

struct answer {
	bool done;
	int error;
	bool holds;
	int reason;
	uint64_t token;
};

static void on_done(const struct baton_result *result, void *arg)
{
	*(struct answer *)arg = (struct answer){.done = true,
		.error = result->error,
		.holds = result->holds,
		.reason = result->reason,
		.token = result->token};
}

static void process_until(baton_client *client, const bool *condition)
{
	while (!*condition) {
		struct pollfd poll_fd = {.fd = baton_fd(client), .events = baton_events(client)};

		poll(&poll_fd, 1, 10);
		is_ok(baton_process(client));
	}
}

static void an_event_loop_can_wait_and_stop(void **state)
{
	baton_client *client = open_with(
		fixture.address, &(struct baton_options){.size = sizeof(struct baton_options), .pollable = true});
	const struct baton_call lock = {.size = sizeof(lock), .operation = BATON_MUTEX_LOCK, .name = "loop"};
	struct baton_call wait = {.size = sizeof(wait), .operation = BATON_COND_WAIT, .name = "loop", .mutex = "loop"};
	const struct baton_call signal = {.size = sizeof(signal), .operation = BATON_COND_SIGNAL, .name = "loop"};
	struct answer locked = {0};
	struct answer waited = {0};
	struct answer signalled = {0};
	uint64_t id = 0;

	(void)state;
	is_ok(baton_start(client, &lock, -1, on_done, &locked, NULL));
	process_until(client, &locked.done);
	wait.token = locked.token;
	is_ok(baton_start(client, &wait, -1, on_done, &waited, NULL));
	is_ok(baton_start(client, &signal, -1, on_done, &signalled, NULL));
	process_until(client, &waited.done);
	assert_true(waited.error == BATON_OK && waited.holds && waited.token > locked.token);
	wait.token = waited.token;
	waited.done = false;
	is_ok(baton_start(client, &wait, -1, on_done, &waited, &id));
	is_ok(baton_process(client));
	baton_stop(client, id);
	process_until(client, &waited.done);
	assert_true(!waited.holds && (waited.reason == BATON_ECANCELED || waited.error == BATON_ECANCELED));
	baton_close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bounded_queue_loses_no_wake_up),
		cmocka_unit_test(a_wait_needs_the_mutex),
		cmocka_unit_test(a_wait_that_times_out_has_the_mutex_again),
		cmocka_unit_test(the_calls_own_end_leaves_it_without_the_mutex),
		cmocka_unit_test(the_session_that_had_the_hold_is_told_its_new_token),
		cmocka_unit_test(an_event_loop_can_wait_and_stop),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
