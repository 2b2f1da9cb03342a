/* SPDX-License-Identifier: MIT
 *
 * core_rig.c - a scripted daemon for the client's core.
 */
#include "tests/lib/core_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baton/v1/channel.pb-c.h"
#include "baton/v1/connection.pb-c.h"
#include "baton/v1/mutex.pb-c.h"
#include "baton/v1/session.pb-c.h"
#include "baton/v1/status.pb-c.h"

static const uint8_t secret[SESSION_SECRET_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* ---- lifecycle --------------------------------------------------------------------------------------------------- */

void rig_init(struct rig *rig, enum baton_session_kind kind, int64_t ttl_ns)
{
	const struct session_identity identity = {.id = RIG_SESSION, .secret = {1}};
	const struct core_settings settings = {
		.kind = kind,
		.ttl_ns = ttl_ns,
		.session = kind == BATON_SESSION_ATTACH ? &identity : NULL,
		.label = "rig",
		.host = "host",
		.pid = 42,
	};

	*rig = (struct rig){.now = {.monotonic = 1000 * RIG_SECOND, .boottime = 5000 * RIG_SECOND}};
	assert_int_equal(core_new(&settings, &rig->core), BATON_OK);
	assert_int_equal(core_connect(rig->core, rig->now.monotonic), BATON_OK);
}

void rig_init_open(struct rig *rig, enum baton_session_kind kind, int64_t ttl_ns)
{
	rig_init(rig, kind, ttl_ns);
	rig_take(rig);
	rig_say_hello(rig, RIG_INCARNATION);
	if (kind == BATON_SESSION_ATTACH)
		rig_say_attached(rig, &rig->frames[1], ttl_ns);
	else if (kind != BATON_SESSION_NONE)
		rig_say_opened(rig, rig->frames[1].header.call, ttl_ns);
	rig_feed(rig);
	assert_int_equal(core_state(rig->core), CORE_OPEN);
	assert_int_equal(rig_take(rig), 0);
}

void rig_done(struct rig *rig)
{
	core_free(rig->core);
	buffer_clear(&rig->taken);
	buffer_clear(&rig->script);
}

void rig_pass(struct rig *rig, int64_t ns)
{
	rig->now.monotonic += ns;
	rig->now.boottime += ns;
}

void rig_tick(struct rig *rig, int64_t ns)
{
	rig_pass(rig, ns);
	core_tick(rig->core, rig->now);
}

/* ---- what the core sends ----------------------------------------------------------------------------------------- */

static void parse_taken(struct rig *rig)
{
	rig->frame_count = 0;
	for (size_t at = 0; at < rig->taken.end;) {
		struct rig_frame *frame = &rig->frames[rig->frame_count++];

		assert_true(rig->frame_count <= RIG_FRAMES);
		assert_int_equal(frame_get_request(rig->taken.bytes + at, rig->taken.end - at, FRAME_DEFAULT_MAX_BYTES,
					 &frame->header),
			FRAME_OK);
		frame->body = rig->taken.bytes + at + FRAME_REQUEST_HEADER_BYTES;
		frame->length = frame->header.length - FRAME_REQUEST_HEADER_BYTES;
		at += frame->header.length;
	}
}

size_t rig_take(struct rig *rig)
{
	size_t length;
	const uint8_t *bytes = core_output(rig->core, rig->now, &length);

	rig->taken.begin = 0;
	rig->taken.end = 0;
	if (bytes != NULL) {
		assert_true(buffer_reserve(&rig->taken, length));
		memcpy(rig->taken.bytes, bytes, length);
		rig->taken.end = length;
		core_sent(rig->core, length);
	}
	assert_false(core_has_output(rig->core));
	parse_taken(rig);
	return rig->frame_count;
}

const struct rig_frame *rig_take_one(struct rig *rig, unsigned kind, unsigned method)
{
	assert_int_equal(rig_take(rig), 1);
	assert_int_equal(rig->frames[0].header.kind, kind);
	assert_int_equal(rig->frames[0].header.method, method);
	return &rig->frames[0];
}

/* ---- what the daemon says ---------------------------------------------------------------------------------------- */

void rig_say(struct rig *rig, unsigned kind, unsigned status, uint64_t call, uint64_t number, const void *body,
	size_t length)
{
	const struct frame_reply header = {
		.length = (uint32_t)(FRAME_REPLY_HEADER_BYTES + length),
		.kind = (uint8_t)kind,
		.status = (uint16_t)status,
		.call = call,
		.number = number,
	};

	assert_true(buffer_reserve(&rig->script, header.length));
	frame_put_reply(rig->script.bytes + rig->script.end, &header);
	if (length > 0)
		memcpy(rig->script.bytes + rig->script.end + FRAME_REPLY_HEADER_BYTES, body, length);
	rig->script.end += header.length;
}

static void say_message(struct rig *rig, unsigned kind, unsigned status, uint64_t call, uint64_t number,
	const ProtobufCMessage *message)
{
	const size_t length = protobuf_c_message_get_packed_size(message);
	uint8_t *body = malloc(length + 1);

	assert_non_null(body);
	protobuf_c_message_pack(message, body);
	rig_say(rig, kind, status, call, number, body, length);
	free(body);
}

void rig_say_hello(struct rig *rig, uint64_t incarnation)
{
	Baton__V1__DaemonHello hello = BATON__V1__DAEMON_HELLO__INIT;

	hello.protocol = 1;
	hello.incarnation = incarnation;
	hello.max_frame_bytes = rig->max_frame != 0 ? rig->max_frame : 100000;
	say_message(rig, FRAME_HELLO_REPLY, 0, 0, 0, &hello.base);
}

void rig_say_opened(struct rig *rig, uint64_t call, int64_t ttl_ns)
{
	Baton__V1__SessionOpenResponse opened = BATON__V1__SESSION_OPEN_RESPONSE__INIT;

	opened.session = RIG_SESSION;
	opened.secret = (ProtobufCBinaryData){sizeof(secret), (uint8_t *)(uintptr_t)secret};
	opened.lane = RIG_LANE;
	opened.ttl_us = (uint64_t)ttl_ns / 1000;
	rig->number = 0;
	say_message(rig, FRAME_REPLY, 0, call, 0, &opened.base);
}

void rig_say_attached(struct rig *rig, const struct rig_frame *attach, int64_t ttl_ns)
{
	Baton__V1__SessionAttachResponse attached = BATON__V1__SESSION_ATTACH_RESPONSE__INIT;
	Baton__V1__SessionAttachRequest *request =
		baton__v1__session_attach_request__unpack(NULL, attach->length, attach->body);

	attached.lane = request != NULL && request->lane != 0 ? request->lane : RIG_LANE + 1;
	attached.ttl_us = (uint64_t)ttl_ns / 1000;
	rig->number = request != NULL ? request->last_reply : 0;
	baton__v1__session_attach_request__free_unpacked(request, NULL);
	say_message(rig, FRAME_REPLY, 0, attach->header.call, 0, &attached.base);
}

void rig_reply(struct rig *rig, uint64_t call, const ProtobufCMessage *response)
{
	say_message(rig, FRAME_REPLY, 0, call, ++rig->number, response);
}

void rig_reply_locked(struct rig *rig, uint64_t call, uint64_t token)
{
	Baton__V1__MutexLockResponse locked = BATON__V1__MUTEX_LOCK_RESPONSE__INIT;

	locked.token = token;
	rig_reply(rig, call, &locked.base);
}

void rig_reply_message(struct rig *rig, uint64_t call, const char *value, uint64_t token)
{
	Baton__V1__ChannelReceiveResponse received = BATON__V1__CHANNEL_RECEIVE_RESPONSE__INIT;

	received.value = (ProtobufCBinaryData){strlen(value), (uint8_t *)(uintptr_t)value};
	received.token = token;
	rig_reply(rig, call, &received.base);
}

static void say_error(
	struct rig *rig, unsigned kind, unsigned status, uint64_t call, uint64_t number, int reason, const char *text)
{
	Baton__V1__Error error = BATON__V1__ERROR__INIT;

	error.reason = (Baton__V1__Reason)reason;
	error.text = (char *)(uintptr_t)text;
	say_message(rig, kind, status, call, number, &error.base);
}

void rig_reply_error(struct rig *rig, uint64_t call, unsigned status, int reason, const char *text)
{
	say_error(rig, FRAME_REPLY, status, call, ++rig->number, reason, text);
}

void rig_say_goaway(struct rig *rig, int reason, const char *text)
{
	say_error(rig, FRAME_GOAWAY, 0, 0, 0, reason, text);
}

void rig_feed(struct rig *rig)
{
	while (buffer_length(&rig->script) > 0) {
		size_t room;
		uint8_t *space = core_input(rig->core, &room);
		const size_t left = buffer_length(&rig->script);
		const size_t bytes = rig->byte_by_byte ? 1 : room < left ? room : left;

		assert_non_null(space);
		memcpy(space, rig->script.bytes + rig->script.begin, bytes);
		buffer_consume(&rig->script, bytes);
		core_feed(rig->core, bytes, rig->now);
	}
}

/* ---- the caller -------------------------------------------------------------------------------------------------- */

struct core_call *rig_submit_call(struct rig *rig, const struct baton_call *call, int64_t timeout_ns)
{
	const int64_t deadline = timeout_ns < 0 ? CORE_NEVER : rig->now.monotonic + timeout_ns;
	struct baton_call sized = *call;
	struct core_call *submitted = NULL;

	sized.size = sizeof(sized);
	assert_int_equal(core_submit(rig->core, &sized, deadline, rig->now, rig, &submitted), BATON_OK);
	assert_ptr_equal(core_call_owner(submitted), rig);
	return submitted;
}

struct core_call *rig_submit(struct rig *rig, enum baton_operation operation, const char *name, int64_t timeout_ns)
{
	return rig_submit_call(rig, &(struct baton_call){.operation = operation, .name = name}, timeout_ns);
}

struct core_call *rig_send(struct rig *rig, enum baton_operation operation, const char *name, int64_t timeout_ns,
	unsigned method, uint64_t *ret_id)
{
	struct core_call *call = rig_submit(rig, operation, name, timeout_ns);

	*ret_id = rig_take_one(rig, FRAME_REQUEST, method)->header.call;
	return call;
}

void rig_finished(struct rig *rig, struct core_call *call, int error)
{
	struct core_call *finished = core_next_finished(rig->core);

	assert_ptr_equal(finished, call);
	if (core_call_result(call)->error != error)
		fail_msg("the call ended with %d (%s), not %d", core_call_result(call)->error,
			core_call_result(call)->text, error);
}

void rig_none_finished(struct rig *rig)
{
	assert_null(core_next_finished(rig->core));
}

struct baton_result *rig_collect(struct rig *rig, struct core_call *call, int error)
{
	rig_finished(rig, call, error);
	return core_hand_over(rig->core, call);
}

void rig_ends(struct rig *rig, struct core_call *call, int error)
{
	baton_result_free(rig_collect(rig, call, error));
}

void rig_event(struct rig *rig, enum baton_event event)
{
	struct baton_notice notice = {0};

	assert_true(core_next_notice(rig->core, &notice));
	assert_int_equal(notice.event, event);
}

void rig_no_event(struct rig *rig)
{
	struct baton_notice notice;

	assert_false(core_next_notice(rig->core, &notice));
}
