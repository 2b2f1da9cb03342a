/* SPDX-License-Identifier: MIT
 *
 * core_rig.h - a client's core with a scripted daemon at its other end and a clock that the test turns.
 *
 * Every helper fails the current cmocka test where the core does what it must not.
 */
#ifndef BATON_TESTS_LIB_CORE_RIG_H
#define BATON_TESTS_LIB_CORE_RIG_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "baton/v1/status.pb-c.h"
#include "clientlib/core.h"
#include "proto/frame.h"

#define METHOD(name) BATON__V1__METHOD__METHOD_##name
#define REASON(name) BATON__V1__REASON__REASON_##name
#define STATUS(name) BATON__V1__STATUS__STATUS_##name

#define RIG_MS INT64_C(1000000)
#define RIG_SECOND (1000 * RIG_MS)
#define RIG_FRAMES 64
#define RIG_SESSION 7u
#define RIG_LANE 1u
#define RIG_INCARNATION UINT64_C(0xABCDEF)

/* A frame that the core sent. The body is in the rig's memory until the next rig_take(). */
struct rig_frame {
	struct frame_request header;
	const uint8_t *body;
	size_t length;
};

struct rig {
	struct core *core;
	struct core_time now;
	uint64_t number; /* of the last reply on the lane */
	struct buffer taken;
	struct rig_frame frames[RIG_FRAMES];
	size_t frame_count;
	struct buffer script; /* what the daemon says next */
	bool byte_by_byte;    /* feed it so */
	uint64_t max_frame;   /* what HELLO allows; 0: not much */
};

/* A core that is connected and has sent nothing. */
void rig_init(struct rig *rig, enum baton_session_kind kind, int64_t ttl_ns);

/* The same, with the session open and nothing left to send. */
void rig_init_open(struct rig *rig, enum baton_session_kind kind, int64_t ttl_ns);
void rig_done(struct rig *rig);

/* Lets time pass, without and with a tick. */
void rig_pass(struct rig *rig, int64_t ns);
void rig_tick(struct rig *rig, int64_t ns);

/* Takes all that the core wants to send, in one write, into rig->frames. Returns how many frames. */
size_t rig_take(struct rig *rig);

/* The one frame that the core wants to send: of this kind, REQUEST: with this method. */
const struct rig_frame *rig_take_one(struct rig *rig, unsigned kind, unsigned method);

/* The id of the call in a frame that was taken. */
static inline uint64_t taken_id(const struct rig *rig, size_t index)
{
	return rig->frames[index].header.call;
}

/* ---- the daemon: each appends to the script; rig_feed() sends it ------------------------------------------------- */

void rig_say(struct rig *rig, unsigned kind, unsigned status, uint64_t call, uint64_t number, const void *body,
	size_t length);
void rig_say_hello(struct rig *rig, uint64_t incarnation);
void rig_say_opened(struct rig *rig, uint64_t call, int64_t ttl_ns);

/* Answers the frame ATTACH: with the lane that it takes up again, or another one than RIG_LANE. */
void rig_say_attached(struct rig *rig, const struct rig_frame *attach, int64_t ttl_ns);

/* A reply on the lane, under the next number. */
void rig_reply(struct rig *rig, uint64_t call, const ProtobufCMessage *response);
void rig_reply_locked(struct rig *rig, uint64_t call, uint64_t token);
void rig_reply_message(struct rig *rig, uint64_t call, const char *value, uint64_t token);
void rig_reply_error(struct rig *rig, uint64_t call, unsigned status, int reason, const char *text);
void rig_say_goaway(struct rig *rig, int reason, const char *text);

void rig_feed(struct rig *rig);

/* ---- the caller -------------------------------------------------------------------------------------------------- */

/* Submits a call with this timeout (below 0: none). */
struct core_call *rig_submit(struct rig *rig, enum baton_operation operation, const char *name, int64_t timeout_ns);
struct core_call *rig_submit_call(struct rig *rig, const struct baton_call *call, int64_t timeout_ns);

/* The same, and takes its frame, which must be a request of METHOD; *RET_ID is its id. */
struct core_call *rig_send(struct rig *rig, enum baton_operation operation, const char *name, int64_t timeout_ns,
	unsigned method, uint64_t *ret_id);

/* The next finished call is CALL and ended with ERROR. */
void rig_finished(struct rig *rig, struct core_call *call, int error);
void rig_none_finished(struct rig *rig);

/* As rig_finished, and the result goes to the caller: free it. */
struct baton_result *rig_collect(struct rig *rig, struct core_call *call, int error);

/* As rig_collect, and the result is dropped. */
void rig_ends(struct rig *rig, struct core_call *call, int error);

/* The next event is EVENT; none is left. */
void rig_event(struct rig *rig, enum baton_event event);
void rig_no_event(struct rig *rig);

#endif
