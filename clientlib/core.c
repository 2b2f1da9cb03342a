/* SPDX-License-Identifier: MIT
 *
 * core.c - the core's lifecycle, its bytes out and in.
 */
#include <string.h>

#include "clientlib/core_private.h"
#include "clientlib/error.h"

#define READ_BYTES 16384u
#define ALLOWED_REPLY_BYTES FRAME_DEFAULT_MAX_BYTES

/* ---- lifecycle --------------------------------------------------------------------------------------------------- */

static bool copy_settings(struct core *core, const struct core_settings *settings)
{
	const char *label = settings->label != NULL ? settings->label : "";
	const char *host = settings->host != NULL ? settings->host : "";

	core->kind = settings->kind;
	core->ttl = settings->ttl_ns;
	core->grace = settings->grace_ns;
	core->pid = settings->pid;
	if (settings->session != NULL && settings->kind == BATON_SESSION_ATTACH)
		core->identity = *settings->session;
	else if (settings->session != NULL)
		core->parent = *settings->session;
	core->label = memory_copy(label, strlen(label));
	core->host = memory_copy(host, strlen(host));
	return core->label != NULL && core->host != NULL;
}

int core_new(const struct core_settings *settings, struct core **ret)
{
	struct core *core = memory_zalloc(sizeof(*core));

	if (core == NULL)
		return BATON_ENOMEM;
	list_init(&core->unsent);
	list_init(&core->in_sending);
	list_init(&core->finished);
	list_init(&core->unread);
	list_init(&core->notices);
	core->acknowledge_at = CORE_NEVER;
	core->proof = INT64_MIN;
	core->max_request_bytes = FRAME_DEFAULT_MAX_BYTES;
	if (!copy_settings(core, settings)) {
		core_free(core);
		return BATON_ENOMEM;
	}
	*ret = core;
	return BATON_OK;
}

void core_free(struct core *core)
{
	struct core_call *call;

	if (core == NULL)
		return;
	core_drop_calls(core, BATON_ECLIENTCLOSED, BATON_ECLIENTCLOSED, "");
	while ((call = core_next_finished(core)) != NULL)
		result_free(result_of(core_hand_over(core, call)));
	core_forget_contexts(core);
	core_notices_free(core);
	deadlines_done(&core->deadlines);
	buffer_clear(&core->in);
	buffer_clear(&core->out);
	buffer_clear(&core->sending);
	memory_free(core->label);
	memory_free(core->host);
	memory_free(core->error_text);
	memory_free(core);
}

enum core_state core_state(const struct core *core)
{
	return core->state;
}

static bool is_connected(const struct core *core)
{
	return core->state == CORE_OPENING || core->state == CORE_OPEN;
}

bool core_was_open(const struct core *core)
{
	return core->was_open;
}

int core_error(const struct core *core)
{
	return core->error;
}

const char *core_error_text(const struct core *core)
{
	return core->error_text != NULL ? core->error_text : baton_strerror(core->error);
}

void core_end_calls(struct core *core, int error, int sent_error, const char *why)
{
	if (core->state == CORE_ENDED)
		return;
	core->state = CORE_ENDED;
	core->error = error;
	core->error_text = memory_copy(why, strlen(why)); /* NULL: the error's own text stands in */
	core->left = true;
	core_drop_calls(core, sent_error, error, why);
}

void core_end(struct core *core, int error, const char *why)
{
	core_end_calls(core, error, error, why);
}

void core_refuse(struct core *core, const char *why)
{
	core_lose(core, why);
	core_end_calls(core, BATON_EPROTOCOL, 0, why);
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

bool core_resumes(const struct core *core)
{
	return core_has_ttl(core) && core->lane != 0 && core->never_from == 0;
}

/* Begins anew with the replies of another lane. */
static void reset_lane(struct core *core)
{
	core_forget_unread(core);
	core->lane = 0;
	core->last_reply = 0;
	core->never_from = 0;
}

static void reset_connection(struct core *core)
{
	if (!core_resumes(core))
		reset_lane(core);
	while (list_pop_head(&core->in_sending) != NULL)
		;
	buffer_clear(&core->in);
	buffer_clear(&core->sending);
	core->missing = 0;
	core->hello = false;
	core->ping_is_out = false;
	core->acknowledged = 0;
	core->acknowledge_at = CORE_NEVER;
	core->max_request_bytes = FRAME_DEFAULT_MAX_BYTES;
}

static bool put_hello(struct core *core)
{
	static const char client[] = "libbaton/" BATON_VERSION;
	Baton__V1__ClientHello hello = BATON__V1__CLIENT_HELLO__INIT;
	uint8_t body[sizeof(client) + 32];

	hello.protocol = FRAME_PROTOCOL_VERSION;
	hello.client = (char *)(uintptr_t)client;
	return core_put_frame(core, FRAME_HELLO, 0, body, baton__v1__client_hello__pack(&hello, body));
}

/* Moves the calls in WAITING, whose frames are in OLD, behind what is in `out`. Room for them is reserved. */
static void keep_waiting(struct core *core, struct list *waiting, const struct buffer *old)
{
	list_for_each_safe (at, waiting) {
		struct core_call *call = container_of(at, struct core_call, link);

		memcpy(core->out.bytes + core->out.end, old->bytes + call->frame_at, call->frame_length);
		call->frame_at = core->out.end;
		core->out.end += call->frame_length;
		list_remove(at);
		list_add_tail(&core->unsent, at);
	}
}

/* Takes back what a failed core_connect() queued. */
static void drop_opening(struct core *core)
{
	list_for_each_safe (at, &core->unsent)
		core_call_free(core, container_of(at, struct core_call, link));
	buffer_clear(&core->out);
}

int core_connect(struct core *core, int64_t now)
{
	struct buffer old = core->out;
	struct list waiting;
	int r = BATON_OK;

	reset_connection(core);
	list_init(&waiting);
	list_splice_tail(&waiting, &core->unsent);
	core->out = (struct buffer){0};
	if (put_hello(core) && core_ask_for_session(core) && core_send_again(core, now) &&
		buffer_reserve(&core->out, buffer_length(&old))) {
		keep_waiting(core, &waiting, &old);
		core->state = CORE_OPENING;
		buffer_clear(&old);
	} else {
		drop_opening(core);
		core->out = old;
		list_splice_tail(&core->unsent, &waiting);
		r = BATON_ENOMEM;
	}
	return r;
}

void core_break(struct core *core, int error, const char *why)
{
	if (!is_connected(core))
		return;
	if (core->lost) {
		core_end_calls(core, BATON_ESESSION, 0, why);
	} else if (!core->was_open || core->leaving || !core_has_ttl(core)) {
		core_lose(core, why);
		core_end_calls(core, error, 0, why);
	} else {
		core->state = CORE_UNCONNECTED;
		core_drop_calls(core, 0, 0, why);
	}
}

/* ---- bytes out --------------------------------------------------------------------------------------------------- */

bool core_put_frame(struct core *core, enum frame_request_kind kind, uint64_t call, const uint8_t *body, size_t length)
{
	const struct frame_request header = {
		.length = (uint32_t)(FRAME_REQUEST_HEADER_BYTES + length),
		.kind = (uint8_t)kind,
		.call = call,
		.last_reply = core_last_acknowledged(core),
	};

	if (!buffer_reserve(&core->out, header.length))
		return false;
	frame_put_request(core->out.bytes + core->out.end, &header);
	if (length > 0)
		memcpy(core->out.bytes + core->out.end + FRAME_REQUEST_HEADER_BYTES, body, length);
	core->out.end += header.length;
	core_note_acknowledged(core);
	return true;
}

const uint8_t *core_output(struct core *core, struct core_time now, size_t *ret_length)
{
	if (!is_connected(core))
		return NULL;
	if (buffer_length(&core->sending) == 0) {
		const struct buffer drained = core->sending;

		core_stamp_unsent(core, now);
		core->sending = core->out;
		core->out = drained;
	}
	*ret_length = buffer_length(&core->sending);
	core->is_writing = *ret_length > 0;
	return *ret_length > 0 ? core->sending.bytes + core->sending.begin : NULL;
}

void core_sent(struct core *core, size_t bytes)
{
	core->is_writing = false;
	buffer_consume(&core->sending, bytes);
	if (buffer_length(&core->sending) == 0)
		while (list_pop_head(&core->in_sending) != NULL)
			;
}

bool core_has_output(const struct core *core)
{
	return is_connected(core) && (buffer_length(&core->sending) > 0 || buffer_length(&core->out) > 0);
}

/* ---- bytes in ---------------------------------------------------------------------------------------------------- */

uint8_t *core_input(struct core *core, size_t *ret_room)
{
	const size_t have = buffer_length(&core->in);
	size_t room = READ_BYTES;

	/* A long frame gets room as it comes, not as it claims. */
	if (core->missing > room)
		room = core->missing < have ? core->missing : have;
	if (room < READ_BYTES)
		room = READ_BYTES;
	if (!buffer_reserve(&core->in, room))
		return NULL;
	*ret_room = core->in.size - core->in.end;
	return core->in.bytes + core->in.end;
}

static void refuse_reply(struct core *core, const struct reply *reply)
{
	(void)reply;
	core_refuse(core, "the daemon sent a frame out of turn");
}

static void take_frame(struct core *core, const struct reply *reply)
{
	static void (*const takers[])(struct core * core, const struct reply *reply) = {
		[FRAME_HELLO_REPLY] = core_take_hello,
		[FRAME_REPLY] = core_take_reply,
		[FRAME_PONG] = core_take_pong,
		[FRAME_GOAWAY] = core_take_goaway,
		[FRAME_NOTICE] = core_take_notice,
	};
	const unsigned kind = reply->header->kind;
	const bool in_turn = core->hello || kind == FRAME_HELLO_REPLY || kind == FRAME_GOAWAY;

	if (in_turn && kind < sizeof(takers) / sizeof(takers[0]) && takers[kind] != NULL)
		takers[kind](core, reply);
	else
		refuse_reply(core, reply);
}

void core_feed(struct core *core, size_t bytes, struct core_time now)
{
	core->in.end += bytes;
	core->heard = now.boottime;
	while (is_connected(core) && buffer_length(&core->in) > 0) {
		const uint8_t *from = core->in.bytes + core->in.begin;
		const size_t have = buffer_length(&core->in);
		struct frame_reply header = {0};
		const int r = frame_get_reply(from, have, ALLOWED_REPLY_BYTES, &header);

		if (r == FRAME_INCOMPLETE) {
			core->missing = header.length > have ? header.length - have : 0;
			return;
		}
		if (r != FRAME_OK) {
			core_refuse(core, frame_error_text(r));
			return;
		}
		take_frame(core, &(struct reply){
					 .header = &header,
					 .body = from + FRAME_REPLY_HEADER_BYTES,
					 .length = header.length - FRAME_REPLY_HEADER_BYTES,
					 .now = now,
				 });
		core->missing = 0;
		buffer_consume(&core->in, header.length);
	}
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t core_deadline(const struct core *core, struct core_time now)
{
	const struct deadline *first = deadlines_first(&core->deadlines);
	int64_t at = first != NULL ? first->at : CORE_NEVER;

	if (core->state == CORE_ENDED)
		return CORE_NEVER;
	if (is_connected(core))
		at = earlier(at, core->acknowledge_at);
	return earlier(at, core_session_deadline(core, now));
}

void core_tick(struct core *core, struct core_time now)
{
	core_tick_calls(core, now.monotonic);
	if (now.monotonic >= core->acknowledge_at) {
		core_acknowledge(core);
		if (!list_is_empty(&core->unread)) /* to be handed over any moment */
			core->acknowledge_at = now.monotonic + CORE_ACK_DELAY;
	}
	core_tick_session(core, now);
}

bool core_needs_boottime(const struct core *core)
{
	return core->kind != BATON_SESSION_NONE && (core->ttl > 0 || !core->was_open);
}

bool core_has_ttl(const struct core *core)
{
	return core->ttl > 0 && core->kind != BATON_SESSION_NONE;
}
