/* SPDX-License-Identifier: MIT
 *
 * channel.h - a named channel: Go's, with deliveries that come back when they are not acknowledged.
 */
#ifndef BATON_OBJECTS_CHANNEL_H
#define BATON_OBJECTS_CHANNEL_H

#include "daemon/objects/message.h"
#include "daemon/objects/object.h"
#include "daemon/objects/select.h"

extern const struct object_type channel_type;

struct channel;

/* What a receiver gets. */
struct channel_delivery {
	struct message *message; /* a reference, the caller's */
	uint64_t token;          /* settles it; never 0 */
	uint32_t attempt;        /* how often it was delivered before */
	bool manual;             /* it is to be acknowledged by hand */
};

/* What a channel is made with, and keeps. */
struct channel_options {
	uint64_t capacity; /* room for so many messages; 0: unbuffered */
	const char *type;  /* of its messages: a label; NULL or "": none */
	bool bound;        /* deleted with the session that made it: channel_bind() */
	bool auto_close;   /* closed when its last send handle ends */
};

/* Makes a channel. The reference in *RET is the caller's. 0 or OBJECT_ENOMEM. */
int channel_new(const char *name, const struct channel_options *options, struct channel **ret);

/* Its options, `type` never NULL. Valid as long as the channel. */
const struct channel_options *channel_options(const struct channel *channel);

/* Lets it end with OWNER. 0; or OBJECT_EENDED, and the caller is to delete it. Once, by its maker. */
int channel_bind(struct channel *channel, struct owner *owner, int64_t now_ns);

/* A handle is an end of the channel, held by a session until it is ended or the session does. */
enum channel_direction { CHANNEL_SENDS = 1, CHANNEL_RECEIVES };

/* Opens a handle for ENTRY's call. *RET_TOKEN names it. 0, OBJECT_EDELETED, _EENDED, _ENOMEM. */
int channel_open_handle(
	struct channel *channel, struct entry *entry, enum channel_direction direction, uint64_t *ret_token);

/* Ends it; the last one that sends closes a channel with auto_close. 0 or OBJECT_ESTALE. */
int channel_end_handle(struct channel *channel, uint64_t token);

/* Whether the handle TOKEN is one of this channel, and not of a namesake, and goes in DIRECTION. 0, OBJECT_ESTALE,
 * OBJECT_ERECEIVEONLY (it receives), OBJECT_ESENDONLY. */
int channel_check_handle(struct channel *channel, uint64_t token, enum channel_direction direction);

struct object *channel_object(struct channel *channel);
struct channel *channel_of(struct object *object); /* OBJECT must be one */

/* Sends MESSAGE (the channel takes a reference of its own, the caller keeps his): blocks until a receiver or the buffer
 * has it, unless NO_WAIT. Unbuffered: 0 means that a receiver has it. Errors: OBJECT_ESENDCLOSED, _EDELETED,
 * _EWOULDBLOCK, _ECANCELED, _EDEADLINE, _EENDED, _ESHUTDOWN, _ENOMEM; after any of them the message was not sent. */
int channel_send(struct channel *channel, struct entry *entry, struct message *message, bool no_wait);

/* Receives the oldest message: blocks until there is one, unless NO_WAIT. The delivery belongs to the entry's owner
 * until channel_settle. MANUAL: it counts as manually acknowledged, and a closed channel says closed only when none
 * such is out. Errors: OBJECT_ECLOSED and those of channel_send but _ESENDCLOSED; after any of them no message was
 * taken. */
int channel_receive(
	struct channel *channel, struct entry *entry, bool no_wait, bool manual, struct channel_delivery *ret);

/* As channel_send() for COUNT messages, not more than CHANNEL_BATCH_MAX, in order: one wait, that keeps its place until
 * all are sent. *RET tells how many were; the error is of the first, so that 0 messages were sent. */
#define CHANNEL_BATCH_MAX 256u
int channel_send_batch(struct channel *channel, struct entry *entry, struct message *const *messages, size_t count,
	bool no_wait, size_t *ret);

/* As channel_receive(): waits for the first message, then takes what is there, up to MAX (not above CHANNEL_BATCH_MAX)
 * messages and, behind the first, BYTES bytes. *RET tells how many are in DELIVERIES; the error is of the first. */
int channel_receive_batch(struct channel *channel, struct entry *entry, bool no_wait, bool manual, size_t max,
	size_t bytes, struct channel_delivery *deliveries, size_t *ret);

/* Fills in CHOICE, a case of ENTRY's select: to send MESSAGE (references as for channel_send) or to receive. The
 * caller's reference to CHANNEL is to last as long as the case. 0 or OBJECT_ENOMEM. */
int channel_send_case(
	struct select_case *choice, struct channel *channel, struct entry *entry, struct message *message);
void channel_receive_case(struct select_case *choice, struct channel *channel, struct entry *entry, bool manual);

/* To be called once for each send case when the select has ended: drops what was not sent. */
void channel_send_case_end(struct select_case *choice);

/* What was received by a receive case that happened, with OBJECT_OK. */
struct channel_delivery channel_received(const struct select_case *choice);

/* Ends the delivery of TOKEN: acknowledged, the message is done with; returned, it goes back to the place that its
 * number gives it and counts one more attempt. NOW_NS: since when a receiver that it goes to next has it. 0 or
 * OBJECT_ESTALE. */
int channel_acknowledge(struct channel *channel, uint64_t token);
int channel_return(struct channel *channel, uint64_t token, int64_t now_ns);

/* As channel_return(), but it comes back only once DUE_NS (co_now()) has come. Until then it is out, and nobody's. */
int channel_return_later(struct channel *channel, uint64_t token, int64_t now_ns, int64_t due_ns);

/* Go's close: blocked senders get OBJECT_ESENDCLOSED, receivers drain and then get OBJECT_ECLOSED. 0,
 * OBJECT_ECLOSECLOSED, OBJECT_EDELETED. */
int channel_close(struct channel *channel);

/* Drops what is in it; waiters and later callers get OBJECT_EDELETED, deliveries out become stale. The caller has taken
 * the name out of the registry. */
void channel_delete(struct channel *channel);

/* Messages in the buffer. */
uint64_t channel_length(struct channel *channel);

#endif
