/* SPDX-License-Identifier: MIT
 *
 * flat.c - flat messages, by the tables that protoc-c generates.
 */
#include "proto/flat.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#define VARINT_BYTES 10 /* the longest */
#define LENGTH_BYTES 5  /* the longest of a length */
#define KEY_BYTES 5
#define TYPE_BITS 3

enum wire_type { VARINT = 0, FIXED64 = 1, DELIMITED = 2 };

/* What is left of the bytes to decode. */
struct input {
	const uint8_t *at;
	const uint8_t *end;
};

/* Takes no more than BYTES bytes. */
static bool get_varint(struct input *input, unsigned bytes, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; input->at < input->end && shift < 7 * bytes; shift += 7) {
		const uint8_t byte = *input->at++;

		value |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* The field that KEY names; NULL: none. Fields of the usual message are numbered from 1 without gaps. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type, unsigned key)
{
	const unsigned number = key >> TYPE_BITS;
	const ProtobufCFieldDescriptor *field;

	if (number == 0 || number > type->n_fields)
		return NULL;
	field = &type->fields[number - 1];
	return field->id == number && field->label == PROTOBUF_C_LABEL_NONE &&
			       (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0
		       ? field
		       : NULL;
}

static bool take_number(struct input *input, const ProtobufCFieldDescriptor *field, void *member)
{
	uint64_t value;

	if (!get_varint(input, VARINT_BYTES, &value))
		return false;
	switch (field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)member = value != 0;
		return true;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_ENUM:
		*(uint32_t *)member = (uint32_t)value;
		return true;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64:
		*(uint64_t *)member = value;
		return true;
	default:
		return false;
	}
}

static bool take_fixed(struct input *input, const ProtobufCFieldDescriptor *field, void *member)
{
	uint64_t value;

	if (field->type != PROTOBUF_C_TYPE_FIXED64 || (size_t)(input->end - input->at) < sizeof(value))
		return false;
	memcpy(&value, input->at, sizeof(value));
	input->at += sizeof(value);
	*(uint64_t *)member = le64toh(value);
	return true;
}

static bool take_string(ProtobufCAllocator *allocator, const uint8_t *from, size_t length, char **member)
{
	char *string = NULL;

	if (memchr(from, '\0', length) == NULL)
		string = allocator->alloc(allocator->allocator_data, length + 1);
	if (string == NULL)
		return false;
	memcpy(string, from, length);
	string[length] = '\0';
	*member = string;
	return true;
}

static bool take_delimited(
	struct input *input, const ProtobufCFieldDescriptor *field, ProtobufCAllocator *allocator, void *member)
{
	const uint8_t *from;
	uint64_t length;

	if (!get_varint(input, LENGTH_BYTES, &length) || length > (uint64_t)(input->end - input->at))
		return false;
	from = input->at;
	input->at += length;
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return take_string(allocator, from, length, member);
	if (field->type != PROTOBUF_C_TYPE_BYTES)
		return false;
	*(ProtobufCBinaryData *)member = (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)from};
	return true;
}

/* There is at least one byte. */
static bool take_field(struct input *input, ProtobufCAllocator *allocator, ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field;
	const unsigned key = *input->at++;
	void *member;

	if (key >= 0x80) /* numbers up to 15 have keys of one byte */
		return false;
	field = find_field(message->descriptor, key);
	if (field == NULL)
		return false;
	member = (char *)message + field->offset;
	switch ((enum wire_type)(key & ((1 << TYPE_BITS) - 1))) {
	case VARINT:
		return take_number(input, field, member);
	case FIXED64:
		return take_fixed(input, field, member);
	case DELIMITED:
		return take_delimited(input, field, allocator, member);
	}
	return false;
}

ProtobufCMessage *flat_unpack(
	const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator, size_t length, const uint8_t *from)
{
	struct input input = {.at = from, .end = from + length};
	ProtobufCMessage *message = allocator->alloc(allocator->allocator_data, type->sizeof_message);

	if (message == NULL)
		return NULL;
	protobuf_c_message_init(type, message);
	while (input.at < input.end)
		if (!take_field(&input, allocator, message))
			return NULL;
	return message;
}

/* ---- encoding -----------------------------------------------------------------------------------------------------
 */

static uint8_t *put_varint(uint8_t *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to++ = (uint8_t)value;
	return to;
}

static uint8_t *put_key(uint8_t *to, const ProtobufCFieldDescriptor *field, enum wire_type type)
{
	return put_varint(to, (uint64_t)field->id << TYPE_BITS | type);
}

static uint8_t *put_number(uint8_t *to, const ProtobufCFieldDescriptor *field, uint64_t value)
{
	return value == 0 ? to : put_varint(put_key(to, field, VARINT), value);
}

static uint8_t *put_fixed(uint8_t *to, const ProtobufCFieldDescriptor *field, uint64_t value)
{
	const uint64_t little = htole64(value);

	if (value == 0)
		return to;
	to = put_key(to, field, FIXED64);
	memcpy(to, &little, sizeof(little));
	return to + sizeof(little);
}

/* Writes FIELD unless it has its default; returns what is behind it, NULL: not usual. */
static uint8_t *put_field(uint8_t *to, const ProtobufCFieldDescriptor *field, const void *member)
{
	const char *string;

	if (field->label != PROTOBUF_C_LABEL_NONE || (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
		return NULL;
	switch (field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		return put_number(to, field, *(const protobuf_c_boolean *)member != 0);
	case PROTOBUF_C_TYPE_UINT32:
		return put_number(to, field, *(const uint32_t *)member);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64:
		return put_number(to, field, *(const uint64_t *)member);
	case PROTOBUF_C_TYPE_FIXED64:
		return put_fixed(to, field, *(const uint64_t *)member);
	case PROTOBUF_C_TYPE_STRING:
		string = *(const char *const *)member;
		return string == NULL || string[0] == '\0' ? to : NULL;
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)member)->len == 0 ? to : NULL;
	default:
		return NULL;
	}
}

size_t flat_pack(const ProtobufCMessage *message, uint8_t *to, size_t room)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	uint8_t *at = to;

	if (type->n_fields > room / (KEY_BYTES + VARINT_BYTES) || message->n_unknown_fields > 0)
		return FLAT_UNUSUAL;
	for (unsigned i = 0; i < type->n_fields && at != NULL; i++)
		at = put_field(at, &type->fields[i], (const char *)message + type->fields[i].offset);
	return at != NULL ? (size_t)(at - to) : FLAT_UNUSUAL;
}
