/* SPDX-License-Identifier: MIT
 *
 * test_client.c - the blocking interface against a scripted daemon: many threads, closing, fork, lost daemons.
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

#include "clientlib/clock.h"
#include "tests/lib/callers.h"
#include "tests/lib/co_test.h"
#include "tests/lib/sockets.h"

#define THREADS 16

/* ---- many threads ------------------------------------------------------------------------------------------------ */

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
	fake_start(&daemon, fake_answer_out_of_order, NULL);
	client = open_fake(&daemon);
	for (unsigned i = 0; i < THREADS; i++) {
		pingers[i] = (struct pinger){.client = client, .number = i, .rounds = test_scale(2000)};
		assert_int_equal(pthread_create(&pingers[i].thread, NULL, ping_often, &pingers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(pingers[i].thread, NULL);
	baton_close(client);
	fake_join(&daemon);
}

/* ---- leader and followers ---------------------------------------------------------------------------------------- */

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
	fake_serve_the_end(daemon);
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
	client = open_fake(&daemon);
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
		fake_start(&daemon, fake_ignore_locks, &ends[1]);
		client = open_fake(&daemon);
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
	fake_reply(daemon, daemon->header.call, NULL, 0);
	fake_flush(daemon);
	fake_serve_the_end(daemon);
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
	client = open_fake(&daemon);
	start_caller(&locker, client, NULL, BATON_MUTEX_LOCK);
	wait_for_byte(ends[1]);
	sender = (struct caller){
		.client = client,
		.call = {.operation = BATON_CHAN_SEND, .name = "x", .value = value, .value_length = LARGE},
	};
	start_call(&sender);
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
	fake_serve_the_end(daemon);
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
	client = open_fake(&daemon);
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
	fake_start(&daemon, fake_answer_out_of_order, NULL);
	client = open_fake(&daemon);
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
	fake_serve_the_end(daemon);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_of_many_threads_gets_its_own_answers),
		cmocka_unit_test(a_leader_hands_on_to_one_who_still_waits),
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
