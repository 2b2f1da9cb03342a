/* SPDX-License-Identifier: MIT
 *
 * channel_state.h - a channel from inside: for channel.c (messages) and channel_end.c (closing, deleting, looking).
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

/* Gives the lock back, once those are sent away who wait for what cannot come any more. */
void channel_leave(struct channel *channel);

#endif
