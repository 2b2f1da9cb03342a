/* SPDX-License-Identifier: MIT
 *
 * message.c - values on their way, counted by reference.
 */
#include "daemon/objects/message.h"

#include <string.h>

#include "base/memory.h"

static _Atomic uint64_t bytes_in_use;

struct message *message_new(const void *bytes, size_t length)
{
	struct message *message;

	if (length > UINT32_MAX)
		return NULL;
	message = memory_alloc(sizeof(*message) + length);
	if (message == NULL)
		return NULL;
	atomic_init(&message->references, 1);
	message->length = (uint32_t)length;
	if (length > 0)
		memcpy(message->bytes, bytes, length);
	atomic_fetch_add_explicit(&bytes_in_use, length, memory_order_relaxed);
	return message;
}

struct message *message_ref(struct message *message)
{
	atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
	return message;
}

void message_unref(struct message *message)
{
	if (message == NULL || atomic_fetch_sub_explicit(&message->references, 1, memory_order_acq_rel) != 1)
		return;
	atomic_fetch_sub_explicit(&bytes_in_use, message->length, memory_order_relaxed);
	memory_free(message);
}

uint64_t message_bytes_in_use(void)
{
	return atomic_load_explicit(&bytes_in_use, memory_order_relaxed);
}
