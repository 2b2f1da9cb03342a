/* SPDX-License-Identifier: MIT
 *
 * core_session.c - the session: its opening, the proof that it lives, what it is told, its leaving.
 *
 * With ttl > 0 the daemon ends the session when it has heard nothing for the ttl. What it has heard is known by its
 * answers: `proof` is the first sending of the latest answered request, so the session is safe until proof + 0.99 ttl
 * whatever the network does. PING keeps the proof younger than a third of the ttl; half the ttl without one is a
 * suspicion.
 */
#include <stdio.h>
#include <string.h>

#include "clientlib/core_private.h"
#include "clientlib/error.h"

#define TTL_MAX_NS (UINT64_C(366) * 86400 * 1000000000) /* times may be added to it */

static const struct operation open_operation = {
	.kind = "",
	.method = BATON__V1__METHOD__METHOD_SESSION_OPEN,
	.response = &baton__v1__session_open_response__descriptor,
};
static const struct operation attach_operation = {
	.kind = "",
	.method = BATON__V1__METHOD__METHOD_SESSION_ATTACH,
	.response = &baton__v1__session_attach_response__descriptor,
};
static const struct operation close_operation = {
	.kind = "",
	.method = BATON__V1__METHOD__METHOD_SESSION_CLOSE,
	.response = &baton__v1__session_close_response__descriptor,
};
static const struct operation detach_operation = {
	.kind = "",
	.method = BATON__V1__METHOD__METHOD_SESSION_DETACH,
	.response = &baton__v1__session_detach_response__descriptor,
};

/* ---- events ------------------------------------------------------------------------------------------------------ */

struct core_notice {
	struct list link;
	struct result *memory; /* of the strings; NULL: they are static */
	struct baton_notice notice;
};

/* Queues an event; MEMORY, which its strings are in, goes over to it. Without memory it is dropped: the state tells
 * too. */
static void add_notice(struct core *core, struct baton_notice notice, struct result *memory)
{
	struct core_notice *added = memory_alloc(sizeof(*added));

	if (added == NULL) {
		result_free(memory);
		return;
	}
	added->notice = notice;
	added->memory = memory;
	list_add_tail(&core->notices, &added->link);
}

static void add_event(struct core *core, enum baton_event event, const char *why)
{
	struct result *memory = result_new();
	const char *text = memory != NULL ? result_copy(memory, why, strlen(why)) : NULL;

	add_notice(core,
		(struct baton_notice){.event = event, .kind = "", .name = "", .text = text != NULL ? text : ""},
		memory);
}

static void notice_free(struct core_notice *notice)
{
	if (notice != NULL)
		result_free(notice->memory);
	memory_free(notice);
}

bool core_next_notice(struct core *core, struct baton_notice *ret)
{
	struct list *at = list_pop_head(&core->notices);

	notice_free(core->shown);
	core->shown = at != NULL ? container_of(at, struct core_notice, link) : NULL;
	if (at == NULL)
		return false;
	*ret = core->shown->notice;
	return true;
}

void core_notices_free(struct core *core)
{
	struct baton_notice notice;

	while (core_next_notice(core, &notice))
		;
}

void core_lose(struct core *core, const char *why)
{
	if (core->lost)
		return;
	core->lost = true;
	if (core->was_open && core->kind != BATON_SESSION_NONE && !core->leaving)
		add_event(core, BATON_EVENT_LOST, why);
}

void core_take_notice(struct core *core, const struct reply *reply)
{
	struct result *memory = result_new();
	const Baton__V1__Notice *notice = memory != NULL
						  ? (const Baton__V1__Notice *)(const void *)result_unpack(memory,
							    &baton__v1__notice__descriptor, reply->body, reply->length)
						  : NULL;
	const bool is_lost = notice != NULL && notice->kind == BATON__V1__NOTICE_KIND__NOTICE_HOLD_LOST;

	if (notice != NULL && (is_lost || notice->kind == BATON__V1__NOTICE_KIND__NOTICE_HOLD_MOVED)) {
		add_notice(core,
			(struct baton_notice){
				.event = is_lost ? BATON_EVENT_HOLD_LOST : BATON_EVENT_HOLD_MOVED,
				.kind = notice->object_kind,
				.name = notice->name,
				.token = notice->token,
				.new_token = notice->new_token,
				.text = notice->text,
			},
			memory);
		return;
	}
	if (notice != NULL && notice->kind == BATON__V1__NOTICE_KIND__NOTICE_SESSION_ENDED)
		core_lose(core, notice->text);
	result_free(memory);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* A message of the daemon's, decoded into MEMORY (NULL: there was none), is missing or breaks a rule. */
static void refuse_message(struct core *core, const struct result *memory, const char *why)
{
	const bool exhausted = memory == NULL || result_is_exhausted(memory);

	if (!exhausted) {
		core_refuse(core, why);
		return;
	}
	core_lose(core, baton_strerror(BATON_ENOMEM));
	core_end_calls(core, BATON_ENOMEM, 0, baton_strerror(BATON_ENOMEM));
}

/* The session is not opened, or not taken up again. */
static void refuse_opening(struct core *core, const struct reply *reply)
{
	struct result *memory = result_new();
	char text[ERROR_TEXT_BYTES];
	const char *why = "";
	int error = BATON_ENOMEM;

	if (memory != NULL)
		error = core_read_error(memory, reply->header->status, reply->body, reply->length, &why);
	snprintf(text, sizeof(text), "%s the session: %s", core->was_open ? "cannot take up" : "cannot open", why);
	result_free(memory);
	if (core->lane != 0 && error == BATON_ENOTMADE) { /* LANE_GONE */
		core->lane = 0; /* it was silent for too long: the next connection opens another */
		core_break(core, BATON_EUNAVAILABLE, text);
	} else if (core->was_open && error == BATON_EUNAVAILABLE) {
		core_break(core, error, text);
	} else {
		core_lose(core, text);
		core_end_calls(core, error, core->was_open ? 0 : error, text);
	}
}

static void be_open(struct core *core, uint64_t ttl_us)
{
	core->ttl = ttl_us > TTL_MAX_NS / 1000 ? (int64_t)TTL_MAX_NS : (int64_t)(ttl_us * 1000);
	core->state = CORE_OPEN;
	core->was_open = true;
	if (core->text[0] == '\0') /* once: it was given away */
		session_text_format(&core->identity, core->text);
}

static void take_opened(struct core *core, struct core_call *call, const struct reply *reply)
{
	struct result *memory = result_new();
	const Baton__V1__SessionOpenResponse *response;

	if (reply->header->status != BATON__V1__STATUS__STATUS_OK) {
		refuse_opening(core, reply);
		goto done;
	}
	response = memory != NULL ? (const Baton__V1__SessionOpenResponse *)(const void *)result_unpack(
					    memory, call->operation->response, reply->body, reply->length)
				  : NULL;
	if (response == NULL || response->session == 0 || response->secret.len != SESSION_SECRET_BYTES ||
		response->lane == 0) {
		refuse_message(core, memory, "the daemon's answer to Session.Open cannot be read");
		goto done;
	}
	core->identity.id = response->session;
	core->lane = response->lane;
	memcpy(core->identity.secret, response->secret.data, SESSION_SECRET_BYTES);
	be_open(core, response->ttl_us);
done:
	result_free(memory);
}

static void take_attached(struct core *core, struct core_call *call, const struct reply *reply)
{
	struct result *memory = result_new();
	const Baton__V1__SessionAttachResponse *response;

	if (reply->header->status != BATON__V1__STATUS__STATUS_OK) {
		refuse_opening(core, reply);
		goto done;
	}
	response = memory != NULL ? (const Baton__V1__SessionAttachResponse *)(const void *)result_unpack(
					    memory, call->operation->response, reply->body, reply->length)
				  : NULL;
	if (response == NULL || response->lane == 0 || (core->lane != 0 && response->lane != core->lane)) {
		refuse_message(core, memory, "the daemon's answer to Session.Attach cannot be read");
		goto done;
	}
	if (core->lane != 0) { /* what was told of replies over the former connection may be lost */
		core->acknowledged = 0;
		core->acknowledge_at = reply->now.monotonic + CORE_ACK_DELAY;
	}
	core->lane = response->lane;
	be_open(core, response->ttl_us);
done:
	result_free(memory);
}

static bool ask_open(struct core *core)
{
	Baton__V1__SessionOpenRequest open = BATON__V1__SESSION_OPEN_REQUEST__INIT;

	open.ttl_us = ((uint64_t)core->ttl + 999) / 1000;
	open.label = core->label;
	open.of_process = core->kind == BATON_SESSION_OF_PROCESS;
	open.grace_us = ((uint64_t)core->grace + 999) / 1000;
	open.host = core->host;
	open.pid = core->pid;
	if (core->parent.id != 0) {
		open.parent = core->parent.id;
		open.parent_secret = (ProtobufCBinaryData){SESSION_SECRET_BYTES, core->parent.secret};
	}
	return core_request(core, &open_operation, &open.base, take_opened) != NULL;
}

static bool ask_attach(struct core *core)
{
	Baton__V1__SessionAttachRequest attach = BATON__V1__SESSION_ATTACH_REQUEST__INIT;

	attach.session = core->identity.id;
	attach.secret = (ProtobufCBinaryData){SESSION_SECRET_BYTES, core->identity.secret};
	attach.incarnation = core->incarnation;
	attach.lane = core->lane;
	attach.last_reply = core->last_reply;
	return core_request(core, &attach_operation, &attach.base, take_attached) != NULL;
}

bool core_ask_for_session(struct core *core)
{
	if (core->kind == BATON_SESSION_NONE)
		return true;
	return core->identity.id != 0 ? ask_attach(core) : ask_open(core);
}

void core_take_hello(struct core *core, const struct reply *reply)
{
	struct result *memory = result_new();
	const Baton__V1__DaemonHello *hello =
		memory != NULL ? (const Baton__V1__DaemonHello *)(const void *)result_unpack(
					 memory, &baton__v1__daemon_hello__descriptor, reply->body, reply->length)
			       : NULL;

	if (core->hello || hello == NULL) {
		refuse_message(core, memory, "the daemon's HELLO cannot be read");
	} else if (hello->protocol != FRAME_PROTOCOL_VERSION) {
		core_refuse(core, "the daemon speaks another version of the protocol");
	} else if (core->incarnation != 0 && hello->incarnation != core->incarnation) {
		core_lose(core, "the daemon was restarted");
		core_end_calls(core, BATON_ERESTARTED, 0, "the daemon was restarted");
	} else {
		core->hello = true;
		core->incarnation = hello->incarnation;
		if (hello->max_frame_bytes != 0)
			core->max_request_bytes =
				hello->max_frame_bytes < UINT32_MAX ? (size_t)hello->max_frame_bytes : UINT32_MAX;
	}
	if (core->hello && core->kind == BATON_SESSION_NONE && core->state == CORE_OPENING) {
		core->state = CORE_OPEN;
		core->was_open = true;
	}
	result_free(memory);
}

void core_take_goaway(struct core *core, const struct reply *reply)
{
	struct result *memory = result_new();
	char text[ERROR_TEXT_BYTES];
	const char *why = "";
	int error = BATON_EUNAVAILABLE;

	if (memory != NULL)
		error = core_read_error(
			memory, BATON__V1__STATUS__STATUS_UNAVAILABLE, reply->body, reply->length, &why);
	snprintf(text, sizeof(text), "the daemon closed the connection: %s", why);
	result_free(memory);
	if (error == BATON_EINVAL || error == BATON_EPROTOCOL) {
		core_refuse(core, text);
	} else if (error == BATON_ESESSION || error == BATON_EDENIED || error == BATON_ERESTARTED) {
		core_lose(core, text);
		core_end_calls(core, error, core->was_open ? 0 : error, text);
	} else {
		core_break(core, error, text);
	}
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static bool is_counted(const struct core *core)
{
	return core_has_ttl(core) && core->was_open && !core->lost && core->state != CORE_ENDED;
}

void core_prove(struct core *core, int64_t sent_at)
{
	if (sent_at > core->proof)
		core->proof = sent_at;
}

void core_take_pong(struct core *core, const struct reply *reply)
{
	if (!core->ping_is_out || reply->header->call != core->ping)
		return;
	core->ping_is_out = false;
	core_prove(core, core->asked_at);
}

/* When the session must be given up as lost; when it comes into doubt; when the daemon is to be asked, or was asked so
 * long ago that it is not there. All in boottime. */

static int64_t lost_at(const struct core *core)
{
	return core->proof + (core->ttl - core->ttl / 100);
}

static int64_t suspect_at(const struct core *core)
{
	return core->proof + core->ttl / 2;
}

static int64_t ping_at(const struct core *core)
{
	const int64_t since = core->asked_at > core->proof ? core->asked_at : core->proof;

	return since + core->ttl / 3;
}

static void ping(struct core *core, int64_t boottime)
{
	if (!core_put_frame(core, FRAME_PING, core->ping + 1, NULL, 0))
		return;
	core->ping++;
	core->asked_at = boottime;
	core->ping_is_out = true;
}

static void judge_safety(struct core *core, int64_t boottime)
{
	const bool suspect = boottime >= suspect_at(core);

	if (suspect && !core->suspect)
		add_event(core, BATON_EVENT_SUSPECT, "nothing was heard from the daemon for half the session's ttl");
	if (!suspect && core->suspect)
		add_event(core, BATON_EVENT_SAFE, "the daemon was heard again in time");
	core->suspect = suspect;
}

void core_tick_session(struct core *core, struct core_time now)
{
	if (!is_counted(core))
		return;
	if (now.boottime >= lost_at(core)) {
		core_lose(core, "nothing was heard from the daemon for the session's ttl");
		core_end_calls(core, BATON_ESESSION, 0, "nothing was heard from the daemon for the session's ttl");
		return;
	}
	judge_safety(core, now.boottime);
	if (core->state == CORE_UNCONNECTED || now.boottime < ping_at(core))
		return;
	if (core->state == CORE_OPENING || (core->ping_is_out && core->heard < core->asked_at))
		core_break(core, BATON_EUNREACHABLE, "the daemon does not answer");
	else
		ping(core, now.boottime);
}

int64_t core_session_deadline(const struct core *core, struct core_time now)
{
	int64_t at;

	if (!is_counted(core))
		return CORE_NEVER;
	at = lost_at(core);
	if (!core->suspect && suspect_at(core) < at)
		at = suspect_at(core);
	if (core->state != CORE_UNCONNECTED && ping_at(core) < at)
		at = ping_at(core);
	return now.monotonic + (at - now.boottime);
}

const char *core_session(const struct core *core)
{
	return core->text[0] != '\0' ? core->text : NULL;
}

int64_t core_guaranteed_until(const struct core *core)
{
	if (core->lost || core->state == CORE_ENDED)
		return INT64_MIN;
	if (!core_has_ttl(core))
		return INT64_MAX;
	return core->was_open ? lost_at(core) : INT64_MIN;
}

/* ---- leaving ----------------------------------------------------------------------------------------------------- */

static void take_left(struct core *core, struct core_call *call, const struct reply *reply)
{
	(void)call;
	(void)reply;
	core->left = true;
}

bool core_leave(struct core *core)
{
	Baton__V1__SessionCloseRequest close = BATON__V1__SESSION_CLOSE_REQUEST__INIT;
	Baton__V1__SessionDetachRequest detach = BATON__V1__SESSION_DETACH_REQUEST__INIT;

	if (core->state != CORE_OPEN || core->kind == BATON_SESSION_NONE || core->leaving)
		return false;
	core->leaving = true;
	if (core->kind == BATON_SESSION_OWN)
		return core_request(core, &close_operation, &close.base, take_left) != NULL;
	return core_request(core, &detach_operation, &detach.base, take_left) != NULL;
}

bool core_has_left(const struct core *core)
{
	return core->left || core->state == CORE_ENDED;
}
