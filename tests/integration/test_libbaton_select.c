/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_select.c - select against a real daemon: what it takes, what it leaves alone, what ends it.
 */
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "tests/lib/clients.h"
#include "tests/lib/co_test.h"
#include "tests/lib/daemon_group.h"
#include "tests/lib/fake_daemon.h"

#define CHANNELS 8

static baton_client *here, *there;

/* Two clients, so two sessions. */
static int set_up(void **state)
{
	(void)state;
	here = open_with(test_daemon.address, NULL);
	there = open_with(test_daemon.address, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	baton_close(here);
	baton_close(there);
	return 0;
}

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

static struct baton_case receiving(const char *name)
{
	return (struct baton_case){.kind = BATON_CASE_RECEIVE, .name = name};
}

static struct baton_case sending(const char *name, const char *value)
{
	return (struct baton_case){
		.kind = BATON_CASE_SEND, .name = name, .value = value, .value_length = strlen(value)};
}

static struct baton_case timer(int64_t after_ns)
{
	return (struct baton_case){.kind = BATON_CASE_TIMER, .after_ns = after_ns};
}

static void send_text(baton_client *client, const char *name, const char *text)
{
	is_ok(baton_chan_send(client, NULL, name, text, strlen(text)));
}

static uint64_t length_of(const char *name)
{
	uint64_t length = 0;

	is_ok(baton_chan_len(there, name, &length));
	return length;
}

static struct baton_object_info look_at(const char *kind, const char *name)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_INSPECT, .kind = kind, .name = name};
	struct baton_object_info info = {0};
	struct baton_result *result = NULL;

	if (baton_invoke(there, NULL, &call, &result) == BATON_OK)
		info = result->objects[0];
	baton_result_free(result);
	return info;
}

static void wait_for_waiters(const char *kind, const char *name, uint32_t waiters)
{
	EVENTUALLY(look_at(kind, name).waiters == waiters);
}

/* A select in a thread of its own. */
struct started {
	pthread_t thread;
	baton_context *context;
	struct baton_case cases[4];
	size_t count;
	int error;
	struct baton_selected selected;
};

static void *run_started(void *arg)
{
	struct started *started = arg;

	started->error =
		baton_select(here, started->context, started->cases, started->count, false, &started->selected);
	return NULL;
}

static void start(struct started *started)
{
	assert_int_equal(pthread_create(&started->thread, NULL, run_started, started), 0);
}

static void join(struct started *started)
{
	assert_int_equal(pthread_join(started->thread, NULL), 0);
}

/* ---- channels ---------------------------------------------------------------------------------------------------- */

static void a_select_takes_what_is_ready_and_leaves_the_rest(void **state)
{
	struct baton_selected selected;

	(void)state;
	is_ok(baton_chan_make(here, "ready", 1));
	is_ok(baton_chan_make(here, "full", 1));
	is_ok(baton_chan_make(here, "empty", 1));
	send_text(there, "ready", "x");
	send_text(there, "full", "y");
	is_ok(baton_select(here, NULL,
		(struct baton_case[]){receiving("empty"), sending("full", "z"), receiving("ready"), receiving(NULL)}, 4,
		false, &selected));
	assert_int_equal(selected.index, 2);
	assert_string_equal(selected.value, "x");
	assert_int_equal(selected.length, 1);
	assert_int_equal(selected.token, 0);
	baton_free(selected.value);
	assert_int_equal(length_of("full"), 1);
	assert_int_equal(length_of("ready"), 0);
	assert_int_equal(baton_select(here, NULL, (struct baton_case[]){receiving("empty"), sending("full", "z")}, 2,
				 true, &selected),
		BATON_EWOULDBLOCK);
	assert_int_equal(length_of("full"), 1);
}

static void a_plain_receive_is_acknowledged_and_a_manual_one_is_not(void **state)
{
	struct baton_case manual = receiving("acks");
	struct baton_selected selected;

	(void)state;
	manual.manual_ack = true;
	is_ok(baton_chan_make(here, "acks", 2));
	send_text(there, "acks", "1");
	send_text(there, "acks", "2");
	is_ok(baton_select(here, NULL, (struct baton_case[]){receiving("acks")}, 1, false, &selected));
	baton_free(selected.value);
	is_ok(baton_select(here, NULL, &manual, 1, false, &selected));
	baton_free(selected.value);
	assert_int_not_equal(selected.token, 0);
	EVENTUALLY(look_at("chan", "acks").deliveries == 1);
	is_ok(baton_chan_nack(here, "acks", selected.token));
	is_ok(baton_select(here, NULL, &manual, 1, false, &selected));
	assert_int_equal(selected.attempt, 1);
	assert_string_equal(selected.value, "2");
	baton_free(selected.value);
	is_ok(baton_chan_ack(here, "acks", selected.token));
	assert_int_equal(look_at("chan", "acks").deliveries, 0);
}

static void a_waiting_select_does_one_case_and_never_the_others(void **state)
{
	struct started started = {.cases = {receiving("a"), sending("b", "out")}, .count = 2};
	void *value;
	size_t length;

	(void)state;
	is_ok(baton_chan_make(here, "a", 0));
	is_ok(baton_chan_make(here, "b", 0));
	start(&started);
	wait_for_waiters("chan", "a", 1);
	wait_for_waiters("chan", "b", 1);
	is_ok(baton_chan_receive(there, NULL, "b", &value, &length));
	assert_string_equal(value, "out");
	baton_free(value);
	join(&started);
	is_ok(started.error);
	assert_int_equal(started.selected.index, 1);
	assert_int_equal(baton_chan_try_send(there, "a", "x", 1), BATON_EWOULDBLOCK);
}

static void a_select_never_meets_itself_but_another(void **state)
{
	struct started started = {.cases = {sending("self", "x"), receiving("self"), receiving("self")}, .count = 3};
	struct baton_selected selected;

	(void)state;
	is_ok(baton_chan_make(here, "self", 0));
	start(&started);
	wait_for_waiters("chan", "self", 3);
	is_ok(baton_select(
		there, NULL, (struct baton_case[]){receiving("self"), sending("self", "y")}, 2, true, &selected));
	join(&started);
	is_ok(started.error);
	if (selected.index == 0) {
		assert_int_equal(started.selected.index, 0);
		assert_string_equal(selected.value, "x");
	} else {
		assert_int_not_equal(started.selected.index, 0);
		assert_string_equal(started.selected.value, "y");
	}
	baton_free(selected.value);
	baton_free(started.selected.value);
}

static void closed_channels_are_ready(void **state)
{
	struct baton_selected selected;

	(void)state;
	is_ok(baton_chan_make(here, "closed", 1));
	is_ok(baton_chan_close(here, "closed"));
	is_ok(baton_select(here, NULL, (struct baton_case[]){receiving("closed")}, 1, false, &selected));
	assert_true(selected.closed);
	assert_null(selected.value);
	assert_int_equal(baton_select(here, NULL, (struct baton_case[]){sending("closed", "x")}, 1, false, &selected),
		BATON_ESENDCLOSED);
	assert_string_equal(baton_last_error(), "chan \"closed\": send on closed channel");
}

static void a_name_never_made_fails_the_select_before_it_waits(void **state)
{
	struct baton_selected selected;

	(void)state;
	is_ok(baton_chan_make(here, "made", 1));
	send_text(there, "made", "x");
	assert_int_equal(baton_select(here, NULL, (struct baton_case[]){receiving("made"), receiving("never-made")}, 2,
				 false, &selected),
		BATON_ENOTMADE);
	assert_int_equal(length_of("made"), 1);
	assert_int_equal(baton_select(here, NULL, (struct baton_case[]){receiving("not a name")}, 1, false, &selected),
		BATON_EINVAL);
	assert_int_equal(baton_select(here, NULL, (struct baton_case[]){{.kind = BATON_CASE_KIND_COUNT, .name = "x"}},
				 1, false, &selected),
		BATON_EINVAL);
}

static void ready_channels_are_drawn_evenly(void **state)
{
	static const char *const names[CHANNELS] = {"e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7"};
	const size_t rounds = test_scale(100000);
	struct baton_case cases[CHANNELS];
	size_t counts[CHANNELS] = {0};

	(void)state;
	for (size_t i = 0; i < CHANNELS; i++) {
		is_ok(baton_chan_make(here, names[i], 1));
		is_ok(baton_chan_close(here, names[i]));
		cases[i] = receiving(names[i]);
	}
	for (size_t i = 0; i < rounds; i++) {
		struct baton_selected selected;

		is_ok(baton_select(here, NULL, cases, CHANNELS, false, &selected));
		counts[selected.index]++;
	}
	for (size_t i = 0; i < CHANNELS && rounds >= 100000; i++)
		assert_in_range(counts[i] * CHANNELS, rounds * 95 / 100, rounds * 105 / 100);
}

/* ---- what ends it, and timers ------------------------------------------------------------------------------------ */

static void without_a_case_it_blocks_until_it_is_cancelled(void **state)
{
	struct started started = {.cases = {receiving(NULL)}, .count = 1};
	baton_context *context;

	(void)state;
	is_ok(baton_with_cancel(NULL, &context));
	started.context = context;
	start(&started);
	nanosleep(&(struct timespec){.tv_nsec = 20 * MS}, NULL);
	baton_cancel(context, "enough");
	join(&started);
	assert_int_equal(started.error, BATON_ECANCELED);
	baton_context_unref(context);
}

static void a_deadline_ends_it_without_effect(void **state)
{
	struct baton_selected selected;
	baton_context *context;

	(void)state;
	is_ok(baton_chan_make(here, "late", 0));
	is_ok(baton_with_timeout(NULL, 20 * MS, &context));
	assert_int_equal(baton_select(here, context, (struct baton_case[]){receiving("late"), timer(3600000 * MS)}, 2,
				 false, &selected),
		BATON_EDEADLINE);
	assert_int_equal(baton_chan_try_send(there, "late", "x", 1), BATON_EWOULDBLOCK);
	baton_context_unref(context);
}

static void the_earliest_timer_happens_when_nothing_else_does(void **state)
{
	struct baton_selected selected;

	(void)state;
	is_ok(baton_chan_make(here, "slow", 1));
	is_ok(baton_select(here, NULL, (struct baton_case[]){timer(3600000 * MS), receiving("slow"), timer(20 * MS)}, 3,
		false, &selected));
	assert_int_equal(selected.index, 2);
	is_ok(baton_select(here, NULL, (struct baton_case[]){timer(0), receiving("slow")}, 2, false, &selected));
	assert_int_equal(selected.index, 0);
	send_text(there, "slow", "x");
	is_ok(baton_select(here, NULL, (struct baton_case[]){timer(0), receiving("slow")}, 2, false, &selected));
	assert_int_equal(selected.index, 1);
	baton_free(selected.value);
}

/* ---- locks ------------------------------------------------------------------------------------------------------- */

static void a_select_is_handed_a_lock_or_leaves_its_queue(void **state)
{
	struct started started = {.cases = {receiving("stop"), {.kind = BATON_CASE_LOCK, .name = "m"}}, .count = 2};
	uint64_t token;

	(void)state;
	is_ok(baton_chan_make(here, "stop", 1));
	is_ok(baton_mutex_lock(there, NULL, "m", &token, NULL));
	start(&started);
	wait_for_waiters("mutex", "m", 1);
	is_ok(baton_mutex_unlock(there, "m", token));
	join(&started);
	is_ok(started.error);
	assert_int_equal(started.selected.index, 1);
	assert_true(started.selected.token > token);
	is_ok(baton_mutex_unlock(here, "m", started.selected.token));

	is_ok(baton_mutex_lock(there, NULL, "m", &token, NULL));
	start(&started);
	wait_for_waiters("mutex", "m", 1);
	send_text(there, "stop", "now");
	join(&started);
	assert_int_equal(started.selected.index, 0);
	baton_free(started.selected.value);
	assert_int_equal(look_at("mutex", "m").waiters, 0);
	is_ok(baton_mutex_unlock(there, "m", token));
	assert_int_equal(look_at("mutex", "m").holders, 0);
}

static void a_select_locks_to_read_or_to_write(void **state)
{
	struct baton_case cases[] = {
		{.kind = BATON_CASE_WLOCK, .name = "rw"}, {.kind = BATON_CASE_RLOCK, .name = "rw"}};
	struct baton_selected selected;
	uint64_t token;

	(void)state;
	is_ok(baton_rwmutex_rlock(there, NULL, "rw", &token, NULL));
	is_ok(baton_select(here, NULL, cases, 2, true, &selected)); /* only a reader can come in */
	assert_int_equal(selected.index, 1);
	is_ok(baton_rwmutex_unlock(here, "rw", selected.token));
	is_ok(baton_rwmutex_unlock(there, "rw", token));
	is_ok(baton_select(here, NULL, cases, 1, true, &selected));
	assert_int_equal(baton_select(here, NULL, cases, 2, true, &selected), BATON_EWOULDBLOCK);
	is_ok(baton_rwmutex_unlock(here, "rw", selected.token));
}

/* ---- the event loop ---------------------------------------------------------------------------------------------- */

struct outcome {
	bool done;
	int error;
	size_t index;
	char value[8];
};

static void note(const struct baton_result *result, void *arg)
{
	struct outcome *outcome = arg;

	outcome->done = true;
	outcome->error = result->error;
	outcome->index = result->index;
	if (result->value_length < sizeof(outcome->value))
		memcpy(outcome->value, result->value, result->value_length);
}

static void process_until(baton_client *client, const bool *done)
{
	while (!*done) {
		struct pollfd poll_fd = {.fd = baton_fd(client), .events = baton_events(client)};

		poll(&poll_fd, 1, 10);
		is_ok(baton_process(client));
	}
}

static void an_event_loop_selects_too(void **state)
{
	const struct baton_options options = {.size = sizeof(options), .pollable = true};
	const struct baton_case cases[] = {receiving("loop"), sending("nobody", "x")};
	const struct baton_call call = {
		.size = sizeof(call), .operation = BATON_SELECT, .cases = cases, .case_count = 2};
	struct outcome first = {0};
	struct outcome second = {0};
	baton_client *client = open_with(test_daemon.address, &options);
	uint64_t id;

	(void)state;
	is_ok(baton_chan_make(here, "loop", 1));
	is_ok(baton_chan_make(here, "nobody", 0));
	send_text(there, "loop", "x");
	is_ok(baton_start(client, &call, -1, note, &first, NULL));
	process_until(client, &first.done);
	is_ok(first.error);
	assert_int_equal(first.index, 0);
	assert_string_equal(first.value, "x");
	is_ok(baton_start(client, &call, -1, note, &second, &id));
	is_ok(baton_process(client));
	wait_for_waiters("chan", "loop", 1);
	baton_stop(client, id);
	process_until(client, &second.done);
	assert_int_equal(second.error, BATON_ECANCELED);
	baton_close(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_select_takes_what_is_ready_and_leaves_the_rest),
		TEST(a_plain_receive_is_acknowledged_and_a_manual_one_is_not),
		TEST(a_waiting_select_does_one_case_and_never_the_others),
		TEST(a_select_never_meets_itself_but_another),
		TEST(closed_channels_are_ready),
		TEST(a_name_never_made_fails_the_select_before_it_waits),
		TEST(ready_channels_are_drawn_evenly),
		TEST(without_a_case_it_blocks_until_it_is_cancelled),
		TEST(a_deadline_ends_it_without_effect),
		TEST(the_earliest_timer_happens_when_nothing_else_does),
		TEST(a_select_is_handed_a_lock_or_leaves_its_queue),
		TEST(a_select_locks_to_read_or_to_write),
		TEST(an_event_loop_selects_too),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
