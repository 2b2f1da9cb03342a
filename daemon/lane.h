/* SPDX-License-Identifier: MIT
 *
 * lane.h - a thread of calls of a session: call ids, the numbers of replies, what waits, what is not acknowledged.
 *
 * Invariants: call ids rise; reply numbers rise in the order the replies leave; a delivery that awaits acknowledgement
 * is settled exactly once: by the acknowledgement of its reply, or by the lane's end, which returns it. Locking:
 * lane.lock, below session_lock, above the connection's output.
 */
#ifndef BATON_DAEMON_LANE_H
#define BATON_DAEMON_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "daemon/call.h"
#include "runtime/co.h"

struct lane {
	struct co_spin lock;
	atomic_uint references;
	uint32_t number;
	struct session *session;       /* a reference; never changes */
	struct list link;              /* in session->lanes, under session_lock */
	struct connection *connection; /* its route; a reference; under lock; NULL once ended */
	bool ended;
	uint64_t last_call;         /* the reader's */
	uint64_t last_reply;        /* raised as replies are appended, under lock */
	struct call *blocked;       /* by id: calls that stand in queues */
	struct list unacknowledged; /* of calls, by reply number: their deliveries are not acknowledged yet */
	uint32_t unacknowledged_count;
};

/* Opens a new lane of SESSION over CONNECTION. The reference in *RET is the caller's, for the connection. 0, -ENOMEM,
 * or -ESHUTDOWN when the session has ended. */
int lane_open(struct session *session, struct connection *connection, struct lane **ret);

struct lane *lane_ref(struct lane *lane);
void lane_unref(struct lane *lane);

/* The client has read all replies up to NUMBER. */
void lane_acknowledge(struct lane *lane, uint64_t number);

/* CANCEL of call ID. */
void lane_cancel(struct lane *lane, uint64_t id);

/* Ends up to 256 of its blocked calls with ERROR. True if there are more. */
bool lane_stop_some(struct lane *lane, int error);

/* Puts its unacknowledged messages back, 256 per lock hold. Once it has ended. */
void lane_return_messages(struct lane *lane);

/* Marks it ended: replies that await acknowledgement are returned at once from now on. False if it was before. */
bool lane_mark_ended(struct lane *lane);

/* Its connection is gone or leaves it: blocked calls leave their queues, messages go back, a session that lived by it
 * ends. From a coroutine. */
void lane_end(struct lane *lane);

#endif
