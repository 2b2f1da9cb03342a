/* SPDX-License-Identifier: MIT
 *
 * call.c - one call from frame to reply.
 *
 * The request is decoded into scratch memory (its bytes fields stay in the input), the handler runs on the reader's
 * coroutine, the reply is encoded into the connection's chunks. When the handler parks in an object's queue, request
 * and scratch are gone: the scratch goes back to its pool, and the reader's role with the input to a fresh coroutine. A
 * blocked call keeps its record and the page of stack that it stands on.
 */
#include "daemon/call.h"

#include <baton/v1/status.pb-c.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/name.h"
#include "base/utf8.h"
#include "daemon/call_pool.h"
#include "daemon/connection.h"
#include "daemon/lane.h"
#include "daemon/limits.h"
#include "daemon/objects/context.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "daemon/strings.h"
#include "proto/flat.h"

#define FAIL_TEXT_BYTES 512

static atomic_ullong begun;

uint64_t call_count(void)
{
	return atomic_load_explicit(&begun, memory_order_relaxed);
}

/* ---- for services --------------------------------------------------------------------------------------------------
 */

struct session *call_session(const struct call *call)
{
	return call->session;
}

struct connection *call_connection(const struct call *call)
{
	return call->connection;
}

struct entry *call_entry(struct call *call)
{
	return &call->entry;
}

int call_open_context(struct call *call, uint32_t number, struct context *context)
{
	return lane_set_context(call->lane, number, context);
}

void *call_memory(struct call *call, size_t bytes)
{
	if (call->scratch == NULL)
		call->scratch = call_scratch_take(0);
	return call->scratch != NULL ? call_scratch_alloc(call->scratch, bytes) : NULL;
}

void call_reply_value(struct call *call, uint32_t field, struct message *message)
{
	call->value = message;
	call->value_field = field;
}

void call_await_acknowledgement(struct call *call, struct channel *channel, uint64_t token)
{
	call->delivery_of = object_ref(channel_object(channel));
	call->delivery_token = token;
	call->delivery_count = 1;
}

void call_await_acknowledgements(struct call *call, struct channel *channel, uint64_t *tokens, size_t count)
{
	call->delivery_of = object_ref(channel_object(channel));
	call->delivery_tokens = tokens;
	call->delivery_count = count;
}

void call_at_end(struct call *call, void (*free)(void *arg), void *arg)
{
	call->at_end = free;
	call->at_end_arg = arg;
}

void call_close_connection(struct call *call)
{
	call->closes = true;
}

/* One line of UTF-8, whatever a peer's name had in it, and wherever it was cut. */
static void make_line(char *text)
{
	uint32_t point;
	size_t length = strlen(text);

	for (size_t at = 0; at < length;) {
		size_t bytes = utf8_decode(text + at, length - at, &point);

		if (bytes == 0 || point < ' ' || point == 0x7f) {
			text[at] = '?';
			bytes = 1;
		}
		at += bytes;
	}
}

int call_fail(struct call *call, int status, int reason, const char *format, ...)
{
	char *text = call_memory(call, FAIL_TEXT_BYTES);
	va_list arguments;

	call->status = (uint16_t)status;
	call->reason = (uint16_t)reason;
	call->text = text != NULL ? text : "no memory for the error's text";
	if (text != NULL) {
		va_start(arguments, format);
		(void)vsnprintf(text, FAIL_TEXT_BYTES, format, arguments);
		va_end(arguments);
		make_line(text);
	}
	return status;
}

const char *call_context_cause(const struct call *call)
{
	struct co_context *context = call->entry.context;
	const int status = co_context_error(context) == CO_EDEADLINE ? BATON__V1__STATUS__STATUS_DEADLINE_EXCEEDED
								     : BATON__V1__STATUS__STATUS_CANCELLED;

	return co_context_error(context) != 0 && call->status == status ? co_context_cause(context) : "";
}

int call_failed(const struct call *call)
{
	return call->status;
}

/* ---- the reply
 * -------------------------------------------------------------------------------------------------------- */

/* Appends the reply, and with KEEPS keeps it. True as lane_send(). */
static bool send_reply(struct call *call, const ProtobufCMessage *response, bool keeps)
{
	Baton__V1__Error error = BATON__V1__ERROR__INIT;
	struct output_frame frame = {
		.header = {.kind = FRAME_REPLY, .status = call->status, .call = call->id},
		.body = response,
		.value = call->value,
		.value_field = call->value_field,
	};

	if (call->status != BATON__V1__STATUS__STATUS_OK) {
		error.reason = (Baton__V1__Reason)call->reason;
		error.text = (char *)(uintptr_t)call->text;
		error.cause = (char *)(uintptr_t)call_context_cause(call);
		frame.body = &error.base;
	}
	if (keeps && call->value != NULL)
		(void)message_ref(call->value); /* one goes with the frame */
	if (keeps)
		lane_keep_outcome(call, frame.body);
	else
		call->value = NULL;
	if (call->lane != NULL)
		return lane_send(call->lane, call, &frame);
	connection_send(call->connection, &frame);
	return false;
}

void call_settle(struct call *call, bool acknowledged)
{
	const uint64_t *tokens = call->delivery_tokens != NULL ? call->delivery_tokens : &call->delivery_token;
	struct object *object = call->delivery_of;

	for (size_t i = 0; object != NULL && i < call->delivery_count; i++) {
		if (acknowledged)
			(void)channel_acknowledge(channel_of(object), tokens[i]);
		else
			(void)channel_return(channel_of(object), tokens[i], co_now_cached());
	}
	if (object != NULL)
		object_unref(object);
	memory_free(call->delivery_tokens);
	call->delivery_of = NULL;
	call_free(call);
}

/* CANCEL and the lane's end do not find it any more. Whether its outcome is to be kept. */
static bool leave_entry(struct call *call)
{
	bool keeps = false;

	if (call->counted || (call->lane != NULL && call->lane->resumes))
		keeps = lane_leave_entry(call->lane, call);
	return keeps;
}

/* Sends the reply; the record lives on only while the reply's acknowledgement is awaited. */
static void finish(struct call *call, const ProtobufCMessage *response)
{
	struct connection *closing = call->closes ? connection_ref(call->connection) : NULL;
	struct session *waited = call->counted ? session_ref(call->session) : NULL;
	struct call_scratch *scratch = call->scratch;
	void (*at_end)(void *arg) = call->at_end;
	void *at_end_arg = call->at_end_arg;

	call->scratch = NULL;
	if (!send_reply(call, response, leave_entry(call)))
		call_settle(call, false);
	if (waited != NULL) { /* who ends the session counts on it that the answer is on its way */
		atomic_fetch_sub_explicit(&waited->blocked, 1, memory_order_release);
		session_unref(waited);
	}
	if (at_end != NULL)
		at_end(at_end_arg);
	if (scratch != NULL)
		call_scratch_give(scratch);
	if (closing != NULL) {
		connection_finish(closing);
		connection_unref(closing);
	}
}

/* ---- the run
 * ----------------------------------------------------------------------------------------------------------- */

/* The call is about to park in an object's queue, under the object's lock: file it for CANCEL, give the request back,
 * pass the reader's role on. Only the first park does this. */
static void on_park(struct entry *entry)
{
	struct call *call = container_of(entry, struct call, entry);
	struct lane *lane = call->lane;

	entry->on_park = NULL;
	atomic_fetch_add_explicit(&call->session->blocked, 1, memory_order_relaxed);
	call->counted = true;
	lane_file_blocked(lane, call);
	/* Who ends the session, or stops the daemon, says so first and looks for blocked calls afterwards: what it did
	 * not find sees it here. */
	if (owner_has_ended(entry->owner))
		entry_stop(entry, OBJECT_EENDED);
	if (server_is_stopping())
		entry_stop(entry, OBJECT_ESHUTDOWN);
	if (call->scratch != NULL)
		call_scratch_give(call->scratch);
	call->scratch = NULL;
	if (connection_pass_reader(call->connection))
		*call->passed = true;
	else
		entry_stop(entry, OBJECT_ENOMEM); /* with nobody to read what might end its wait */
	call->passed = NULL;
}

struct decoding {
	struct call *call;
	const ProtobufCMessageDescriptor *type;
	const uint8_t *bytes;
	size_t length;
	ProtobufCMessage *message;
};

static void decode_unusual(void *arg)
{
	struct decoding *decoding = arg;

	decoding->message = protobuf_c_message_unpack(
		decoding->type, call_scratch_allocator(decoding->call->scratch), decoding->length, decoding->bytes);
}

/* The usual request needs little stack; protobuf-c's many kilobytes are the thread's. 0, or the status with which the
 * call has failed. */
static int decode(struct decoding *decoding)
{
	decoding->message = flat_unpack(
		decoding->type, call_scratch_allocator(decoding->call->scratch), decoding->length, decoding->bytes);
	if (decoding->message != NULL)
		return 0;
	co_on_thread_stack(decode_unusual, decoding);
	if (decoding->message == NULL)
		return call_fail(decoding->call, BATON__V1__STATUS__STATUS_INVALID_ARGUMENT,
			BATON__V1__REASON__REASON_BAD_REQUEST, "the message is not a %s", decoding->type->short_name);
	if (!strings_are_whole(decoding->type, decoding->bytes, decoding->length))
		return call_fail(decoding->call, BATON__V1__STATUS__STATUS_INVALID_ARGUMENT,
			BATON__V1__REASON__REASON_BAD_REQUEST, "a string of the %s has a NUL in it",
			decoding->type->short_name);
	return 0;
}

const void *call_unpack(struct call *call, const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length)
{
	struct decoding decoding = {.call = call, .type = type, .bytes = bytes, .length = length};

	return decode(&decoding) == 0 ? decoding.message : NULL;
}

bool call_accepts_name(struct call *call, const char *name)
{
	const char *rule;

	if (name_is_valid(name, strlen(name), &rule))
		return true;
	(void)call_fail(call, BATON__V1__STATUS__STATUS_INVALID_ARGUMENT, BATON__V1__REASON__REASON_BAD_NAME,
		"the name \"%.300s\" %s", name, rule);
	return false;
}

/* The rule for names, and for strings in general: what is not UTF-8 is refused. */
static int check_name(struct call *call, const ProtobufCMessage *request)
{
	const ProtobufCFieldDescriptor *field;
	const char *const *name;

	if (call->method->names == METHOD_NO_NAME)
		return 0;
	field = &request->descriptor->fields[0];
	name = (const void *)((const char *)request + field->offset);
	if (call->method->names == METHOD_NAME_OR_NONE && (*name)[0] == '\0')
		return 0;
	return call_accepts_name(call, *name) ? 0 : BATON__V1__STATUS__STATUS_INVALID_ARGUMENT;
}

/* Lets the end of what NUMBER stands for on the lane end the call. False: nothing. */
static bool bind_context(struct call *call, uint32_t number)
{
	call->context = lane_context(call->lane, number);
	if (call->context == NULL)
		return false;
	call->entry.context = context_runtime(call->context);
	return true;
}

/* The checks that need no request. 0, or the status. */
static int check_row(struct call *call, const struct frame_request *header, enum lane_verdict verdict)
{
	const struct method *method = call->method;

	if (method == NULL)
		return call_fail(call, BATON__V1__STATUS__STATUS_UNIMPLEMENTED,
			BATON__V1__REASON__REASON_UNKNOWN_METHOD, "there is no method 0x%04x", header->method);
	if (verdict == LANE_BAD_ID)
		return call_fail(call, BATON__V1__STATUS__STATUS_INVALID_ARGUMENT,
			BATON__V1__REASON__REASON_BAD_CALL_ID,
			"call ids of a lane must rise: %llu came again, or after %llu", (unsigned long long)call->id,
			(unsigned long long)call->lane->last_call);
	if (verdict == LANE_NO_MEMORY)
		return call_fail(call, BATON__V1__STATUS__STATUS_RESOURCE_EXHAUSTED,
			BATON__V1__REASON__REASON_NO_MEMORY, "no memory to know the call by its id");
	if (server_is_stopping() && !(method->flags & METHOD_WHILE_STOPPING))
		return call_fail(call, BATON__V1__STATUS__STATUS_UNAVAILABLE, BATON__V1__REASON__REASON_SHUTTING_DOWN,
			"the daemon is stopping");
	if (call->lane == NULL && (method->flags & METHOD_NEEDS_SESSION))
		return call_fail(call, BATON__V1__STATUS__STATUS_FAILED_PRECONDITION,
			BATON__V1__REASON__REASON_NO_SESSION, "%s needs a session: open one or attach to one first",
			method->name);
	if ((method->flags & METHOD_BLOCKS) && header->context != 0 && !bind_context(call, header->context))
		return call_fail(call, BATON__V1__STATUS__STATUS_INVALID_ARGUMENT,
			BATON__V1__REASON__REASON_BAD_REQUEST, "no context is open under the number %u",
			header->context);
	if (call->lane != NULL && (method->flags & METHOD_ATTACHES))
		return call_fail(call, BATON__V1__STATUS__STATUS_FAILED_PRECONDITION,
			BATON__V1__REASON__REASON_ALREADY_ATTACHED, "the connection is attached to a lane");
	if ((method->flags & METHOD_BLOCKS) && atomic_load(&call->session->blocked) >= LIMIT_BLOCKED_CALLS)
		return call_fail(call, BATON__V1__STATUS__STATUS_RESOURCE_EXHAUSTED, BATON__V1__REASON__REASON_TOO_MANY,
			"the session has %u calls that wait: the limit", LIMIT_BLOCKED_CALLS);
	return 0;
}

static void prepare(struct call *call, struct connection *connection, const struct frame_request *header)
{
	int64_t now = co_now_cached();
	int64_t deadline = CO_NEVER;

	call->id = header->call;
	call->method = method_find(header->method);
	call->connection = connection_ref(connection);
	list_init(&call->link);
	if (connection->lane != NULL) {
		call->lane = connection->lane;
		call->session = call->lane->session;
	}
	if (header->timeout_us != 0) {
		now = co_now();
		deadline = header->timeout_us > (uint64_t)(CO_NEVER / 1000)
				   ? CO_NEVER
				   : co_deadline_after(now, (int64_t)header->timeout_us * 1000);
	}
	entry_init(&call->entry, call->session != NULL ? &call->session->owner : NULL, now, deadline);
	call->entry.task = header->task;
	call->entry.on_park = on_park;
}

/* Decodes, checks, handles. Returns the status. */
static int handle(struct call *call, const struct frame_request *header, enum lane_verdict verdict,
	const uint8_t *frame, ProtobufCMessage *response)
{
	struct decoding decoding = {
		.call = call,
		.type = call->method != NULL ? call->method->request : NULL,
		.bytes = frame + FRAME_REQUEST_HEADER_BYTES,
		.length = header->length - FRAME_REQUEST_HEADER_BYTES,
	};
	int status = check_row(call, header, verdict);

	if (status != 0)
		return status;
	call->scratch = call_scratch_take(decoding.length);
	if (call->scratch == NULL)
		return call_fail(call, BATON__V1__STATUS__STATUS_RESOURCE_EXHAUSTED,
			BATON__V1__REASON__REASON_NO_MEMORY, "no memory for the request");
	status = decode(&decoding);
	if (status != 0)
		return status;
	status = check_name(call, decoding.message);
	if (status != 0)
		return status;
	protobuf_c_message_init(call->method->response, response);
	return call->method->handler(call, decoding.message, response);
}

void call_run(struct connection *connection, const struct frame_request *header, const uint8_t *frame, bool *passed)
{
	union method_response response;
	struct call *call = call_new();
	enum lane_verdict verdict = LANE_NEW;
	int status;

	if (call == NULL) {
		connection_cut(connection, "no memory for a call");
		return;
	}
	atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed);
	prepare(call, connection, header);
	call->passed = passed;
	if (call->lane != NULL)
		verdict = lane_take(call->lane, call);
	if (verdict == LANE_KNOWN) {
		call_free(call);
		return;
	}
	status = handle(call, header, verdict, frame, &response.base);
	call->status = (uint16_t)status;
	finish(call, &response.base);
}
