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

#include "base/list.h"
#include "daemon/method.h"
#include "daemon/objects/channel.h"
#include "daemon/objects/object.h"
#include "proto/frame.h"

struct session;
struct lane;
struct connection;

/* ---- for services
 * ----------------------------------------------------------------------------------------------------- */

/* The caller's session; NULL for a connection call. Valid while the handler runs. */
struct session *call_session(const struct call *call);

/* The place of this call at an object, ready to be used (owner, deadline, task are set). */
struct entry *call_entry(struct call *call);

/* Memory that lives until the reply is encoded; NULL: no memory. */
void *call_memory(struct call *call, size_t bytes);

/* Lets the reply carry MESSAGE's bytes as the response's field `value` (number FIELD) without copying them; takes the
 * reference. */
void call_reply_value(struct call *call, uint32_t field, struct message *message);

/* Says that the delivery of TOKEN on CHANNEL is acknowledged when this reply is, and goes back when the lane ends
 * first. Takes a reference of its own. */
void call_await_acknowledgement(struct call *call, struct channel *channel, uint64_t token);

/* Ends the call with STATUS (a baton.v1.Status) and REASON, and a text for people. Returns STATUS. */
int call_fail(struct call *call, int status, int reason, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Ends it with what an object said of NAME: the one table from enum object_error to status, reason and text. KIND is
 * "chan", "mutex". Returns the status. */
int call_fail_object(struct call *call, const char *kind, const char *name, int error);

#endif
