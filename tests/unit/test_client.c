/* SPDX-License-Identifier: MIT
 *
 * test_client.c - the blocking interface against a scripted daemon: many threads, contexts, closing, fork, lost
 * daemons.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "baton/v1/channel.pb-c.h"
#include "baton/v1/connection.pb-c.h"
#include "baton/v1/daemon.pb-c.h"
#include "baton/v1/mutex.pb-c.h"
#include "baton/v1/status.pb-c.h"
#include "clientlib/clock.h"
#include "tests/lib/co_test.h"
#include "tests/lib/fake_daemon.h"
#include "tests/lib/sockets.h"

#define METHOD(name) BATON__V1__METHOD__METHOD_##name
#define REASON(name) BATON__V1__REASON__REASON_##name
#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define THREADS 16

static baton_client *open_client(const struct fake_daemon *daemon)
{
	baton_client *client = NULL;
	const int r = baton_open(daemon->address, NULL, &client);

	if (r != BATON_OK)
		fail_msg("baton_open: %d %s", r, baton_last_error());
	return client;
}

/* Reads what is left until the client has gone; answers the closing of the session. */
static void serve_the_end(struct fake_daemon *daemon)
{
	while (fake_read(daemon)) {
		if (daemon->header.kind != FRAME_REQUEST)
			continue;
		rig_say(&daemon->rig, FRAME_REPLY, 0, daemon->header.call, ++daemon->rig.number, NULL, 0);
		fake_flush(daemon);
	}
}

/* ---- many threads ------------------------------------------------------------------------------------------------ */

static void reply_ping(struct fake_daemon *daemon, uint64_t call, const uint8_t *body, size_t length)
{
	rig_say(&daemon->rig, FRAME_REPLY, 0, call, ++daemon->rig.number, body, length);
}

/* Answers pings in pairs, the second first, where two are there; a ping's request and response look alike. */
static void answer_out_of_order(struct fake_daemon *daemon)
{
	uint64_t held = 0;
	uint8_t body[64];
	size_t length = 0;

	fake_accept_session(daemon, 0);
	while (fake_read(daemon)) {
		const bool more = buffer_length(&daemon->in) > daemon->header.length;

		if (daemon->header.method == METHOD(DAEMON_PING) && held == 0 && more) {
			held = daemon->header.call;
			length = daemon->length;
			memcpy(body, daemon->body, length);
			continue;
		}
		reply_ping(daemon, daemon->header.call, daemon->body, daemon->length);
		if (held != 0)
			reply_ping(daemon, held, body, length);
		held = 0;
		fake_flush(daemon);
	}
}

struct pinger {
	baton_client *client;
	pthread_t thread;
	unsigned number;
	size_t rounds;
};

static void *ping_often(void *arg)
{
	struct pinger *pinger = arg;

	for (size_t i = 0; i < pinger->rounds; i++) {
		char text[32];
		struct baton_call call = {.size = sizeof(call), .operation = BATON_PING, .value = text};
		struct baton_result *result;

		call.value_length = (size_t)snprintf(text, sizeof(text), "%u:%zu", pinger->number, i);
		fake_require(baton_invoke(pinger->client, NULL, &call, &result) == BATON_OK);
		fake_require(strcmp(result->value, text) == 0);
		baton_result_free(result);
	}
	return NULL;
}

static void each_of_many_threads_gets_its_own_answers(void **state)
{
	struct fake_daemon daemon;
	struct pinger pingers[THREADS];
	baton_client *client;

	(void)state;
	fake_start(&daemon, answer_out_of_order, NULL);
	client = open_client(&daemon);
	for (unsigned i = 0; i < THREADS; i++) {
		pingers[i] = (struct pinger){.client = client, .number = i, .rounds = test_scale(2000)};
		assert_int_equal(pthread_create(&pingers[i].thread, NULL, ping_often, &pingers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(pingers[i].thread, NULL);
	baton_close(client);
	fake_join(&daemon);
}

/* ---- one blocked call in another thread -------------------------------------------------------------------------- */

struct caller {
	baton_client *client;
	baton_context *context;
	struct baton_call call;
	struct baton_result *result;
	int error;
	pthread_t thread;
};

static void *make_call(void *arg)
{
	struct caller *caller = arg;

	caller->call.size = sizeof(caller->call);
	caller->error = baton_invoke(caller->client, caller->context, &caller->call, &caller->result);
	return NULL;
}

static void start_caller(
	struct caller *caller, baton_client *client, baton_context *context, enum baton_operation operation)
{
	*caller = (struct caller){.client = client, .context = context, .call = {.operation = operation, .name = "x"}};
	assert_int_equal(pthread_create(&caller->thread, NULL, make_call, caller), 0);
}

static void caller_ends(struct caller *caller, int error)
{
	pthread_join(caller->thread, NULL);
	if (caller->error != error)
		fail_msg("the call ended with %d (%s), not %d", caller->error,
			caller->result != NULL ? caller->result->text : "", error);
	baton_result_free(caller->result);
}

static void wait_for_byte(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
}

/* ---- leader and followers -----------------------------------------------------------------------------------------
 */

/* Answers the first two of three locks in one write, and the third when ARG, a socket to the test, says so. */
static void answer_two_then_one(struct fake_daemon *daemon)
{
	const int *test = daemon->arg;
	uint64_t calls[3];
	char byte;

	fake_accept_session(daemon, 0);
	for (int i = 0; i < 3; i++) {
		fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), 0);
		calls[i] = daemon->header.call;
		fake_require(write(*test, "!", 1) == 1);
	}
	rig_reply_locked(&daemon->rig, calls[0], 1);
	rig_reply_locked(&daemon->rig, calls[1], 2);
	fake_flush(daemon);
	fake_require(read(*test, &byte, 1) == 1);
	rig_reply_locked(&daemon->rig, calls[2], 3);
	fake_flush(daemon);
	serve_the_end(daemon);
}

/* The leader's call and the first follower's end together: it is the second follower who is to lead. */
static void a_leader_hands_on_to_one_who_still_waits(void **state)
{
	struct fake_daemon daemon;
	struct caller callers[3];
	baton_client *client;
	int ends[2];

	(void)state;
	assert_int_equal(sockets_pair(SOCKETS_UNIX, ends), 0);
	fake_start(&daemon, answer_two_then_one, &ends[0]);
	client = open_client(&daemon);
	for (int i = 0; i < 3; i++) {
		start_caller(&callers[i], client, NULL, BATON_MUTEX_LOCK);
		wait_for_byte(ends[1]);
	}
	caller_ends(&callers[0], BATON_OK);
	caller_ends(&callers[1], BATON_OK);
	assert_int_equal(write(ends[1], "!", 1), 1);
	caller_ends(&callers[2], BATON_OK);
	baton_close(client);
	fake_join(&daemon);
	close(ends[0]);
	close(ends[1]);
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

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
	serve_the_end(daemon);
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
	client = open_client(&daemon);
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

/* Says over the pipe that a lock has come, and never answers it; answers pings. */
static void ignore_locks(struct fake_daemon *daemon)
{
	const int *pipe_end = daemon->arg;

	fake_accept_session(daemon, 0);
	while (fake_read(daemon)) {
		if (daemon->header.kind == FRAME_REQUEST && daemon->header.method != METHOD(MUTEX_LOCK)) {
			reply_ping(daemon, daemon->header.call, daemon->body, daemon->length);
			fake_flush(daemon);
		} else if (daemon->header.kind == FRAME_REQUEST) {
			fake_require(write(*pipe_end, "!", 1) == 1);
		}
	}
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
	fake_start(&daemon, ignore_locks, &ends[1]);
	client = open_client(&daemon);
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
	fake_start(&daemon, answer_out_of_order, NULL);
	client = open_client(&daemon);
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

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void closing_ends_the_calls_of_others(void **state)
{
	struct fake_daemon daemon;
	struct caller callers[4];
	baton_client *client;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	for (int abandon = 0; abandon < 2; abandon++) {
		fake_start(&daemon, ignore_locks, &ends[1]);
		client = open_client(&daemon);
		for (int i = 0; i < 4; i++) {
			start_caller(&callers[i], client, NULL, BATON_MUTEX_LOCK);
			wait_for_byte(ends[0]);
		}
		if (abandon)
			baton_abandon(client);
		else
			baton_close(client);
		for (int i = 0; i < 4; i++)
			caller_ends(&callers[i], BATON_ECLIENTCLOSED);
		fake_join(&daemon);
	}
	close(ends[0]);
	close(ends[1]);
}

static void hang_up_on_locks(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, 0);
	for (int i = 0; i < 4; i++)
		fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), 0);
	fake_close(daemon);
}

static void note_event(const struct baton_notice *notice, void *arg)
{
	atomic_int *event = arg;

	atomic_store(event, (int)notice->event);
}

/* With SIGPIPE as it is by default: it would end the program. */
static void a_daemon_that_goes_leaves_outcomes_unknown_and_the_program_alive(void **state)
{
	struct fake_daemon daemon;
	struct caller callers[4];
	atomic_int event = 0;
	const struct baton_options options = {.size = sizeof(options), .on_notice = note_event, .arg = &event};
	baton_client *client;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	fake_start(&daemon, hang_up_on_locks, NULL);
	assert_int_equal(baton_open(daemon.address, &options, &client), BATON_OK);
	assert_true(baton_guaranteed_until(client) == INT64_MAX);
	for (int i = 0; i < 4; i++)
		start_caller(&callers[i], client, NULL, BATON_MUTEX_LOCK);
	for (int i = 0; i < 4; i++)
		caller_ends(&callers[i], BATON_EUNKNOWN);
	assert_int_equal(baton_ping(client), BATON_EUNREACHABLE);
	assert_string_equal(baton_last_error(), "the daemon closed the connection");
	assert_int_equal(atomic_load(&event), BATON_EVENT_LOST);
	assert_true(baton_guaranteed_until(client) == INT64_MIN);
	baton_close(client);
	fake_join(&daemon);
}

static void nobody_at_the_address_is_unreachable(void **state)
{
	baton_client *client = NULL;
	struct baton_options options = {.size = sizeof(options), .session_kind = BATON_SESSION_ATTACH};

	(void)state;
	assert_int_equal(baton_open("unix:/nonexistent/socket", NULL, &client), BATON_EUNREACHABLE);
	assert_string_equal(
		baton_last_error(), "cannot connect to unix:/nonexistent/socket: No such file or directory");
	assert_int_equal(baton_open("tcp:127.0.0.1:1", NULL, &client), BATON_EUNREACHABLE);
	assert_int_equal(baton_open("here", NULL, &client), BATON_EINVAL);
	assert_string_equal(
		baton_last_error(), "the address \"here\" is not an address (as unix:PATH, tcp:HOST:PORT, user)");
	assert_int_equal(baton_open("unix:/x", &options, &client), BATON_EINVAL);
	options.session = "1.2";
	assert_int_equal(baton_open("unix:/x", &options, &client), BATON_EINVAL);
	options = (struct baton_options){.size = sizeof(options)};
	assert_int_equal(baton_open("tcp:127.0.0.1:1", &options, &client), BATON_EINVAL);
	assert_string_equal(baton_last_error(), "a session over TCP needs a ttl");
	assert_null(client);
}

static void say_nothing(struct fake_daemon *daemon)
{
	fake_accept(daemon);
	while (fake_read(daemon))
		;
}

static void opening_has_a_limit(void **state)
{
	struct fake_daemon daemon;
	const struct baton_options options = {.size = sizeof(options), .connect_timeout_ns = 50 * RIG_MS};
	baton_client *client = NULL;

	(void)state;
	fake_start(&daemon, say_nothing, NULL);
	assert_int_equal(baton_open(daemon.address, &options, &client), BATON_EDEADLINE);
	assert_null(client);
	fake_join(&daemon);
}

/* ---- bytes that do not go ---------------------------------------------------------------------------------------- */

#define LARGE (8u * 1024 * 1024)

/* Reads nothing of what comes after the lock until it has answered it: the client's long write is stuck then. ARG is a
 * socket to the test: a byte goes each way in turn. */
static void answer_before_reading_on(struct fake_daemon *daemon)
{
	const int *test = daemon->arg;
	uint64_t lock;
	char byte;

	fake_accept_session(daemon, 0);
	fake_expect(daemon, FRAME_REQUEST, METHOD(MUTEX_LOCK), 0);
	lock = daemon->header.call;
	fake_require(write(*test, "!", 1) == 1);
	fake_require(read(*test, &byte, 1) == 1);
	rig_reply_locked(&daemon->rig, lock, 5);
	fake_flush(daemon);
	fake_require(read(*test, &byte, 1) == 1);
	fake_expect(daemon, FRAME_REQUEST, METHOD(CHANNEL_SEND), 0);
	fake_require(daemon->length > LARGE);
	reply_ping(daemon, daemon->header.call, NULL, 0);
	fake_flush(daemon);
	serve_the_end(daemon);
}

static bool is_full(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLOUT};

	return poll(&polled, 1, 0) == 0;
}

static void while_a_write_is_stuck_others_still_get_their_answers(void **state)
{
	struct fake_daemon daemon;
	struct caller locker;
	struct caller sender;
	char *value = calloc(1, LARGE);
	baton_client *client;
	int ends[2];

	(void)state;
	assert_non_null(value);
	assert_int_equal(sockets_pair(SOCKETS_UNIX, ends), 0);
	fake_start(&daemon, answer_before_reading_on, &ends[0]);
	client = open_client(&daemon);
	start_caller(&locker, client, NULL, BATON_MUTEX_LOCK);
	wait_for_byte(ends[1]);
	sender = (struct caller){
		.client = client,
		.call = {.operation = BATON_CHAN_SEND, .name = "x", .value = value, .value_length = LARGE},
	};
	assert_int_equal(pthread_create(&sender.thread, NULL, make_call, &sender), 0);
	while (!is_full(baton_fd(client)))
		usleep(1000);
	assert_int_equal(write(ends[1], "1", 1), 1);
	caller_ends(&locker, BATON_OK);
	assert_int_equal(write(ends[1], "2", 1), 1);
	caller_ends(&sender, BATON_OK);
	baton_close(client);
	fake_join(&daemon);
	free(value);
	close(ends[0]);
	close(ends[1]);
}

static void expect_ack(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, 0);
	fake_expect(daemon, FRAME_REQUEST, METHOD(CHANNEL_RECEIVE), 0);
	fake_require(daemon->header.task != 0);
	rig_reply_message(&daemon->rig, daemon->header.call, "m", 1);
	fake_flush(daemon);
	fake_expect(daemon, FRAME_ACK, 0, 0);
	fake_require(daemon->header.last_reply == 1);
	serve_the_end(daemon);
}

/* The client makes no other call until the daemon has the acknowledgement, and there is no thread of the library. */
static void a_received_message_is_acknowledged_without_another_call(void **state)
{
	struct fake_daemon daemon;
	baton_client *client;
	void *value;
	size_t length;

	(void)state;
	fake_start(&daemon, expect_ack, NULL);
	client = open_client(&daemon);
	assert_int_equal(baton_chan_receive(client, NULL, "x", &value, &length), BATON_OK);
	assert_int_equal(length, 1);
	assert_string_equal(value, "m");
	baton_free(value);
	baton_close(client);
	fake_join(&daemon);
}

/* ---- processes --------------------------------------------------------------------------------------------------- */

static int use_in_child(baton_client *client, int fd)
{
	const struct baton_call ping = {.size = sizeof(ping), .operation = BATON_PING};
	struct baton_result *result = NULL;

	if (baton_invoke(client, NULL, &ping, &result) != BATON_EFORKED || result != NULL)
		return 1;
	if (baton_mutex_unlock(client, "x", 1) != BATON_EFORKED)
		return 2;
	if (fcntl(fd, F_GETFD) >= 0)
		return 3;
	if (baton_guaranteed_until(client) != INT64_MIN || baton_is_open(client) || baton_fd(client) != -1)
		return 4;
	baton_close(client);
	return 0;
}

/* While other threads are busy in the library, so that a fork comes in any state. */
static void a_forked_child_has_no_client(void **state)
{
	struct fake_daemon daemon;
	struct pinger pingers[4];
	baton_client *client;
	const int rounds = (int)test_scale(50);
	int fd;

	(void)state;
	fake_start(&daemon, answer_out_of_order, NULL);
	client = open_client(&daemon);
	fd = baton_fd(client);
	for (unsigned i = 0; i < 4; i++) {
		pingers[i] = (struct pinger){.client = client, .number = i, .rounds = test_scale(5000)};
		assert_int_equal(pthread_create(&pingers[i].thread, NULL, ping_often, &pingers[i]), 0);
	}
	for (int i = 0; i < rounds; i++) {
		int status;
		const pid_t pid = fork();

		if (pid == 0)
			_exit(use_in_child(client, fd));
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(pingers[i].thread, NULL);
	assert_int_equal(baton_ping(client), BATON_OK);
	baton_close(client);
	fake_join(&daemon);
}

static void expect_descriptor(struct fake_daemon *daemon)
{
	fake_accept_session(daemon, 0);
	fake_require(daemon->passed >= 0);
	serve_the_end(daemon);
}

static void a_pidfd_goes_with_the_opening(void **state)
{
	struct fake_daemon daemon;
	struct baton_options options = {.size = sizeof(options), .session_kind = BATON_SESSION_OF_PROCESS};
	baton_client *client;

	(void)state;
	options.pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	assert_true(options.pidfd >= 0);
	fake_start(&daemon, expect_descriptor, NULL);
	assert_int_equal(baton_open(daemon.address, &options, &client), BATON_OK);
	assert_int_equal(fcntl(options.pidfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	baton_close(client);
	fake_join(&daemon);
	close(options.pidfd);
}

static size_t open_descriptors(void)
{
	return test_count_entries("/proc/self/fd");
}

static int check_descriptors(void **state)
{
	static size_t before;

	if (*state == NULL) {
		before = open_descriptors();
		*state = &before;
		return 0;
	}
	assert_int_equal(open_descriptors(), before);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_of_many_threads_gets_its_own_answers),
		cmocka_unit_test(a_leader_hands_on_to_one_who_still_waits),
		cmocka_unit_test(cancelling_a_context_ends_the_calls_below_it),
		cmocka_unit_test(without_a_verdict_the_outcome_is_unknown_after_two_seconds),
		cmocka_unit_test(under_a_dead_context_only_cleaning_up_is_done),
		cmocka_unit_test(contexts_end_downwards_and_once),
		cmocka_unit_test(closing_ends_the_calls_of_others),
		cmocka_unit_test(a_daemon_that_goes_leaves_outcomes_unknown_and_the_program_alive),
		cmocka_unit_test(nobody_at_the_address_is_unreachable),
		cmocka_unit_test(opening_has_a_limit),
		cmocka_unit_test(while_a_write_is_stuck_others_still_get_their_answers),
		cmocka_unit_test(a_received_message_is_acknowledged_without_another_call),
		cmocka_unit_test(a_forked_child_has_no_client),
		cmocka_unit_test(a_pidfd_goes_with_the_opening),
	};

	return cmocka_run_group_tests(tests, check_descriptors, check_descriptors);
}
