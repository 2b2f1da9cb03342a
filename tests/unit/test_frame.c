/* SPDX-License-Identifier: MIT
 *
 * test_frame.c - frame headers to bytes and back, and headers that cannot be taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proto/frame.h"

#define LIMIT 1000

/* The header of docs/protocol.md, byte by byte. */
static void a_request_has_the_documented_layout(void **state)
{
	static const uint8_t expected[FRAME_REQUEST_HEADER_BYTES] = {
		0x29, 0x00, 0x00, 0x00,                         /* length */
		2, 0,                                           /* kind, flags */
		0x01, 0x04,                                     /* method */
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* call */
		0x01, 0, 0, 0, 0, 0, 0, 0x80,                   /* last reply */
		0x40, 0x42, 0x0F, 0, 0, 0, 0, 0,                /* timeout */
		0x07, 0, 0, 0xF0,                               /* task */
		0x09, 0, 0, 0,                                  /* context */
	};
	const struct frame_request frame = {
		.length = 41,
		.kind = FRAME_REQUEST,
		.method = 0x0401,
		.call = UINT64_C(0x1122334455667788),
		.last_reply = UINT64_C(0x8000000000000001),
		.timeout_us = 1000000,
		.task = 0xF0000007,
		.context = 9,
	};
	uint8_t bytes[41] = {0};
	struct frame_request again;

	(void)state;
	frame_put_request(bytes, &frame);
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_int_equal(frame_get_request(bytes, sizeof(bytes), LIMIT, &again), FRAME_OK);
	assert_memory_equal(&again, &frame, sizeof(frame));
}

static void a_reply_has_the_documented_layout(void **state)
{
	static const uint8_t expected[FRAME_REPLY_HEADER_BYTES] = {
		0x18, 0, 0, 0,                                  /* length */
		2, 0,                                           /* kind, flags */
		0x0E, 0x00,                                     /* status */
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* call */
		0x01, 0, 0, 0, 0, 0, 0, 0x80,                   /* number */
	};
	const struct frame_reply frame = {
		.length = 24,
		.kind = FRAME_REPLY,
		.status = 14,
		.call = UINT64_C(0x1122334455667788),
		.number = UINT64_C(0x8000000000000001),
	};
	uint8_t bytes[24];
	struct frame_reply again;

	(void)state;
	frame_put_reply(bytes, &frame);
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_int_equal(frame_get_reply(bytes, sizeof(bytes), LIMIT, &again), FRAME_OK);
	assert_memory_equal(&again, &frame, sizeof(frame));
}

static int try_request(uint32_t length, uint8_t kind, uint8_t flags, size_t available)
{
	uint8_t bytes[LIMIT] = {0};
	struct frame_request frame = {.length = length, .kind = kind, .flags = flags};

	frame_put_request(bytes, &frame);
	return frame_get_request(bytes, available, LIMIT, &frame);
}

static int try_reply(uint32_t length, uint8_t kind, uint8_t flags, size_t available)
{
	uint8_t bytes[LIMIT] = {0};
	struct frame_reply frame = {.length = length, .kind = kind, .flags = flags};

	frame_put_reply(bytes, &frame);
	return frame_get_reply(bytes, available, LIMIT, &frame);
}

static void a_frame_is_whole_at_its_last_byte(void **state)
{
	(void)state;
	for (size_t available = 0; available < 50; available++) {
		assert_int_equal(try_request(50, FRAME_REQUEST, 0, available), FRAME_INCOMPLETE);
		assert_int_equal(try_reply(50, FRAME_REPLY, 0, available), FRAME_INCOMPLETE);
	}
	assert_int_equal(try_request(50, FRAME_REQUEST, 0, 50), FRAME_OK);
	assert_int_equal(try_request(50, FRAME_REQUEST, 0, LIMIT), FRAME_OK);
	assert_int_equal(try_reply(50, FRAME_REPLY, 0, 50), FRAME_OK);
}

static void an_incomplete_frame_tells_its_length(void **state)
{
	uint8_t bytes[FRAME_REPLY_HEADER_BYTES];
	struct frame_reply frame = {.length = 777, .kind = FRAME_REPLY};

	(void)state;
	frame_put_reply(bytes, &frame);
	frame.length = 0;
	assert_int_equal(frame_get_reply(bytes, sizeof(bytes) - 1, LIMIT, &frame), FRAME_INCOMPLETE);
	assert_int_equal(frame.length, 0);
	assert_int_equal(frame_get_reply(bytes, sizeof(bytes), LIMIT, &frame), FRAME_INCOMPLETE);
	assert_int_equal(frame.length, 777);
}

static void lengths_have_bounds(void **state)
{
	(void)state;
	assert_int_equal(try_request(0, FRAME_REQUEST, 0, LIMIT), FRAME_SHORT);
	assert_int_equal(try_request(39, FRAME_REQUEST, 0, LIMIT), FRAME_SHORT);
	assert_int_equal(try_request(40, FRAME_REQUEST, 0, LIMIT), FRAME_OK);
	assert_int_equal(try_request(LIMIT, FRAME_REQUEST, 0, LIMIT), FRAME_OK);
	assert_int_equal(try_request(LIMIT + 1, FRAME_REQUEST, 0, LIMIT), FRAME_LONG);
	assert_int_equal(try_request(UINT32_MAX, FRAME_REQUEST, 0, FRAME_REQUEST_HEADER_BYTES), FRAME_LONG);
	assert_int_equal(try_reply(23, FRAME_REPLY, 0, LIMIT), FRAME_SHORT);
	assert_int_equal(try_reply(UINT32_MAX, FRAME_REPLY, 0, LIMIT), FRAME_LONG);
}

static void kinds_and_flags_are_judged_at_the_header(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 256; kind++) {
		const int request = try_request(50, (uint8_t)kind, 0, FRAME_REQUEST_HEADER_BYTES);
		const int reply = try_reply(50, (uint8_t)kind, 0, FRAME_REPLY_HEADER_BYTES);
		const int told = kind == 1 || kind == 2 || (kind >= 5 && kind <= 7) ? FRAME_INCOMPLETE : FRAME_BAD_KIND;

		assert_int_equal(request, kind >= 1 && kind <= 5 ? FRAME_INCOMPLETE : FRAME_BAD_KIND);
		assert_int_equal(reply, told);
	}
	for (unsigned flags = 1; flags < 256; flags++) {
		assert_int_equal(try_request(50, FRAME_REQUEST, (uint8_t)flags, 40), FRAME_BAD_FLAGS);
		assert_int_equal(try_reply(50, FRAME_REPLY, (uint8_t)flags, 24), FRAME_BAD_FLAGS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_the_documented_layout),
		cmocka_unit_test(a_reply_has_the_documented_layout),
		cmocka_unit_test(a_frame_is_whole_at_its_last_byte),
		cmocka_unit_test(an_incomplete_frame_tells_its_length),
		cmocka_unit_test(lengths_have_bounds),
		cmocka_unit_test(kinds_and_flags_are_judged_at_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
