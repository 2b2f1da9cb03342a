/* SPDX-License-Identifier: MIT
 *
 * channel_state.h - a channel from inside: for channel.c (messages), channel_select.c (cases) and channel_end.c
 * (closing, deleting, looking).
 */
#ifndef BATON_OBJECTS_CHANNEL_STATE_H
#define BATON_OBJECTS_CHANNEL_STATE_H

#include "daemon/objects/backlog.h"
#include "daemon/objects/channel.h"
#include "daemon/objects/deliveries.h"

struct channel {
	struct object object;
	uint64_t capacity; /* never changes */
	uint64_t last_number;
	bool closed;
	struct backlog backlog;
	struct deliveries deliveries;
	struct co_waitq senders; /* their entries' slots are their parcels */
	struct co_waitq receivers;
};

/* In the `detail` of a seat that receives: it will acknowledge by hand. The other bits become the delivery's attempt.
 */
#define DETAIL_MANUAL (1u << 31)

/* Sends the parcel that is in SEAT's slot, and takes it out of there; receives for SEAT. Under the lock.
 * OBJECT_EWOULDBLOCK: it would have to wait; nothing happened. */
int channel_try_send(struct channel *channel, struct seat *seat);
int channel_try_receive(struct channel *channel, struct seat *seat);

/* What SEAT received. */
static inline struct channel_delivery channel_delivery_at(const struct seat *seat)
{
	return (struct channel_delivery){
		.message = seat->slot,
		.token = seat->token,
		.attempt = seat->detail & ~DETAIL_MANUAL,
		.manual = (seat->detail & DETAIL_MANUAL) != 0,
	};
}

/* Gives the lock back, once those are sent away who wait for what cannot come any more. */
void channel_leave(struct channel *channel);

#endif
