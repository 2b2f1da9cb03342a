/* SPDX-License-Identifier: MIT
 *
 * channel.c - sending, receiving and settling.
 *
 * Invariants, whenever the lock is free:
 *  1. While a receiver waits that nobody has claimed, the backlog is empty and no unclaimed sender waits.
 *  2. While an unclaimed sender waits, the backlog is at or above the capacity, and the channel is open.
 *  3. Messages are numbered in the order in which their sends took effect, and are handed out lowest number first; one
 *     that comes back may raise the backlog above the capacity.
 *  4. A closed channel has no unclaimed sender; once it is drained (closed, empty, nothing out that is acknowledged by
 *     hand) no unclaimed receiver either. A deleted one has neither. channel_leave() brings this about, a step of
 *     waiters at a time: what marks comes first, so that none of those is served in between.
 *
 * Locking: everything but `options` is under object.lock. A grant claims the receiver, then takes the owner's lock.
 */
#include <string.h>

#include "base/memory.h"
#include "daemon/objects/channel_state.h"
#include "daemon/objects/token.h"
#include "daemon/objects/transition.h"

/* ---- making ------------------------------------------------------------------------------------------------------ */

int channel_new(const char *name, const struct channel_options *options, struct channel **ret)
{
	const char *type = options->type != NULL ? options->type : "";
	struct channel *channel = memory_alloc(sizeof(*channel));
	char *copy = memory_copy(type, strlen(type));
	int r = OBJECT_ENOMEM;

	if (channel == NULL || copy == NULL)
		goto fail;
	*channel = (struct channel){.options = *options, .binding.step = RELEASE_CHANNELS};
	channel->options.type = copy;
	r = deliveries_init(&channel->deliveries);
	if (r == 0)
		r = object_init(&channel->object, &channel_type, name);
	if (r != 0) {
		deliveries_done(&channel->deliveries);
		goto fail;
	}
	backlog_init(&channel->backlog);
	list_init(&channel->binding.link);
	list_init(&channel->delayed);
	channel->binding.object = &channel->object;
	*ret = channel;
	return OBJECT_OK;

fail:
	memory_free(copy);
	memory_free(channel);
	return r;
}

struct object *channel_object(struct channel *channel)
{
	return &channel->object;
}

struct channel *channel_of(struct object *object)
{
	return container_of(object, struct channel, object);
}

/* ---- leaving the lock -------------------------------------------------------------------------------------------- */

static bool is_drained(const struct channel *channel)
{
	return channel->closed && channel->backlog.length == 0 && channel->deliveries.manual_count == 0 &&
	       channel->delayed_count == 0;
}

/* Sends a step of those away who wait for what cannot come any more. True if there are more. */
static bool send_away_some(struct channel *channel)
{
	bool more = false;

	if (channel->object.deleted) {
		more |= entry_fail_some(&channel->senders, OBJECT_EDELETED);
		more |= entry_fail_some(&channel->receivers, OBJECT_EDELETED);
	} else if (channel->closed) {
		more |= entry_fail_some(&channel->senders, OBJECT_ESENDCLOSED);
		if (is_drained(channel))
			more |= entry_fail_some(&channel->receivers, OBJECT_ECLOSED);
	}
	return more;
}

static void grow_deliveries(struct channel *channel, size_t count)
{
	const struct bucket_array spare = deliveries_spare(count);
	struct parcel **unused;

	co_spin_lock(&channel->object.lock);
	unused = deliveries_grow(&channel->deliveries, spare);
	co_spin_unlock(&channel->object.lock);
	memory_free(unused);
}

void channel_leave(struct channel *channel)
{
	const bool wants_room = deliveries_want_room(&channel->deliveries);
	const size_t count = 2 * channel->deliveries.table.count;

	while (send_away_some(channel)) {
		co_spin_unlock(&channel->object.lock);
		co_spin_lock(&channel->object.lock);
	}
	co_spin_unlock(&channel->object.lock);
	if (wants_room)
		grow_deliveries(channel, count);
}

/* ---- deliveries -------------------------------------------------------------------------------------------------- */

static bool reserve(struct channel *channel, struct entry *entry, struct parcel *parcel, int64_t now_ns)
{
	parcel->hold.object = &channel->object;
	parcel->hold.step = RELEASE_MESSAGES;
	parcel->hold.token = token_take_delivery();
	parcel->hold.since_ns = now_ns;
	parcel->hold.task = entry->task;
	return owner_take(entry->owner, &parcel->hold);
}

/* Hands PARCEL, reserved for SEAT's call, over. */
static void deliver(struct channel *channel, struct seat *seat, struct parcel *parcel)
{
	parcel->manual = (seat->detail & DETAIL_MANUAL) != 0;
	deliveries_add(&channel->deliveries, parcel);
	seat->slot = message_ref(parcel->message);
	seat->token = parcel->hold.token;
	seat->detail = (seat->detail & DETAIL_MANUAL) | (parcel->attempt & ~DETAIL_MANUAL);
	seat->entry->sequence = transition_commit_one(TRANSITION_CHANNEL_DELIVERED, &channel->object);
}

/* PARCEL is sent: from here on it belongs to the channel, and has its number. */
static uint64_t commit_send(struct channel *channel, struct parcel *parcel)
{
	parcel->number = ++channel->last_number;
	return transition_commit_one(TRANSITION_CHANNEL_SENT, &channel->object);
}

/* Hands PARCEL to the first receiver that can have it; SENDER, not NULL, sends it thereby. False: there is none. */
static bool hand_to_receiver(struct channel *channel, struct parcel *parcel, struct entry *sender, int64_t now_ns)
{
	struct co_waiter *waiter;
	bool handed = false;

	while (!handed && (waiter = co_waitq_pop(&channel->receivers)) != NULL) {
		struct seat *receiver = seat_of(waiter);

		if (!co_wait_claim(waiter->wait, waiter, OBJECT_OK))
			continue;
		handed = reserve(channel, receiver->entry, parcel, now_ns);
		if (handed && sender != NULL)
			sender->sequence = commit_send(channel, parcel);
		if (handed)
			deliver(channel, receiver, parcel);
		else
			entry_fail(receiver->entry, OBJECT_EENDED);
		co_wait_ready(waiter->wait);
	}
	return handed;
}

/* Takes the delivery of TOKEN back from whoever has it; NULL if nobody has. */
static struct parcel *take_back(struct channel *channel, uint64_t token)
{
	struct parcel *parcel = deliveries_find(&channel->deliveries, token);

	if (parcel != NULL) {
		deliveries_remove(&channel->deliveries, parcel);
		owner_drop(&parcel->hold);
	}
	return parcel;
}

static void settle(struct channel *channel, struct parcel *parcel, struct list *dropped)
{
	list_add_tail(dropped, &parcel->link);
	(void)transition_commit_one(TRANSITION_CHANNEL_SETTLED, &channel->object);
}

int channel_acknowledge(struct channel *channel, uint64_t token)
{
	struct list dropped;
	struct parcel *parcel;
	int r = OBJECT_ESTALE;

	list_init(&dropped);
	co_spin_lock(&channel->object.lock);
	parcel = take_back(channel, token);
	if (parcel != NULL) {
		settle(channel, parcel, &dropped);
		r = channel->object.deleted ? OBJECT_ESTALE : OBJECT_OK;
	}
	channel_leave(channel);
	parcel_free_all(&dropped);
	return r;
}

void channel_place(struct channel *channel, struct parcel *parcel, int64_t now_ns)
{
	if (!hand_to_receiver(channel, parcel, NULL, now_ns))
		backlog_put_back(&channel->backlog, parcel);
}

/* The delivery came back. */
static void pass_on(struct channel *channel, struct parcel *parcel, int64_t now_ns)
{
	parcel->attempt++;
	(void)transition_commit_one(TRANSITION_CHANNEL_RETURNED, &channel->object);
	channel_place(channel, parcel, now_ns);
}

int channel_return(struct channel *channel, uint64_t token, int64_t now_ns)
{
	return channel_return_later(channel, token, now_ns, now_ns);
}

int channel_return_later(struct channel *channel, uint64_t token, int64_t now_ns, int64_t due_ns)
{
	struct list dropped;
	struct parcel *parcel;
	int r = OBJECT_ESTALE;

	list_init(&dropped);
	co_spin_lock(&channel->object.lock);
	parcel = take_back(channel, token);
	if (parcel != NULL && channel->object.deleted) {
		settle(channel, parcel, &dropped);
	} else if (parcel != NULL) {
		if (due_ns > now_ns)
			channel_delay(channel, parcel, due_ns);
		else
			pass_on(channel, parcel, now_ns);
		r = OBJECT_OK;
	}
	channel_leave(channel);
	parcel_free_all(&dropped);
	return r;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

int channel_try_send(struct channel *channel, struct seat *seat)
{
	struct parcel *parcel = seat->slot;

	if (channel->object.deleted)
		return OBJECT_EDELETED;
	if (channel->closed)
		return OBJECT_ESENDCLOSED;
	if (!hand_to_receiver(channel, parcel, seat->entry, seat->entry->since_ns)) {
		if (channel->backlog.length >= channel->options.capacity)
			return OBJECT_EWOULDBLOCK;
		seat->entry->sequence = commit_send(channel, parcel);
		backlog_add(&channel->backlog, parcel);
	}
	seat->slot = NULL;
	return OBJECT_OK;
}

int channel_wait_in(struct channel *channel, struct co_waitq *queue, struct entry *entry, const char *reason)
{
	int r;

	entry_begin(entry, reason);
	co_waitq_push(queue, &entry->seat.waiter, &entry->wait);
	r = entry_park(entry, &channel->object.lock);
	co_spin_lock(&channel->object.lock);
	co_waitq_remove(queue, &entry->seat.waiter);
	return r;
}

int channel_send(struct channel *channel, struct entry *entry, struct message *message, bool no_wait)
{
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	entry->seat.slot = parcel_new(message);
	if (entry->seat.slot == NULL)
		return OBJECT_ENOMEM;
	co_spin_lock(&channel->object.lock);
	r = channel_try_send(channel, &entry->seat);
	if (r == OBJECT_EWOULDBLOCK && !no_wait)
		r = channel_wait_in(channel, &channel->senders, entry, "chan send");
	channel_leave(channel);
	if (r != OBJECT_OK)
		parcel_free(entry->seat.slot);
	return r;
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

/* Whether SENDER, first of the queue, sends its parcel now. The last one ends its wait; before that it stays where it
 * is, unless it has been ended otherwise. If not it is taken out. */
static bool take_turn(struct channel *channel, struct seat *sender)
{
	const struct parcel *parcel = sender->slot;
	const bool is_last = parcel->next_in_batch == NULL;

	if (!is_last && !co_wait_is_claimed(sender->waiter.wait))
		return true;
	co_waitq_remove(&channel->senders, &sender->waiter);
	return is_last && co_wait_claim(sender->waiter.wait, &sender->waiter, OBJECT_OK);
}

/* SENDER, whose turn it is, sends its parcel. */
static void complete_send(struct channel *channel, struct seat *sender)
{
	struct parcel *parcel = sender->slot;
	struct parcel *next = parcel->next_in_batch;

	sender->entry->sequence = commit_send(channel, parcel);
	sender->slot = next;
	if (next == NULL)
		co_wait_ready(&sender->entry->wait);
}

/* Lets waiting senders fill the room that there is. */
static void admit_senders(struct channel *channel)
{
	while (channel->backlog.length < channel->options.capacity) {
		struct co_waiter *waiter = co_waitq_first(&channel->senders);
		struct parcel *parcel;

		if (waiter == NULL)
			return;
		parcel = seat_of(waiter)->slot;
		if (!take_turn(channel, seat_of(waiter)))
			continue;
		complete_send(channel, seat_of(waiter));
		backlog_add(&channel->backlog, parcel);
	}
}

static int receive_from_backlog(struct channel *channel, struct seat *seat)
{
	struct parcel *parcel = backlog_take(&channel->backlog);

	if (!reserve(channel, seat->entry, parcel, seat->entry->since_ns)) {
		backlog_put_back(&channel->backlog, parcel);
		return OBJECT_EENDED;
	}
	deliver(channel, seat, parcel);
	if (!channel->closed)
		admit_senders(channel);
	return OBJECT_OK;
}

/* The delivery is reserved before the sender is claimed: neither can be undone, but a reservation can be dropped. */
static int receive_from_sender(struct channel *channel, struct seat *seat)
{
	struct co_waiter *waiter;

	while ((waiter = co_waitq_first(&channel->senders)) != NULL) {
		struct parcel *parcel = seat_of(waiter)->slot;

		if (!reserve(channel, seat->entry, parcel, seat->entry->since_ns))
			return OBJECT_EENDED;
		if (take_turn(channel, seat_of(waiter))) {
			complete_send(channel, seat_of(waiter));
			deliver(channel, seat, parcel);
			return OBJECT_OK;
		}
		owner_drop(&parcel->hold);
	}
	return OBJECT_EWOULDBLOCK;
}

int channel_try_receive(struct channel *channel, struct seat *seat)
{
	if (channel->object.deleted)
		return OBJECT_EDELETED;
	if (channel->backlog.length > 0)
		return receive_from_backlog(channel, seat);
	if (is_drained(channel))
		return OBJECT_ECLOSED;
	return channel->closed ? OBJECT_EWOULDBLOCK : receive_from_sender(channel, seat);
}

int channel_receive(
	struct channel *channel, struct entry *entry, bool no_wait, bool manual, struct channel_delivery *ret)
{
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	entry->seat.detail = manual ? DETAIL_MANUAL : 0;
	co_spin_lock(&channel->object.lock);
	r = channel_try_receive(channel, &entry->seat);
	if (r == OBJECT_EWOULDBLOCK && !no_wait)
		r = channel_wait_in(channel, &channel->receivers, entry, "chan receive");
	channel_leave(channel);
	if (r == OBJECT_OK)
		*ret = channel_delivery_at(&entry->seat);
	return r;
}
