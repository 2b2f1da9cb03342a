/* SPDX-License-Identifier: MIT
 *
 * message.h - a value on its way: bytes with a reference count. Never changed once made.
 */
#ifndef BATON_OBJECTS_MESSAGE_H
#define BATON_OBJECTS_MESSAGE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct message {
	atomic_uint references;
	uint32_t length;
	uint8_t bytes[];
};

/* Copies LENGTH bytes (below 2^32). One reference, the caller's. NULL: no memory. */
struct message *message_new(const void *bytes, size_t length);
struct message *message_ref(struct message *message);
void message_unref(struct message *message); /* NULL is allowed */

/* Bytes in all messages alive, for limits and status. */
uint64_t message_bytes_in_use(void);

#endif
