/* SPDX-License-Identifier: MIT
 *
 * reader.c - bytes to frames to calls.
 *
 * The input buffer exists while bytes are unread or the reader runs. All of it belongs to the reader of the moment:
 * when a call parks, the fresh reader goes on where the old one stood, and the old one only finishes its call.
 */
#include "daemon/reader.h"

#include <baton/v1/connection.pb-c.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/call.h"
#include "daemon/call_pool.h"
#include "daemon/input_pool.h"
#include "daemon/lane.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/server.h"
#include "daemon/session.h"

#define CALLS_PER_TURN 64
#define BYTES_PER_TURN (256 * 1024)

/* What a step of the reader ended with. */
enum step {
	STEP_ON,      /* there may be more to do */
	STEP_PASSED,  /* the role is another's: hands off */
	STEP_RETIRED, /* idle or paused: whoever wakes it starts another */
	STEP_END,     /* the connection is over */
};

/* Starts the coroutine that the word speaks of, with a reference and the socket. Without memory for it the connection
 * counts as paused, and whoever flushes it next tries again: to cut it would take a reader too. */
static void start(struct connection *connection)
{
	if (!connection_hold_socket(connection))
		return; /* it was ended otherwise */
	connection->drained = false;
	if (co_go(reader_main, connection_ref(connection)) == 0)
		return;
	connection_release_socket(connection);
	connection_unref(connection);
	atomic_store(&connection->reader, READER_PAUSED);
	connection_flush_later(connection);
}

void reader_wake(struct connection *connection)
{
	unsigned state = READER_IDLE;

	for (;;) {
		if (atomic_compare_exchange_strong(&connection->reader, &state, READER_RUNNING)) {
			start(connection);
			return;
		}
		if (state != READER_RUNNING ||
			atomic_compare_exchange_strong(&connection->reader, &state, READER_AGAIN))
			return; /* resumed, it looks for itself */
		state = READER_IDLE;
	}
}

void reader_resume(struct connection *connection)
{
	unsigned state = READER_PAUSED;

	if (output_pending(&connection->output) > LIMIT_OUTPUT_BYTES / 2 && !connection->output.dead)
		return;
	if (atomic_compare_exchange_strong(&connection->reader, &state, READER_RUNNING))
		start(connection);
}

/* ---- frames --------------------------------------------------------------------------------------------------------
 */

/* The stream is out of step: say so and end. */
static enum step refuse(struct connection *connection, const char *text)
{
	log_info("connection refused connection=%llu why=\"%s\"", (unsigned long long)connection->id, text);
	connection_say_goodbye(connection, BATON__V1__REASON__REASON_BAD_REQUEST, text);
	return STEP_END;
}

struct hello {
	const uint8_t *bytes;
	size_t length;
	struct call_scratch *scratch;
	const Baton__V1__ClientHello *message;
};

static void decode_hello(void *arg)
{
	struct hello *hello = arg;

	hello->message =
		baton__v1__client_hello__unpack(call_scratch_allocator(hello->scratch), hello->length, hello->bytes);
}

/* The protocol version that the hello of LENGTH bytes asks for; 0, and why, if there is none to go on with. */
static uint32_t read_hello(const uint8_t *bytes, size_t length, const char **ret_why)
{
	struct hello hello = {.bytes = bytes, .length = length, .scratch = call_scratch_take(length)};
	uint32_t protocol = 0;

	*ret_why = "no memory for the hello";
	if (hello.scratch == NULL)
		return 0;
	co_on_thread_stack(decode_hello, &hello);
	*ret_why = hello.message == NULL ? "the hello is not a ClientHello" : "protocol version 0";
	if (hello.message != NULL)
		protocol = hello.message->protocol;
	call_scratch_give(hello.scratch);
	return protocol;
}

static enum step take_hello(struct connection *connection, const struct frame_request *header, const uint8_t *frame)
{
	Baton__V1__DaemonHello answer = BATON__V1__DAEMON_HELLO__INIT;
	struct output_frame reply = {.header.kind = FRAME_HELLO_REPLY, .body = &answer.base};
	const char *why;
	uint32_t protocol;

	if (connection->hello)
		return refuse(connection, "a second hello");
	protocol = read_hello(frame + FRAME_REQUEST_HEADER_BYTES, header->length - FRAME_REQUEST_HEADER_BYTES, &why);
	if (protocol == 0)
		return refuse(connection, why);
	connection->hello = true;
	answer.protocol = protocol < FRAME_PROTOCOL_VERSION ? protocol : FRAME_PROTOCOL_VERSION;
	answer.daemon = (char *)(uintptr_t) "batond/" BATON_VERSION;
	answer.incarnation = server_incarnation();
	answer.max_frame_bytes = LIMIT_FRAME_BYTES;
	answer.max_value_bytes = LIMIT_VALUE_BYTES;
	connection_send(connection, &reply);
	return STEP_ON;
}

static void send_pong(struct connection *connection, const struct frame_request *header)
{
	struct output_frame reply = {.header = {.kind = FRAME_PONG, .call = header->call}};

	connection_send(connection, &reply);
}

static enum step take_frame(struct connection *connection, const struct frame_request *header, const uint8_t *frame)
{
	bool passed = false;

	if (!connection->hello && header->kind != FRAME_HELLO)
		return refuse(connection, "the first frame is not a hello");
	if (connection->lane != NULL && header->last_reply != 0)
		lane_acknowledge(connection->lane, header->last_reply);
	switch ((enum frame_request_kind)header->kind) {
	case FRAME_HELLO:
		return take_hello(connection, header, frame);
	case FRAME_REQUEST:
		call_run(connection, header, frame, &passed);
		return passed ? STEP_PASSED : STEP_ON;
	case FRAME_CANCEL:
		if (connection->lane != NULL)
			lane_cancel(connection->lane, header->call);
		return STEP_ON;
	case FRAME_PING:
		send_pong(connection, header);
		return STEP_ON;
	case FRAME_ACK:
		return STEP_ON;
	}
	return refuse(connection, frame_error_text(FRAME_BAD_KIND));
}

/* What a reader took since others had their turn. */
struct turn {
	unsigned calls;
	size_t bytes;
};

/* Lets others run when LENGTH bytes more make it a turn's worth. */
static void yield_in_turn(struct turn *turn, size_t length)
{
	turn->bytes += length;
	if (++turn->calls < CALLS_PER_TURN && turn->bytes < BYTES_PER_TURN)
		return;
	co_yield();
	*turn = (struct turn){0};
}

/* Takes what whole frames are there. *NEED becomes the length of the frame that is not whole yet. */
static enum step take_frames(struct connection *connection, struct turn *turn, size_t *need)
{
	*need = FRAME_REQUEST_HEADER_BYTES;
	for (;;) {
		struct frame_request header = {0};
		const uint8_t *frame = connection->input != NULL ? connection->input + connection->begin : NULL;
		size_t there = connection->end - connection->begin;
		enum step step;
		int r;

		if (atomic_load_explicit(&connection->ending, memory_order_relaxed))
			return STEP_END;
		if (output_pending(&connection->output) > LIMIT_OUTPUT_BYTES)
			return STEP_RETIRED;
		r = frame_get_request(frame, there, LIMIT_FRAME_BYTES, &header);
		if (r == FRAME_INCOMPLETE) {
			if (there >= FRAME_REQUEST_HEADER_BYTES)
				*need = header.length;
			return STEP_ON;
		}
		if (r < 0)
			return refuse(connection, frame_error_text(r));
		connection->begin += header.length;
		step = take_frame(connection, &header, frame);
		if (step != STEP_ON)
			return step;
		yield_in_turn(turn, header.length);
	}
}

/* ---- bytes
 * ------------------------------------------------------------------------------------------------------------ */

/* Makes room for a frame of NEED bytes, of which some may be there. False: no memory. */
static bool make_room(struct connection *connection, size_t need)
{
	size_t there = connection->end - connection->begin;
	size_t capacity = need > INPUT_BLOCK_BYTES ? need : INPUT_BLOCK_BYTES;
	uint8_t *input;

	if (connection->input != NULL && connection->capacity >= capacity) {
		if (connection->begin > 0 && connection->capacity - connection->begin < need) {
			memmove(connection->input, connection->input + connection->begin, there);
			connection->begin = 0;
			connection->end = there;
		}
		return true;
	}
	input = capacity == INPUT_BLOCK_BYTES ? input_block_take() : memory_alloc(capacity);
	if (input == NULL)
		return false;
	if (there > 0)
		memcpy(input, connection->input + connection->begin, there); // NOLINT(*NonNull*): bytes are there
	input_block_give(connection->input, connection->capacity);
	connection->input = input;
	connection->capacity = capacity;
	connection->begin = 0;
	connection->end = there;
	return true;
}

/* An idle connection keeps no buffer, but for a frame that is not whole. */
static void give_room_back(struct connection *connection)
{
	size_t there = connection->end - connection->begin;
	uint8_t *rest = NULL;

	if (connection->input == NULL || (there > 0 && connection->capacity != INPUT_BLOCK_BYTES))
		return;
	if (there > 0) {
		rest = memory_alloc(there);
		if (rest == NULL)
			return;
		memcpy(rest, connection->input + connection->begin, there);
	}
	input_block_give(connection->input, connection->capacity);
	connection->input = rest;
	connection->capacity = there;
	connection->begin = 0;
	connection->end = there;
}

/* Reads once. STEP_ON: bytes came; STEP_RETIRED: none there now; STEP_END: the end, or a failed socket. */
static enum step receive(struct connection *connection, size_t need)
{
	uint8_t *at;
	size_t room;
	ssize_t n;
	bool is_closed;

	if (!make_room(connection, need)) {
		connection_cut(connection, "no memory for a frame");
		return STEP_END;
	}
	if (connection->begin == connection->end) {
		connection->begin = 0;
		connection->end = 0;
	}
	room = connection->capacity - connection->end;
	at = connection->input + connection->end;
	if (connection->lane == NULL && connection->peer.local) /* only what opens a session may bring a descriptor */
		n = socket_receive_passed(connection->poll.fd, at, room, &connection->passed);
	else
		n = socket_receive(connection->poll.fd, at, room);
	if (n == -EAGAIN) {
		connection->drained = true;
		return STEP_RETIRED;
	}
	if (n <= 0)
		return STEP_END;
	connection->end += (size_t)n;
	is_closed = atomic_load_explicit(&connection->closed, memory_order_acquire);
	connection->drained = (size_t)n < room && !is_closed;
	if (is_closed && connection->lane != NULL) /* else the poller's report has counted */
		session_heard(connection->lane->session);
	return STEP_ON;
}

/* ---- the coroutine
 * ------------------------------------------------------------------------------------------------------ */

/* Leaves the role if nothing came meanwhile. */
static bool retire(struct connection *connection, enum reader_state to)
{
	unsigned state = READER_RUNNING;

	if (to == READER_IDLE)
		give_room_back(connection);
	if (atomic_compare_exchange_strong(&connection->reader, &state, to))
		return true;
	atomic_store(&connection->reader, READER_RUNNING);
	connection->drained = false;
	return false;
}

/* Too much output waits. The flusher may have drained it before the word said so: look again. */
static enum step pause_for_output(struct connection *connection)
{
	unsigned state = READER_PAUSED;

	connection->drained = false;
	while (!retire(connection, READER_PAUSED))
		continue;
	if (output_pending(&connection->output) > LIMIT_OUTPUT_BYTES / 2 && !connection->output.dead)
		return STEP_RETIRED;
	return atomic_compare_exchange_strong(&connection->reader, &state, READER_RUNNING) ? STEP_ON : STEP_RETIRED;
}

static enum step read_on(struct connection *connection, struct turn *turn)
{
	size_t need;
	enum step step = take_frames(connection, turn, &need);

	if (step == STEP_RETIRED)
		return pause_for_output(connection);
	if (step != STEP_ON)
		return step;
	if (connection->drained)
		step = STEP_RETIRED;
	else
		step = receive(connection, need);
	if (step == STEP_RETIRED)
		return retire(connection, READER_IDLE) ? STEP_RETIRED : STEP_ON;
	return step;
}

/* The end of input: what was read has been run. */
static void end(struct connection *connection)
{
	if (connection->lane != NULL)
		lane_lose(connection->lane, connection);
	connection_finish(connection);
}

void reader_main(void *arg)
{
	struct connection *connection = arg;
	struct turn turn = {0};
	enum step step;

	do
		step = read_on(connection, &turn);
	while (step == STEP_ON);
	if (step == STEP_PASSED)
		return;
	if (step == STEP_END)
		end(connection);
	connection_release_socket(connection);
	connection_unref(connection);
}
