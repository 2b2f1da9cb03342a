/* SPDX-License-Identifier: MIT
 *
 * test_flat.c - the fast codec against protobuf-c: what it takes, and what it writes, is what protobuf-c says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <baton/v1/channel.pb-c.h>
#include <baton/v1/daemon.pb-c.h>
#include <baton/v1/mutex.pb-c.h>
#include <baton/v1/session.pb-c.h>
#include <baton/v1/waitgroup.pb-c.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/flat.h"

#define ROUNDS 200000
#define INPUT_BYTES 64
#define ARENA_BYTES 8192

/* Memory that is given back all at once. */
struct arena {
	_Alignas(max_align_t) char bytes[ARENA_BYTES];
	size_t used;
};

static void *arena_alloc(void *data, size_t bytes)
{
	struct arena *arena = data;
	void *memory = arena->bytes + arena->used;

	bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (bytes > ARENA_BYTES - arena->used)
		return NULL;
	arena->used += bytes;
	return memory;
}

static ProtobufCMessage *unpack(
	struct arena *arena, const ProtobufCMessageDescriptor *type, size_t length, const uint8_t *from)
{
	ProtobufCAllocator allocator = {.alloc = arena_alloc, .allocator_data = arena};

	arena->used = 0;
	return flat_unpack(type, &allocator, length, from);
}

static const ProtobufCMessageDescriptor *const requests[] = {
	&baton__v1__channel_send_request__descriptor, &baton__v1__channel_receive_request__descriptor,
	&baton__v1__mutex_unlock_request__descriptor, &baton__v1__session_open_request__descriptor,
	&baton__v1__session_attach_request__descriptor, &baton__v1__list_request__descriptor,
	&baton__v1__wait_group_add_request__descriptor, &baton__v1__list_response__descriptor, /* nested: never usual */
};

/* Bytes that look like a message as often as not: keys of small fields, short lengths, and noise. */
static size_t make_input(uint8_t *bytes)
{
	size_t length = 0;

	while (length + 12 < INPUT_BYTES && rand() % 5 != 0) {
		const int field = rand() % 10;
		const int wire = rand() % 8 < 6 ? (rand() % 2) * 2 : rand() % 8;
		const size_t value = (size_t)(rand() % 10);

		bytes[length++] = (uint8_t)(field << 3 | wire);
		bytes[length++] = wire == 2 ? (uint8_t)value : (uint8_t)rand();
		for (size_t i = 0; i < value && wire != 0; i++)
			bytes[length++] = (uint8_t)rand();
	}
	if (rand() % 16 == 0)
		memset(bytes, 0xFF, length);
	return length;
}

static void check_same(
	const ProtobufCMessageDescriptor *type, const ProtobufCMessage *ours, size_t length, const uint8_t *input)
{
	ProtobufCMessage *theirs = protobuf_c_message_unpack(type, NULL, length, input);
	uint8_t packed[2][4 * INPUT_BYTES];
	size_t bytes;

	assert_non_null(theirs);
	bytes = protobuf_c_message_get_packed_size(theirs);
	assert_int_equal(protobuf_c_message_get_packed_size(ours), bytes);
	assert_true(bytes <= sizeof(packed[0]));
	protobuf_c_message_pack(theirs, packed[0]);
	protobuf_c_message_pack(ours, packed[1]);
	assert_memory_equal(packed[0], packed[1], bytes);
	protobuf_c_message_free_unpacked(theirs, NULL);
}

static void test_takes_nothing_that_protobuf_c_does_not(void **state)
{
	unsigned taken = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < ROUNDS; i++) {
		const ProtobufCMessageDescriptor *type = requests[i % (int)(sizeof(requests) / sizeof(requests[0]))];
		uint8_t *input = malloc(INPUT_BYTES); /* its end is guarded where the build has sanitizers */
		const size_t length = make_input(input);
		struct arena arena;
		ProtobufCMessage *message;

		input = realloc(input, length > 0 ? length : 1);
		message = unpack(&arena, type, length, input);
		if (message != NULL) {
			check_same(type, message, length, input);
			taken++;
		}
		free(input);
	}
	assert_true(taken > ROUNDS / 50);
}

static void test_takes_the_usual_requests(void **state)
{
	Baton__V1__ChannelSendRequest request = BATON__V1__CHANNEL_SEND_REQUEST__INIT;
	char name[] = "jobs";
	uint8_t value[] = "a value";
	uint8_t packed[64];
	const Baton__V1__ChannelSendRequest *read;
	struct arena arena;
	size_t length;

	(void)state;
	request.name = name;
	request.value = (ProtobufCBinaryData){.len = sizeof(value), .data = value};
	request.no_wait = true;
	length = baton__v1__channel_send_request__pack(&request, packed);
	read = (const void *)unpack(&arena, request.base.descriptor, length, packed);
	assert_non_null(read);
	assert_string_equal(read->name, "jobs");
	assert_int_equal(read->value.len, sizeof(value));
	assert_ptr_equal(read->value.data, packed + length - 2 - sizeof(value)); /* not copied; no_wait is behind it */
	assert_true(read->no_wait);
}

static void test_leaves_the_unusual(void **state)
{
	static const uint8_t unknown[] = {15 << 3, 1};
	static const uint8_t truncated[] = {1 << 3 | 2, 5, 'a'};
	static const uint8_t nul[] = {1 << 3 | 2, 3, 'a', 0, 'b'};
	static const uint8_t long_key[] = {0x88, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 1};
	const ProtobufCMessageDescriptor *type = &baton__v1__mutex_unlock_request__descriptor;
	struct arena arena;

	(void)state;
	assert_null(unpack(&arena, type, sizeof(unknown), unknown));
	assert_null(unpack(&arena, type, sizeof(truncated), truncated));
	assert_null(unpack(&arena, type, sizeof(nul), nul));
	assert_null(unpack(&arena, type, sizeof(long_key), long_key));
}

static void check_packed(const ProtobufCMessage *message, size_t room)
{
	uint8_t ours[256];
	uint8_t theirs[256];
	const size_t bytes = protobuf_c_message_pack(message, theirs);

	assert_int_equal(flat_pack(message, ours, room), bytes);
	assert_memory_equal(ours, theirs, bytes);
}

static void test_writes_what_protobuf_c_writes(void **state)
{
	static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
	Baton__V1__MutexLockResponse grant = BATON__V1__MUTEX_LOCK_RESPONSE__INIT;
	Baton__V1__ChannelReceiveResponse receipt = BATON__V1__CHANNEL_RECEIVE_RESPONSE__INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		grant.token = numbers[i];
		grant.abandoned = i % 2 == 1;
		check_packed(&grant.base, 96);
		receipt.token = numbers[i];
		receipt.attempt = (uint32_t)numbers[i];
		receipt.closed = i % 3 == 1;
		check_packed(&receipt.base, 96);
	}
}

static void test_writes_nothing_unusual(void **state)
{
	Baton__V1__ChannelReceiveResponse receipt = BATON__V1__CHANNEL_RECEIVE_RESPONSE__INIT;
	Baton__V1__ChannelMakeResponse made = BATON__V1__CHANNEL_MAKE_RESPONSE__INIT;
	Baton__V1__InspectResponse nested = BATON__V1__INSPECT_RESPONSE__INIT;
	uint8_t bytes[96];
	char name[] = "jobs";

	(void)state;
	assert_int_equal(flat_pack(&receipt.base, bytes, 0), FLAT_UNUSUAL);
	receipt.value = (ProtobufCBinaryData){.len = 1, .data = bytes};
	assert_int_equal(flat_pack(&receipt.base, bytes, sizeof(bytes)), FLAT_UNUSUAL);
	made.name = name;
	assert_int_equal(flat_pack(&made.base, bytes, sizeof(bytes)), FLAT_UNUSUAL);
	assert_int_equal(flat_pack(&nested.base, bytes, sizeof(bytes)), FLAT_UNUSUAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_nothing_that_protobuf_c_does_not),
		cmocka_unit_test(test_takes_the_usual_requests),
		cmocka_unit_test(test_leaves_the_unusual),
		cmocka_unit_test(test_writes_what_protobuf_c_writes),
		cmocka_unit_test(test_writes_nothing_unusual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
