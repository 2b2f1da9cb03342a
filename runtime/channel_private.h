/* SPDX-License-Identifier: MIT
 *
 * channel_private.h - what a channel is made of: for channel.c and select.c.
 */
#ifndef BATON_RUNTIME_CHANNEL_PRIVATE_H
#define BATON_RUNTIME_CHANNEL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/check.h"
#include "runtime/co.h"
#include "runtime/sched.h"

struct co_channel {
	struct co_spin lock;
	bool is_closed;
	atomic_uchar looks; /* written under the lock: bit 0: a receive looks possible; bit 1: a send does */
	uint64_t number;    /* in the order in which channels were made */
	size_t element_bytes;
	size_t capacity;
	size_t length;
	size_t oldest;             /* index of the oldest element in the ring */
	struct co_waitq receivers; /* each waiter is a struct co_party's */
	struct co_waitq senders;
	struct co_ticker *ticker; /* of a channel of co_after: goes with it; else NULL */
	char ring[];
};

/* Whether a send, or a receive, looks possible: a peer in the queue may have been claimed by another. */
static inline bool co_channel_can_send(const struct co_channel *channel)
{
	return channel->receivers.oldest != NULL || channel->length < channel->capacity || channel->is_closed;
}

static inline bool co_channel_can_receive(const struct co_channel *channel)
{
	return channel->length > 0 || channel->senders.oldest != NULL || channel->is_closed;
}

/* The lock of a channel. With one P there is one thread that comes by, and it never leaves in between. */
static inline void co_channel_lock(struct co_channel *channel)
{
	if (!co_runtime.is_alone)
		co_spin_lock(&channel->lock);
	else
		co_check_machine();
}

/* Before the lock is released: for co_channel_looks_ready(). */
static inline void co_channel_note_looks(struct co_channel *channel)
{
	const unsigned char looks =
		(unsigned char)(co_channel_can_receive(channel) | co_channel_can_send(channel) << 1);

	atomic_store_explicit(&channel->looks, looks, memory_order_relaxed);
}

static inline void co_channel_unlock(struct co_channel *channel)
{
	if (co_runtime.is_alone)
		return;
	co_channel_note_looks(channel);
	co_spin_unlock(&channel->lock);
}

/* Without the lock: whether a send, or a receive, was possible a moment ago. With one P: whether it is. */
static inline bool co_channel_looks_ready(struct co_channel *channel, bool is_send)
{
	if (co_runtime.is_alone)
		return is_send ? co_channel_can_send(channel) : co_channel_can_receive(channel);
	return (atomic_load_explicit(&channel->looks, memory_order_relaxed) >> is_send & 1) != 0;
}

/* For co_wait_park: what it is to release. */
static inline struct co_spin *co_channel_held(struct co_channel *channel)
{
	if (co_runtime.is_alone)
		return NULL;
	co_channel_note_looks(channel);
	return &channel->lock;
}

/* Send, or receive, if it can be done at once; the lock is held. *RET_READY is who is to be readied after the lock, or
 * NULL. Returns as co_try_send and co_try_receive do; CO_EWOULDBLOCK also where all peers that waited have been claimed
 * by others, and then they have been taken out. */
int co_channel_send_at_once(struct co_channel *channel, const void *element, struct co_wait **ret_ready);
int co_channel_receive_at_once(struct co_channel *channel, void *element, struct co_wait **ret_ready);

#endif
