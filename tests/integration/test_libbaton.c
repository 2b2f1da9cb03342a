/* SPDX-License-Identifier: MIT
 *
 * test_libbaton.c - libbaton against a real daemon: exclusion, deadlines, closing, late verdicts, event loops.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>

#include "base/memory.h"
#include "tests/lib/clients.h"
#include "tests/lib/co_test.h"
#include "tests/lib/daemon_group.h"
#include "tests/lib/fake_daemon.h"

#define THREADS 64

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

/* How many hold and wait for the mutex NAME. */
static void look_at_mutex(baton_client *client, const char *name, uint32_t *ret_holders, uint32_t *ret_waiters)
{
	const struct baton_call call = {
		.size = sizeof(call), .operation = BATON_INSPECT, .kind = "mutex", .name = name};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, &call, &result);

	*ret_holders = 0;
	*ret_waiters = 0;
	if (r == BATON_OK && result->object_count == 1) {
		*ret_holders = result->objects[0].holders;
		*ret_waiters = result->objects[0].waiters;
	} else if (r != BATON_ENOTMADE) {
		fail_msg("%d %s", r, baton_last_error()); /* a mutex at rest is forgotten */
	}
	baton_result_free(result);
}

static uint32_t waiters_of(baton_client *client, const char *name)
{
	uint32_t holders;
	uint32_t waiters;

	look_at_mutex(client, name, &holders, &waiters);
	return waiters;
}

static uint32_t holders_of(baton_client *client, const char *name)
{
	uint32_t holders;
	uint32_t waiters;

	look_at_mutex(client, name, &holders, &waiters);
	return holders;
}

/* ---- exclusion --------------------------------------------------------------------------------------------------- */

struct counter {
	baton_client *client;
	const char *path;
	size_t rounds;
	bool locking;
};

/* Reads the number in the file, adds one, writes it. */
static void add_one(const char *path)
{
	unsigned long long number = 0;
	FILE *file = fopen(path, "r+e");

	fake_require(file != NULL);
	fake_require(fscanf(file, "%llu", &number) == 1);
	rewind(file);
	fprintf(file, "%llu\n", number + 1);
	fake_require(fclose(file) == 0);
}

static void *count(void *arg)
{
	const struct counter *counter = arg;
	uint64_t last = 0;

	for (size_t i = 0; i < counter->rounds; i++) {
		uint64_t token = 0;

		if (counter->locking)
			fake_require(baton_mutex_lock(counter->client, NULL, "sum", &token, NULL) == BATON_OK);
		fake_require(!counter->locking || token > last);
		last = token;
		add_one(counter->path);
		if (counter->locking)
			fake_require(baton_mutex_unlock(counter->client, "sum", token) == BATON_OK);
	}
	return NULL;
}

static unsigned long long count_in_threads(const char *address, bool locking, size_t rounds)
{
	char path[100];
	unsigned long long sum = 0;
	pthread_t threads[THREADS];
	struct counter counter = {
		.client = open_with(address,
			&(struct baton_options){.size = sizeof(struct baton_options), .ttl_ns = BATON_TTL_DEFAULT}),
		.path = path,
		.rounds = rounds,
		.locking = locking,
	};
	FILE *file;

	snprintf(path, sizeof(path), "%s/sum", test_daemon.folder);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs("0\n", file);
	fclose(file);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, &counter), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%llu", &sum), 1);
	fclose(file);
	baton_close(counter.client);
	return sum;
}

static void under_a_lock_threads_of_one_connection_lose_no_count(void **state)
{
	const size_t rounds = test_scale(500);

	(void)state;
	assert_true(count_in_threads(test_daemon.address, true, rounds) == THREADS * rounds);
	assert_true(count_in_threads(test_daemon.tcp, true, rounds / 10 + 1) == THREADS * (rounds / 10 + 1));
}

/* So the test above can fail. */
static void without_it_they_do(void **state)
{
	const size_t rounds = test_scale(500);
	unsigned long long sum;

	(void)state;
	do
		sum = count_in_threads(test_daemon.address, false, rounds);
	while (sum == THREADS * rounds);
	assert_true(sum < THREADS * rounds);
}

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

static void a_deadline_is_kept_and_leaves_no_waiter(void **state)
{
	baton_client *holder = open_client();
	baton_client *waiter = open_client();
	baton_context *context;
	uint64_t token;
	uint64_t none = 0;
	int64_t began;

	(void)state;
	is_ok(baton_mutex_lock(holder, NULL, "busy", &token, NULL));
	began = clock_monotonic();
	is_ok(baton_with_timeout(NULL, 200 * MS, &context));
	assert_int_equal(baton_mutex_lock(waiter, context, "busy", &none, NULL), BATON_EDEADLINE);
	assert_true(clock_monotonic() - began >= 200 * MS);
	assert_string_equal(baton_last_error(), "mutex \"busy\": context deadline exceeded");
	assert_int_equal(none, 0);
	assert_int_equal(waiters_of(holder, "busy"), 0);
	assert_int_equal(baton_mutex_try_lock(waiter, "busy", &none, NULL), BATON_EWOULDBLOCK);
	is_ok(baton_mutex_unlock(holder, "busy", token));
	assert_int_equal(baton_mutex_unlock(holder, "busy", token), BATON_EUNLOCKED);
	baton_context_unref(context);
	baton_close(waiter);
	baton_close(holder);
}

static void closing_frees_what_was_held_and_leaves_every_queue(void **state)
{
	baton_client *holder = open_client();
	baton_client *closing = open_client();
	struct lock_waiter waiting[8];
	uint64_t token;

	(void)state;
	is_ok(baton_mutex_lock(holder, NULL, "held", &token, NULL));
	is_ok(baton_mutex_lock(closing, NULL, "own", &token, NULL));
	for (int i = 0; i < 8; i++) {
		waiting[i] = (struct lock_waiter){.client = closing, .name = "held"};
		assert_int_equal(pthread_create(&waiting[i].thread, NULL, lock_waiter_main, &waiting[i]), 0);
	}
	EVENTUALLY(waiters_of(holder, "held") == 8);
	baton_close(closing);
	for (int i = 0; i < 8; i++) {
		pthread_join(waiting[i].thread, NULL);
		assert_int_equal(waiting[i].error, BATON_ECLIENTCLOSED);
	}
	assert_int_equal(waiters_of(holder, "held"), 0); /* at once: the end of the session was waited for */
	is_ok(baton_mutex_try_lock(holder, "own", &token, NULL));
	baton_close(holder);
}

/* ---- a daemon that is stopped ------------------------------------------------------------------------------------ */

static void a_verdict_that_comes_late_leaves_no_lock_and_loses_no_message(void **state)
{
	baton_client *client = open_client();
	baton_client *other = open_client();
	struct baton_result *result = NULL;
	const struct baton_call receive = {.size = sizeof(receive), .operation = BATON_CHAN_RECEIVE, .name = "late"};
	struct lock_waiter waiting = {.client = client, .name = "late"};
	baton_context *context;
	void *value;
	size_t length;
	uint64_t token;
	int status;

	(void)state;
	is_ok(baton_chan_make(client, "late", 4));
	is_ok(baton_chan_send(client, NULL, "late", "first", 5));
	is_ok(baton_chan_send(client, NULL, "late", "second", 6));
	assert_int_equal(kill(test_daemon.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(test_daemon.pid, &status, WUNTRACED), test_daemon.pid); /* with all its threads */
	is_ok(baton_with_timeout(NULL, 50 * MS, &context));
	waiting.context = context;
	assert_int_equal(pthread_create(&waiting.thread, NULL, lock_waiter_main, &waiting), 0);
	assert_int_equal(baton_invoke(client, context, &receive, &result), BATON_EUNKNOWN);
	baton_result_free(result);
	pthread_join(waiting.thread, NULL);
	assert_int_equal(waiting.error, BATON_EUNKNOWN);
	assert_int_equal(kill(test_daemon.pid, SIGCONT), 0);
	is_ok(baton_ping(client)); /* behind the two: what they were granted is on its way back */
	is_ok(baton_ping(client));
	EVENTUALLY(holders_of(other, "late") == 0);
	is_ok(baton_mutex_try_lock(other, "late", &token, NULL));
	is_ok(baton_chan_receive(other, NULL, "late", &value, &length));
	assert_string_equal(value, "first");
	baton_free(value);
	is_ok(baton_chan_receive(client, NULL, "late", &value, &length));
	assert_string_equal(value, "second");
	baton_free(value);
	baton_context_unref(context);
	baton_close(client);
	baton_close(other);
}

/* ---- channels in a loop ------------------------------------------------------------------------------------------ */

struct flow {
	baton_client *producer;
	baton_client *consumers[3];
	size_t sent;
	size_t received;
	size_t total;
	size_t last[3];
};

struct consumer {
	struct flow *flow;
	int number;
};

static void on_sent(const struct baton_result *result, void *arg);
static void on_received(const struct baton_result *result, void *arg);

static void send_next(struct flow *flow)
{
	char text[32];
	struct baton_call call = {.size = sizeof(call), .operation = BATON_CHAN_SEND, .name = "flow", .value = text};

	if (flow->sent == flow->total)
		return;
	call.value_length = (size_t)snprintf(text, sizeof(text), "%zu", ++flow->sent);
	is_ok(baton_start(flow->producer, &call, -1, on_sent, flow, NULL));
}

static void on_sent(const struct baton_result *result, void *arg)
{
	assert_int_equal(result->error, BATON_OK);
	send_next(arg);
}

static void receive_next(struct consumer *consumer)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_CHAN_RECEIVE, .name = "flow"};

	is_ok(baton_start(consumer->flow->consumers[consumer->number], &call, -1, on_received, consumer, NULL));
}

static void on_received(const struct baton_result *result, void *arg)
{
	struct consumer *consumer = arg;
	size_t *last = &consumer->flow->last[consumer->number];
	size_t number;

	assert_int_equal(result->error, BATON_OK);
	number = strtoul(result->value, NULL, 10);
	assert_true(number > *last);
	*last = number;
	consumer->flow->received++;
	receive_next(consumer);
}

/* One thread, one poll: a producer with several sends under way, three consumers. */
static void four_clients_work_in_one_loop(void **state)
{
	const struct baton_options options = {.size = sizeof(options), .pollable = true};
	struct flow flow = {.total = test_scale(20000), .producer = open_with(test_daemon.address, &options)};
	struct consumer consumers[3];
	baton_client *maker = open_client();
	baton_client *clients[4] = {flow.producer};

	(void)state;
	is_ok(baton_chan_make(maker, "flow", 2));
	for (int i = 0; i < 3; i++) {
		flow.consumers[i] = open_with(i == 2 ? test_daemon.tcp : test_daemon.address,
			&(struct baton_options){
				.size = sizeof(options), .pollable = true, .ttl_ns = BATON_TTL_DEFAULT});
		clients[i + 1] = flow.consumers[i];
		consumers[i] = (struct consumer){.flow = &flow, .number = i};
		receive_next(&consumers[i]);
	}
	for (int i = 0; i < 5; i++)
		send_next(&flow);
	while (flow.received < flow.total) {
		struct pollfd polled[4];

		for (int i = 0; i < 4; i++)
			polled[i] = (struct pollfd){.fd = baton_fd(clients[i]), .events = baton_events(clients[i])};
		assert_true(poll(polled, 4, 60000) > 0);
		for (int i = 0; i < 4; i++)
			if (polled[i].revents != 0)
				is_ok(baton_process(clients[i]));
	}
	assert_int_equal(flow.received, flow.total);
	for (int i = 0; i < 4; i++)
		baton_close(clients[i]);
	baton_close(maker);
}

/* ---- no memory ----------------------------------------------------------------------------------------------------
 */

static size_t allocations;
static size_t failing; /* the number of the one that fails; 0: none */

static bool fails(size_t bytes)
{
	(void)bytes;
	return ++allocations == failing;
}

/* Opens, locks, sends, receives, closes. The first error. */
static int do_a_bit_of_all(void)
{
	baton_client *client = NULL;
	void *value = NULL;
	size_t length;
	uint64_t token;
	int r;

	r = baton_open(test_daemon.address, NULL, &client);
	if (r == BATON_OK)
		r = baton_mutex_lock(client, NULL, "memory", &token, NULL);
	if (r == BATON_OK)
		r = baton_chan_make(client, "memory", 1000);
	if (r == BATON_OK)
		r = baton_chan_send(client, NULL, "memory", "m", 1);
	if (r == BATON_OK)
		r = baton_chan_receive(client, NULL, "memory", &value, &length);
	baton_free(value);
	baton_close(client);
	return r;
}

static void each_allocation_may_fail(void **state)
{
	size_t count;

	(void)state;
	failing = 0;
	allocations = 0;
	memory_set_fault(fails);
	is_ok(do_a_bit_of_all());
	count = allocations;
	for (failing = 1; failing <= count; failing++) {
		int r;

		allocations = 0;
		r = do_a_bit_of_all();
		assert_true(r == BATON_OK || r == BATON_ENOMEM);
		if (r == BATON_ENOMEM)
			assert_string_not_equal(baton_last_error(), "");
	}
	memory_set_fault(NULL);
	assert_true(count > 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_a_lock_threads_of_one_connection_lose_no_count),
		cmocka_unit_test(without_it_they_do),
		cmocka_unit_test(a_deadline_is_kept_and_leaves_no_waiter),
		cmocka_unit_test(closing_frees_what_was_held_and_leaves_every_queue),
		cmocka_unit_test(a_verdict_that_comes_late_leaves_no_lock_and_loses_no_message),
		cmocka_unit_test(four_clients_work_in_one_loop),
		cmocka_unit_test(each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
