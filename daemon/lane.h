/* SPDX-License-Identifier: MIT
 *
 * lane.h - a thread of calls of a session: call ids, the numbers of replies, what waits, what is not acknowledged.
 *
 * A lane of a session with a ttl outlives its connection: it keeps the outcomes of calls with an effect until they are
 * acknowledged, and a client that comes back takes it up again (lane_resume.c). Every other lane ends with its
 * connection.
 *
 * Invariants: call ids rise, but for those of a client that came back; reply numbers rise in the order the replies
 * leave; a delivery that awaits acknowledgement is settled exactly once: by the acknowledgement of its reply, or by the
 * lane's end, which returns it. Locking: lane.lock, below session_lock, above the connection's output.
 */
#ifndef BATON_DAEMON_LANE_H
#define BATON_DAEMON_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "daemon/call.h"
#include "runtime/co.h"

struct output_frame;
struct context;

struct lane {
	struct co_spin lock;
	atomic_uint references;
	uint32_t number;
	bool resumes;                  /* outlives its connection; never changes */
	struct session *session;       /* a reference; never changes */
	struct list link;              /* in session->lanes, under session_lock */
	struct connection *connection; /* its route; a reference; under lock; NULL: it has none now, or has ended */
	int64_t silent_ns;             /* since when it has none, on CLOCK_BOOTTIME */
	bool ended;
	uint64_t last_call;  /* the reader's; where it resumes under lock */
	uint64_t last_reply; /* raised as replies are appended, under lock */
	struct call *calls;  /* by id: those that stand in queues; where it resumes all that have an effect */
	struct list
		unacknowledged;  /* of calls, by reply number: their deliveries or outcomes are not acknowledged yet */
	struct list undelivered; /* where it resumes: likewise, but no reply of them is known to have arrived */
	atomic_uint kept_count;  /* of both; written under lock */
	struct context **contexts; /* opened ones, by number - 1: references, or NULL; NULL: none was; under lock */
};

/* Opens a new lane of SESSION over CONNECTION. The reference in *RET is the caller's, for the connection. 0, -ENOMEM,
 * -EMFILE when the session has as many as it may, or -ESHUTDOWN when it has ended. */
int lane_open(struct session *session, struct connection *connection, struct lane **ret);

struct lane *lane_ref(struct lane *lane);
void lane_unref(struct lane *lane);

/* Whether a request is new on its lane. */
enum lane_verdict {
	LANE_NEW,    /* to be run */
	LANE_KNOWN,  /* it was run before, or runs, and is answered; or the lane has left this connection: nothing to do
		      */
	LANE_BAD_ID, /* its id does not rise, and it is none that may be sent again */
	LANE_NO_MEMORY,
};

/* Takes the id of CALL, which came in on its connection. */
enum lane_verdict lane_take(struct lane *lane, struct call *call);

/* The call parks: CANCEL is to find it. Ends its wait where it is too late for it. */
void lane_file_blocked(struct lane *lane, struct call *call);

/* Its entry is through: nothing stops it any more. Whether its outcome is to be kept. */
bool lane_leave_entry(struct lane *lane, struct call *call);

/* Appends FRAME, the reply of CALL, to the lane's route with the next number. True: the call awaits acknowledgement, is
 * the lane's from then on, and may be gone. */
bool lane_send(struct lane *lane, struct call *call, struct output_frame *frame);

/* The client has read all replies up to NUMBER. */
void lane_acknowledge(struct lane *lane, uint64_t number);

/* Lets NUMBER, from 1 to LIMIT_LANE_CONTEXTS, stand for CONTEXT. 0 or OBJECT_ENOMEM. */
int lane_set_context(struct lane *lane, uint32_t number, struct context *context);

/* What NUMBER stands for, with a reference for the caller; NULL: nothing. */
struct context *lane_context(struct lane *lane, uint32_t number);

/* CANCEL of call ID. */
void lane_cancel(struct lane *lane, uint64_t id);

/* Ends up to 256 of its calls with ERROR, and forgets their ids. True if there are more. */
bool lane_stop_some(struct lane *lane, int error);

/* Settles all that awaits acknowledgement as not acknowledged: messages go back. Once it has ended. */
void lane_give_up(struct lane *lane);

/* Marks it ended: replies that await acknowledgement are returned at once from now on. False if it was before. */
bool lane_mark_ended(struct lane *lane);

/* Ends it: blocked calls leave their queues, messages go back, a session that lived by it ends. From a coroutine. */
void lane_end(struct lane *lane);

/* ---- lane_resume.c ----------------------------------------------------------------------------------------------- */

/* CONNECTION, over which the lane went, is gone: a lane that resumes waits for the next, any other ends. From a
 * coroutine. */
void lane_lose(struct lane *lane, struct connection *connection);

/* The live lane NUMBER of SESSION, with a reference; NULL: there is none, or it does not resume. */
struct lane *lane_find(struct session *session, uint32_t number);

/* Takes the lane up again over CONNECTION, for a client that has read the replies up to LAST_REPLY. A former connection
 * is closed. What the client had no answer to it sends again, under the same ids. The reference that the connection has
 * is the caller's to give. False: the lane has ended. */
bool lane_resume(struct lane *lane, struct connection *connection, uint64_t last_reply);

/* Keeps BODY, the reply's, with CALL, whose entry is through, for a client that asks again: whoever has no memory for
 * it will be told that the outcome is unknown. */
void lane_keep_outcome(struct call *call, const ProtobufCMessage *body);

/* Frees what was kept, and the value. */
void lane_free_outcome(struct call *call);

/* As lane_take, for a lane that resumes. */
enum lane_verdict lane_take_again(struct lane *lane, struct call *call);

/* Whether it has a connection now. */
bool lane_has_connection(struct lane *lane);

/* Ends those lanes of SESSION that have had no connection for its ttl. From a coroutine. */
void lane_end_silent(struct session *session);

/* Whether there is such a lane. */
bool lane_is_any_silent(struct session *session);

#endif
