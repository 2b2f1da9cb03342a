/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_ends.c - a channel's options and its ends: types, directions, what closes it and what deletes it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/child.h"
#include "tests/lib/clients.h"
#include "tests/lib/daemon_fixture.h"

static struct daemon_fixture fixture;
static baton_client *here, *there;

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

static int set_up(void **state)
{
	(void)state;
	here = open_with(fixture.address, NULL);
	there = open_with(fixture.address, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	baton_close(here);
	baton_close(there);
	return 0;
}

#define OPTIONS(...) (&(struct baton_chan_options){.size = sizeof(struct baton_chan_options), __VA_ARGS__})

/* The last call's error and text. */
static void fails(int r, int error, const char *text)
{
	assert_int_equal(r, error);
	assert_string_equal(baton_last_error(), text);
}

static int call_with(struct baton_call call)
{
	call.size = sizeof(call);
	return baton_invoke(here, NULL, &call, NULL);
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static void made_again_with_others_it_says_which(void **state)
{
	(void)state;
	is_ok(baton_chan_make_with(here, "jobs", OPTIONS(.capacity = 2, .type = "job")));
	is_ok(baton_chan_make_with(there, "jobs", OPTIONS(.capacity = 2, .type = "job")));
	fails(baton_chan_make_with(here, "jobs", OPTIONS(.capacity = 3, .type = "job")), BATON_EEXISTS,
		"chan \"jobs\": made with capacity 2, not 3");
	fails(baton_chan_make_with(here, "jobs", OPTIONS(.capacity = 2, .type = "int")), BATON_EEXISTS,
		"chan \"jobs\": made with type \"job\", not \"int\"");
	fails(baton_chan_make_with(here, "jobs", OPTIONS(.capacity = 2, .type = "job", .bound = true)), BATON_EEXISTS,
		"chan \"jobs\": made not bound to its session");
	fails(baton_chan_make_with(here, "jobs", OPTIONS(.capacity = 2, .type = "job", .auto_close = true)),
		BATON_EEXISTS, "chan \"jobs\": made not to close with its last send handle");
}

static void a_message_of_another_type_is_refused_naming_both(void **state)
{
	const struct baton_case wrong = {.kind = BATON_CASE_SEND, .name = "ints", .type = "text"};
	struct baton_selected selected;
	baton_chan_sender sender;

	(void)state;
	is_ok(baton_chan_make_with(here, "ints", OPTIONS(.capacity = 9, .type = "int")));
	is_ok(call_with((struct baton_call){
		.operation = BATON_CHAN_SEND, .name = "ints", .type = "int", .value = "1", .value_length = 1}));
	is_ok(baton_chan_send(here, NULL, "ints", "2", 1)); /* without one it takes the channel's */
	fails(call_with((struct baton_call){.operation = BATON_CHAN_SEND, .name = "ints", .type = "text"}),
		BATON_EINVAL, "chan \"ints\": its type is \"int\", not \"text\"");
	fails(baton_select(here, NULL, &wrong, 1, false, &selected), BATON_EINVAL,
		"chan \"ints\": its type is \"int\", not \"text\"");
	fails(baton_chan_open_sender(here, "ints", "text", &sender), BATON_EINVAL,
		"chan \"ints\": its type is \"int\", not \"text\"");
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void ends_send_and_receive(void **state)
{
	struct baton_selected selected;
	baton_chan both;
	void *value;
	size_t length;
	uint64_t token;

	(void)state;
	is_ok(baton_chan_make(here, "ends", 2));
	is_ok(baton_chan_open(here, "ends", NULL, &both));
	is_ok(baton_sender_send(both.sender, NULL, "x", 1));
	is_ok(baton_receiver_receive(both.receiver, NULL, &value, &length));
	assert_string_equal(value, "x");
	baton_free(value);
	is_ok(baton_sender_try_send(both.sender, "y", 1));
	is_ok(baton_receiver_take(both.receiver, NULL, &value, &length, &token, NULL));
	baton_free(value);
	is_ok(baton_chan_ack(here, "ends", token));
	assert_int_equal(baton_receiver_try_receive(both.receiver, &value, &length), BATON_EWOULDBLOCK);
	is_ok(baton_select(here, NULL,
		(struct baton_case[]){
			baton_receiver_case((baton_chan_receiver){0}), baton_sender_case(both.sender, "z", 1)},
		2, false, &selected));
	assert_int_equal(selected.index, 1);
	is_ok(baton_sender_close(both.sender));
	is_ok(baton_receiver_receive(both.receiver, NULL, &value, &length));
	baton_free(value);
	assert_int_equal(baton_receiver_receive(both.receiver, NULL, &value, &length), BATON_ECLOSED);
	is_ok(baton_sender_release(both.sender));
	is_ok(baton_receiver_release(both.receiver));
	assert_int_equal(baton_sender_send((baton_chan_sender){0}, NULL, "x", 1), BATON_EINVAL);
}

/* What the compiler refuses the daemon refuses too. */
static void the_daemon_enforces_directions(void **state)
{
	struct baton_result *result;
	uint64_t sends;
	uint64_t receives;

	(void)state;
	is_ok(baton_chan_make(here, "ways", 2));
	for (int way = 0; way < 2; way++) {
		const struct baton_call call = {
			.size = sizeof(call), .operation = BATON_CHAN_OPEN, .name = "ways", .sends = way == 0};

		is_ok(baton_invoke(here, NULL, &call, &result));
		*(way == 0 ? &sends : &receives) = result->token;
		baton_result_free(result);
	}
	is_ok(call_with((struct baton_call){.operation = BATON_CHAN_SEND, .name = "ways", .handle = sends}));
	fails(call_with((struct baton_call){.operation = BATON_CHAN_RECEIVE, .name = "ways", .handle = sends}),
		BATON_EDIRECTION, "chan \"ways\": receive from send-only channel");
	fails(call_with((struct baton_call){.operation = BATON_CHAN_SEND, .name = "ways", .handle = receives}),
		BATON_EDIRECTION, "chan \"ways\": send to receive-only channel");
	fails(call_with((struct baton_call){.operation = BATON_CHAN_CLOSE, .name = "ways", .handle = receives}),
		BATON_EDIRECTION, "chan \"ways\": send to receive-only channel");
}

static void an_end_is_of_one_channel_and_not_of_its_namesake(void **state)
{
	baton_chan_sender sender;

	(void)state;
	is_ok(baton_chan_make(here, "name", 2));
	is_ok(baton_chan_open_sender(here, "name", NULL, &sender));
	is_ok(baton_chan_delete(there, "name"));
	assert_int_equal(baton_sender_send(sender, NULL, "x", 1), BATON_ENOTMADE);
	is_ok(baton_chan_make(there, "name", 2));
	assert_int_equal(baton_sender_send(sender, NULL, "x", 1), BATON_ESTALE);
	assert_int_equal(baton_sender_release(sender), BATON_ESTALE);
}

/* ---- what closes and deletes ------------------------------------------------------------------------------------- */

static bool is_closed(const char *name)
{
	void *value;
	size_t length;

	return baton_chan_try_receive(here, name, &value, &length) == BATON_ECLOSED;
}

/* A process that has the channel open to send, when this returns, until it is killed. */
static pid_t open_sender_until_killed(const char *name)
{
	baton_client *client;
	baton_chan_sender sender;
	int told[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (baton_open(fixture.address, NULL, &client) != BATON_OK ||
			baton_chan_open_sender(client, name, NULL, &sender) != BATON_OK || write(told[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(told[1]);
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	return pid;
}

static void with_its_last_sender_a_channel_closes_itself(void **state)
{
	pid_t dying;
	baton_chan_sender first;
	baton_chan_receiver receiver;

	(void)state;
	is_ok(baton_chan_make_with(here, "auto", OPTIONS(.auto_close = true, .capacity = 1)));
	assert_false(is_closed("auto")); /* nobody has opened it yet */
	is_ok(baton_chan_open_sender(there, "auto", NULL, &first));
	dying = open_sender_until_killed("auto");
	is_ok(baton_chan_open_receiver(there, "auto", NULL, &receiver));
	is_ok(baton_sender_release(first));
	is_ok(baton_receiver_release(receiver));
	assert_false(is_closed("auto"));
	assert_int_equal(kill(dying, SIGKILL), 0);
	assert_int_equal(waitpid(dying, NULL, 0), dying);
	EVENTUALLY(is_closed("auto"));
}

static bool is_made(const char *name)
{
	uint64_t capacity;

	return baton_chan_cap(here, name, &capacity) == BATON_OK;
}

static void a_bound_channel_goes_with_the_session_that_made_it(void **state)
{
	baton_client *maker = open_with(fixture.address, NULL);

	(void)state;
	is_ok(baton_chan_make_with(maker, "bound", OPTIONS(.bound = true)));
	is_ok(baton_chan_make_with(here, "bound", OPTIONS(.bound = true)));
	assert_true(is_made("bound"));
	baton_abandon(maker);
	EVENTUALLY(!is_made("bound"));
	is_ok(baton_chan_make(here, "bound", 7)); /* the name is free for another */
	is_ok(baton_chan_delete(here, "bound"));
}

static int receive_error;

static void *receive_until_deleted(void *unused)
{
	void *value;
	size_t length;

	(void)unused;
	receive_error = baton_chan_receive(there, NULL, "doomed", &value, &length);
	return NULL;
}

static uint32_t waiters_of(const char *name)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_INSPECT, .kind = "chan", .name = name};
	struct baton_result *result;
	uint32_t waiters;

	is_ok(baton_invoke(here, NULL, &call, &result));
	waiters = result->objects[0].waiters;
	baton_result_free(result);
	return waiters;
}

static void deleting_sends_waiters_away(void **state)
{
	pthread_t thread;

	(void)state;
	is_ok(baton_chan_make(here, "doomed", 0));
	assert_int_equal(pthread_create(&thread, NULL, receive_until_deleted, NULL), 0);
	EVENTUALLY(waiters_of("doomed") == 1);
	is_ok(baton_chan_delete(here, "doomed"));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(receive_error, BATON_EDELETED);
}

/* ---- giving back ------------------------------------------------------------------------------------------------- */

static void what_is_given_back_later_outlives_who_gave_it_back(void **state)
{
	baton_client *worker = open_with(fixture.address, NULL);
	const int64_t begin_ns = clock_monotonic();
	void *value;
	size_t length;
	uint64_t token;
	uint32_t attempt;

	(void)state;
	is_ok(baton_chan_make(here, "later", 2));
	is_ok(baton_chan_send(here, NULL, "later", "x", 1));
	is_ok(baton_chan_close(here, "later"));
	is_ok(baton_chan_take(worker, NULL, "later", &value, &length, &token, &attempt));
	baton_free(value);
	assert_int_equal(attempt, 0);
	is_ok(baton_chan_nack_later(worker, "later", token, 100 * MS));
	baton_abandon(worker);
	assert_int_equal(baton_chan_try_receive(here, "later", &value, &length), BATON_EWOULDBLOCK);
	is_ok(baton_chan_take(here, NULL, "later", &value, &length, &token, &attempt));
	assert_true(clock_monotonic() - begin_ns >= 100 * MS);
	assert_int_equal(attempt, 1);
	baton_free(value);
	assert_int_equal(baton_chan_try_receive(here, "later", &value, &length), BATON_EWOULDBLOCK);
	is_ok(baton_chan_ack(here, "later", token));
	assert_int_equal(baton_chan_ack(here, "later", token), BATON_ESTALE);
	assert_int_equal(baton_chan_try_receive(here, "later", &value, &length), BATON_ECLOSED);
}

/* ---- the compiler ------------------------------------------------------------------------------------------------ */

static struct test_child child;

static int compile_misuse(void *number)
{
	const char *source = getenv("BATON_SOURCE");
	char text[12];

	snprintf(text, sizeof(text), "%d", *(int *)number);
	if (source != NULL && chdir(source) != 0)
		return 99;
	execlp("sh", "sh", "-c",
		"LC_ALL=C ${CC:-cc} -std=c11 -I. -fsyntax-only -DMISUSE=$0 tests/integration/ends_misuse.c", text,
		NULL);
	return 98;
}

static void the_compiler_keeps_the_ends_apart(void **state)
{
	(void)state;
	for (int number = 0; number <= 6; number++) {
		test_child_run(&child, compile_misuse, &number);
		test_child_exited(&child, number == 0 ? 0 : 1);
		if (number > 0)
			test_child_said(&child, "incompatible type");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(made_again_with_others_it_says_which),
		TEST(a_message_of_another_type_is_refused_naming_both),
		TEST(ends_send_and_receive),
		TEST(the_daemon_enforces_directions),
		TEST(an_end_is_of_one_channel_and_not_of_its_namesake),
		TEST(with_its_last_sender_a_channel_closes_itself),
		TEST(a_bound_channel_goes_with_the_session_that_made_it),
		TEST(deleting_sends_waiters_away),
		TEST(what_is_given_back_later_outlives_who_gave_it_back),
		cmocka_unit_test(the_compiler_keeps_the_ends_apart),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
