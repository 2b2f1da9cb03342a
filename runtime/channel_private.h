/* SPDX-License-Identifier: MIT
 *
 * channel_private.h - what a channel is made of: for channel.c and select.c.
 */
#ifndef BATON_RUNTIME_CHANNEL_PRIVATE_H
#define BATON_RUNTIME_CHANNEL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/co.h"

struct co_channel {
	struct co_spin lock;
	bool is_closed;
	uint64_t number; /* in the order in which channels were made */
	size_t element_bytes;
	size_t capacity;
	size_t length;
	size_t oldest;             /* index of the oldest element in the ring */
	struct co_waitq receivers; /* each waiter is a struct co_party's */
	struct co_waitq senders;
	struct co_ticker *ticker; /* of a channel of co_after: goes with it; else NULL */
	char ring[];
};

/* Send, or receive, if it can be done at once; the lock is held. *RET_READY is who is to be readied after the lock, or
 * NULL. Returns as co_try_send and co_try_receive do; CO_EWOULDBLOCK also where all peers that waited have been claimed
 * by others, and then they have been taken out. */
int co_channel_send_at_once(struct co_channel *channel, const void *element, struct co_wait **ret_ready);
int co_channel_receive_at_once(struct co_channel *channel, void *element, struct co_wait **ret_ready);

#endif
