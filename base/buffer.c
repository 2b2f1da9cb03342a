/* SPDX-License-Identifier: MIT
 *
 * buffer.c - growable bytes.
 */
#include "base/buffer.h"

#include <string.h>

#include "base/memory.h"

#define SMALLEST_BYTES 512u

bool buffer_reserve(struct buffer *buffer, size_t room)
{
	const size_t length = buffer_length(buffer);
	size_t size = buffer->size > 0 ? buffer->size : SMALLEST_BYTES;
	uint8_t *bytes;

	if (buffer->size - buffer->end >= room)
		return true;
	if (room > SIZE_MAX / 4 || length > SIZE_MAX / 4)
		return false;
	while (size < length + room)
		size *= 2;
	if (buffer->begin > 0)
		memmove(buffer->bytes, buffer->bytes + buffer->begin, length);
	buffer->begin = 0;
	buffer->end = length;
	if (size == buffer->size)
		return true;
	bytes = memory_realloc(buffer->bytes, size);
	if (bytes == NULL)
		return false;
	buffer->bytes = bytes;
	buffer->size = size;
	return true;
}

void buffer_consume(struct buffer *buffer, size_t bytes)
{
	buffer->begin += bytes;
	if (buffer->begin < buffer->end)
		return;
	if (buffer->size > BUFFER_KEPT_BYTES)
		buffer_clear(buffer);
	buffer->begin = 0;
	buffer->end = 0;
}

void buffer_clear(struct buffer *buffer)
{
	memory_free(buffer->bytes);
	*buffer = (struct buffer){0};
}
