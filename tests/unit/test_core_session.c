/* SPDX-License-Identifier: MIT
 *
 * test_core_session.c - the client's core over time and over broken connections: certainty, events, taking up again,
 * leaving.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "baton/v1/channel.pb-c.h"
#include "baton/v1/connection.pb-c.h"
#include "baton/v1/session.pb-c.h"
#include "tests/lib/core_rig.h"

#define TTL (9 * RIG_SECOND)
#define SAFE_FOR (TTL - TTL / 100)

static void pong(struct rig *rig, const struct rig_frame *ping)
{
	rig_say(rig, FRAME_PONG, 0, ping->header.call, 0, NULL, 0);
	rig_feed(rig);
}

/* An answer that says no more than that it is one. */
static void reply_nothing(struct rig *rig, uint64_t call)
{
	Baton__V1__SessionCloseResponse empty = BATON__V1__SESSION_CLOSE_RESPONSE__INIT;

	rig_reply(rig, call, &empty.base);
}

/* ---- connections that break -------------------------------------------------------------------------------------- */

static void without_ttl_a_broken_connection_ends_the_client(void **state)
{
	struct rig rig;
	struct core_call *sent;
	struct core_call *unsent;
	struct baton_result *result;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	assert_true(core_guaranteed_until(rig.core) == INT64_MAX);
	sent = rig_submit(&rig, BATON_MUTEX_LOCK, "a", -1);
	rig_take(&rig);
	unsent = rig_submit(&rig, BATON_MUTEX_LOCK, "b", -1);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	result = rig_collect(&rig, sent, BATON_EUNKNOWN);
	assert_string_equal(result->text, "mutex \"a\": outcome unknown: it broke");
	baton_result_free(result);
	rig_ends(&rig, unsent, BATON_EUNREACHABLE);
	assert_int_equal(core_state(rig.core), CORE_ENDED);
	rig_event(&rig, BATON_EVENT_LOST);
	rig_no_event(&rig);
	assert_true(core_guaranteed_until(rig.core) == INT64_MIN);
	rig_ends(&rig, rig_submit(&rig, BATON_MUTEX_LOCK, "c", -1), BATON_EUNREACHABLE);
	rig_done(&rig);
}

/* The connection took all of the first frame and a byte of the second, then broke. */
static void a_call_of_which_no_byte_left_was_not_sent(void **state)
{
	struct rig rig;
	struct core_call *calls[3];
	size_t length;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	for (int i = 0; i < 3; i++)
		calls[i] = rig_submit(&rig, BATON_CHAN_LENGTH, "c", -1);
	assert_non_null(core_output(rig.core, rig.now, &length));
	core_sent(rig.core, length / 3 + 1);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	rig_ends(&rig, calls[0], BATON_EUNKNOWN);
	rig_ends(&rig, calls[1], BATON_EUNKNOWN);
	rig_ends(&rig, calls[2], BATON_EUNREACHABLE);
	rig_done(&rig);
}

/* The driver has not said yet how much it wrote. */
static void a_call_that_is_being_written_may_have_been_sent(void **state)
{
	struct rig rig;
	struct core_call *call;
	size_t length;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_CHAN_LENGTH, "c", -1);
	assert_non_null(core_output(rig.core, rig.now, &length));
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	core_sent(rig.core, length);
	rig_ends(&rig, call, BATON_EUNKNOWN);
	rig_done(&rig);
}

static void take_up(struct rig *rig, uint64_t incarnation, size_t frames)
{
	Baton__V1__SessionAttachRequest *attach;

	assert_int_equal(core_state(rig->core), CORE_UNCONNECTED);
	assert_int_equal(core_connect(rig->core, rig->now.monotonic), BATON_OK);
	assert_int_equal(rig_take(rig), frames);
	assert_int_equal(rig->frames[0].header.kind, FRAME_HELLO);
	assert_int_equal(rig->frames[1].header.method, METHOD(SESSION_ATTACH));
	attach = baton__v1__session_attach_request__unpack(NULL, rig->frames[1].length, rig->frames[1].body);
	assert_int_equal(attach->session, RIG_SESSION);
	assert_int_equal(attach->secret.len, SESSION_SECRET_BYTES);
	assert_int_equal(attach->lane, RIG_LANE);
	assert_true(attach->incarnation == RIG_INCARNATION);
	baton__v1__session_attach_request__free_unpacked(attach, NULL);
	rig_say_hello(rig, incarnation);
}

static void with_ttl_the_session_is_taken_up_on_a_new_connection(void **state)
{
	struct rig rig;
	struct core_call *sent;
	struct core_call *unsent;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	sent = rig_submit(&rig, BATON_MUTEX_LOCK, "a", -1);
	rig_take(&rig);
	rig_reply_error(&rig, 12345, 0, 0, ""); /* to nobody, but a number to acknowledge */
	rig_feed(&rig);
	unsent = rig_submit(&rig, BATON_MUTEX_LOCK, "b", -1);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	rig_none_finished(&rig);
	take_up(&rig, RIG_INCARNATION, 4);
	for (int i = 2; i < 4; i++) {
		assert_int_equal(rig.frames[i].header.method, METHOD(MUTEX_LOCK));
		assert_int_equal(rig.frames[i].header.call, core_call_id(i == 2 ? sent : unsent));
		assert_int_equal(rig.frames[i].header.last_reply, 1);
	}
	rig_say_attached(&rig, &rig.frames[1], TTL);
	rig_reply_locked(&rig, core_call_id(sent), 8);
	rig_reply_locked(&rig, core_call_id(unsent), 9);
	rig_feed(&rig);
	assert_int_equal(core_state(rig.core), CORE_OPEN);
	rig_ends(&rig, sent, BATON_OK);
	rig_ends(&rig, unsent, BATON_OK);
	rig_no_event(&rig);
	rig_done(&rig);
}

/* What is sent again has the time that is left, and is cancelled again. */
static void a_call_under_way_is_sent_again_with_what_is_left(void **state)
{
	struct rig rig;
	struct core_call *call;
	struct core_call *cancelled;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	call = rig_submit(&rig, BATON_MUTEX_LOCK, "a", 3 * RIG_SECOND);
	cancelled = rig_submit(&rig, BATON_MUTEX_LOCK, "b", -1);
	rig_take(&rig);
	core_cancel(rig.core, cancelled, rig.now);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	rig_pass(&rig, RIG_SECOND);
	take_up(&rig, RIG_INCARNATION, 5);
	assert_int_equal(rig.frames[2].header.call, core_call_id(call));
	assert_int_equal(rig.frames[2].header.timeout_us, 2000000);
	assert_int_equal(rig.frames[3].header.call, core_call_id(cancelled));
	assert_int_equal(rig.frames[4].header.kind, FRAME_CANCEL);
	assert_int_equal(rig.frames[4].header.call, core_call_id(cancelled));
	rig_say_attached(&rig, &rig.frames[1], TTL);
	rig_reply_error(&rig, core_call_id(cancelled), STATUS(CANCELLED), REASON(CANCELLED), "cancelled");
	rig_feed(&rig);
	rig_ends(&rig, cancelled, BATON_ECANCELED);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke again");
	take_up(&rig, RIG_INCARNATION, 3);
	rig_say_attached(&rig, &rig.frames[1], TTL);
	rig_feed(&rig);
	rig_tick(&rig, 2 * RIG_SECOND);
	rig_none_finished(&rig); /* the daemon's verdict is waited for */
	rig_tick(&rig, CORE_VERDICT_PATIENCE);
	rig_ends(&rig, call, BATON_EUNKNOWN);
	rig_done(&rig);
}

/* The daemon has ended the lane and not the session. */
static void what_was_under_way_on_a_lane_that_ended_is_unknown(void **state)
{
	struct rig rig;
	struct core_call *sent;
	struct core_call *unsent;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	sent = rig_submit(&rig, BATON_MUTEX_LOCK, "a", -1);
	rig_take(&rig);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	take_up(&rig, RIG_INCARNATION, 3);
	unsent = rig_submit(&rig, BATON_MUTEX_LOCK, "b", -1);
	rig.number = UINT64_MAX; /* the next one is 0: it is no reply of a lane */
	rig_reply_error(&rig, rig.frames[1].header.call, STATUS(NOT_FOUND), REASON(LANE_GONE), "lane 1 has ended");
	rig_feed(&rig);
	rig_ends(&rig, sent, BATON_EUNKNOWN);
	assert_int_equal(core_connect(rig.core, rig.now.monotonic), BATON_OK);
	assert_int_equal(rig_take(&rig), 3);
	rig_say_hello(&rig, RIG_INCARNATION);
	rig_say_attached(&rig, &rig.frames[1], TTL);
	rig_reply_locked(&rig, core_call_id(unsent), 2);
	rig_feed(&rig);
	rig_ends(&rig, unsent, BATON_OK);
	rig_done(&rig);
}

static void another_incarnation_means_that_all_is_lost(void **state)
{
	struct rig rig;
	struct core_call *unsent;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	unsent = rig_submit(&rig, BATON_PING, NULL, -1);
	take_up(&rig, RIG_INCARNATION + 1, 3);
	rig_feed(&rig);
	rig_ends(&rig, unsent, BATON_EUNKNOWN); /* it left with the HELLO */
	assert_int_equal(core_error(rig.core), BATON_ERESTARTED);
	rig_event(&rig, BATON_EVENT_LOST);
	rig_done(&rig);
}

static void a_session_that_is_unknown_by_now_is_lost(void **state)
{
	struct rig rig;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	take_up(&rig, RIG_INCARNATION, 2);
	rig.number = UINT64_MAX;
	rig_reply_error(&rig, rig.frames[1].header.call, STATUS(UNAUTHENTICATED), REASON(SESSION_UNKNOWN), "no such");
	rig_feed(&rig);
	assert_int_equal(core_error(rig.core), BATON_ESESSION);
	rig_event(&rig, BATON_EVENT_LOST);
	rig_done(&rig);
}

static void a_grant_to_nobody_is_given_back_over_a_break_too(void **state)
{
	struct rig rig;
	struct core_call *call;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	call = rig_submit(&rig, BATON_MUTEX_LOCK, "m", -1);
	id = rig_take_one(&rig, FRAME_REQUEST, METHOD(MUTEX_LOCK))->header.call;
	core_cancel(rig.core, call, rig.now);
	rig_tick(&rig, CORE_VERDICT_PATIENCE);
	rig_ends(&rig, call, BATON_EUNKNOWN);
	rig_reply_locked(&rig, id, 5);
	rig_feed(&rig);
	rig_take(&rig);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	take_up(&rig, RIG_INCARNATION, 3);
	assert_int_equal(rig.frames[2].header.method, METHOD(MUTEX_UNLOCK));
	rig_done(&rig);
}

static void goaway_says_why(void **state)
{
	static const struct {
		int reason;
		int error;
		bool taken_up;
	} rows[] = {
		{REASON(SHUTTING_DOWN), BATON_EUNAVAILABLE, true},
		{REASON(TOO_MANY), BATON_ELIMIT, true},
		{REASON(SESSION_KILLED), BATON_ESESSION, false},
		{REASON(BAD_REQUEST), BATON_EPROTOCOL, false},
	};
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int with_ttl = 0; with_ttl < 2; with_ttl++) {
			rig_init_open(&rig, BATON_SESSION_OWN, with_ttl ? TTL : 0);
			rig_say_goaway(&rig, rows[i].reason, "why");
			rig_feed(&rig);
			if (with_ttl && rows[i].taken_up)
				assert_int_equal(core_state(rig.core), CORE_UNCONNECTED);
			else
				assert_int_equal(core_error(rig.core), rows[i].error);
			rig_done(&rig);
		}
}

/* ---- certainty --------------------------------------------------------------------------------------------------- */

static void safety_counts_from_the_sending_of_what_was_answered(void **state)
{
	struct rig rig;
	struct core_call *blocked;
	struct core_call *call;
	int64_t sent_at;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	assert_true(core_guaranteed_until(rig.core) == rig.now.boottime + SAFE_FOR);
	blocked = rig_submit(&rig, BATON_MUTEX_LOCK, "m", -1);
	rig_take(&rig);
	rig_pass(&rig, RIG_SECOND);
	call = rig_submit(&rig, BATON_PING, NULL, -1);
	rig_pass(&rig, RIG_SECOND);
	rig_take(&rig);
	sent_at = rig.now.boottime;
	rig_pass(&rig, RIG_SECOND);
	reply_nothing(&rig, core_call_id(call));
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_OK);
	assert_true(core_guaranteed_until(rig.core) == sent_at + SAFE_FOR);
	rig_reply_locked(&rig, core_call_id(blocked), 1); /* sent long before: proves nothing new */
	rig_feed(&rig);
	rig_ends(&rig, blocked, BATON_OK);
	assert_true(core_guaranteed_until(rig.core) == sent_at + SAFE_FOR);
	rig_done(&rig);
}

static void a_quiet_session_beats_every_third_of_its_ttl(void **state)
{
	struct rig rig;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	for (int i = 0; i < 10; i++) {
		assert_true(core_deadline(rig.core, rig.now) == rig.now.monotonic + TTL / 3);
		rig_tick(&rig, TTL / 3 - 1);
		assert_int_equal(rig_take(&rig), 0);
		rig_tick(&rig, 1);
		pong(&rig, rig_take_one(&rig, FRAME_PING, 0));
		assert_true(core_guaranteed_until(rig.core) == rig.now.boottime + SAFE_FOR);
	}
	rig_no_event(&rig);
	rig_done(&rig);
}

/* Something is heard, but never an answer. */
static void suspect_then_safe_then_suspect_then_lost(void **state)
{
	struct rig rig;
	struct core_call *call;
	uint64_t ping;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	rig_tick(&rig, TTL / 3);
	ping = rig_take_one(&rig, FRAME_PING, 0)->header.call;
	rig_tick(&rig, TTL / 2 - TTL / 3);
	rig_event(&rig, BATON_EVENT_SUSPECT);
	rig_say(&rig, FRAME_PONG, 0, ping, 0, NULL, 0);
	rig_feed(&rig);
	rig_tick(&rig, 0);
	rig_event(&rig, BATON_EVENT_SAFE);
	call = rig_submit(&rig, BATON_MUTEX_LOCK, "m", -1);
	rig_take(&rig);
	for (int64_t t = 0; t < SAFE_FOR && core_state(rig.core) == CORE_OPEN; t += 50 * RIG_MS) {
		rig_say(&rig, FRAME_PONG, 0, 12345, 0, NULL, 0); /* keeps the connection from being given up */
		rig_feed(&rig);
		rig_tick(&rig, 50 * RIG_MS);
	}
	rig_event(&rig, BATON_EVENT_SUSPECT);
	rig_event(&rig, BATON_EVENT_LOST);
	rig_no_event(&rig);
	rig_ends(&rig, call, BATON_EUNKNOWN);
	assert_int_equal(core_error(rig.core), BATON_ESESSION);
	rig_done(&rig);
}

static void a_silent_connection_is_given_up_before_the_session(void **state)
{
	struct rig rig;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	rig_tick(&rig, TTL / 3);
	rig_take_one(&rig, FRAME_PING, 0);
	rig_tick(&rig, TTL / 3);
	assert_int_equal(core_state(rig.core), CORE_UNCONNECTED);
	rig_event(&rig, BATON_EVENT_SUSPECT);
	take_up(&rig, RIG_INCARNATION, 2);
	rig_tick(&rig, TTL / 3 - TTL / 100 - 1);
	rig_no_event(&rig);
	rig_tick(&rig, 1);
	rig_event(&rig, BATON_EVENT_LOST);
	assert_int_equal(core_state(rig.core), CORE_ENDED);
	rig_done(&rig);
}

/* ---- notices ----------------------------------------------------------------------------------------------------- */

static void say_notice(struct rig *rig, Baton__V1__NoticeKind kind, int reason)
{
	Baton__V1__Notice notice = BATON__V1__NOTICE__INIT;
	uint8_t body[200];

	notice.kind = kind;
	notice.object_kind = (char *)(uintptr_t) "mutex";
	notice.name = (char *)(uintptr_t) "m";
	notice.token = 77;
	notice.reason = (Baton__V1__Reason)reason;
	notice.text = (char *)(uintptr_t) "by an operator";
	rig_say(rig, FRAME_NOTICE, 0, 0, 0, body, baton__v1__notice__pack(&notice, body));
	rig_feed(rig);
}

static void a_lost_hold_is_told_with_name_and_token(void **state)
{
	struct rig rig;
	struct baton_notice notice;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	say_notice(&rig, BATON__V1__NOTICE_KIND__NOTICE_HOLD_LOST, 0);
	assert_true(core_next_notice(rig.core, &notice));
	assert_int_equal(notice.event, BATON_EVENT_HOLD_LOST);
	assert_string_equal(notice.kind, "mutex");
	assert_string_equal(notice.name, "m");
	assert_int_equal(notice.token, 77);
	assert_string_equal(notice.text, "by an operator");
	rig_no_event(&rig);
	assert_int_equal(core_state(rig.core), CORE_OPEN);
	rig_done(&rig);
}

static void an_ended_session_is_lost_at_once_and_not_taken_up(void **state)
{
	struct rig rig;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, TTL);
	say_notice(&rig, BATON__V1__NOTICE_KIND__NOTICE_SESSION_ENDED, REASON(SESSION_KILLED));
	rig_event(&rig, BATON_EVENT_LOST);
	assert_true(core_guaranteed_until(rig.core) == INT64_MIN);
	core_break(rig.core, BATON_EUNREACHABLE, "it broke");
	assert_int_equal(core_error(rig.core), BATON_ESESSION);
	rig_no_event(&rig);
	rig_done(&rig);
}

/* ---- leaving ----------------------------------------------------------------------------------------------------- */

static void leaving_ends_an_own_session_and_leaves_others(void **state)
{
	static const struct {
		enum baton_session_kind kind;
		unsigned method;
	} rows[] = {
		{BATON_SESSION_OWN, METHOD(SESSION_CLOSE)},
		{BATON_SESSION_ATTACH, METHOD(SESSION_DETACH)},
		{BATON_SESSION_OF_PROCESS, METHOD(SESSION_DETACH)},
		{BATON_SESSION_DETACHED, METHOD(SESSION_DETACH)},
	};
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_init_open(&rig, rows[i].kind, TTL);
		assert_true(core_leave(rig.core));
		rig_take_one(&rig, FRAME_REQUEST, rows[i].method);
		assert_false(core_has_left(rig.core));
		reply_nothing(&rig, rig.frames[0].header.call);
		rig_feed(&rig);
		assert_true(core_has_left(rig.core));
		core_break(rig.core, BATON_EUNREACHABLE, "as expected");
		rig_no_event(&rig);
		rig_done(&rig);
	}
	rig_init_open(&rig, BATON_SESSION_NONE, 0);
	assert_false(core_leave(rig.core));
	rig_done(&rig);
}

static void abandoned_calls_end_at_once_and_their_grants_go_back(void **state)
{
	struct rig rig;
	struct core_call *sent;
	struct core_call *unsent;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	sent = rig_submit(&rig, BATON_MUTEX_LOCK, "a", -1);
	id = rig_take_one(&rig, FRAME_REQUEST, METHOD(MUTEX_LOCK))->header.call;
	unsent = rig_submit(&rig, BATON_MUTEX_LOCK, "b", -1);
	core_abandon_calls(rig.core, BATON_ECLIENTCLOSED, "closed");
	rig_ends(&rig, sent, BATON_ECLIENTCLOSED);
	rig_ends(&rig, unsent, BATON_ECLIENTCLOSED);
	assert_int_equal(rig_take(&rig), 0);
	rig_reply_locked(&rig, id, 5);
	rig_feed(&rig);
	rig_take_one(&rig, FRAME_REQUEST, METHOD(MUTEX_UNLOCK));
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_ttl_a_broken_connection_ends_the_client),
		cmocka_unit_test(a_call_of_which_no_byte_left_was_not_sent),
		cmocka_unit_test(a_call_that_is_being_written_may_have_been_sent),
		cmocka_unit_test(with_ttl_the_session_is_taken_up_on_a_new_connection),
		cmocka_unit_test(a_call_under_way_is_sent_again_with_what_is_left),
		cmocka_unit_test(what_was_under_way_on_a_lane_that_ended_is_unknown),
		cmocka_unit_test(another_incarnation_means_that_all_is_lost),
		cmocka_unit_test(a_session_that_is_unknown_by_now_is_lost),
		cmocka_unit_test(a_grant_to_nobody_is_given_back_over_a_break_too),
		cmocka_unit_test(goaway_says_why),
		cmocka_unit_test(safety_counts_from_the_sending_of_what_was_answered),
		cmocka_unit_test(a_quiet_session_beats_every_third_of_its_ttl),
		cmocka_unit_test(suspect_then_safe_then_suspect_then_lost),
		cmocka_unit_test(a_silent_connection_is_given_up_before_the_session),
		cmocka_unit_test(a_lost_hold_is_told_with_name_and_token),
		cmocka_unit_test(an_ended_session_is_lost_at_once_and_not_taken_up),
		cmocka_unit_test(leaving_ends_an_own_session_and_leaves_others),
		cmocka_unit_test(abandoned_calls_end_at_once_and_their_grants_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
