/* SPDX-License-Identifier: MIT
 *
 * frame.c - the fixed frame headers to and from bytes.
 */
#include "proto/frame.h"

#include <endian.h>
#include <string.h>

static void put_u16(uint8_t *to, uint16_t value)
{
	value = htole16(value);
	memcpy(to, &value, sizeof value);
}

static void put_u32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof value);
}

static void put_u64(uint8_t *to, uint64_t value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof value);
}

static uint16_t get_u16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof value);
	return le16toh(value);
}

static uint32_t get_u32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof value);
	return le32toh(value);
}

static uint64_t get_u64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof value);
	return le64toh(value);
}

const char *frame_error_text(int error)
{
	switch (error) {
	case FRAME_OK:
		return "no error";
	case FRAME_INCOMPLETE:
		return "the frame is not complete";
	case FRAME_SHORT:
		return "the frame's length is below its header's";
	case FRAME_LONG:
		return "the frame's length is above the limit";
	case FRAME_BAD_KIND:
		return "there is no such kind of frame";
	case FRAME_BAD_FLAGS:
		return "the frame has flags that are not defined";
	default:
		return "unknown framing error";
	}
}

void frame_put_request(uint8_t *to, const struct frame_request *frame)
{
	put_u32(to, frame->length);
	to[4] = frame->kind;
	to[5] = frame->flags;
	put_u16(to + 6, frame->method);
	put_u64(to + 8, frame->call);
	put_u64(to + 16, frame->last_reply);
	put_u64(to + 24, frame->timeout_us);
	put_u32(to + 32, frame->task);
	put_u32(to + 36, frame->context);
}

void frame_put_reply(uint8_t *to, const struct frame_reply *frame)
{
	put_u32(to, frame->length);
	to[4] = frame->kind;
	to[5] = frame->flags;
	put_u16(to + 6, frame->status);
	put_u64(to + 8, frame->call);
	put_u64(to + 16, frame->number);
}

/* Judges what both headers have in common. */
static int check(uint32_t length, size_t header, size_t available, size_t max_bytes)
{
	if (length < header)
		return FRAME_SHORT;
	if (length > max_bytes)
		return FRAME_LONG;
	return available < length ? FRAME_INCOMPLETE : FRAME_OK;
}

int frame_get_request(const uint8_t *from, size_t available, size_t max_bytes, struct frame_request *ret)
{
	if (available < FRAME_REQUEST_HEADER_BYTES)
		return FRAME_INCOMPLETE;
	*ret = (struct frame_request){
		.length = get_u32(from),
		.kind = from[4],
		.flags = from[5],
		.method = get_u16(from + 6),
		.call = get_u64(from + 8),
		.last_reply = get_u64(from + 16),
		.timeout_us = get_u64(from + 24),
		.task = get_u32(from + 32),
		.context = get_u32(from + 36),
	};
	if (ret->kind < FRAME_HELLO || ret->kind > FRAME_PING)
		return FRAME_BAD_KIND;
	if (ret->flags != 0)
		return FRAME_BAD_FLAGS;
	return check(ret->length, FRAME_REQUEST_HEADER_BYTES, available, max_bytes);
}

int frame_get_reply(const uint8_t *from, size_t available, size_t max_bytes, struct frame_reply *ret)
{
	if (available < FRAME_REPLY_HEADER_BYTES)
		return FRAME_INCOMPLETE;
	*ret = (struct frame_reply){
		.length = get_u32(from),
		.kind = from[4],
		.flags = from[5],
		.status = get_u16(from + 6),
		.call = get_u64(from + 8),
		.number = get_u64(from + 16),
	};
	switch (ret->kind) {
	case FRAME_HELLO_REPLY:
	case FRAME_REPLY:
	case FRAME_PONG:
	case FRAME_GOAWAY:
	case FRAME_NOTICE:
		break;
	default:
		return FRAME_BAD_KIND;
	}
	if (ret->flags != 0)
		return FRAME_BAD_FLAGS;
	return check(ret->length, FRAME_REPLY_HEADER_BYTES, available, max_bytes);
}
