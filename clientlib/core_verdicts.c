/* SPDX-License-Identifier: MIT
 *
 * core_verdicts.c - how calls end: by a verdict, with their connection, too late for anyone; and what is acknowledged.
 *
 * Acknowledged is the highest reply number below which no message waits to be handed over (`unread`): so a message that
 * nobody got goes back when the lane ends. A call that was given up stays in the table; when its verdict comes, what
 * was granted is given back by a request that takes over a message's place in `unread`.
 */
#include <stdio.h>
#include <string.h>

#include "clientlib/cases.h"
#include "clientlib/core_private.h"
#include "clientlib/error.h"

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* Fails RESULT with WHY behind the name of the object, unless WHY begins with an object's name itself. */
static int fail_result(struct result *result, const struct core_call *call, int error, const char *why)
{
	const char *kind = call->operation->kind;
	const size_t length = strlen(kind);
	const bool told = strncmp(why, kind, length) == 0 && strncmp(why + length, " \"", 2) == 0;

	if (length == 0 || told)
		return result_fail(result, error, "%s", why);
	return result_fail(result, error, "%s \"%s\": %s", kind, call->name, why);
}

void core_fail_call(const struct core_call *call, int error, const char *why)
{
	fail_result(call->result, call, error, why);
}

int core_read_error(struct result *result, uint16_t status, const uint8_t *body, size_t length, const char **ret_text)
{
	const Baton__V1__Error *error = (const Baton__V1__Error *)(const void *)result_unpack(
		result, &baton__v1__error__descriptor, body, length);
	const int number = error_of_reply(status, error != NULL ? (int)error->reason : 0);

	if (error != NULL)
		result_face(result)->cause = error->cause;
	*ret_text = error != NULL && error->text[0] != '\0' ? error->text : baton_strerror(number);
	return number;
}

/* An acknowledgement is to be told by AT, a time on the monotonic clock. */
static void acknowledge_by(struct core *core, int64_t at)
{
	if (at < core->acknowledge_at)
		core->acknowledge_at = at;
}

/* ---- verdicts ---------------------------------------------------------------------------------------------------- */

/* The message of REPLY waits to be handed over. */
static void put_unread(struct core *core, struct core_call *call, const struct reply *reply)
{
	if (reply->header->number == 0)
		return;
	call->reply_number = reply->header->number;
	list_add_tail(&core->unread, &call->unread);
	acknowledge_by(core, reply->now.monotonic + CORE_ACK_DELAY);
}

/* Reads an answer into RESULT. Returns its error; BATON_EPROTOCOL if it cannot be read. */
static int read_answer(const struct core_call *call, struct result *result, const struct reply *reply)
{
	const ProtobufCMessage *response;
	const char *why;
	int error;

	if (reply->header->status != BATON__V1__STATUS__STATUS_OK) {
		error = core_read_error(result, reply->header->status, reply->body, reply->length, &why);
		return fail_result(result, call, error, why);
	}
	response = result_unpack(result, call->operation->response, reply->body, reply->length);
	if (response != NULL)
		error = call->operation->read(response, result);
	else
		error = result_is_exhausted(result) ? BATON_ENOMEM : BATON_EPROTOCOL;
	if (error == BATON_OK && call->cases != NULL && result_face(result)->index >= case_list_count(call->cases))
		error = BATON_EPROTOCOL;
	return error == BATON_OK ? BATON_OK : fail_result(result, call, error, baton_strerror(error));
}

/* Whether an answer that was read with ERROR (0: into FACE, which else is NULL) brought a message, or may have. */
static bool brought_message(
	const struct core_call *call, const struct reply *reply, int error, const struct baton_result *face)
{
	if (!call->delivers || reply->header->status != BATON__V1__STATUS__STATUS_OK)
		return false;
	if (face != NULL && call->cases != NULL)
		return !face->closed && case_list_delivers(call->cases, face->index);
	return error == BATON_OK || error == BATON_ENOMEM;
}

/* ---- what nobody waits for --------------------------------------------------------------------------------------- */

static void take_given_back(struct core *core, struct core_call *call, const struct reply *reply)
{
	if (list_is_linked(&call->unread))
		acknowledge_by(core, reply->now.monotonic + CORE_ACK_DELAY);
}

/* Asks to undo by OPERATION what CALL was granted of the object NAME under TOKEN; a message's place in `unread` goes
 * over to that request. Without memory it stays granted until the session ends. */
static bool give_back(
	struct core *core, struct core_call *call, const struct operation *operation, const char *name, uint64_t token)
{
	const struct baton_call undo = {.name = name, .token = token};
	struct operation_request request = {0};
	struct core_call *asked;

	if (operation == NULL || operation->fill(&undo, &request) != NULL)
		return false;
	asked = core_call_new(core, operation, name);
	if (asked == NULL)
		return false;
	asked->on_reply = take_given_back;
	asked->lasts = true;
	asked->token = token;
	if (!core_enqueue(core, asked, &request.base)) {
		core_call_free(core, asked);
		return false;
	}
	if (list_is_linked(&call->unread)) {
		list_insert_before(&call->unread, &asked->unread);
		list_remove(&call->unread);
		asked->reply_number = call->reply_number;
	}
	return true;
}

/* The message of CALL cannot be handed over: neither it nor what came later is ever acknowledged on this lane. */
static void never_acknowledge(struct core *core, struct core_call *call)
{
	if (!list_is_linked(&call->unread))
		return;
	list_remove(&call->unread);
	if (core->never_from == 0 || call->reply_number < core->never_from)
		core->never_from = call->reply_number;
}

/* The first takes over the place in `unread`; so its answer, and with it every other's request, is there before the
 * reply is acknowledged. */
static void give_back_all(struct core *core, struct core_call *call, const struct baton_result *face)
{
	bool all = true;

	for (size_t i = 0; i < face->message_count && all; i++)
		all = give_back(core, call, operation_find(BATON_CHAN_NACK), call->name, face->messages[i].token);
	if (!all)
		never_acknowledge(core, call);
}

/* The verdict of a call that was given up. */
static void take_late_verdict(struct core *core, struct core_call *call, const struct reply *reply)
{
	struct result *result = result_new();
	const int error = result != NULL ? read_answer(call, result, reply) : BATON_ENOMEM;
	const struct baton_result *face = error == BATON_OK ? result_face(result) : NULL;
	const uint64_t token = face != NULL ? face->token : 0;
	enum baton_operation undo = call->operation->give_back;
	const char *name = call->name;

	if (face != NULL && call->cases != NULL) {
		undo = case_list_give_back(call->cases, face->index);
		name = case_list_name(call->cases, face->index);
	} else if (face != NULL && face->name[0] != '\0') {
		name = face->name; /* of another object than the call's: a cond's mutex */
	}
	if (brought_message(call, reply, error, face))
		put_unread(core, call, reply);
	if (face != NULL && face->message_count > 0)
		give_back_all(core, call, face);
	else if (token == 0 || !give_back(core, call, operation_find(undo), name, token))
		never_acknowledge(core, call);
	result_free(result);
}

void core_take_verdict(struct core *core, struct core_call *call, const struct reply *reply)
{
	int error;

	if (call->finished) {
		take_late_verdict(core, call, reply);
		return;
	}
	call->answered_at = reply->now.monotonic;
	error = read_answer(call, call->result, reply);
	if (brought_message(call, reply, error, error == BATON_OK ? result_face(call->result) : NULL)) {
		put_unread(core, call, reply);
		result_face(call->result)->token = 0; /* the reply's acknowledgement settles it */
	}
	core_finish(core, call);
	if (error == BATON_EPROTOCOL && reply->header->status == BATON__V1__STATUS__STATUS_OK)
		core_refuse(core, "the daemon sent an answer that cannot be read");
}

void core_take_reply(struct core *core, const struct reply *reply)
{
	const uint64_t number = reply->header->number;
	struct core_call *call;

	if (number != 0 && number != core->last_reply + 1) {
		core_refuse(core, "the daemon sent a reply out of order");
		return;
	}
	if (number != 0) {
		core->last_reply = number;
		if (core_has_ttl(core))
			acknowledge_by(core, reply->now.monotonic + CORE_ACK_DELAY);
	}
	HASH_FIND(hh, core->table, &reply->header->call, sizeof(reply->header->call), call);
	if (call == NULL)
		return;
	if (!call->sent) {
		core_refuse(core, "the daemon answered a call that was not sent");
		return;
	}
	core_leave_table(core, call);
	core_prove(core, call->sent_at);
	call->on_reply(core, call, reply);
	core_call_release(core, call);
}

/* ---- the end of a connection ------------------------------------------------------------------------------------- */

/* Whether a call was given to the driver, and it is certain that the connection took nothing of it. */
static bool is_held_back(const struct core *core, const struct core_call *call)
{
	return !core->is_writing && !call->finished && list_is_linked(&call->link) &&
	       call->frame_at >= core->sending.begin;
}

/* It stays, to be sent again. */
static bool waits_for_next(const struct core *core, struct core_call *call)
{
	if (call->copy == NULL || !core_resumes(core))
		return false;
	if (!call->finished)
		list_remove(&call->link);
	return true;
}

/* No verdict will come for a call that was sent. */
static void drop_sent(struct core *core, struct core_call *call, int error, bool broken, const char *why)
{
	char text[ERROR_TEXT_BYTES];
	const bool held_back = is_held_back(core, call);

	core_leave_table(core, call);
	if (call->kept && !call->finished) {
		snprintf(text, sizeof(text), "%s: %s", held_back ? "not sent" : "outcome unknown", why);
		if (error != 0)
			core_fail_call(call, error, why);
		else
			core_fail_call(call, held_back ? BATON_EUNREACHABLE : BATON_EUNKNOWN, text);
		core_finish(core, call);
	} else if (!call->kept) {
		/* A message went back with its lane; a lock is still to be given back. */
		if (broken && call->on_reply == take_given_back && !list_is_linked(&call->unread))
			give_back(core, call, call->operation, call->name, call->token);
		core_call_free(core, call);
	}
}

/* Nothing of the call was sent. */
static void drop_unsent(struct core *core, struct core_call *call, int error, const char *why)
{
	const bool outlives = core_resumes(core) || !list_is_linked(&call->unread);

	if (error == 0 && call->lasts && outlives)
		return;
	core_withdraw(core, call);
	if (call->kept) {
		core_fail_call(call, error, why);
		core_finish(core, call);
	}
	core_call_release(core, call);
}

void core_drop_calls(struct core *core, int error, int unsent_error, const char *why)
{
	struct core_call *call = NULL;
	struct core_call *next = NULL;

	HASH_ITER (hh, core->table, call, next) {
		if (call->sent && unsent_error == 0 && waits_for_next(core, call))
			continue;
		if (call->sent)
			drop_sent(core, call, error, unsent_error == 0, why);
		else
			drop_unsent(core, call, unsent_error, why);
	}
}

void core_abandon_calls(struct core *core, int error, const char *why)
{
	struct core_call *call = NULL;
	struct core_call *next = NULL;

	HASH_ITER (hh, core->table, call, next) {
		if (!call->kept || call->finished)
			continue;
		if (!call->sent)
			core_withdraw(core, call);
		deadlines_remove(&core->deadlines, &call->due);
		core_fail_call(call, error, why);
		core_finish(core, call);
	}
}

/* ---- the owner's side -------------------------------------------------------------------------------------------- */

struct core_call *core_find(struct core *core, uint64_t id)
{
	struct core_call *call;

	HASH_FIND(hh, core->table, &id, sizeof(id), call);
	return call != NULL && call->kept && !call->finished ? call : NULL;
}

bool core_has_finished(const struct core *core)
{
	return !list_is_empty(&core->finished);
}

struct core_call *core_next_finished(struct core *core)
{
	struct list *at = list_pop_head(&core->finished);

	return at != NULL ? container_of(at, struct core_call, link) : NULL;
}

void *core_call_owner(const struct core_call *call)
{
	return call->owner;
}

uint64_t core_call_id(const struct core_call *call)
{
	return call->id;
}

struct baton_result *core_call_result(const struct core_call *call)
{
	return result_face(call->result);
}

struct baton_result *core_hand_over(struct core *core, struct core_call *call)
{
	struct baton_result *face = result_face(call->result);

	if (face->error != BATON_OK) {
		never_acknowledge(core, call);
	} else if (list_is_linked(&call->unread)) {
		list_remove(&call->unread);
		acknowledge_by(core, call->answered_at + CORE_ACK_DELAY);
	}
	list_remove(&call->link);
	call->result = NULL;
	call->kept = false;
	core_call_release(core, call);
	return face;
}

/* ---- acknowledgement --------------------------------------------------------------------------------------------- */

uint64_t core_last_acknowledged(const struct core *core)
{
	uint64_t number = core->last_reply;

	if (!list_is_empty(&core->unread))
		number = container_of(core->unread.next, struct core_call, unread)->reply_number - 1;
	if (core->never_from != 0 && number >= core->never_from)
		number = core->never_from - 1;
	return number;
}

void core_note_acknowledged(struct core *core)
{
	core->acknowledged = core_last_acknowledged(core);
	core->acknowledge_at = CORE_NEVER;
}

void core_forget_unread(struct core *core)
{
	while (list_pop_head(&core->unread) != NULL)
		;
}

void core_acknowledge(struct core *core)
{
	if (core->acknowledge_at == CORE_NEVER)
		return;
	core->acknowledge_at = CORE_NEVER;
	if (core_last_acknowledged(core) > core->acknowledged)
		core_put_frame(core, FRAME_ACK, 0, NULL, 0); /* without memory, with the next frame */
}
