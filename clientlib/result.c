/* SPDX-License-Identifier: MIT
 *
 * result.c - results and their arenas.
 */
#include "clientlib/result.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "clientlib/error.h"

#define FIRST_BYTES 1024u
#define CHUNK_BYTES 4096u
#define CAP_FACTOR 16u /* decoded, an answer is at most so many times as long as on the wire */
#define CAP_BASE (64u * 1024u)

struct chunk {
	struct chunk *next;
	max_align_t bytes[];
};

struct result {
	struct baton_result face;
	struct chunk *chunks;
	uint8_t *free; /* of the newest chunk, or of FIRST */
	size_t left;
	size_t taken; /* of all chunks */
	size_t cap;
	bool exhausted;
	char text[ERROR_TEXT_BYTES];
	alignas(max_align_t) uint8_t first[FIRST_BYTES];
};

struct result *result_new(void)
{
	struct result *result = memory_alloc(sizeof(*result));

	if (result == NULL)
		return NULL;
	result->face = (struct baton_result){.text = "", .name = "", .value = "", .cause = ""};
	result->chunks = NULL;
	result->free = result->first;
	result->left = sizeof(result->first);
	result->taken = 0;
	result->cap = CAP_BASE;
	result->exhausted = false;
	return result;
}

void result_free(struct result *result)
{
	if (result == NULL)
		return;
	while (result->chunks != NULL) {
		struct chunk *chunk = result->chunks;

		result->chunks = chunk->next;
		memory_free(chunk);
	}
	memory_free(result);
}

struct baton_result *result_face(struct result *result)
{
	return result != NULL ? &result->face : NULL;
}

struct result *result_of(struct baton_result *face)
{
	return face != NULL ? container_of(face, struct result, face) : NULL;
}

/* Adds a chunk with room for BYTES. What is left of the one before is not used again. */
static bool grow(struct result *result, size_t bytes)
{
	const size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
	struct chunk *chunk;

	if (room > result->cap - result->taken)
		return false;
	chunk = memory_alloc(sizeof(*chunk) + room);
	if (chunk == NULL)
		return false;
	chunk->next = result->chunks;
	result->chunks = chunk;
	result->taken += room;
	result->free = (uint8_t *)chunk->bytes;
	result->left = room;
	return true;
}

void *result_memory(struct result *result, size_t bytes)
{
	const size_t alignment = alignof(max_align_t);
	void *memory;

	if (bytes <= SIZE_MAX - alignment)
		bytes = (bytes + alignment - 1) & ~(alignment - 1);
	if (bytes > result->left && !grow(result, bytes)) {
		result->exhausted = true;
		return NULL;
	}
	memory = result->free;
	result->free += bytes;
	result->left -= bytes;
	return memory;
}

bool result_is_exhausted(const struct result *result)
{
	return result->exhausted;
}

char *result_copy(struct result *result, const void *bytes, size_t length)
{
	char *copy = length < SIZE_MAX ? result_memory(result, length + 1) : NULL;

	if (copy == NULL)
		return NULL;
	if (length > 0)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

/* ---- decoding ---------------------------------------------------------------------------------------------------- */

/* For protobuf-c. One byte more than asked for, a NUL: so every bytes field is followed by one. */
static void *unpack_alloc(void *result, size_t bytes)
{
	char *memory = bytes < SIZE_MAX ? result_memory(result, bytes + 1) : NULL;

	if (memory != NULL)
		memory[bytes] = '\0';
	return memory;
}

static void unpack_free(void *result, void *memory)
{
	(void)result;
	(void)memory;
}

ProtobufCMessage *result_unpack(
	struct result *result, const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length)
{
	ProtobufCAllocator allocator = {.alloc = unpack_alloc, .free = unpack_free, .allocator_data = result};

	if (length <= (SIZE_MAX - CAP_BASE) / CAP_FACTOR)
		result->cap = CAP_BASE + CAP_FACTOR * length;
	return protobuf_c_message_unpack(type, &allocator, length, bytes);
}

/* ---- failing ----------------------------------------------------------------------------------------------------- */

int result_fail(struct result *result, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(result->text, sizeof(result->text), format, arguments);
	va_end(arguments);
	for (char *at = result->text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7F)
			*at = '?';
	result->face.error = error;
	result->face.text = result->text;
	return error;
}

void baton_result_free(struct baton_result *result)
{
	result_free(result_of(result));
}
