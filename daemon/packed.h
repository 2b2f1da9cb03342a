/* SPDX-License-Identifier: MIT
 *
 * packed.h - lists that travel as bytes: the encoding of a message whose one field, number 1, is repeated and
 * delimited.
 */
#ifndef BATON_DAEMON_PACKED_H
#define BATON_DAEMON_PACKED_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKED_KEY 0x0a /* of field 1, delimited */

/* The bytes that are still to be looked at. */
struct packed {
	const uint8_t *at;
	const uint8_t *end;
};

/* Those of FIELD, which may be empty and point nowhere. */
static inline struct packed packed_of(ProtobufCBinaryData field)
{
	static const uint8_t nothing;
	const uint8_t *at = field.len > 0 ? field.data : &nothing;

	return (struct packed){.at = at, .end = at + field.len};
}

/* Steps over the next element: where its bytes are. False: there is none, or it is broken. */
static inline bool packed_next(struct packed *packed, const uint8_t **ret, size_t *ret_length)
{
	uint64_t length = 0;
	unsigned shift = 0;
	uint8_t byte;

	if (packed->at == packed->end || *packed->at++ != PACKED_KEY)
		return false;
	do {
		if (packed->at == packed->end || shift > 28)
			return false;
		byte = *packed->at++;
		length |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte >= 0x80);
	if (length > (uint64_t)(packed->end - packed->at))
		return false;
	*ret = packed->at;
	*ret_length = (size_t)length;
	packed->at += length;
	return true;
}

/* How many elements there are, in *RET. False: the bytes are no such list. */
static inline bool packed_count(struct packed packed, size_t *ret)
{
	const uint8_t *bytes;
	size_t length;

	for (*ret = 0; packed.at < packed.end; (*ret)++)
		if (!packed_next(&packed, &bytes, &length))
			return false;
	return true;
}

#endif
