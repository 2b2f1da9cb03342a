/* SPDX-License-Identifier: MIT
 *
 * lane_resume.c - a lane that outlives its connection: for a client that comes back within its session's ttl.
 *
 * Every call with an effect is known by its id from its coming until its outcome is acknowledged. A client that comes
 * back says which reply it read last, and sends again what it has no answer to: a call that runs or waits is answered
 * over the new connection, one that is done is answered with its outcome, anew numbered, and one that never came is
 * run. So each takes effect exactly once.
 *
 * Invariant: where a lane resumes, a request is taken only over the connection that is its route at that moment, in one
 * step with that test. So what a former connection still had to read is not run beside what the client sends again.
 */
#include <baton/v1/status.pb-c.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/connection.h"
#include "daemon/lane.h"
#include "daemon/session.h"
#include "proto/flat.h"

#define USUAL_OUTCOME_BYTES 96

/* ---- requests that come again ------------------------------------------------------------------------------------ */

static bool is_known_by_id(const struct call *call)
{
	return call->method != NULL && (call->method->flags & (METHOD_EFFECT | METHOD_BLOCKS)) != 0;
}

/* The verdict on a request whose id the lane does not know. Under the lock. What has no effect may come twice. */
static enum lane_verdict take_unknown(struct lane *lane, struct call *call)
{
	const bool rises = call->id > lane->last_call;

	if (!rises && is_known_by_id(call))
		return LANE_BAD_ID;
	if (rises)
		lane->last_call = call->id;
	if (!is_known_by_id(call))
		return LANE_NEW;
	HASH_ADD(by_id, lane->calls, id, sizeof call->id, call);
	if (!hash_was_added(call->by_id))
		return LANE_NO_MEMORY;
	call->phase = CALL_RUNNING;
	return LANE_NEW;
}

/* Sends the kept outcome of CALL, whose reply was lost, under a new number. Under the lock. */
static int send_outcome(struct lane *lane, struct call *call)
{
	struct output_frame frame = {
		.header = {.kind = FRAME_REPLY, .status = call->status, .call = call->id},
		.packed = call->outcome,
		.packed_length = call->outcome_length,
		.value = call->value != NULL ? message_ref(call->value) : NULL,
		.value_field = call->value_field,
		.numbers = &lane->last_reply,
	};
	const int r = output_append(&lane->connection->output, &frame);

	if (r == 0) {
		call->reply_number = frame.header.number;
		list_remove(&call->link);
		list_add_tail(&lane->unacknowledged, &call->link);
	}
	return r;
}

enum lane_verdict lane_take_again(struct lane *lane, struct call *call)
{
	enum lane_verdict verdict = LANE_KNOWN;
	struct call *known = NULL;
	bool sent = false;
	int r = 0;

	co_spin_lock(&lane->lock);
	if (lane->connection == call->connection && !lane->ended) {
		HASH_FIND(by_id, lane->calls, &call->id, sizeof call->id, known);
		if (known == NULL)
			verdict = take_unknown(lane, call);
		else if (known->phase == CALL_DONE && known->reply_number != 0)
			verdict = LANE_BAD_ID;
		sent = known != NULL && known->phase == CALL_DONE && known->reply_number == 0;
		if (sent)
			r = send_outcome(lane, known);
	}
	co_spin_unlock(&lane->lock);
	if (sent)
		connection_sent(call->connection, r);
	return verdict;
}

/* ---- outcomes ---------------------------------------------------------------------------------------------------- */

struct packing {
	const ProtobufCMessage *body;
	size_t length;
	uint8_t *to;
};

static void measure_unusual(void *arg)
{
	struct packing *packing = arg;

	packing->length = protobuf_c_message_get_packed_size(packing->body);
}

static void pack_unusual(void *arg)
{
	struct packing *packing = arg;

	(void)protobuf_c_message_pack(packing->body, packing->to);
}

/* Room for an outcome of LENGTH bytes: in the entry, which is through, if it does. NULL: no memory. */
static uint8_t *make_room(struct call *call, size_t length)
{
	call->outcome_length = length;
	call->outcome = length <= sizeof call->entry ? (uint8_t *)&call->entry : memory_alloc(length);
	return call->outcome;
}

/* All that can be told later where there is no memory for more. */
static void keep_unknown(struct call *call)
{
	Baton__V1__Error error = BATON__V1__ERROR__INIT;
	uint8_t bytes[USUAL_OUTCOME_BYTES];
	size_t length;

	error.reason = BATON__V1__REASON__REASON_OUTCOME_UNKNOWN;
	length = flat_pack(&error.base, bytes, sizeof bytes);
	memcpy(make_room(call, length), bytes, length);
	call->status = BATON__V1__STATUS__STATUS_UNAVAILABLE;
	if (call->value != NULL)
		message_unref(call->value);
	call->value = NULL;
}

void lane_keep_outcome(struct call *call, const ProtobufCMessage *body)
{
	uint8_t usual[USUAL_OUTCOME_BYTES];
	struct packing packing = {.body = body, .length = flat_pack(body, usual, sizeof usual)};

	if (packing.length != FLAT_UNUSUAL) {
		memcpy(make_room(call, packing.length), usual, packing.length);
		return;
	}
	co_on_thread_stack(measure_unusual, &packing);
	packing.to = make_room(call, packing.length);
	if (packing.to != NULL)
		co_on_thread_stack(pack_unusual, &packing);
	else
		keep_unknown(call);
}

void lane_free_outcome(struct call *call)
{
	if (call->outcome != (uint8_t *)&call->entry)
		memory_free(call->outcome);
	if (call->value != NULL)
		message_unref(call->value);
	call->outcome = NULL;
	call->value = NULL;
}

/* ---- connections that go and come -------------------------------------------------------------------------------- */

/* Takes its route from the lane if it is CONNECTION, whose reference goes to the caller. Under no lock. */
static bool take_route(struct lane *lane, const struct connection *connection)
{
	bool taken;

	co_spin_lock(&lane->lock);
	taken = lane->connection == connection && !lane->ended;
	if (taken) {
		lane->connection = NULL;
		lane->silent_ns = co_boottime();
	}
	co_spin_unlock(&lane->lock);
	return taken;
}

void lane_lose(struct lane *lane, struct connection *connection)
{
	if (!lane->resumes)
		lane_end(lane);
	else if (take_route(lane, connection))
		connection_unref(connection);
}

/* What was sent behind LAST_REPLY did not arrive. Under the lock. */
static void take_replies_back(struct lane *lane, uint64_t last_reply)
{
	while (!list_is_empty(&lane->unacknowledged)) {
		struct call *last = container_of(lane->unacknowledged.prev, struct call, link);

		if (last->reply_number <= last_reply)
			break;
		last->reply_number = 0;
		list_remove(&last->link);
		list_add_tail(&lane->undelivered, &last->link);
	}
	if (lane->last_reply > last_reply)
		lane->last_reply = last_reply;
}

bool lane_resume(struct lane *lane, struct connection *connection, uint64_t last_reply)
{
	struct connection *former = NULL;
	bool ended;

	co_spin_lock(&lane->lock);
	ended = lane->ended;
	if (!ended) {
		former = lane->connection;
		lane->connection = connection_ref(connection);
		take_replies_back(lane, last_reply);
	}
	co_spin_unlock(&lane->lock);
	if (former != NULL) {
		connection_cut(former, "its lane was taken up again");
		connection_unref(former);
	}
	return !ended;
}

struct lane *lane_find(struct session *session, uint32_t number)
{
	struct lane *lane = NULL;

	co_spin_lock(&session_lock);
	list_for_each (at, &session->lanes) {
		struct lane *each = container_of(at, struct lane, link);

		if (each->number == number && each->resumes)
			lane = lane_ref(each);
	}
	co_spin_unlock(&session_lock);
	return lane;
}

bool lane_has_connection(struct lane *lane)
{
	bool has;

	co_spin_lock(&lane->lock);
	has = lane->connection != NULL;
	co_spin_unlock(&lane->lock);
	return has;
}

/* ---- lanes that nobody takes up again ---------------------------------------------------------------------------- */

/* Under session_lock. */
static bool is_silent(struct lane *lane, int64_t since_ns)
{
	bool silent;

	co_spin_lock(&lane->lock);
	silent = lane->connection == NULL && !lane->ended && lane->silent_ns <= since_ns;
	co_spin_unlock(&lane->lock);
	return silent;
}

/* A lane of SESSION that has been silent for its ttl, with a reference; NULL: none. */
static struct lane *find_silent(struct session *session)
{
	const int64_t since_ns = co_boottime() - session->ttl_ns;
	struct lane *silent = NULL;

	co_spin_lock(&session_lock);
	list_for_each (at, &session->lanes) {
		struct lane *lane = container_of(at, struct lane, link);

		if (silent == NULL && is_silent(lane, since_ns))
			silent = lane_ref(lane);
	}
	co_spin_unlock(&session_lock);
	return silent;
}

bool lane_is_any_silent(struct session *session)
{
	struct lane *lane = find_silent(session);

	if (lane != NULL)
		lane_unref(lane);
	return lane != NULL;
}

void lane_end_silent(struct session *session)
{
	struct lane *lane;

	while ((lane = find_silent(session)) != NULL) {
		lane_end(lane);
		lane_unref(lane);
	}
}
