/* SPDX-License-Identifier: MIT
 *
 * channel_select.c - sending and receiving as cases of a select.
 *
 * A sending seat's slot is its parcel until the channel has it, as with channel_send(); a receiving seat's is what it
 * got.
 */
#include "daemon/objects/channel_state.h"

static int attempt_send(struct object *object, struct seat *seat)
{
	return channel_try_send(channel_of(object), seat);
}

static void join_senders(struct object *object, struct seat *seat)
{
	co_waitq_push(&channel_of(object)->senders, &seat->waiter, &seat->entry->wait);
}

static void leave_senders(struct object *object, struct seat *seat, bool again)
{
	(void)again; /* a channel serves whom it wakes */
	co_waitq_remove(&channel_of(object)->senders, &seat->waiter);
}

static int attempt_receive(struct object *object, struct seat *seat)
{
	return channel_try_receive(channel_of(object), seat);
}

static void join_receivers(struct object *object, struct seat *seat)
{
	co_waitq_push(&channel_of(object)->receivers, &seat->waiter, &seat->entry->wait);
}

static void leave_receivers(struct object *object, struct seat *seat, bool again)
{
	(void)again;
	co_waitq_remove(&channel_of(object)->receivers, &seat->waiter);
}

static void unlock(struct object *object)
{
	channel_leave(channel_of(object));
}

static const struct case_type send_type = {
	.attempt = attempt_send,
	.join = join_senders,
	.leave = leave_senders,
	.unlock = unlock,
};

static const struct case_type receive_type = {
	.attempt = attempt_receive,
	.join = join_receivers,
	.leave = leave_receivers,
	.unlock = unlock,
};

int channel_send_case(struct select_case *choice, struct channel *channel, struct entry *entry, struct message *message)
{
	struct parcel *parcel = parcel_new(message);

	*choice = (struct select_case){.object = channel_object(channel), .type = &send_type};
	seat_init(&choice->seat, entry);
	choice->seat.slot = parcel;
	return parcel != NULL ? OBJECT_OK : OBJECT_ENOMEM;
}

void channel_send_case_end(struct select_case *choice)
{
	if (choice->seat.slot != NULL)
		parcel_free(choice->seat.slot);
	choice->seat.slot = NULL;
}

void channel_receive_case(struct select_case *choice, struct channel *channel, struct entry *entry, bool manual)
{
	*choice = (struct select_case){.object = channel_object(channel), .type = &receive_type};
	seat_init(&choice->seat, entry);
	choice->seat.detail = manual ? DETAIL_MANUAL : 0;
}

struct channel_delivery channel_received(const struct select_case *choice)
{
	return channel_delivery_at(&choice->seat);
}
