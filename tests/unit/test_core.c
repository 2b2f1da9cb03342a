/* SPDX-License-Identifier: MIT
 *
 * test_core.c - the client's core against a scripted daemon: calls, acknowledgement, answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baton/v1/channel.pb-c.h"
#include "baton/v1/daemon.pb-c.h"
#include "baton/v1/mutex.pb-c.h"
#include "baton/v1/session.pb-c.h"
#include "tests/lib/core_rig.h"

/* ---- opening and order ------------------------------------------------------------------------------------------- */

static void hello_open_and_the_first_calls_leave_in_one_write(void **state)
{
	struct rig rig;
	Baton__V1__SessionOpenRequest *open;

	(void)state;
	rig_init(&rig, BATON_SESSION_OWN, 0);
	rig_submit(&rig, BATON_MUTEX_LOCK, "a", -1);
	rig_submit(&rig, BATON_CHAN_RECEIVE, "b", -1);
	assert_int_equal(rig_take(&rig), 4);
	assert_int_equal(rig.frames[0].header.kind, FRAME_HELLO);
	assert_int_equal(rig.frames[1].header.method, METHOD(SESSION_OPEN));
	assert_int_equal(rig.frames[2].header.method, METHOD(MUTEX_LOCK));
	assert_int_equal(rig.frames[3].header.method, METHOD(CHANNEL_RECEIVE));
	assert_true(taken_id(&rig, 1) > 0 && taken_id(&rig, 1) < taken_id(&rig, 2));
	assert_true(taken_id(&rig, 2) < taken_id(&rig, 3));
	open = baton__v1__session_open_request__unpack(NULL, rig.frames[1].length, rig.frames[1].body);
	assert_string_equal(open->label, "rig");
	assert_string_equal(open->host, "host");
	assert_int_equal(open->pid, 42);
	baton__v1__session_open_request__free_unpacked(open, NULL);
	assert_null(core_session(rig.core));
	rig_done(&rig);
}

static void calls_end_in_the_order_of_their_replies(void **state)
{
	struct rig rig;
	struct core_call *first;
	struct core_call *second;
	struct baton_result *result;

	(void)state;
	rig_init(&rig, BATON_SESSION_OWN, 0);
	first = rig_submit(&rig, BATON_MUTEX_LOCK, "a", -1);
	second = rig_submit(&rig, BATON_CHAN_LENGTH, "b", -1);
	rig_take(&rig);
	rig_say_hello(&rig, 1);
	rig_say_opened(&rig, taken_id(&rig, 1), 0);
	rig_reply_error(&rig, taken_id(&rig, 3), STATUS(NOT_FOUND), REASON(NOT_MADE), "not made");
	rig_reply_locked(&rig, taken_id(&rig, 2), 99);
	rig_feed(&rig);
	result = rig_collect(&rig, second, BATON_ENOTMADE);
	assert_string_equal(result->text, "chan \"b\": not made");
	baton_result_free(result);
	result = rig_collect(&rig, first, BATON_OK);
	assert_int_equal(result->token, 99);
	assert_string_equal(result->text, "");
	baton_result_free(result);
	assert_string_equal(core_session(rig.core), "7.0102030405060708090a0b0c0d0e0f10");
	rig_done(&rig);
}

static void a_refused_opening_ends_all_calls_with_its_reason(void **state)
{
	struct rig rig;
	struct core_call *call;

	(void)state;
	rig_init(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_MUTEX_LOCK, "a", -1);
	rig_take(&rig);
	rig_say_hello(&rig, 1);
	rig.number = UINT64_MAX; /* the next is 0: a connection call */
	rig_reply_error(&rig, taken_id(&rig, 1), STATUS(PERMISSION_DENIED), 0, "not you");
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_EDENIED);
	assert_int_equal(core_state(rig.core), CORE_ENDED);
	assert_int_equal(core_error(rig.core), BATON_EDENIED);
	assert_string_equal(core_error_text(rig.core), "cannot open the session: not you");
	rig_done(&rig);
}

static void submit_fails(struct rig *rig, const struct baton_call *call, const char *text)
{
	struct baton_call sized = *call;
	struct core_call *none = NULL;

	sized.size = sizeof(sized);
	assert_int_equal(core_submit(rig->core, &sized, CORE_NEVER, rig->now, NULL, &none), BATON_EINVAL);
	assert_null(none);
	assert_string_equal(baton_last_error(), text);
}

static void what_breaks_a_rule_is_not_sent(void **state)
{
	struct rig rig;
	struct baton_call later = {.size = 8, .operation = BATON_PING};
	struct core_call *call;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	submit_fails(&rig, &(struct baton_call){.operation = BATON_MUTEX_LOCK, .name = "a b"},
		"mutex \"a b\" has white space in it");
	submit_fails(&rig, &(struct baton_call){.operation = BATON_CHAN_CLOSE}, "chan \"\" is empty");
	submit_fails(&rig, &(struct baton_call){.operation = (enum baton_operation)4711}, "there is no operation 4711");
	submit_fails(&rig, &(struct baton_call){.operation = BATON_CHAN_SEND, .name = "c", .value_length = 3},
		"chan \"c\" has a value that is NULL");
	submit_fails(&rig, &(struct baton_call){.operation = BATON_SESSION_CLOSE, .session = "12"},
		"the session is not ID.SECRET");
	assert_int_equal(core_submit(rig.core, &later, CORE_NEVER, rig.now, NULL, &call), BATON_EINVAL);
	assert_int_equal(rig_take(&rig), 0);
	rig_done(&rig);
}

static void a_value_beyond_the_daemons_limit_is_refused_here(void **state)
{
	static char value[200000];
	const struct baton_call send = {
		.operation = BATON_CHAN_SEND, .name = "c", .value = value, .value_length = sizeof(value)};
	struct rig rig;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	rig_ends(&rig, rig_submit_call(&rig, &send, -1), BATON_ELIMIT);
	assert_int_equal(rig_take(&rig), 0);
	rig_done(&rig);
}

static void without_a_session_only_looking_is_possible(void **state)
{
	struct rig rig;
	struct core_call *call;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_NONE, 0);
	rig_ends(&rig, rig_submit(&rig, BATON_MUTEX_LOCK, "a", -1), BATON_ESESSION);
	call = rig_submit(&rig, BATON_PING, NULL, -1);
	rig_take_one(&rig, FRAME_REQUEST, METHOD(DAEMON_PING));
	rig_say(&rig, FRAME_REPLY, 0, taken_id(&rig, 0), 0, "\x0A\x02hi", 4);
	rig_feed(&rig);
	rig_finished(&rig, call, BATON_OK);
	assert_memory_equal(core_call_result(call)->value, "hi", 3);
	baton_result_free(core_hand_over(rig.core, call));
	rig_done(&rig);
}

/* ---- acknowledgement --------------------------------------------------------------------------------------------- */

static struct core_call *receive(struct rig *rig, uint64_t *ret_id)
{
	return rig_send(rig, BATON_CHAN_RECEIVE, "c", -1, METHOD(CHANNEL_RECEIVE), ret_id);
}

static void a_message_is_acknowledged_when_it_is_handed_over(void **state)
{
	struct rig rig;
	struct core_call *call;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = receive(&rig, &id);
	rig_reply_message(&rig, id, "m", 5);
	rig_feed(&rig);
	rig_finished(&rig, call, BATON_OK);
	assert_int_equal(core_call_result(call)->token, 0);
	rig_tick(&rig, 20 * RIG_MS);
	assert_int_equal(rig_take(&rig), 0);
	baton_result_free(core_hand_over(rig.core, call));
	assert_true(core_deadline(rig.core, rig.now) <= rig.now.monotonic + CORE_ACK_DELAY);
	rig_tick(&rig, CORE_ACK_DELAY);
	assert_int_equal(rig_take_one(&rig, FRAME_ACK, 0)->header.last_reply, 1);
	assert_int_equal(core_deadline(rig.core, rig.now), CORE_NEVER);
	rig_done(&rig);
}

static void the_next_frame_carries_the_acknowledgement(void **state)
{
	struct rig rig;
	struct core_call *call;
	uint64_t id;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = receive(&rig, &id);
	rig_reply_message(&rig, id, "m", 5);
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_OK);
	receive(&rig, &id);
	assert_int_equal(rig.frames[0].header.last_reply, 1);
	rig_tick(&rig, 20 * RIG_MS);
	assert_int_equal(rig_take(&rig), 0);
	rig_done(&rig);
}

/* Messages 1 and 3 and a lock 2 come; 3 and the lock are handed over first. */
static void nothing_behind_an_undelivered_message_is_acknowledged(void **state)
{
	struct rig rig;
	struct core_call *calls[3];
	uint64_t ids[3];

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	for (int i = 0; i < 3; i++)
		calls[i] = rig_submit(&rig, i == 1 ? BATON_MUTEX_LOCK : BATON_CHAN_RECEIVE, "c", -1);
	rig_take(&rig);
	for (size_t i = 0; i < 3; i++)
		ids[i] = taken_id(&rig, i);
	rig_reply_message(&rig, ids[0], "one", 1);
	rig_reply_locked(&rig, ids[1], 2);
	rig_reply_message(&rig, ids[2], "three", 3);
	rig_feed(&rig);
	rig_finished(&rig, calls[0], BATON_OK);
	rig_ends(&rig, calls[1], BATON_OK);
	rig_ends(&rig, calls[2], BATON_OK);
	rig_tick(&rig, 20 * RIG_MS);
	assert_int_equal(rig_take(&rig), 0);
	baton_result_free(core_hand_over(rig.core, calls[0]));
	core_acknowledge(rig.core);
	assert_int_equal(rig_take_one(&rig, FRAME_ACK, 0)->header.last_reply, 3);
	rig_done(&rig);
}

static void what_brings_no_message_is_acknowledged_in_time_only_with_a_ttl(void **state)
{
	struct rig rig;
	struct core_call *call;

	(void)state;
	for (int with_ttl = 0; with_ttl < 2; with_ttl++) {
		rig_init_open(&rig, BATON_SESSION_OWN, with_ttl ? 10 * RIG_SECOND : 0);
		call = rig_submit(&rig, BATON_MUTEX_LOCK, "m", -1);
		rig_take(&rig);
		rig_reply_locked(&rig, taken_id(&rig, 0), 2);
		rig_feed(&rig);
		rig_ends(&rig, call, BATON_OK);
		rig_tick(&rig, CORE_ACK_DELAY);
		if (with_ttl)
			rig_take_one(&rig, FRAME_ACK, 0);
		else
			assert_int_equal(rig_take(&rig), 0);
		rig_done(&rig);
	}
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void negative_answers_are_errors_of_their_own(void **state)
{
	struct rig rig;
	struct core_call *call;
	Baton__V1__ChannelReceiveResponse closed = BATON__V1__CHANNEL_RECEIVE_RESPONSE__INIT;
	Baton__V1__MutexLockResponse busy = BATON__V1__MUTEX_LOCK_RESPONSE__INIT;
	struct baton_result *result;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_CHAN_RECEIVE, "c", -1);
	rig_take(&rig);
	closed.closed = true;
	rig_reply(&rig, taken_id(&rig, 0), &closed.base);
	rig_feed(&rig);
	result = rig_collect(&rig, call, BATON_ECLOSED);
	assert_string_equal(result->text, "chan \"c\": closed");
	baton_result_free(result);
	call = rig_submit(&rig, BATON_MUTEX_LOCK, "m", -1);
	rig_take(&rig);
	busy.would_block = true;
	rig_reply(&rig, taken_id(&rig, 0), &busy.base);
	rig_feed(&rig);
	result = rig_collect(&rig, call, BATON_EWOULDBLOCK);
	assert_string_equal(result->text, "mutex \"m\": would block");
	baton_result_free(result);
	rig_done(&rig);
}

static void the_daemons_text_is_one_line_and_names_the_object_once(void **state)
{
	struct rig rig;
	struct core_call *call;
	struct baton_result *result;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_CHAN_SEND, "c", -1);
	rig_take(&rig);
	rig_reply_error(&rig, taken_id(&rig, 0), STATUS(FAILED_PRECONDITION), REASON(SEND_ON_CLOSED),
		"chan \"c\": send on\nclosed\x1B channel");
	rig_feed(&rig);
	result = rig_collect(&rig, call, BATON_ESENDCLOSED);
	assert_string_equal(result->text, "chan \"c\": send on?closed? channel");
	baton_result_free(result);
	rig_done(&rig);
}

static void an_unknown_reason_is_told_by_its_status(void **state)
{
	struct rig rig;
	struct core_call *call;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_CHAN_LENGTH, "c", -1);
	rig_take(&rig);
	rig_reply_error(&rig, taken_id(&rig, 0), STATUS(RESOURCE_EXHAUSTED), 12345, "");
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_ELIMIT);
	call = rig_submit(&rig, BATON_CHAN_LENGTH, "c", -1);
	rig_take(&rig);
	rig_reply_error(&rig, taken_id(&rig, 0), 999, 12345, "");
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_EINTERNAL);
	rig_done(&rig);
}

static void lists_are_copied_out(void **state)
{
	struct rig rig;
	struct core_call *call;
	struct baton_result *result;
	Baton__V1__ListResponse list = BATON__V1__LIST_RESPONSE__INIT;
	Baton__V1__ObjectInfo infos[2] = {BATON__V1__OBJECT_INFO__INIT, BATON__V1__OBJECT_INFO__INIT};
	Baton__V1__ObjectInfo *pointers[2] = {&infos[0], &infos[1]};

	(void)state;
	infos[0].kind = (char *)(uintptr_t) "chan";
	infos[1].name = (char *)(uintptr_t) "second";
	infos[1].waiters = 9;
	list.n_objects = 2;
	list.objects = pointers;
	list.more = true;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_LIST, "*", -1);
	rig_take(&rig);
	rig_reply(&rig, taken_id(&rig, 0), &list.base);
	rig_feed(&rig);
	result = rig_collect(&rig, call, BATON_OK);
	assert_int_equal(result->object_count, 2);
	assert_string_equal(result->objects[0].kind, "chan");
	assert_string_equal(result->objects[1].name, "second");
	assert_string_equal(result->objects[1].kind, "");
	assert_int_equal(result->objects[1].waiters, 9);
	assert_true(result->more);
	baton_result_free(result);
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_open_and_the_first_calls_leave_in_one_write),
		cmocka_unit_test(calls_end_in_the_order_of_their_replies),
		cmocka_unit_test(a_refused_opening_ends_all_calls_with_its_reason),
		cmocka_unit_test(what_breaks_a_rule_is_not_sent),
		cmocka_unit_test(a_value_beyond_the_daemons_limit_is_refused_here),
		cmocka_unit_test(without_a_session_only_looking_is_possible),
		cmocka_unit_test(a_message_is_acknowledged_when_it_is_handed_over),
		cmocka_unit_test(the_next_frame_carries_the_acknowledgement),
		cmocka_unit_test(nothing_behind_an_undelivered_message_is_acknowledged),
		cmocka_unit_test(what_brings_no_message_is_acknowledged_in_time_only_with_a_ttl),
		cmocka_unit_test(negative_answers_are_errors_of_their_own),
		cmocka_unit_test(the_daemons_text_is_one_line_and_names_the_object_once),
		cmocka_unit_test(an_unknown_reason_is_told_by_its_status),
		cmocka_unit_test(lists_are_copied_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
