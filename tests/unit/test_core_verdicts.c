/* SPDX-License-Identifier: MIT
 *
 * test_core_verdicts.c - the client's core against a scripted daemon: deadlines, cancels, and verdicts that come late
 * or never.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "baton/v1/channel.pb-c.h"
#include "baton/v1/mutex.pb-c.h"
#include "tests/lib/core_rig.h"

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

static void the_daemon_is_told_what_is_left_rounded_up(void **state)
{
	struct rig rig;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	rig_submit(&rig, BATON_MUTEX_LOCK, "m", 1000 * 1000 + 1);
	rig_submit(&rig, BATON_MUTEX_LOCK, "m", -1);
	rig_submit(&rig, BATON_CHAN_LENGTH, "m", RIG_SECOND);
	rig_pass(&rig, 500 * 1000);
	rig_take(&rig);
	assert_int_equal(rig.frames[0].header.timeout_us, 501);
	assert_int_equal(rig.frames[1].header.timeout_us, 0);
	assert_int_equal(rig.frames[2].header.timeout_us, 0);
	rig_done(&rig);
}

static void a_deadline_that_has_passed_is_not_sent(void **state)
{
	struct rig rig;
	struct core_call *late;
	struct core_call *queued;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	late = rig_submit(&rig, BATON_MUTEX_LOCK, "m", 0);
	rig_ends(&rig, late, BATON_EDEADLINE);
	queued = rig_submit(&rig, BATON_MUTEX_LOCK, "m", RIG_MS);
	assert_int_equal(core_deadline(rig.core, rig.now), rig.now.monotonic + RIG_MS);
	rig_tick(&rig, RIG_MS);
	rig_ends(&rig, queued, BATON_EDEADLINE);
	assert_int_equal(rig_take(&rig), 0);
	rig_done(&rig);
}

static void cleaning_up_works_past_the_deadline(void **state)
{
	struct rig rig;
	struct core_call *unlock;
	Baton__V1__MutexUnlockResponse unlocked = BATON__V1__MUTEX_UNLOCK_RESPONSE__INIT;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	unlock = rig_submit(&rig, BATON_MUTEX_UNLOCK, "m", 0);
	core_cancel(rig.core, unlock, rig.now);
	rig_tick(&rig, RIG_MS);
	rig_none_finished(&rig);
	rig_take_one(&rig, FRAME_REQUEST, METHOD(MUTEX_UNLOCK));
	rig_reply(&rig, taken_id(&rig, 0), &unlocked.base);
	rig_feed(&rig);
	rig_ends(&rig, unlock, BATON_OK);
	rig_done(&rig);
}

/* A lock with a timeout of 100 ms that was sent; its id. */
static struct core_call *lock_soon(struct rig *rig, uint64_t *ret_id)
{
	return rig_send(rig, BATON_MUTEX_LOCK, "m", 100 * RIG_MS, METHOD(MUTEX_LOCK), ret_id);
}

static void the_daemon_alone_judges_a_deadline(void **state)
{
	struct rig rig;
	struct core_call *call;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = lock_soon(&rig, &id);
	rig_tick(&rig, 150 * RIG_MS);
	rig_none_finished(&rig);
	assert_int_equal(rig_take(&rig), 0);
	rig_reply_error(&rig, id, STATUS(DEADLINE_EXCEEDED), REASON(DEADLINE), "context deadline exceeded");
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_EDEADLINE);
	call = lock_soon(&rig, &id);
	rig_tick(&rig, RIG_SECOND);
	rig_reply_locked(&rig, id, 11);
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_OK);
	assert_int_equal(core_deadline(rig.core, rig.now), CORE_NEVER);
	rig_done(&rig);
}

/* Lets the lock's deadline and then the patience pass. */
static void run_out(struct rig *rig, struct core_call *call)
{
	rig_tick(rig, 100 * RIG_MS);
	rig_tick(rig, CORE_VERDICT_PATIENCE - 1);
	rig_none_finished(rig);
	rig_tick(rig, 1);
	rig_finished(rig, call, BATON_EUNKNOWN);
	assert_string_equal(
		core_call_result(call)->text, "mutex \"m\": outcome unknown: the daemon gave no verdict in time");
}

static void a_lock_that_is_granted_too_late_is_given_back(void **state)
{
	struct rig rig;
	struct core_call *call;
	Baton__V1__MutexUnlockRequest *unlock;
	Baton__V1__MutexUnlockResponse unlocked = BATON__V1__MUTEX_UNLOCK_RESPONSE__INIT;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	for (int handed_over_first = 0; handed_over_first < 2; handed_over_first++) {
		call = lock_soon(&rig, &id);
		run_out(&rig, call);
		if (handed_over_first)
			baton_result_free(core_hand_over(rig.core, call));
		rig_reply_locked(&rig, id, 77);
		rig_feed(&rig);
		rig_none_finished(&rig);
		rig_take_one(&rig, FRAME_REQUEST, METHOD(MUTEX_UNLOCK));
		unlock = baton__v1__mutex_unlock_request__unpack(NULL, rig.frames[0].length, rig.frames[0].body);
		assert_string_equal(unlock->name, "m");
		assert_int_equal(unlock->token, 77);
		baton__v1__mutex_unlock_request__free_unpacked(unlock, NULL);
		rig_reply(&rig, taken_id(&rig, 0), &unlocked.base);
		rig_feed(&rig);
		if (!handed_over_first)
			baton_result_free(core_hand_over(rig.core, call));
		rig_none_finished(&rig);
	}
	rig_done(&rig);
}

static void a_late_refusal_needs_nothing_given_back(void **state)
{
	struct rig rig;
	struct core_call *call;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = lock_soon(&rig, &id);
	run_out(&rig, call);
	baton_result_free(core_hand_over(rig.core, call));
	rig_reply_error(&rig, id, STATUS(DEADLINE_EXCEEDED), REASON(DEADLINE), "late");
	rig_feed(&rig);
	assert_int_equal(rig_take(&rig), 0);
	rig_done(&rig);
}

/* A receive whose caller has given up; its id. */
static uint64_t give_up_receive(struct rig *rig)
{
	uint64_t id;
	struct core_call *call = rig_send(rig, BATON_CHAN_RECEIVE, "c", RIG_MS, METHOD(CHANNEL_RECEIVE), &id);

	rig_tick(rig, RIG_MS);
	rig_tick(rig, CORE_VERDICT_PATIENCE);
	rig_ends(rig, call, BATON_EUNKNOWN);
	return id;
}

static void a_message_that_comes_too_late_goes_back_before_it_is_acknowledged(void **state)
{
	struct rig rig;
	Baton__V1__ChannelNackResponse nacked = BATON__V1__CHANNEL_NACK_RESPONSE__INIT;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	id = give_up_receive(&rig);
	rig_reply_message(&rig, id, "late", 55);
	rig_feed(&rig);
	rig_take_one(&rig, FRAME_REQUEST, METHOD(CHANNEL_NACK));
	assert_int_equal(rig.frames[0].header.last_reply, 0);
	rig_reply(&rig, taken_id(&rig, 0), &nacked.base);
	rig_feed(&rig);
	rig_tick(&rig, CORE_ACK_DELAY);
	assert_int_equal(rig_take_one(&rig, FRAME_ACK, 0)->header.last_reply, 2);
	rig_done(&rig);
}

static void a_late_message_without_a_token_is_never_acknowledged(void **state)
{
	struct rig rig;
	struct core_call *call;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	id = give_up_receive(&rig);
	rig_reply_message(&rig, id, "late", 0);
	rig_feed(&rig);
	assert_int_equal(rig_take(&rig), 0);
	call = rig_send(&rig, BATON_CHAN_RECEIVE, "c", -1, METHOD(CHANNEL_RECEIVE), &id);
	rig_reply_message(&rig, id, "next", 0);
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_OK);
	rig_tick(&rig, CORE_ACK_DELAY);
	assert_int_equal(rig_take(&rig), 0);
	rig_done(&rig);
}

/* ---- cancelling -------------------------------------------------------------------------------------------------- */

static void an_unsent_call_is_withdrawn_and_the_others_stay_whole(void **state)
{
	struct rig rig;
	struct core_call *calls[3];
	static const char *const names[] = {"first", "second-longer", "third"};
	Baton__V1__MutexLockRequest *lock;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	for (int i = 0; i < 3; i++)
		calls[i] = rig_submit(&rig, BATON_MUTEX_LOCK, names[i], -1);
	core_cancel(rig.core, calls[1], rig.now);
	rig_ends(&rig, calls[1], BATON_ECANCELED);
	assert_int_equal(rig_take(&rig), 2);
	for (size_t i = 0; i < 2; i++) {
		lock = baton__v1__mutex_lock_request__unpack(NULL, rig.frames[i].length, rig.frames[i].body);
		assert_string_equal(lock->name, names[2 * i]);
		assert_int_equal(taken_id(&rig, i), core_call_id(calls[2 * i]));
		baton__v1__mutex_lock_request__free_unpacked(lock, NULL);
	}
	rig_done(&rig);
}

static void a_cancelled_call_ends_as_the_daemon_says(void **state)
{
	struct rig rig;
	struct core_call *call;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	for (int granted = 0; granted < 2; granted++) {
		call = rig_send(&rig, BATON_MUTEX_LOCK, "m", -1, METHOD(MUTEX_LOCK), &id);
		core_cancel(rig.core, call, rig.now);
		core_cancel(rig.core, call, rig.now);
		assert_int_equal(rig_take_one(&rig, FRAME_CANCEL, 0)->header.call, id);
		rig_none_finished(&rig);
		if (granted)
			rig_reply_locked(&rig, id, 3);
		else
			rig_reply_error(&rig, id, STATUS(CANCELLED), REASON(CANCELLED), "context canceled");
		rig_feed(&rig);
		rig_finished(&rig, call, granted ? BATON_OK : BATON_ECANCELED);
		core_cancel(rig.core, call, rig.now); /* too late: nothing */
		assert_int_equal(rig_take(&rig), 0);
		baton_result_free(core_hand_over(rig.core, call));
	}
	rig_done(&rig);
}

static void a_cancelled_call_waits_two_seconds_for_its_verdict(void **state)
{
	struct rig rig;
	struct core_call *call;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_MUTEX_LOCK, "m", 3600 * RIG_SECOND);
	rig_take(&rig);
	core_cancel(rig.core, call, rig.now);
	assert_int_equal(core_deadline(rig.core, rig.now), rig.now.monotonic + CORE_VERDICT_PATIENCE);
	rig_tick(&rig, CORE_VERDICT_PATIENCE);
	rig_ends(&rig, call, BATON_EUNKNOWN);
	rig_done(&rig);
}

static void a_client_stopped_past_its_patience_still_reads_the_verdict(void **state)
{
	struct rig rig;
	struct core_call *call;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = lock_soon(&rig, &id);
	rig_tick(&rig, 3600 * RIG_SECOND); /* the first tick after the deadline begins the patience */
	rig_none_finished(&rig);
	rig_reply_locked(&rig, id, 3);
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_OK);
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_daemon_is_told_what_is_left_rounded_up),
		cmocka_unit_test(a_deadline_that_has_passed_is_not_sent),
		cmocka_unit_test(cleaning_up_works_past_the_deadline),
		cmocka_unit_test(the_daemon_alone_judges_a_deadline),
		cmocka_unit_test(a_lock_that_is_granted_too_late_is_given_back),
		cmocka_unit_test(a_late_refusal_needs_nothing_given_back),
		cmocka_unit_test(a_message_that_comes_too_late_goes_back_before_it_is_acknowledged),
		cmocka_unit_test(a_late_message_without_a_token_is_never_acknowledged),
		cmocka_unit_test(an_unsent_call_is_withdrawn_and_the_others_stay_whole),
		cmocka_unit_test(a_cancelled_call_ends_as_the_daemon_says),
		cmocka_unit_test(a_cancelled_call_waits_two_seconds_for_its_verdict),
		cmocka_unit_test(a_client_stopped_past_its_patience_still_reads_the_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
