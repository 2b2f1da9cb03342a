/* SPDX-License-Identifier: MIT
 *
 * A connection's way out, over a socket that takes little at a time.
 */
#include <baton/v1/channel.pb-c.h>
#include <baton/v1/daemon.pb-c.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/limits.h"
#include "daemon/output.h"
#include "tests/lib/co_test.h"

#define FIELD_VALUE 3 /* of ChannelReceiveResponse */

struct way {
	struct output output;
	int fds[2]; /* the daemon's end and the peer's */
	uint64_t numbers;
	uint8_t *got;
	size_t got_bytes;
	size_t room;
};

static void nothing_deferred(struct co_deferred *deferred)
{
	(void)deferred;
}

static int open_way(void **state)
{
	struct way *way = memory_zalloc(sizeof(*way));
	const int bytes = 4096;

	assert_non_null(way);
	way->room = 64 << 20;
	way->got = memory_alloc(way->room);
	assert_non_null(way->got);
	output_init(&way->output, nothing_deferred);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, way->fds), 0);
	assert_int_equal(setsockopt(way->fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
	*state = way;
	return 0;
}

static int close_way(void **state)
{
	struct way *way = *state;

	output_kill(&way->output);
	output_pool_drain();
	close(way->fds[0]);
	close(way->fds[1]);
	memory_free(way->got);
	memory_free(way);
	assert_int_equal(message_bytes_in_use(), 0);
	return 0;
}

/* What the peer can read now; at most LIMIT. */
static size_t take(struct way *way, size_t limit)
{
	const ssize_t n = recv(way->fds[1], way->got + way->got_bytes, limit, 0);

	if (n <= 0)
		return 0;
	way->got_bytes += (size_t)n;
	return (size_t)n;
}

/* Flushes and reads in turn until everything is through. */
static void drain(struct way *way)
{
	for (;;) {
		assert_int_equal(output_flush(&way->output, way->fds[0]), 0);
		assert_int_equal(way->output.blocked, output_pending(&way->output) > 0);
		if (take(way, way->room - way->got_bytes) == 0 && output_pending(&way->output) == 0)
			return;
	}
}

static uint8_t pattern(size_t at, size_t length)
{
	return (uint8_t)(at * 31 + length);
}

/* A reply with a value of LENGTH bytes. */
static int send_value(struct way *way, size_t length)
{
	Baton__V1__ChannelReceiveResponse body = BATON__V1__CHANNEL_RECEIVE_RESPONSE__INIT;
	struct output_frame frame = {.header = {.kind = FRAME_REPLY, .call = length}, .body = &body.base};
	uint8_t *bytes = memory_alloc(length + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < length; i++)
		bytes[i] = pattern(i, length);
	body.token = 77;
	frame.value = message_new(bytes, length);
	memory_free(bytes);
	assert_non_null(frame.value);
	frame.value_field = FIELD_VALUE;
	frame.numbers = &way->numbers;
	return output_append(&way->output, &frame);
}

/* A reply with LENGTH bytes that are copied. */
static int send_copied(struct way *way, size_t length)
{
	static uint8_t bytes[1 << 20];
	Baton__V1__PingResponse body = BATON__V1__PING_RESPONSE__INIT;
	struct output_frame frame = {.header = {.kind = FRAME_REPLY}, .body = &body.base, .numbers = &way->numbers};

	body.payload = (ProtobufCBinaryData){.data = bytes, .len = length};
	return output_append(&way->output, &frame);
}

/* What came is NUMBERth reply with a value of LENGTH bytes. Returns where the next one begins. */
static size_t check_value(const struct way *way, size_t at, uint64_t number, size_t length)
{
	const uint8_t *from = way->got + at;
	Baton__V1__ChannelReceiveResponse *body;
	struct frame_reply header;

	assert_int_equal(frame_get_reply(from, way->got_bytes - at, UINT32_MAX, &header), FRAME_OK);
	assert_int_equal(header.number, number);
	assert_int_equal(header.call, length);
	body = baton__v1__channel_receive_response__unpack(
		NULL, header.length - FRAME_REPLY_HEADER_BYTES, from + FRAME_REPLY_HEADER_BYTES);
	assert_non_null(body);
	assert_int_equal(body->token, 77);
	assert_int_equal(body->value.len, length);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(body->value.data[i], pattern(i, length));
	baton__v1__channel_receive_response__free_unpacked(body, NULL);
	return at + header.length;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void frames_leave_whole_and_in_order(void **state)
{
	static const size_t lengths[] = {0, 1, 100, 3000, 4095, 4096, 4097, 5, 70000, 0, 4096, 4096, 12, 300000};
	const size_t count = 10 * sizeof(lengths) / sizeof(lengths[0]);
	struct way *way = *state;
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(send_value(way, lengths[i % (count / 10)]), 0);
		if (i % 7 == 0)
			assert_int_equal(output_flush(&way->output, way->fds[0]), 0);
		if (i % 5 == 0)
			(void)take(way, 1000);
	}
	drain(way);
	for (size_t i = 0; i < count; i++)
		at = check_value(way, at, i + 1, lengths[i % (count / 10)]);
	assert_int_equal(at, way->got_bytes);
}

static void a_full_socket_blocks(void **state)
{
	struct way *way = *state;

	assert_int_equal(send_copied(way, 100000), 0);
	assert_int_equal(output_flush(&way->output, way->fds[0]), 0);
	assert_true(way->output.blocked);
	const size_t pending = output_pending(&way->output);
	assert_true(pending > 0 && pending < 100000);
	assert_int_equal(output_flush(&way->output, way->fds[0]), 0);
	assert_int_equal(output_pending(&way->output), pending);
	drain(way);
	assert_false(way->output.blocked);
	assert_int_equal(way->got_bytes, FRAME_REPLY_HEADER_BYTES + 4 + 100000);
}

static void twice_the_limit_is_too_much(void **state)
{
	struct way *way = *state;
	uint64_t count = 0;
	int r;

	while ((r = send_copied(way, 1000)) == 0)
		count++;
	assert_int_equal(r, -EMSGSIZE);
	assert_in_range(output_pending(&way->output), 2 * LIMIT_OUTPUT_BYTES, 2 * LIMIT_OUTPUT_BYTES + 1100);
	assert_int_equal(way->numbers, count);
	assert_int_equal(send_value(way, 5000), -EMSGSIZE);
	assert_int_equal(way->numbers, count);
	output_kill(&way->output);
	assert_int_equal(output_pending(&way->output), 0);
	assert_int_equal(send_copied(way, 1), -EPIPE);
	assert_int_equal(way->numbers, count);
}

/* They are the channels' memory, not the output's: who waits in several for large values is not cut for getting them.
 */
static void referenced_values_do_not_count(void **state)
{
	struct way *way = *state;
	size_t at = 0;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(send_value(way, LIMIT_VALUE_BYTES), 0);
	assert_true(output_pending(&way->output) > 3 * (size_t)LIMIT_VALUE_BYTES);
	assert_int_equal(send_copied(way, 1000), 0);
	drain(way);
	for (unsigned i = 0; i < 3; i++)
		at = check_value(way, at, i + 1, LIMIT_VALUE_BYTES);
	while (send_copied(way, 1000) == 0)
		continue;
	assert_in_range(output_pending(&way->output), 2 * LIMIT_OUTPUT_BYTES, 2 * LIMIT_OUTPUT_BYTES + 1100);
}

static void a_peer_that_is_gone_is_an_error(void **state)
{
	struct way *way = *state;

	assert_int_equal(send_value(way, 5000), 0);
	assert_int_equal(shutdown(way->fds[1], SHUT_RDWR), 0);
	assert_int_equal(output_flush(&way->output, way->fds[0]), -EPIPE);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static unsigned allocations_left;

static bool fails(size_t bytes)
{
	(void)bytes;
	return allocations_left-- == 0;
}

static int append_with(struct way *way, struct message *value, unsigned allocations)
{
	Baton__V1__ChannelReceiveResponse body = BATON__V1__CHANNEL_RECEIVE_RESPONSE__INIT;
	struct output_frame frame = {.header.kind = FRAME_REPLY, .body = &body.base, .numbers = &way->numbers};
	int r;

	frame.value = value;
	frame.value_field = FIELD_VALUE;
	allocations_left = allocations;
	memory_set_fault(fails);
	r = output_append(&way->output, &frame);
	memory_set_fault(NULL);
	return r;
}

static void no_memory_appends_nothing(void **state)
{
	static const uint8_t bytes[8000];
	struct way *way = *state;

	for (unsigned allocations = 0; allocations < 2; allocations++) {
		output_pool_drain();
		assert_int_equal(append_with(way, message_new(bytes, sizeof(bytes)), allocations), -ENOMEM);
		assert_int_equal(output_pending(&way->output), 0);
		assert_int_equal(way->numbers, 0);
		assert_int_equal(message_bytes_in_use(), 0);
	}
	assert_int_equal(append_with(way, message_new(bytes, sizeof(bytes)), 2), 0);
	assert_int_equal(way->numbers, 1);
	drain(way);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_leave_whole_and_in_order, open_way, close_way),
		cmocka_unit_test_setup_teardown(a_full_socket_blocks, open_way, close_way),
		cmocka_unit_test_setup_teardown(twice_the_limit_is_too_much, open_way, close_way),
		cmocka_unit_test_setup_teardown(referenced_values_do_not_count, open_way, close_way),
		cmocka_unit_test_setup_teardown(a_peer_that_is_gone_is_an_error, open_way, close_way),
		cmocka_unit_test_setup_teardown(no_memory_appends_nothing, open_way, close_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
