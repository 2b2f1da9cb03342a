/* SPDX-License-Identifier: MIT
 *
 * call.h - one call: a pooled record off the stack, from decode until its reply is acknowledged or dropped.
 *
 * A call belongs to its session; the connection is only its reply route. What services see of it is the first half.
 */
#ifndef BATON_DAEMON_CALL_H
#define BATON_DAEMON_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "daemon/method.h"
#include "daemon/objects/channel.h"
#include "daemon/objects/object.h"
#include "proto/frame.h"

struct context;
struct session;
struct lane;
struct connection;

/* ---- for services
 * ----------------------------------------------------------------------------------------------------- */

/* The caller's session; NULL for a connection call. Valid while the handler runs. */
struct session *call_session(const struct call *call);

/* Where it came from. Valid while the handler runs. */
struct connection *call_connection(const struct call *call);

/* The place of this call at an object, ready to be used (owner, deadline, task are set). */
struct entry *call_entry(struct call *call);

/* Lets NUMBER, from 1 to LIMIT_LANE_CONTEXTS, stand for CONTEXT in the headers of the lane's further calls. 0 or
 * OBJECT_ENOMEM. */
int call_open_context(struct call *call, uint32_t number, struct context *context);

/* Memory that lives until the reply is encoded; NULL: no memory. */
void *call_memory(struct call *call, size_t bytes);

/* Decodes LENGTH bytes of the request, a message of TYPE inside of it, into memory that is gone with the request. NULL:
 * they are none, or no memory; the call has failed. */
const void *call_unpack(struct call *call, const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length);

/* Whether NAME obeys the rule for names; if not the call has failed. */
bool call_accepts_name(struct call *call, const char *name);

/* Calls FREE(ARG) once the reply is encoded: for what the response points at. Once per call. */
void call_at_end(struct call *call, void (*free)(void *arg), void *arg);

/* Lets the reply carry MESSAGE's bytes as the response's field `value` (number FIELD) without copying them; takes the
 * reference. */
void call_reply_value(struct call *call, uint32_t field, struct message *message);

/* Has the connection closed once the reply has left. */
void call_close_connection(struct call *call);

/* Says that the delivery of TOKEN on CHANNEL is acknowledged when this reply is, and goes back when the lane ends
 * first. Takes a reference of its own. */
void call_await_acknowledgement(struct call *call, struct channel *channel, uint64_t token);

/* Likewise for COUNT deliveries; takes TOKENS, memory of memory_alloc(). */
void call_await_acknowledgements(struct call *call, struct channel *channel, uint64_t *tokens, size_t count);

/* Ends the call with STATUS (a baton.v1.Status) and REASON, and a text for people. Returns STATUS. */
int call_fail(struct call *call, int status, int reason, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The status with which the call has failed. */
int call_failed(const struct call *call);

/* Ends it with what an object said of NAME (NULL: the call has no one object): the one table from enum object_error to
 * status, reason and text. KIND is "chan", "mutex", or what the call is. Returns the status. */
int call_fail_object(struct call *call, const char *kind, const char *name, int error);

/* Ends it with what state_before_grant() said. Returns the status. */
int call_fail_state(struct call *call, const char *kind, const char *name, int error);

/* The baton.v1.Reason for what an object said. */
int call_reason_of(int error);

/* The time of co_now() that is US microseconds away; FOR_NONE for 0, and where that is beyond all time. */
int64_t call_time_after(uint64_t us, int64_t for_none);

/* Whether a value of LENGTH bytes may come in now: 0, else the status with which the call has failed. */
int call_check_value(struct call *call, size_t length);
/* Why the context of a call that failed for its end has ended; "" for any other. */
const char *call_context_cause(const struct call *call);

/* ---- for readers and lanes
 * ---------------------------------------------------------------------------------------------- */

/* How far a call is that its lane knows by its id. */
enum call_phase {
	CALL_UNKNOWN, /* the lane does not know it */
	CALL_RUNNING,
	CALL_BLOCKED, /* it stands in queues: CANCEL finds it */
	CALL_ENDING,  /* its entry is through */
	CALL_DONE,    /* its outcome is kept until it is acknowledged */
};

struct call {
	struct entry entry;
	const struct method *method;
	struct connection *connection; /* the reply route: a reference, by which these live too: */
	struct session *session;       /* the lane's; NULL: a connection call */
	struct context *context;       /* that its header names: a reference; NULL: none */
	struct lane *lane;             /* the connection's when the call came; NULL: a connection call */
	struct call_scratch *scratch;  /* the request and small answers; NULL after a park until asked for */
	bool *passed;                  /* the reader's: set when its role was passed on while this call parked */
	uint64_t id;
	struct message *value; /* call_reply_value */
	uint32_t value_field;
	uint16_t status;
	uint16_t reason;
	bool counted;              /* in session->blocked */
	enum call_phase phase;     /* in lane->calls unless CALL_UNKNOWN; under the lane's lock */
	bool closes;               /* the connection is closed behind the reply */
	const char *text;          /* of a failure */
	void (*at_end)(void *arg); /* call_at_end */
	void *at_end_arg;
	struct object *delivery_of; /* call_await_acknowledgement: a reference */
	uint64_t delivery_token;
	uint64_t *delivery_tokens; /* several instead of the one; NULL: that */
	size_t delivery_count;
	uint64_t reply_number; /* 0: the reply has not left, or nobody knows whether it arrived */
	uint8_t *outcome;      /* CALL_DONE: the reply's body; in ENTRY, which is through, or memory of its own */
	size_t outcome_length;
	struct list link;     /* in lane->unacknowledged or lane->undelivered */
	UT_hash_handle by_id; /* in lane->calls */
};

/* Runs one REQUEST frame, whole at FRAME, on the calling coroutine, to its reply. *PASSED becomes true when the
 * reader's role went to another coroutine meanwhile: the caller must then not touch the connection again. */
void call_run(struct connection *connection, const struct frame_request *header, const uint8_t *frame, bool *passed);

/* Settles and frees a call that awaited acknowledgement and is in no list any more: its delivery, if it has one, is
 * acknowledged or goes back. */
void call_settle(struct call *call, bool acknowledged);

/* Calls begun since the start. */
uint64_t call_count(void);

/* Gives pooled records back to the allocator. */
void call_pool_drain(void);

#endif
