/* SPDX-License-Identifier: MIT
 *
 * strings.c - a walk over a message's fields as they came.
 */
#include "daemon/strings.h"

#include <string.h>

/* What of the bytes is still to be looked at. */
struct rest {
	const uint8_t *at;
	size_t length;
};

static bool skip(struct rest *rest, uint64_t bytes)
{
	if (bytes > rest->length)
		return false;
	rest->at += bytes;
	rest->length -= (size_t)bytes;
	return true;
}

static bool take_varint(struct rest *rest, uint64_t *ret)
{
	unsigned shift = 0;
	uint8_t byte;

	*ret = 0;
	do {
		if (rest->length == 0 || shift > 63)
			return false;
		byte = *rest->at;
		*ret |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		(void)skip(rest, 1);
	} while (byte & 0x80);
	return true;
}

/* Skips the value of FIELD (NULL: an unknown one), whose wire type is WIRE. False: it is a string with a NUL. */
static bool pass_value(struct rest *rest, const ProtobufCFieldDescriptor *field, unsigned wire)
{
	uint64_t value;

	switch (wire) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		return take_varint(rest, &value);
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		return skip(rest, 8);
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		return skip(rest, 4);
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		if (!take_varint(rest, &value) || value > rest->length)
			return false;
		if (field != NULL && field->type == PROTOBUF_C_TYPE_STRING &&
			memchr(rest->at, '\0', (size_t)value) != NULL)
			return false;
		return skip(rest, value);
	default:
		return false;
	}
}

bool strings_are_whole(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length)
{
	struct rest rest = {.at = bytes, .length = length};
	uint64_t key;

	while (rest.length > 0) {
		if (!take_varint(&rest, &key))
			return false;
		if (!pass_value(&rest, protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3)), key & 7))
			return false;
	}
	return true;
}
