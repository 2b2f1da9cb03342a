/* SPDX-License-Identifier: MIT
 *
 * channel_delay.c - messages that come back later: given back with a delay, they are out of reach until it is over.
 *
 * A delayed parcel stands in the channel's list `delayed`, with its timer armed or firing and a reference to the
 * channel. Who takes it out of the list, under the lock, has it: the timer that fires, or who deletes the channel; the
 * reference is given back by the timer's function if that has begun, else by who stopped it.
 */
#include "daemon/objects/channel_state.h"
#include "daemon/objects/transition.h"

/* Takes PARCEL from among the delayed. Under the lock. */
static void take_out(struct channel *channel, struct parcel *parcel)
{
	list_remove(&parcel->link);
	channel->delayed_count--;
}

/* On a thread's own stack. */
static void come_back(struct co_timer *timer)
{
	struct parcel *parcel = container_of(timer, struct parcel, timer);
	struct object *object = parcel->hold.object;
	struct channel *channel = channel_of(object);
	struct list dropped;

	list_init(&dropped);
	co_spin_lock(&object->lock);
	take_out(channel, parcel);
	if (object->deleted)
		list_add_tail(&dropped, &parcel->link);
	else
		channel_place(channel, parcel, co_now());
	channel_leave(channel);
	parcel_free_all(&dropped);
	object_unref(object);
}

void channel_delay(struct channel *channel, struct parcel *parcel, int64_t due_ns)
{
	parcel->attempt++;
	(void)transition_commit_one(TRANSITION_CHANNEL_RETURNED, &channel->object);
	parcel->timer = (struct co_timer){.fired = come_back};
	list_add_tail(&channel->delayed, &parcel->link);
	channel->delayed_count++;
	object_ref(&channel->object);
	if (co_timer_start(&parcel->timer, due_ns) == 0)
		return;
	take_out(channel, parcel);
	channel_place(channel, parcel, due_ns);
	object_unref(&channel->object); /* not the last: the caller has one */
}

struct parcel *channel_take_delayed(struct channel *channel)
{
	list_for_each (at, &channel->delayed) {
		struct parcel *parcel = container_of(at, struct parcel, link);

		if (!co_timer_stop(&parcel->timer))
			continue; /* it fires: its function has it */
		take_out(channel, parcel);
		return parcel;
	}
	return NULL;
}

void channel_stop(struct object *object)
{
	struct channel *channel = channel_of(object);
	struct parcel *parcel;

	do {
		co_spin_lock(&object->lock);
		parcel = channel_take_delayed(channel);
		if (parcel != NULL)
			channel_place(channel, parcel, 0);
		channel_leave(channel);
		if (parcel != NULL)
			object_unref(object); /* not the last: the caller has one */
	} while (parcel != NULL);
}
