/* SPDX-License-Identifier: MIT
 *
 * fuzz_frame.c - any bytes as a frame's header, both ways: what is taken is put back as it came.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

/* A limit small enough that an input can pass it. */
#define MAX_BYTES 4096

static void try_request(const uint8_t *data, size_t size)
{
	struct frame_request frame;
	uint8_t again[FRAME_REQUEST_HEADER_BYTES];
	int r = frame_get_request(data, size, MAX_BYTES, &frame);

	fuzz_require(*frame_error_text(r) != '\0');
	if (r != FRAME_OK)
		return;
	fuzz_require(frame.length >= FRAME_REQUEST_HEADER_BYTES && frame.length <= size && frame.length <= MAX_BYTES);
	frame_put_request(again, &frame);
	fuzz_require(memcmp(again, data, sizeof(again)) == 0);
}

static void try_reply(const uint8_t *data, size_t size)
{
	struct frame_reply frame;
	uint8_t again[FRAME_REPLY_HEADER_BYTES];
	int r = frame_get_reply(data, size, MAX_BYTES, &frame);

	if (r != FRAME_OK)
		return;
	fuzz_require(frame.length >= FRAME_REPLY_HEADER_BYTES && frame.length <= size && frame.length <= MAX_BYTES);
	frame_put_reply(again, &frame);
	fuzz_require(memcmp(again, data, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_request(data, size);
	try_reply(data, size);
	return 0;
}
