/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_races.c - cancel and completion running against each other, through libbaton and a real daemon.
 *
 * TEST_SCALE=1: 100,000 times each; both outcomes come about in at least a tenth of them.
 */
#include <poll.h>
#include <pthread.h>

#include "tests/lib/clients.h"
#include "tests/lib/co_test.h"
#include "tests/lib/daemon_group.h"
#include "tests/lib/fake_daemon.h"

#define STEP_NS 100
#define LEAD_MAX_NS (2 * MS)

/* ---- cancel and completion racing -------------------------------------------------------------------------------- */

/* One event loop over two clients. */
struct race {
	baton_client *ours;   /* waits, and is cancelled */
	baton_client *theirs; /* completes what is waited for */
	size_t completed;
	size_t cancelled;
	int64_t lead_ns; /* how long completion is begun before the cancel; below 0: after */
	int64_t step_ns; /* how far LEAD_NS is moved, below 0: back; grows as long as the outcome stays the same */
};

struct outcome {
	bool ended;
	int error;
	uint64_t token;
	size_t length;
};

static void note(const struct baton_result *result, void *arg)
{
	struct outcome *outcome = arg;

	*outcome = (struct outcome){true, result->error, result->token, result->value_length};
}

static uint64_t start(baton_client *client, const struct baton_call *call, struct outcome *outcome)
{
	struct baton_call sized = *call;
	uint64_t id = 0;

	sized.size = sizeof(sized);
	*outcome = (struct outcome){0};
	is_ok(baton_start(client, &sized, -1, note, outcome, &id));
	is_ok(baton_process(client));
	return id;
}

static void finish(struct race *race, const struct outcome *outcome)
{
	while (!outcome->ended) {
		struct pollfd polled[2] = {
			{.fd = baton_fd(race->ours), .events = baton_events(race->ours)},
			{.fd = baton_fd(race->theirs), .events = baton_events(race->theirs)},
		};

		assert_true(poll(polled, 2, 60000) > 0);
		is_ok(baton_process(race->ours));
		is_ok(baton_process(race->theirs));
	}
}

static struct outcome call_now(struct race *race, baton_client *client, const struct baton_call *call)
{
	struct outcome outcome;

	start(client, call, &outcome);
	finish(race, &outcome);
	return outcome;
}

static void spin(int64_t ns)
{
	const int64_t until = clock_monotonic() + ns;

	while (clock_monotonic() < until)
		;
}

/* Moves the lead so that the other outcome becomes more likely. */
static void balance(struct race *race, int error)
{
	const int64_t towards = error == BATON_OK ? -1 : 1;
	const bool same = race->step_ns * towards > 0;
	const int64_t size = same ? race->step_ns * towards * 2 : STEP_NS;

	assert_true(error == BATON_OK || error == BATON_ECANCELED);
	race->step_ns = towards * (size < LEAD_MAX_NS ? size : LEAD_MAX_NS);
	race->lead_ns += race->step_ns;
	if (race->lead_ns > LEAD_MAX_NS || race->lead_ns < -LEAD_MAX_NS)
		race->lead_ns = 0;
}

/* Begins WAIT, then lets COMPLETE and the cancel of WAIT run against each other. Returns how WAIT ended. */
static struct outcome run_race(struct race *race, const struct baton_call *wait, const struct baton_call *complete)
{
	struct outcome waited;
	struct outcome completed;
	const uint64_t id = start(race->ours, wait, &waited);

	spin(20000); /* it may stand in the queue by now or not */
	if (race->lead_ns >= 0) {
		start(race->theirs, complete, &completed);
		spin(race->lead_ns);
	}
	baton_stop(race->ours, id);
	baton_process(race->ours);
	if (race->lead_ns < 0) {
		spin(-race->lead_ns);
		start(race->theirs, complete, &completed);
	}
	finish(race, &waited);
	finish(race, &completed);
	assert_int_equal(completed.error, BATON_OK);
	if (waited.error == BATON_OK)
		race->completed++;
	else
		race->cancelled++;
	balance(race, waited.error);
	return waited;
}

static void begin_races(struct race *race)
{
	const struct baton_options options = {.size = sizeof(options), .pollable = true};

	*race = (struct race){
		.ours = open_with(test_daemon.address, &options), .theirs = open_with(test_daemon.address, &options)};
}

static void end_races(struct race *race, const char *what, size_t rounds)
{
	print_message("%s: %zu completed, %zu cancelled\n", what, race->completed, race->cancelled);
	assert_true(race->completed >= rounds / 10);
	assert_true(race->cancelled >= rounds / 10);
	baton_close(race->ours);
	baton_close(race->theirs);
}

/* A call that says CANCELLED has no lock: the other gets it at once. One that says OK has it. */
static void a_cancelled_lock_is_never_granted(void **state)
{
	const size_t rounds = test_scale(100000);
	const struct baton_call lock = {.operation = BATON_MUTEX_LOCK, .name = "race"};
	struct baton_call try_lock = {.operation = BATON_MUTEX_LOCK, .name = "race", .no_wait = true};
	struct baton_call unlock = {.operation = BATON_MUTEX_UNLOCK, .name = "race"};
	struct race race;
	struct outcome held;

	(void)state;
	begin_races(&race);
	held = call_now(&race, race.theirs, &lock);
	for (size_t i = 0; i < rounds; i++) {
		struct outcome waited;

		unlock.token = held.token;
		waited = run_race(&race, &lock, &unlock);
		if (waited.error == BATON_OK) {
			assert_true(waited.token > held.token);
			assert_int_equal(call_now(&race, race.theirs, &try_lock).error, BATON_EWOULDBLOCK);
			unlock.token = waited.token;
			assert_int_equal(call_now(&race, race.ours, &unlock).error, BATON_OK);
		}
		held = call_now(&race, race.theirs, &try_lock);
		assert_int_equal(held.error, BATON_OK);
	}
	end_races(&race, "locks", rounds);
}

/* A receive that says CANCELLED has no message: it is still there. */
static void a_cancelled_receive_takes_no_message(void **state)
{
	const size_t rounds = test_scale(100000);
	const struct baton_call make = {.operation = BATON_CHAN_MAKE, .name = "race", .number = 1};
	const struct baton_call receive = {.operation = BATON_CHAN_RECEIVE, .name = "race"};
	const struct baton_call try_receive = {.operation = BATON_CHAN_RECEIVE, .name = "race", .no_wait = true};
	const struct baton_call send = {
		.operation = BATON_CHAN_SEND, .name = "race", .value = "message", .value_length = 7};
	struct race race;

	(void)state;
	begin_races(&race);
	assert_int_equal(call_now(&race, race.theirs, &make).error, BATON_OK);
	for (size_t i = 0; i < rounds; i++) {
		const struct outcome waited = run_race(&race, &receive, &send);
		const struct outcome left = call_now(&race, race.theirs, &try_receive);

		assert_int_equal(left.error, waited.error == BATON_OK ? BATON_EWOULDBLOCK : BATON_OK);
		assert_int_equal(waited.length + left.length, 7);
	}
	end_races(&race, "messages", rounds);
}

struct canceller {
	baton_client *holder;
	uint64_t token;
};

static void *unlock_in_thread(void *arg)
{
	const struct canceller *canceller = arg;

	fake_require(baton_mutex_unlock(canceller->holder, "threads", canceller->token) == BATON_OK);
	return NULL;
}

/* The same through threads and contexts: the waiter in one, the unlock in another, the cancel in a third. */
static void contexts_race_with_grants_too(void **state)
{
	const size_t rounds = test_scale(3000);
	baton_client *holder = open_client();
	baton_client *client = open_client();
	size_t granted = 0;

	(void)state;
	for (size_t i = 0; i < rounds; i++) {
		struct lock_waiter waiting = {.client = client, .name = "threads"};
		struct canceller canceller = {.holder = holder};
		pthread_t thread;
		uint64_t token;

		is_ok(baton_mutex_lock(holder, NULL, "threads", &canceller.token, NULL));
		is_ok(baton_with_cancel(NULL, &waiting.context));
		assert_int_equal(pthread_create(&waiting.thread, NULL, lock_waiter_main, &waiting), 0);
		assert_int_equal(pthread_create(&thread, NULL, unlock_in_thread, &canceller), 0);
		baton_cancel(waiting.context, NULL);
		pthread_join(waiting.thread, NULL);
		pthread_join(thread, NULL);
		if (waiting.error == BATON_OK) {
			granted++;
			is_ok(baton_mutex_unlock(client, "threads", waiting.token));
		} else {
			assert_int_equal(waiting.error, BATON_ECANCELED);
		}
		is_ok(baton_mutex_try_lock(holder, "threads", &token, NULL));
		is_ok(baton_mutex_unlock(holder, "threads", token));
		baton_context_unref(waiting.context);
	}
	print_message("contexts: %zu granted, %zu cancelled\n", granted, rounds - granted);
	baton_close(client);
	baton_close(holder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cancelled_lock_is_never_granted),
		cmocka_unit_test(a_cancelled_receive_takes_no_message),
		cmocka_unit_test(contexts_race_with_grants_too),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
