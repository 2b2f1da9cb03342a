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

/* An end of the channel that a session has. */
struct channel_handle {
	struct hold hold;
	enum channel_direction direction;
	UT_hash_handle by_token;
};

struct channel {
	struct object object;
	struct channel_options options; /* never change; `type` is the channel's */
	struct hold binding;            /* options.bound: to its maker's session */
	struct channel_handle *handles; /* uthash: by token */
	size_t send_handles;
	uint64_t last_number;
	bool closed;
	struct backlog backlog;
	struct deliveries deliveries;
	struct list delayed; /* of parcels: channel_delay.c */
	size_t delayed_count;
	struct co_waitq senders; /* their entries' slots are their parcels */
	struct co_waitq receivers;
};

/* In the `detail` of a seat that receives: it will acknowledge by hand. The other bits become the delivery's attempt.
 */
#define DETAIL_MANUAL (1u << 31)

/* Hands a parcel that came back to the next receiver, or puts it into its place. Under the lock. */
void channel_place(struct channel *channel, struct parcel *parcel, int64_t now_ns);

/* Lets a delivery that was taken back come back once DUE_NS (co_now()) has come; at once where no timer can be armed.
 * Under the lock; the caller has a reference. */
void channel_delay(struct channel *channel, struct parcel *parcel, int64_t due_ns);

/* Takes a delayed parcel out whose time has not come, and with it a reference to the channel, the caller's; NULL: there
 * is none. Under the lock. */
struct parcel *channel_take_delayed(struct channel *channel);

/* object_type.stop: all that is delayed comes back now. */
void channel_stop(struct object *object);

/* Closes it, under the lock. */
void channel_mark_closed(struct channel *channel);

/* Under the lock. Takes out a handle, which the caller frees; NULL: there is none. Ends the binding. */
struct channel_handle *channel_drop_handle(struct channel *channel);
void channel_free_handle(struct channel_handle *handle);
void channel_drop_binding(struct channel *channel);

/* Calls VISIT for the handles. Under the lock. False: VISIT said so. */
bool channel_visit_handles(
	const struct channel *channel, bool (*visit)(const struct object_party *party, void *arg), void *arg);

/* Sends the parcel that is in SEAT's slot, and takes it out of there; receives for SEAT. Under the lock.
 * OBJECT_EWOULDBLOCK: it would have to wait; nothing happened. */
int channel_try_send(struct channel *channel, struct seat *seat);
int channel_try_receive(struct channel *channel, struct seat *seat);

/* Parks in QUEUE. Called and returns with the lock held. */
int channel_wait_in(struct channel *channel, struct co_waitq *queue, struct entry *entry, const char *reason);

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
