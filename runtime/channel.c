/* SPDX-License-Identifier: MIT
 *
 * channel.c - channels of this process, as Go's.
 *
 * An element goes straight from a sender to a parked receiver; the buffer is used only when nobody waits. A receive
 * from a full buffer takes the oldest element and lets the oldest parked sender's into the place.
 *
 * Invariants: receivers wait only while the buffer is empty, senders only while it is full (or there is none); so both
 * wait at once only where they are cases of one select. A closed channel has no waiters once the close has returned.
 * Lock: channel->lock guards everything but element_bytes and capacity. Waits are readied after it.
 */
#include <string.h>

#include "base/memory.h"
#include "runtime/channel_private.h"
#include "runtime/wait.h"

enum { CLOSE_STEP = 256 };

static atomic_ullong last_number;

struct co_channel *co_channel_new(size_t element_bytes, size_t capacity)
{
	struct co_channel *channel;
	size_t bytes;

	if (__builtin_mul_overflow(element_bytes, capacity, &bytes) ||
		__builtin_add_overflow(bytes, sizeof(*channel), &bytes))
		return NULL;
	channel = memory_zalloc(bytes);
	if (channel == NULL)
		return NULL;
	channel->number = atomic_fetch_add_explicit(&last_number, 1, memory_order_relaxed) + 1;
	channel->element_bytes = element_bytes;
	channel->capacity = capacity;
	co_channel_note_looks(channel);
	return channel;
}

void co_channel_free(struct co_channel *channel)
{
	if (channel != NULL && channel->ticker != NULL)
		co_ticker_free(channel->ticker);
	else
		memory_free(channel);
}

/* ---- elements -------------------------------------------------------------------------------- */

static inline void copy(const struct co_channel *channel, void *to, const void *from)
{
	if (to == NULL)
		return;
	if (channel->element_bytes == sizeof(uint64_t))
		memcpy(to, from, sizeof(uint64_t));
	else if (channel->element_bytes > 0)
		memcpy(to, from, channel->element_bytes);
}

static char *slot(struct co_channel *channel, size_t nth)
{
	size_t index = channel->oldest + nth;

	if (index >= channel->capacity)
		index -= channel->capacity;
	return channel->ring + index * channel->element_bytes;
}

static void put_newest(struct co_channel *channel, const void *element)
{
	copy(channel, slot(channel, channel->length), element);
	channel->length++;
}

static void take_oldest(struct co_channel *channel, void *element)
{
	copy(channel, element, slot(channel, 0));
	if (++channel->oldest == channel->capacity)
		channel->oldest = 0;
	channel->length--;
}

/* Takes the oldest party out of QUEUE whose wait nobody else has ended, claimed with RESULT; NULL if there is none. */
static inline struct co_party *claim_party(struct co_waitq *queue, int result)
{
	struct co_waiter *waiter;

	while (queue->oldest != NULL && (waiter = co_waitq_pop(queue)) != NULL)
		if (co_wait_claim_inline(waiter->wait, waiter, result))
			return container_of(waiter, struct co_party, waiter);
	return NULL;
}

/* ---- sending and receiving ------------------------------------------------------------------- */

/* As co_channel_send_at_once(), and co_channel_receive_at_once(). */
static inline int send_at_once(struct co_channel *channel, const void *element, struct co_wait **ret_ready)
{
	struct co_party *receiver;

	*ret_ready = NULL;
	if (channel->is_closed)
		return CO_ESENDCLOSED;
	receiver = claim_party(&channel->receivers, 0);
	if (receiver != NULL) {
		copy(channel, receiver->element, element);
		*ret_ready = receiver->waiter.wait;
		return 0;
	}
	if (channel->length == channel->capacity)
		return CO_EWOULDBLOCK;
	put_newest(channel, element);
	return 0;
}

static inline int receive_at_once(struct co_channel *channel, void *element, struct co_wait **ret_ready)
{
	struct co_party *sender = NULL;

	*ret_ready = NULL;
	if (channel->length > 0) {
		take_oldest(channel, element);
		sender = claim_party(&channel->senders, 0);
		if (sender != NULL)
			put_newest(channel, sender->element);
	} else if (channel->is_closed) {
		if (element != NULL && channel->element_bytes > 0)
			memset(element, 0, channel->element_bytes);
		return CO_ECLOSED;
	} else {
		sender = claim_party(&channel->senders, 0);
		if (sender == NULL)
			return CO_EWOULDBLOCK;
		copy(channel, element, sender->element);
	}
	if (sender != NULL)
		*ret_ready = sender->waiter.wait;
	return 0;
}

int co_channel_send_at_once(struct co_channel *channel, const void *element, struct co_wait **ret_ready)
{
	return send_at_once(channel, element, ret_ready);
}

int co_channel_receive_at_once(struct co_channel *channel, void *element, struct co_wait **ret_ready)
{
	return receive_at_once(channel, element, ret_ready);
}

/* Parks in QUEUE until a peer or a close ends the wait; releases the lock, which is held. */
static __attribute__((noinline)) int wait_for_peer(struct co_context *context, struct co_channel *channel,
	struct co_waitq *queue, void *element, const char *reason)
{
	struct co_party party;
	struct co_wait wait;
	int r;

	party.element = element;
	co_wait_init_under(&wait, reason, context);
	co_waitq_push(queue, &party.waiter, &wait);
	r = co_wait_park_under(&wait, context, co_channel_held(channel));
	if (wait.winner == NULL) { /* no peer took it out */
		co_channel_lock(channel);
		co_waitq_remove(queue, &party.waiter);
		co_channel_unlock(channel);
	}
	return r;
}

static int block_for_ever(struct co_context *context, const char *reason)
{
	struct co_wait wait;

	co_wait_init(&wait, reason);
	return co_wait_park(&wait, context, CO_NEVER, NULL);
}

int co_send(struct co_context *context, struct co_channel *channel, const void *element)
{
	struct co_wait *ready;
	int r = context != NULL ? co_context_error(context) : 0;

	if (r != 0)
		return r;
	if (channel == NULL)
		return block_for_ever(context, "chan send (nil chan)");
	co_channel_lock(channel);
	r = co_channel_can_send(channel) ? send_at_once(channel, element, &ready) : CO_EWOULDBLOCK;
	if (r == CO_EWOULDBLOCK) /* a receiver only reads through this pointer */
		return wait_for_peer(context, channel, &channel->senders, (void *)(uintptr_t)element, "chan send");
	co_channel_unlock(channel);
	if (ready != NULL)
		co_wait_ready_inline(ready);
	return r;
}

int co_try_send(struct co_channel *channel, const void *element)
{
	struct co_wait *ready;
	int r;

	if (channel == NULL)
		return CO_EWOULDBLOCK;
	co_channel_lock(channel);
	r = send_at_once(channel, element, &ready);
	co_channel_unlock(channel);
	if (ready != NULL)
		co_wait_ready_inline(ready);
	return r;
}

int co_receive(struct co_context *context, struct co_channel *channel, void *element)
{
	struct co_wait *ready;
	int r = context != NULL ? co_context_error(context) : 0;

	if (r != 0)
		return r;
	if (channel == NULL)
		return block_for_ever(context, "chan receive (nil chan)");
	co_channel_lock(channel);
	r = co_channel_can_receive(channel) ? receive_at_once(channel, element, &ready) : CO_EWOULDBLOCK;
	if (r == CO_EWOULDBLOCK)
		return wait_for_peer(context, channel, &channel->receivers, element, "chan receive");
	co_channel_unlock(channel);
	if (ready != NULL)
		co_wait_ready_inline(ready);
	return r;
}

int co_try_receive(struct co_channel *channel, void *element)
{
	struct co_wait *ready;
	int r;

	if (channel == NULL)
		return CO_EWOULDBLOCK;
	co_channel_lock(channel);
	r = receive_at_once(channel, element, &ready);
	co_channel_unlock(channel);
	if (ready != NULL)
		co_wait_ready_inline(ready);
	return r;
}

/* ---- closing --------------------------------------------------------------------------------- */

/* Ends up to CLOSE_STEP waits of a closed channel; true if there may be more. */
static bool end_some_waits(struct co_channel *channel)
{
	struct co_wait *claimed = NULL;
	struct co_wait **last = &claimed;
	struct co_party *party = NULL;

	co_channel_lock(channel);
	for (int i = 0; i < CLOSE_STEP; i++) {
		party = claim_party(&channel->receivers, CO_ECLOSED);
		if (party != NULL && party->element != NULL && channel->element_bytes > 0)
			memset(party->element, 0, channel->element_bytes);
		if (party == NULL)
			party = claim_party(&channel->senders, CO_ESENDCLOSED);
		if (party == NULL)
			break;
		party->waiter.wait->next_claimed = NULL;
		*last = party->waiter.wait;
		last = &party->waiter.wait->next_claimed;
	}
	co_channel_unlock(channel);
	while (claimed != NULL) {
		struct co_wait *next = claimed->next_claimed;

		co_wait_ready(claimed);
		claimed = next;
	}
	return party != NULL;
}

int co_channel_close(struct co_channel *channel)
{
	bool was_closed;

	if (channel == NULL)
		return CO_EINVAL;
	co_channel_lock(channel);
	was_closed = channel->is_closed;
	channel->is_closed = true;
	co_channel_unlock(channel);
	if (was_closed)
		return CO_ECLOSECLOSED;
	while (end_some_waits(channel))
		;
	return 0;
}

size_t co_channel_length(struct co_channel *channel)
{
	size_t length;

	if (channel == NULL)
		return 0;
	co_channel_lock(channel);
	length = channel->length;
	co_channel_unlock(channel);
	return length;
}

size_t co_channel_capacity(const struct co_channel *channel)
{
	return channel != NULL ? channel->capacity : 0;
}
