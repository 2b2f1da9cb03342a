/* SPDX-License-Identifier: MIT
 *
 * test_client_keeper.c - blocking clients whose session has a ttl: beats, notices, connecting again, the end by time.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "baton/v1/channel.pb-c.h"
#include "baton/v1/connection.pb-c.h"
#include "baton/v1/mutex.pb-c.h"
#include "tests/lib/clients.h"
#include "tests/lib/co_test.h"
#include "tests/lib/fake_daemon.h"

#define TTL (600 * RIG_MS)

/* ---- fixture ----------------------------------------------------------------------------------------------------- */

/* What the client was told, from whatever thread. */
struct events {
	atomic_int counts[BATON_EVENT_HOLD_LOST + 1];
	_Atomic uint64_t token;
};

static void note(const struct baton_notice *notice, void *arg)
{
	struct events *events = arg;

	atomic_store(&events->token, notice->token);
	atomic_fetch_add(&events->counts[notice->event], 1);
}

static bool heard(struct events *events, enum baton_event event)
{
	return atomic_load(&events->counts[event]) > 0;
}

static baton_client *open_client(const struct fake_daemon *daemon, struct events *events)
{
	const struct baton_options options = {
		.size = sizeof(options), .ttl_ns = TTL, .on_notice = events != NULL ? note : NULL, .arg = events};
	baton_client *client = NULL;

	if (events != NULL)
		memset(events, 0, sizeof(*events));
	assert_int_equal(baton_open(daemon->address, &options, &client), BATON_OK);
	return client;
}

/* Answers a PING, past acknowledgements. */
static void answer_ping(struct fake_daemon *daemon)
{
	fake_expect(daemon, FRAME_PING, 0, FRAME_ACK);
	rig_say(&daemon->rig, FRAME_PONG, 0, daemon->header.call, 0, NULL, 0);
	fake_flush(daemon);
}

/* Answers pings, acknowledges locks under token 1 and ends with the client. */
static void serve_the_end(struct fake_daemon *daemon)
{
	while (fake_read(daemon)) {
		if (daemon->header.kind == FRAME_PING)
			rig_say(&daemon->rig, FRAME_PONG, 0, daemon->header.call, 0, NULL, 0);
		else if (daemon->header.method == METHOD(MUTEX_LOCK))
			rig_reply_locked(&daemon->rig, daemon->header.call, 1);
		else if (daemon->header.kind == FRAME_REQUEST)
			rig_say(&daemon->rig, FRAME_REPLY, 0, daemon->header.call, ++daemon->rig.number, NULL, 0);
		fake_flush(daemon);
	}
}

/* ---- quiet clients ----------------------------------------------------------------------------------------------- */

static void beat_then_tell(struct fake_daemon *daemon)
{
	Baton__V1__Notice notice = BATON__V1__NOTICE__INIT;
	uint8_t body[50];

	fake_accept_session(daemon, TTL);
	for (int i = 0; i < 3; i++)
		answer_ping(daemon);
	notice.kind = BATON__V1__NOTICE_KIND__NOTICE_HOLD_LOST;
	notice.token = 55;
	rig_say(&daemon->rig, FRAME_NOTICE, 0, 0, 0, body, baton__v1__notice__pack(&notice, body));
	fake_flush(daemon);
	serve_the_end(daemon);
}

static void a_quiet_client_beats_and_hears_notices(void **state)
{
	struct fake_daemon daemon;
	struct events events;
	baton_client *client;
	int64_t safe;

	(void)state;
	fake_start(&daemon, beat_then_tell, NULL);
	client = open_client(&daemon, &events);
	safe = baton_guaranteed_until(client);
	assert_true(safe <= clock_boottime() + TTL);
	EVENTUALLY(heard(&events, BATON_EVENT_HOLD_LOST));
	assert_int_equal(atomic_load(&events.token), 55);
	EVENTUALLY(baton_guaranteed_until(client) > safe);
	assert_false(heard(&events, BATON_EVENT_LOST));
	baton_close(client);
	fake_join(&daemon);
}

static void expect_ack(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, TTL);
	fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), 0);
	rig_reply_locked(&daemon->rig, daemon->header.call, 1);
	fake_flush(daemon);
	fake_expect(daemon, FRAME_ACK, 0, 0);
	fake_require(daemon->header.last_reply == 1);
	atomic_store((atomic_bool *)daemon->arg, true);
	serve_the_end(daemon);
}

static void the_keeper_acknowledges_what_a_caller_left(void **state)
{
	struct fake_daemon daemon;
	baton_client *client;
	atomic_bool acknowledged = false;
	uint64_t token;

	(void)state;
	fake_start(&daemon, expect_ack, &acknowledged);
	client = open_client(&daemon, NULL);
	assert_int_equal(baton_mutex_lock(client, NULL, "x", &token, NULL), BATON_OK);
	EVENTUALLY(atomic_load(&acknowledged));
	baton_close(client);
	fake_join(&daemon);
}

/* The mask of the thread called baton-keeper, from /proc; 0: there is none. */
static unsigned long long keeper_mask(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned long long mask = 0;
	struct dirent *entry;

	assert_non_null(tasks);
	while ((entry = readdir(tasks)) != NULL) {
		char line[300];
		bool is_keeper = false;
		FILE *status;

		snprintf(line, sizeof(line), "/proc/self/task/%s/status", entry->d_name);
		status = fopen(line, "re");
		while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
			is_keeper = is_keeper || strcmp(line, "Name:\tbaton-keeper\n") == 0;
			if (is_keeper)
				sscanf(line, "SigBlk: %llx", &mask);
		}
		if (status != NULL)
			fclose(status);
	}
	closedir(tasks);
	return mask;
}

static void just_serve(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, TTL);
	serve_the_end(daemon);
}

static void the_keeper_takes_no_signals(void **state)
{
	struct fake_daemon daemon;
	const unsigned long long usual =
		(1ULL << 14) | (1ULL << 1) | (1ULL << 9) | (1ULL << 16); /* TERM INT USR1 CHLD */
	baton_client *client;

	(void)state;
	assert_int_equal(keeper_mask(), 0);
	fake_start(&daemon, just_serve, NULL);
	client = open_client(&daemon, NULL);
	assert_int_equal(keeper_mask() & usual, usual);
	baton_close(client);
	assert_int_equal(keeper_mask(), 0);
	fake_join(&daemon);
}

/* ---- connections that break -------------------------------------------------------------------------------------- */

/* Drops the connection under a lock call, then serves on the next. */
static void drop_under_a_call(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, TTL);
	fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), FRAME_PING);
	fake_accept_session(daemon, TTL);
	serve_the_end(daemon);
}

static void after_a_break_a_call_is_sent_again_and_the_session_goes_on(void **state)
{
	struct fake_daemon daemon;
	struct events events;
	baton_client *client;
	uint64_t token;

	(void)state;
	fake_start(&daemon, drop_under_a_call, NULL);
	client = open_client(&daemon, &events);
	assert_int_equal(baton_mutex_lock(client, NULL, "x", &token, NULL), BATON_OK); /* waits for the next one */
	assert_false(heard(&events, BATON_EVENT_LOST));
	baton_close(client);
	fake_join(&daemon);
}

/* Drops the connection and is out of reach until ARG says so. */
static void go_for_a_while(struct fake_daemon *daemon)
{
	atomic_bool *back = daemon->arg;

	fake_accept_session(daemon, TTL);
	fake_deafen(daemon);
	fake_close(daemon);
	while (!atomic_load(back))
		usleep(500);
	fake_listen(daemon);
	fake_accept_session(daemon, TTL);
	serve_the_end(daemon);
}

static void *lock_once(void *arg)
{
	uint64_t token;

	fake_require(baton_mutex_lock(arg, NULL, "x", &token, NULL) == BATON_OK);
	return NULL;
}

static void calls_wait_for_the_next_connection_up_to_their_deadline(void **state)
{
	struct fake_daemon daemon;
	baton_client *client;
	baton_context *context;
	pthread_t threads[8];
	atomic_bool back = false;
	uint64_t token;

	(void)state;
	fake_start(&daemon, go_for_a_while, &back);
	client = open_client(&daemon, NULL);
	EVENTUALLY(!baton_is_open(client));
	assert_int_equal(baton_with_timeout(NULL, 20 * RIG_MS, &context), BATON_OK);
	assert_int_equal(baton_mutex_lock(client, context, "x", &token, NULL), BATON_EDEADLINE);
	baton_context_unref(context);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lock_once, client), 0);
	atomic_store(&back, true);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	baton_close(client);
	fake_join(&daemon);
}

/* Listens no more. */
static void go_for_good(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, TTL);
	fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), FRAME_PING);
	fake_deafen(daemon);
	fake_close(daemon);
}

static void a_session_out_of_reach_is_lost_when_its_time_is_over(void **state)
{
	struct fake_daemon daemon;
	struct events events;
	baton_client *client;
	int64_t safe;
	uint64_t token;

	(void)state;
	fake_start(&daemon, go_for_good, NULL);
	client = open_client(&daemon, &events);
	safe = baton_guaranteed_until(client);
	assert_int_equal(baton_mutex_lock(client, NULL, "x", &token, NULL), BATON_EUNKNOWN);
	assert_int_equal(baton_mutex_lock(client, NULL, "x", &token, NULL), BATON_ESESSION);
	assert_true(clock_boottime() >= safe);
	EVENTUALLY(heard(&events, BATON_EVENT_LOST));
	assert_true(heard(&events, BATON_EVENT_SUSPECT));
	assert_false(heard(&events, BATON_EVENT_SAFE));
	assert_true(baton_guaranteed_until(client) == INT64_MIN);
	baton_close(client);
	fake_join(&daemon);
}

/* Another incarnation listens when the client comes back. */
static void restart(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, TTL);
	fake_accept(daemon);
	fake_require(fake_read(daemon));
	rig_say_hello(&daemon->rig, RIG_INCARNATION + 1);
	fake_flush(daemon);
	while (fake_read(daemon))
		;
}

static void a_restarted_daemon_is_told_apart(void **state)
{
	struct fake_daemon daemon;
	struct events events;
	baton_client *client;

	(void)state;
	fake_start(&daemon, restart, NULL);
	client = open_client(&daemon, &events);
	EVENTUALLY(heard(&events, BATON_EVENT_LOST));
	assert_int_equal(baton_ping(client), BATON_ERESTARTED);
	baton_close(client);
	fake_join(&daemon);
}

/* ---- other threads and processes --------------------------------------------------------------------------------- */

struct worker {
	baton_client *client;
	pthread_t thread;
	unsigned seed;
	size_t rounds;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (size_t i = 0; i < worker->rounds; i++) {
		uint64_t token;

		fake_require(baton_mutex_lock(worker->client, NULL, "x", &token, NULL) == BATON_OK);
		if (rand_r(&worker->seed) % 64 == 0)
			usleep((useconds_t)(rand_r(&worker->seed) % 15000));
	}
	return NULL;
}

/* Bursts and pauses, so that keeper and callers change places often. */
static void callers_and_keeper_change_places(void **state)
{
	struct fake_daemon daemon;
	struct worker workers[6];
	baton_client *client;

	(void)state;
	fake_start(&daemon, just_serve, NULL);
	client = open_client(&daemon, NULL);
	for (unsigned i = 0; i < 6; i++) {
		workers[i] = (struct worker){.client = client, .seed = i, .rounds = test_scale(3000)};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < 6; i++)
		pthread_join(workers[i].thread, NULL);
	baton_close(client);
	fake_join(&daemon);
}

static void a_child_is_rid_of_the_keeper_too(void **state)
{
	struct fake_daemon daemon;
	baton_client *client;
	int status;
	pid_t pid;

	(void)state;
	fake_start(&daemon, just_serve, NULL);
	client = open_client(&daemon, NULL);
	pid = fork();
	if (pid == 0) {
		const bool forked = baton_ping(client) == BATON_EFORKED;

		baton_close(client);
		_exit(forked ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(baton_ping(client), BATON_OK);
	baton_close(client);
	fake_join(&daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_client_beats_and_hears_notices),
		cmocka_unit_test(the_keeper_acknowledges_what_a_caller_left),
		cmocka_unit_test(the_keeper_takes_no_signals),
		cmocka_unit_test(after_a_break_a_call_is_sent_again_and_the_session_goes_on),
		cmocka_unit_test(calls_wait_for_the_next_connection_up_to_their_deadline),
		cmocka_unit_test(a_session_out_of_reach_is_lost_when_its_time_is_over),
		cmocka_unit_test(a_restarted_daemon_is_told_apart),
		cmocka_unit_test(callers_and_keeper_change_places),
		cmocka_unit_test(a_child_is_rid_of_the_keeper_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
