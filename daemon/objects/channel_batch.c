/* SPDX-License-Identifier: MIT
 *
 * channel_batch.c - several messages in one call.
 *
 * A batch that waits to send has its parcels in a chain that begins in its seat's slot. Receivers take them off one by
 * one under the lock; only with the last its wait is claimed, so that it keeps its place. What is left in the chain
 * when it has left the queue was not sent.
 */
#include "daemon/objects/channel_state.h"

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static size_t free_chain(struct parcel *parcel)
{
	size_t count = 0;

	while (parcel != NULL) {
		struct parcel *next = parcel->next_in_batch;

		parcel_free(parcel);
		parcel = next;
		count++;
	}
	return count;
}

/* The messages as a chain of parcels; NULL: no memory. */
static struct parcel *make_chain(struct message *const *messages, size_t count)
{
	struct parcel *first = NULL;

	while (count > 0) {
		struct parcel *parcel = parcel_new(messages[--count]);

		if (parcel == NULL) {
			(void)free_chain(first);
			return NULL;
		}
		parcel->next_in_batch = first;
		first = parcel;
	}
	return first;
}

/* Sends what can be sent without waiting. As channel_try_send(). */
static int send_some(struct channel *channel, struct seat *seat)
{
	int r = OBJECT_OK;

	while (seat->slot != NULL && r == OBJECT_OK) {
		struct parcel *next = ((struct parcel *)seat->slot)->next_in_batch;

		r = channel_try_send(channel, seat);
		if (r == OBJECT_OK)
			seat->slot = next;
	}
	return r;
}

int channel_send_batch(struct channel *channel, struct entry *entry, struct message *const *messages, size_t count,
	bool no_wait, size_t *ret)
{
	int r = entry_refusal(entry);

	*ret = 0;
	if (r != OBJECT_OK || count == 0)
		return r;
	entry->seat.slot = make_chain(messages, count);
	if (entry->seat.slot == NULL)
		return OBJECT_ENOMEM;
	co_spin_lock(&channel->object.lock);
	r = send_some(channel, &entry->seat);
	if (r == OBJECT_EWOULDBLOCK && !no_wait)
		r = channel_wait_in(channel, &channel->senders, entry, "chan send");
	channel_leave(channel);
	*ret = count - free_chain(entry->seat.slot);
	return *ret > 0 ? OBJECT_OK : r;
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

/* How long the next message is; 0 if there is none. */
static size_t next_length(const struct channel *channel)
{
	const struct parcel *parcel = backlog_first(&channel->backlog);
	struct co_waiter *sender = co_waitq_first(&channel->senders);

	if (parcel == NULL && sender != NULL)
		parcel = seat_of(sender)->slot;
	return parcel != NULL ? parcel->message->length : 0;
}

int channel_receive_batch(struct channel *channel, struct entry *entry, bool no_wait, bool manual, size_t max,
	size_t bytes, struct channel_delivery *deliveries, size_t *ret)
{
	size_t count = 0;
	size_t taken = 0;
	int r = entry_refusal(entry);

	*ret = 0;
	if (r != OBJECT_OK)
		return r;
	co_spin_lock(&channel->object.lock);
	while (r == OBJECT_OK && count < max && (count == 0 || taken + next_length(channel) <= bytes)) {
		entry->seat.detail = manual ? DETAIL_MANUAL : 0;
		r = channel_try_receive(channel, &entry->seat);
		if (r == OBJECT_EWOULDBLOCK && count == 0 && !no_wait)
			r = channel_wait_in(channel, &channel->receivers, entry, "chan receive");
		if (r == OBJECT_OK) {
			deliveries[count] = channel_delivery_at(&entry->seat);
			taken += deliveries[count++].message->length;
		}
	}
	channel_leave(channel);
	*ret = count;
	return count > 0 ? OBJECT_OK : r;
}
