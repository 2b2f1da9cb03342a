/* SPDX-License-Identifier: MIT
 *
 * flat.h - protobuf's usual case, fast: messages of single scalar, string and bytes fields, as nearly all of ours are.
 *
 * What is not usual (nested or repeated fields, oneofs, unknown fields, a NUL in a string, bytes that are no message)
 * is left to protobuf-c, which alone judges it: callers try here first and go there when nothing came of it. What is
 * decoded or encoded here is what protobuf-c would have made. A tenth of its instructions for a request of one name.
 */
#ifndef BATON_PROTO_FLAT_H
#define BATON_PROTO_FLAT_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the LENGTH bytes at FROM into memory of ALLOCATOR's; strings are copied there, bytes fields point into FROM.
 * NULL: not usual, or no memory. What was allocated by then, or is no longer wanted, is not freed one by one: it goes
 * with all of ALLOCATOR's. */
ProtobufCMessage *flat_unpack(
	const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator, size_t length, const uint8_t *from);

#define FLAT_UNUSUAL SIZE_MAX

/* Encodes MESSAGE, whose string and bytes fields are empty, into ROOM bytes at TO. Returns how many bytes it is, or
 * FLAT_UNUSUAL, also where ROOM might not do. */
size_t flat_pack(const ProtobufCMessage *message, uint8_t *to, size_t room);

#endif
