/* SPDX-License-Identifier: MIT
 *
 * test_core_garbage.c - the client's core against a daemon that is broken or hostile, against bytes that come in any
 * pieces, and without memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "baton/v1/channel.pb-c.h"
#include "baton/v1/connection.pb-c.h"
#include "baton/v1/mutex.pb-c.h"
#include "baton/v1/session.pb-c.h"
#include "tests/lib/co_test.h"
#include "tests/lib/core_rig.h"

#define TTL (9 * RIG_SECOND)

/* Answers to three calls: a lock, a message, a refusal; then a notice. Calls 2 to 4 in a fresh core. */
static void write_script(struct rig *rig)
{
	Baton__V1__Notice notice = BATON__V1__NOTICE__INIT;
	uint8_t body[100];

	rig_say_hello(rig, RIG_INCARNATION);
	rig_say_opened(rig, 4, TTL);
	rig_reply_locked(rig, 1, 1000);
	rig_reply_message(rig, 2, "a message that is a little longer than others", 1001);
	rig_reply_error(rig, 3, STATUS(FAILED_PRECONDITION), REASON(SEND_ON_CLOSED), "send on closed channel");
	notice.kind = BATON__V1__NOTICE_KIND__NOTICE_HOLD_LOST;
	notice.name = (char *)(uintptr_t) "m";
	rig_say(rig, FRAME_NOTICE, 0, 0, 0, body, baton__v1__notice__pack(&notice, body));
}

struct story {
	struct rig rig;
	struct core_call *calls[3];
};

static void begin_story(struct story *story)
{
	const struct core_settings settings = {.kind = BATON_SESSION_OWN, .ttl_ns = TTL};
	struct rig *rig = &story->rig;

	*rig = (struct rig){.now = {.monotonic = RIG_SECOND, .boottime = RIG_SECOND}};
	assert_int_equal(core_new(&settings, &rig->core), BATON_OK);
	story->calls[0] = rig_submit(rig, BATON_MUTEX_LOCK, "m", RIG_SECOND);
	story->calls[1] = rig_submit(rig, BATON_CHAN_RECEIVE, "c", -1);
	story->calls[2] = rig_submit(rig, BATON_CHAN_SEND, "c", -1);
	assert_int_equal(core_connect(rig->core, rig->now.monotonic), BATON_OK);
	assert_int_equal(rig_take(rig), 5);
	write_script(rig);
}

/* Hands everything over that has finished, and lets all time pass. */
static void end_story(struct story *story)
{
	struct rig *rig = &story->rig;
	struct core_call *call;
	struct baton_notice notice;

	for (int i = 0; i < 40; i++) {
		while ((call = core_next_finished(rig->core)) != NULL)
			baton_result_free(core_hand_over(rig->core, call));
		while (core_next_notice(rig->core, &notice))
			;
		if (core_state(rig->core) == CORE_OPENING || core_state(rig->core) == CORE_OPEN)
			rig_take(rig);
		rig_tick(rig, RIG_SECOND);
	}
	rig_done(rig);
}

static void expect_story(struct story *story)
{
	struct rig *rig = &story->rig;
	struct baton_result *result = rig_collect(rig, story->calls[0], BATON_OK);

	assert_int_equal(result->token, 1000);
	baton_result_free(result);
	result = rig_collect(rig, story->calls[1], BATON_OK);
	assert_string_equal(result->value, "a message that is a little longer than others");
	baton_result_free(result);
	result = rig_collect(rig, story->calls[2], BATON_ESENDCLOSED);
	assert_string_equal(result->text, "chan \"c\": send on closed channel");
	baton_result_free(result);
	rig_event(rig, BATON_EVENT_HOLD_LOST);
	assert_int_equal(core_state(rig->core), CORE_OPEN);
}

static void bytes_may_come_in_any_pieces(void **state)
{
	struct story story;
	size_t length;

	(void)state;
	begin_story(&story);
	length = buffer_length(&story.rig.script);
	end_story(&story);
	for (size_t cut = 0; cut <= length; cut++) {
		begin_story(&story);
		story.rig.script.end = cut;
		rig_feed(&story.rig);
		story.rig.script.begin = cut; /* an emptied buffer begins anew; its bytes are still there */
		story.rig.script.end = length;
		rig_feed(&story.rig);
		expect_story(&story);
		end_story(&story);
	}
	begin_story(&story);
	story.rig.byte_by_byte = true;
	rig_feed(&story.rig);
	expect_story(&story);
	end_story(&story);
}

static void a_long_message_comes_whole(void **state)
{
	const size_t length = 3 * 1024 * 1024;
	char *value = malloc(length + 1);
	struct rig rig;
	struct core_call *call;

	(void)state;
	assert_non_null(value);
	for (size_t i = 0; i < length; i++)
		value[i] = (char)('a' + i % 23);
	value[length] = '\0';
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_CHAN_RECEIVE, "c", -1);
	rig_take(&rig);
	rig_reply_message(&rig, core_call_id(call), value, 1);
	rig_feed(&rig);
	rig_finished(&rig, call, BATON_OK);
	assert_int_equal(core_call_result(call)->value_length, length);
	assert_memory_equal(core_call_result(call)->value, value, length + 1);
	baton_result_free(core_hand_over(rig.core, call));
	rig_done(&rig);
	free(value);
}

/* ---- what a daemon never says ------------------------------------------------------------------------------------ */

/* The core ends with BATON_EPROTOCOL, and the call that was under way with what is certain of it. */
static void is_refused(struct rig *rig, struct core_call *call)
{
	rig_feed(rig);
	assert_int_equal(core_state(rig->core), CORE_ENDED);
	assert_int_equal(core_error(rig->core), BATON_EPROTOCOL);
	call = core_next_finished(rig->core);
	assert_non_null(call);
	assert_int_not_equal(core_call_result(call)->error, BATON_OK);
	baton_result_free(core_hand_over(rig->core, call));
	rig_done(rig);
}

static struct core_call *begin_lock(struct rig *rig)
{
	struct core_call *call;

	rig_init_open(rig, BATON_SESSION_OWN, 0);
	call = rig_submit(rig, BATON_MUTEX_LOCK, "m", -1);
	rig_take(rig);
	return call;
}

static void headers_that_lie_end_the_client(void **state)
{
	static const struct frame_reply headers[] = {
		{.length = 0, .kind = FRAME_REPLY}, {.length = 23, .kind = FRAME_REPLY},
		{.length = UINT32_MAX, .kind = FRAME_REPLY},
		{.length = FRAME_DEFAULT_MAX_BYTES + 1, .kind = FRAME_REPLY}, {.length = 24, .kind = 0},
		{.length = 24, .kind = 3}, {.length = 24, .kind = 255}, {.length = 24, .kind = FRAME_REPLY, .flags = 1},
		{.length = 24, .kind = FRAME_REPLY, .number = 2},          /* 1 is missing */
		{.length = 24, .kind = FRAME_REPLY, .number = UINT64_MAX}, /* so are many */
		{.length = 24, .kind = FRAME_HELLO_REPLY},                 /* a second one */
	};
	struct rig rig;
	struct core_call *call;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		call = begin_lock(&rig);
		assert_true(buffer_reserve(&rig.script, FRAME_REPLY_HEADER_BYTES));
		frame_put_reply(rig.script.bytes, &headers[i]);
		rig.script.end = FRAME_REPLY_HEADER_BYTES;
		is_refused(&rig, call);
	}
}

static void a_claimed_length_takes_no_memory(void **state)
{
	const struct frame_reply header = {.length = FRAME_DEFAULT_MAX_BYTES, .kind = FRAME_REPLY};
	struct rig rig;
	size_t room;

	(void)state;
	begin_lock(&rig);
	assert_true(buffer_reserve(&rig.script, FRAME_REPLY_HEADER_BYTES));
	frame_put_reply(rig.script.bytes, &header);
	rig.script.end = FRAME_REPLY_HEADER_BYTES;
	rig_feed(&rig);
	assert_non_null(core_input(rig.core, &room));
	assert_true(room < 100000);
	rig_done(&rig);
}

static void answers_that_cannot_be_read_end_the_client(void **state)
{
	struct rig rig;
	struct core_call *call = begin_lock(&rig);

	(void)state;
	rig_say(&rig, FRAME_REPLY, 0, core_call_id(call), 1, "\x0A\xFF\xFF", 3);
	is_refused(&rig, call);
	call = begin_lock(&rig);
	rig_say(&rig, FRAME_HELLO_REPLY, 0, 0, 0, "", 0);
	is_refused(&rig, call);
}

static void an_answer_before_the_question_ends_the_client(void **state)
{
	struct rig rig;
	struct core_call *call;

	(void)state;
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_MUTEX_LOCK, "m", -1);
	rig_reply_locked(&rig, core_call_id(call), 1);
	is_refused(&rig, call);
}

static void nothing_counts_before_the_hello(void **state)
{
	struct rig rig;
	struct core_call *call;

	(void)state;
	rig_init(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_MUTEX_LOCK, "m", -1);
	rig_take(&rig);
	rig_reply_locked(&rig, core_call_id(call), 1);
	is_refused(&rig, call);
}

static void an_answer_to_open_must_be_whole(void **state)
{
	for (int what = 0; what < 4; what++) {
		Baton__V1__SessionOpenResponse opened = BATON__V1__SESSION_OPEN_RESPONSE__INIT;
		uint8_t secret[SESSION_SECRET_BYTES + 1] = {1};
		uint8_t body[100];
		struct rig rig;
		struct core_call *call;

		(void)state;
		rig_init(&rig, BATON_SESSION_OWN, 0);
		rig_take(&rig);
		opened.session = what == 0 ? 0 : 7;
		opened.lane = what == 1 ? 0 : 1;
		opened.secret = (ProtobufCBinaryData){
			what == 2 ? SESSION_SECRET_BYTES + 1 : SESSION_SECRET_BYTES - (what == 3), secret};
		rig_say_hello(&rig, 1);
		rig_say(&rig, FRAME_REPLY, 0, rig.frames[1].header.call, 0, body,
			baton__v1__session_open_response__pack(&opened, body));
		call = rig_submit(&rig, BATON_PING, NULL, -1);
		is_refused(&rig, call);
	}
}

/* Millions of empty rows are two bytes each on the wire. */
static void a_small_answer_cannot_take_much_memory(void **state)
{
	const size_t length = 2 * 1000 * 1000;
	char *body = malloc(length);
	struct rig rig;
	struct core_call *call;

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i < length; i += 2)
		memcpy(body + i, "\x0A\x00", 2);
	rig_init_open(&rig, BATON_SESSION_OWN, 0);
	call = rig_submit(&rig, BATON_LIST, NULL, -1);
	rig_take(&rig);
	rig_say(&rig, FRAME_REPLY, 0, core_call_id(call), 1, body, length);
	rig_feed(&rig);
	rig_ends(&rig, call, BATON_ENOMEM);
	assert_int_equal(core_state(rig.core), CORE_OPEN);
	rig_done(&rig);
	free(body);
}

/* ---- chance ------------------------------------------------------------------------------------------------------ */

static void mutate(struct buffer *script, struct test_random *random)
{
	const uint64_t changes = 1 + test_random_below(random, 4);

	for (uint64_t i = 0; i < changes; i++)
		script->bytes[test_random_below(random, script->end)] = (uint8_t)test_random_next(random);
	if (test_random_below(random, 4) == 0)
		script->end = test_random_below(random, script->end + 1);
}

static void random_damage_does_no_harm(void **state)
{
	const size_t rounds = test_scale(20000);
	struct test_random random = test_random_stream(1);
	size_t ended = 0;

	(void)state;
	print_message("TEST_SEED=%llu\n", (unsigned long long)test_seed());
	for (size_t i = 0; i < rounds; i++) {
		struct story story;

		begin_story(&story);
		mutate(&story.rig.script, &random);
		rig_feed(&story.rig);
		ended += core_state(story.rig.core) == CORE_ENDED;
		end_story(&story);
	}
	assert_true(ended > rounds / 10 && ended < rounds);
}

/* ---- no memory --------------------------------------------------------------------------------------------------- */

static size_t allocations;
static size_t failing; /* the number of the one that fails; 0: none */

static bool fails(size_t bytes)
{
	(void)bytes;
	return ++allocations == failing;
}

/* The story without assumptions about how it goes. Whether all was submitted and connected. */
static bool tell_without_memory(void)
{
	const struct core_settings settings = {.kind = BATON_SESSION_OWN, .ttl_ns = TTL};
	static const enum baton_operation operations[] = {BATON_MUTEX_LOCK, BATON_CHAN_RECEIVE, BATON_CHAN_SEND};
	struct baton_call call = {.size = sizeof(call), .name = "c"};
	struct story story = {.rig.now = {.monotonic = RIG_SECOND, .boottime = RIG_SECOND}};
	struct rig *rig = &story.rig;
	bool well = true;
	size_t length;

	write_script(rig);
	allocations = 0;
	memory_set_fault(fails);
	if (core_new(&settings, &rig->core) != BATON_OK) {
		memory_set_fault(NULL);
		rig_done(rig);
		return false;
	}
	for (int i = 0; i < 3; i++) {
		call.operation = operations[i];
		well = core_submit(rig->core, &call, CORE_NEVER, rig->now, rig, &story.calls[i]) == BATON_OK && well;
	}
	well = core_connect(rig->core, rig->now.monotonic) == BATON_OK && well;
	if (core_output(rig->core, rig->now, &length) != NULL)
		core_sent(rig->core, length);
	while (buffer_length(&rig->script) > 0) {
		uint8_t *space = core_input(rig->core, &length);

		if (space == NULL)
			break;
		*space = rig->script.bytes[rig->script.begin];
		buffer_consume(&rig->script, 1);
		core_feed(rig->core, 1, rig->now);
	}
	if (well && core_call_result(story.calls[0])->error == BATON_OK)
		core_cancel(rig->core, story.calls[1], rig->now);
	core_break(rig->core, BATON_EUNREACHABLE, "it broke");
	core_connect(rig->core, rig->now.monotonic);
	memory_set_fault(NULL);
	end_story(&story);
	return well;
}

static void each_allocation_may_fail(void **state)
{
	size_t count;

	(void)state;
	failing = 0;
	assert_true(tell_without_memory());
	count = allocations;
	assert_true(count > 15);
	for (failing = 1; failing <= count; failing++)
		tell_without_memory();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_may_come_in_any_pieces),
		cmocka_unit_test(a_long_message_comes_whole),
		cmocka_unit_test(headers_that_lie_end_the_client),
		cmocka_unit_test(a_claimed_length_takes_no_memory),
		cmocka_unit_test(answers_that_cannot_be_read_end_the_client),
		cmocka_unit_test(an_answer_before_the_question_ends_the_client),
		cmocka_unit_test(nothing_counts_before_the_hello),
		cmocka_unit_test(an_answer_to_open_must_be_whole),
		cmocka_unit_test(a_small_answer_cannot_take_much_memory),
		cmocka_unit_test(random_damage_does_no_harm),
		cmocka_unit_test(each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
