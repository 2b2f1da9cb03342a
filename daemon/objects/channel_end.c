/* SPDX-License-Identifier: MIT
 *
 * channel_end.c - closing, deleting and looking into a channel.
 */
#include <string.h>

#include "base/memory.h"
#include "daemon/objects/channel_state.h"
#include "daemon/objects/transition.h"

#define PARCELS_PER_STEP 256u

void channel_mark_closed(struct channel *channel)
{
	if (channel->closed || channel->object.deleted)
		return;
	channel->closed = true;
	(void)transition_commit_one(TRANSITION_CHANNEL_CLOSED, &channel->object);
}

int channel_close(struct channel *channel)
{
	int r = OBJECT_OK;

	co_spin_lock(&channel->object.lock);
	if (channel->object.deleted) {
		r = OBJECT_EDELETED;
	} else if (channel->closed) {
		r = OBJECT_ECLOSECLOSED;
	} else {
		channel_mark_closed(channel);
	}
	channel_leave(channel);
	return r;
}

/* ---- deleting ---------------------------------------------------------------------------------------------------- */

/* The oldest delivery or, when none is out, the first message of the backlog; NULL: the channel is empty. */
static struct parcel *take_any(struct channel *channel)
{
	struct deliveries *deliveries = &channel->deliveries;
	struct parcel *parcel;

	if (list_is_empty(&deliveries->by_age))
		return backlog_take(&channel->backlog);
	parcel = container_of(deliveries->by_age.next, struct parcel, link);
	deliveries_remove(deliveries, parcel);
	owner_drop(&parcel->hold);
	(void)transition_commit_one(TRANSITION_CHANNEL_SETTLED, &channel->object);
	return parcel;
}

/* Drops a step of what is in the deleted channel or out of it. False when that was all. */
static bool drop_some(struct channel *channel)
{
	struct list dropped;
	struct parcel *parcel = NULL;

	list_init(&dropped);
	co_spin_lock(&channel->object.lock);
	for (unsigned i = 0; i < PARCELS_PER_STEP; i++) {
		parcel = take_any(channel);
		if (parcel == NULL)
			break;
		list_add_tail(&dropped, &parcel->link);
	}
	co_spin_unlock(&channel->object.lock);
	parcel_free_all(&dropped);
	return parcel != NULL;
}

/* Drops all handles. */
static void drop_handles(struct channel *channel)
{
	struct channel_handle *handle;

	do {
		co_spin_lock(&channel->object.lock);
		handle = channel_drop_handle(channel);
		co_spin_unlock(&channel->object.lock);
		channel_free_handle(handle);
	} while (handle != NULL);
}

/* Drops what is delayed. */
static void drop_delayed(struct channel *channel)
{
	struct parcel *parcel;

	do {
		co_spin_lock(&channel->object.lock);
		parcel = channel_take_delayed(channel);
		co_spin_unlock(&channel->object.lock);
		parcel_free(parcel);
		if (parcel != NULL)
			object_unref(&channel->object); /* not the last: the caller has one */
	} while (parcel != NULL);
}

void channel_delete(struct channel *channel)
{
	bool first;

	co_spin_lock(&channel->object.lock);
	first = !channel->object.deleted;
	channel->object.deleted = true;
	if (first)
		(void)transition_commit_one(TRANSITION_CHANNEL_DELETED, &channel->object);
	channel_drop_binding(channel);
	channel_leave(channel);
	drop_handles(channel);
	drop_delayed(channel);
	while (drop_some(channel))
		;
}

static void channel_free(struct object *object)
{
	struct channel *channel = channel_of(object);

	channel_drop_binding(channel);
	drop_handles(channel);
	while (drop_some(channel))
		;
	deliveries_done(&channel->deliveries);
	object_done(object);
	memory_free((char *)(uintptr_t)channel->options.type);
	memory_free(channel);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

uint64_t channel_length(struct channel *channel)
{
	uint64_t length;

	co_spin_lock(&channel->object.lock);
	length = channel->backlog.length;
	co_spin_unlock(&channel->object.lock);
	return length;
}

const struct channel_options *channel_options(const struct channel *channel)
{
	return &channel->options;
}

static const char *state_name(const struct channel *channel)
{
	if (channel->object.deleted)
		return "deleted";
	return channel->closed ? "closed" : "open";
}

static void channel_describe(struct object *object, struct object_description *ret)
{
	struct channel *channel = channel_of(object);

	*ret = (struct object_description){.capacity = channel->options.capacity};
	co_spin_lock(&object->lock);
	ret->holders = HASH_CNT(by_token, channel->handles);
	ret->waiters = (uint32_t)(channel->senders.length + channel->receivers.length);
	ret->length = channel->backlog.length;
	ret->deliveries = channel->deliveries.count + channel->delayed_count;
	ret->closed = channel->closed;
	(void)memccpy(ret->state, state_name(channel), '\0', sizeof(ret->state));
	co_spin_unlock(&object->lock);
}

static bool visit_deliveries(
	const struct deliveries *deliveries, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	list_for_each (at, &deliveries->by_age) {
		const struct parcel *parcel = container_of(at, struct parcel, link);
		const struct object_party party = {
			.role = "delivery",
			.owner = parcel->hold.owner,
			.task = parcel->hold.task,
			.token = parcel->hold.token,
			.since_ns = parcel->hold.since_ns,
			.attempt = parcel->attempt,
		};

		if (!visit(&party, arg))
			return false;
	}
	return true;
}

static void channel_visit_parties(
	struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	struct channel *channel = channel_of(object);

	co_spin_lock(&object->lock);
	if (channel_visit_handles(channel, visit, arg) &&
		entry_visit_waiters(&channel->senders, "sender", visit, arg) &&
		entry_visit_waiters(&channel->receivers, "receiver", visit, arg))
		(void)visit_deliveries(&channel->deliveries, visit, arg);
	co_spin_unlock(&object->lock);
}

static void channel_release(struct object *object, enum release_step step, uint64_t token, int64_t now_ns)
{
	struct channel *channel = channel_of(object);

	if (step == RELEASE_HANDLES) {
		(void)channel_end_handle(channel, token);
	} else if (step == RELEASE_MESSAGES) {
		(void)channel_return(channel, token, now_ns);
	} else {
		if (object_forget != NULL)
			object_forget(object);
		channel_delete(channel);
	}
}

const struct object_type channel_type = {
	.kind = OBJECT_CHANNEL,
	.name = "chan",
	.release = channel_release,
	.stop = channel_stop,
	.describe = channel_describe,
	.visit_parties = channel_visit_parties,
	.free = channel_free,
};
