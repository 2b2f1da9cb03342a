/* SPDX-License-Identifier: MIT
 *
 * buffer.h - growable bytes that are appended at one end and consumed at the other.
 *
 * The bytes from BEGIN to END are what is in it. Zero is an empty buffer that holds no memory. Nothing is locked.
 */
#ifndef BATON_BASE_BUFFER_H
#define BATON_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER_KEPT_BYTES 65536u /* an empty buffer gives more than this back */

struct buffer {
	uint8_t *bytes;
	size_t begin;
	size_t end;
	size_t size;
};

static inline size_t buffer_length(const struct buffer *buffer)
{
	return buffer->end - buffer->begin;
}

/* Makes room for at least ROOM bytes behind END: moves what is in it to the front, or grows to a power of two. False
 * when there is no memory; then nothing has changed. */
bool buffer_reserve(struct buffer *buffer, size_t room);

/* Takes BYTES (at most its length) off the front. Pointers into an emptied buffer are gone. */
void buffer_consume(struct buffer *buffer, size_t bytes);

/* Forgets what is in it and gives the memory back; it may be used again. */
void buffer_clear(struct buffer *buffer);

#endif
