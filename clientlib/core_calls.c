/* SPDX-License-Identifier: MIT
 *
 * core_calls.c - calls from submission to verdict, and what of their replies may be acknowledged.
 *
 * Acknowledged is the highest reply number below which no message waits to be handed over (`unread`): so a message that
 * nobody got goes back when the lane ends. A call that was given up stays in the table; when its verdict comes, what
 * was granted is given back by a request that takes over a message's place in `unread`.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clientlib/core_private.h"
#include "clientlib/error.h"

static void take_verdict(struct core *core, struct core_call *call, const struct reply *reply);

/* An acknowledgement is to be told by AT, a time on the monotonic clock. */
static void acknowledge_by(struct core *core, int64_t at)
{
	if (at < core->acknowledge_at)
		core->acknowledge_at = at;
}

/* ---- texts --------------------------------------------------------------------------------------------------------
 */

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

static void fail_call(const struct core_call *call, int error, const char *why)
{
	fail_result(call->result, call, error, why);
}

int core_read_error(struct result *result, uint16_t status, const uint8_t *body, size_t length, const char **ret_text)
{
	const Baton__V1__Error *error = (const Baton__V1__Error *)(const void *)result_unpack(
		result, &baton__v1__error__descriptor, body, length);
	const int number = error_of_reply(status, error != NULL ? (int)error->reason : 0);

	*ret_text = error != NULL && error->text[0] != '\0' ? error->text : baton_strerror(number);
	return number;
}

/* ---- records ------------------------------------------------------------------------------------------------------
 */

static struct core_call *call_new(struct core *core, const struct operation *operation, const char *name)
{
	const size_t length = strlen(name);
	struct core_call *call = memory_alloc(sizeof(*call) + length + 1);

	if (call == NULL)
		return NULL;
	memset(call, 0, sizeof(*call));
	memcpy(call->name, name, length + 1);
	list_init(&call->link);
	list_init(&call->unread);
	call->operation = operation;
	call->deadline = CORE_NEVER;
	if (!deadlines_reserve(&core->deadlines, HASH_COUNT(core->table) + 1)) {
		memory_free(call);
		return NULL;
	}
	return call;
}

static void leave_table(struct core *core, struct core_call *call)
{
	if (call->in_table)
		HASH_DEL(core->table, call);
	call->in_table = false;
	deadlines_remove(&core->deadlines, &call->due);
}

void core_call_free(struct core *core, struct core_call *call)
{
	leave_table(core, call);
	list_remove(&call->link);
	list_remove(&call->unread);
	result_free(call->result);
	memory_free(call);
}

/* Frees a call that nobody needs any more. */
static void release(struct core *core, struct core_call *call)
{
	if (!call->in_table && !call->kept)
		core_call_free(core, call);
}

static void finish(struct core *core, struct core_call *call)
{
	call->finished = true;
	list_remove(&call->link);
	list_add_tail(&core->finished, &call->link);
}

/* ---- frames -------------------------------------------------------------------------------------------------------
 */

/* Puts the call into the table under a new id, and its frame, but for the header, at the end of `out`. */
static bool enqueue(struct core *core, struct core_call *call, const ProtobufCMessage *message)
{
	const size_t body = protobuf_c_message_get_packed_size(message);

	if (!buffer_reserve(&core->out, FRAME_REQUEST_HEADER_BYTES + body))
		return false;
	call->id = core->last_id + 1;
	HASH_ADD(hh, core->table, id, sizeof(call->id), call);
	if (call->hh.tbl == NULL)
		return false;
	core->last_id = call->id;
	call->in_table = true;
	call->sent = false;
	call->frame_at = core->out.end;
	call->frame_length = FRAME_REQUEST_HEADER_BYTES + body;
	protobuf_c_message_pack(message, core->out.bytes + core->out.end + FRAME_REQUEST_HEADER_BYTES);
	core->out.end += call->frame_length;
	list_add_tail(&core->unsent, &call->link);
	return true;
}

/* What is left until the call's deadline, in whole microseconds, rounded up; 0: no limit. */
static uint64_t timeout_us(const struct core_call *call, int64_t now)
{
	if (call->deadline == CORE_NEVER || (call->operation->flags & OPERATION_BLOCKS) == 0)
		return 0;
	if (call->deadline <= now)
		return 1;
	return ((uint64_t)call->deadline - (uint64_t)now + 999) / 1000;
}

void core_stamp_unsent(struct core *core, struct core_time now)
{
	struct list *at;

	if (core->state == CORE_OPENING && !list_is_empty(&core->unsent))
		core->asked_at = now.boottime;
	while ((at = list_pop_head(&core->unsent)) != NULL) {
		struct core_call *call = container_of(at, struct core_call, link);

		frame_put_request(
			core->out.bytes + call->frame_at, &(struct frame_request){
								  .length = (uint32_t)call->frame_length,
								  .kind = FRAME_REQUEST,
								  .method = call->operation->method,
								  .call = call->id,
								  .last_reply = core_last_acknowledged(core),
								  .timeout_us = timeout_us(call, now.monotonic),
								  .task = call->task,
							  });
		call->sent = true;
		call->sent_at = now.boottime;
		list_add_tail(&core->in_sending, at);
		core_note_acknowledged(core);
	}
}

/* Takes the frame of an unsent call out of `out` again. */
static void withdraw(struct core *core, struct core_call *call)
{
	uint8_t *frame = core->out.bytes + call->frame_at;
	const size_t behind = core->out.end - call->frame_at - call->frame_length;

	memmove(frame, frame + call->frame_length, behind);
	core->out.end -= call->frame_length;
	for (struct list *at = call->link.next; at != &core->unsent; at = at->next)
		container_of(at, struct core_call, link)->frame_at -= call->frame_length;
	list_remove(&call->link);
	leave_table(core, call);
}

struct core_call *core_request(struct core *core, const struct operation *operation, const ProtobufCMessage *message,
	void (*on_reply)(struct core *core, struct core_call *call, const struct reply *reply))
{
	struct core_call *call = call_new(core, operation, "");

	if (call == NULL)
		return NULL;
	call->on_reply = on_reply;
	if (!enqueue(core, call, message)) {
		core_call_free(core, call);
		return NULL;
	}
	return call;
}

/* ---- submitting ---------------------------------------------------------------------------------------------------
 */

static int refuse_call(const struct operation *operation, const char *name, const char *why)
{
	if (operation->kind[0] == '\0')
		return error_say(BATON_EINVAL, "%s", why);
	return error_say(BATON_EINVAL, "%s \"%s\" %s", operation->kind, name, why);
}

/* Checks what the caller wrote, and fills the request. */
static int prepare(const struct baton_call *asked, struct baton_call *call, const struct operation **ret_operation,
	struct operation_request *request)
{
	const struct operation *operation;
	const char *why = NULL;

	if (asked->size < offsetof(struct baton_call, task) || asked->size > 4096)
		return error_say(BATON_EINVAL, "the size of struct baton_call is not set");
	*call = (struct baton_call){0};
	memcpy(call, asked, asked->size < sizeof(*call) ? asked->size : sizeof(*call));
	for (size_t i = sizeof(*call); i < asked->size; i++)
		if (((const char *)asked)[i] != 0)
			return error_say(BATON_EINVAL, "the call asks for what this libbaton does not know");
	if (call->name == NULL)
		call->name = "";
	operation = operation_find(call->operation);
	if (operation == NULL)
		return error_say(BATON_EINVAL, "there is no operation %d", (int)call->operation);
	if (!operation_accepts_name(operation, call->name, &why))
		return refuse_call(operation, call->name, why);
	if (call->value == NULL && call->value_length > 0)
		return refuse_call(operation, call->name, "has a value that is NULL");
	why = operation->fill(call, request);
	if (why != NULL)
		return refuse_call(operation, call->name, why);
	*ret_operation = operation;
	return BATON_OK;
}

/* What ends a call before it is sent; 0: nothing. */
static int judge_early(const struct core *core, const struct operation *operation, const ProtobufCMessage *message,
	int64_t deadline, int64_t now, const char **ret_why)
{
	int error = BATON_OK;

	if (core->state == CORE_ENDED) {
		error = core->error;
		*ret_why = core_error_text(core);
	} else if ((operation->flags & OPERATION_SESSION) != 0 && core->kind == BATON_SESSION_NONE) {
		error = BATON_ESESSION;
		*ret_why = "the client has no session";
	} else if ((operation->flags & OPERATION_BLOCKS) != 0 && deadline <= now) {
		error = BATON_EDEADLINE;
		*ret_why = baton_strerror(error);
	} else if (FRAME_REQUEST_HEADER_BYTES + protobuf_c_message_get_packed_size(message) > core->max_request_bytes) {
		error = BATON_ELIMIT;
		*ret_why = "the value is longer than the daemon takes";
	}
	return error;
}

int core_submit(struct core *core, const struct baton_call *asked, int64_t deadline, struct core_time now, void *owner,
	struct core_call **ret)
{
	struct operation_request request;
	const struct operation *operation = NULL;
	struct baton_call copy;
	struct core_call *call;
	const char *why;
	int r = prepare(asked, &copy, &operation, &request);

	if (r != BATON_OK)
		return r;
	call = call_new(core, operation, copy.name);
	if (call == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	call->on_reply = take_verdict;
	call->owner = owner;
	call->kept = true;
	call->deadline = deadline;
	call->task = copy.task;
	call->delivers = copy.operation == BATON_CHAN_RECEIVE && !copy.manual_ack;
	call->result = result_new();
	if (call->result == NULL)
		goto no_memory;
	r = judge_early(core, operation, &request.base, deadline, now.monotonic, &why);
	if (r != BATON_OK) {
		fail_call(call, r, why);
		finish(core, call);
	} else if (!enqueue(core, call, &request.base)) {
		goto no_memory;
	}
	if (call->in_table && deadline != CORE_NEVER)
		deadlines_set(&core->deadlines, &call->due, deadline);
	*ret = call;
	return BATON_OK;

no_memory:
	core_call_free(core, call);
	return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
}

/* ---- ending early -------------------------------------------------------------------------------------------------
 */

/* Nothing of the call was sent: it ends without effect. */
static void end_unsent(struct core *core, struct core_call *call, int error)
{
	withdraw(core, call);
	fail_call(call, error, baton_strerror(error));
	finish(core, call);
}

static void be_patient(struct core *core, struct core_call *call, int64_t until)
{
	if (!call->patient || until < call->due.at)
		deadlines_set(&core->deadlines, &call->due, until);
	call->patient = true;
}

void core_cancel(struct core *core, struct core_call *call, struct core_time now)
{
	const bool blocks = (call->operation->flags & OPERATION_BLOCKS) != 0;

	if (call->finished || call->cancelled || !call->in_table)
		return;
	call->cancelled = true;
	if (blocks && !call->sent) {
		end_unsent(core, call, BATON_ECANCELED);
		return;
	}
	/* Without memory for it the wait is bounded all the same. */
	if (blocks)
		core_put_frame(core, FRAME_CANCEL, call->id, NULL, 0);
	be_patient(core, call, now.monotonic + CORE_VERDICT_PATIENCE);
}

/* The time of CALL is over: its deadline's, or its patience's. What does not block gets patience even unsent: clean-up
 * is to work under a dead context. */
static void run_out(struct core *core, struct core_call *call, int64_t now)
{
	const bool blocks = (call->operation->flags & OPERATION_BLOCKS) != 0;

	if (!call->sent && (blocks || call->patient)) {
		end_unsent(core, call, call->cancelled ? BATON_ECANCELED : BATON_EDEADLINE);
	} else if (!call->patient) {
		be_patient(core, call, now + CORE_VERDICT_PATIENCE);
	} else {
		deadlines_remove(&core->deadlines, &call->due);
		fail_call(call, BATON_EUNKNOWN, "outcome unknown: the daemon gave no verdict in time");
		finish(core, call);
	}
}

void core_tick_calls(struct core *core, int64_t monotonic)
{
	struct deadline *first;

	while ((first = deadlines_first(&core->deadlines)) != NULL && first->at <= monotonic)
		run_out(core, container_of(first, struct core_call, due), monotonic);
}

/* ---- verdicts -----------------------------------------------------------------------------------------------------
 */

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
	return error == BATON_OK ? BATON_OK : fail_result(result, call, error, baton_strerror(error));
}

static bool brought_message(const struct core_call *call, const struct reply *reply, int error)
{
	return call->delivers && reply->header->status == BATON__V1__STATUS__STATUS_OK &&
	       (error == BATON_OK || error == BATON_ENOMEM);
}

/* ---- what nobody waits for ----------------------------------------------------------------------------------------
 */

static void take_given_back(struct core *core, struct core_call *call, const struct reply *reply)
{
	if (list_is_linked(&call->unread))
		acknowledge_by(core, reply->now.monotonic + CORE_ACK_DELAY);
}

/* Asks to undo what CALL was granted under TOKEN; a message's place in `unread` goes over to that request. Without
 * memory it stays granted until the session ends. */
static bool give_back(struct core *core, struct core_call *call, const struct operation *operation, uint64_t token)
{
	const struct baton_call undo = {.name = call->name, .token = token};
	struct operation_request request;
	struct core_call *asked;

	if (operation == NULL || operation->fill(&undo, &request) != NULL)
		return false;
	asked = call_new(core, operation, call->name);
	if (asked == NULL)
		return false;
	asked->on_reply = take_given_back;
	asked->token = token;
	if (!enqueue(core, asked, &request.base)) {
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

/* The verdict of a call that was given up. */
static void take_late_verdict(struct core *core, struct core_call *call, const struct reply *reply)
{
	struct result *result = result_new();
	const int error = result != NULL ? read_answer(call, result, reply) : BATON_ENOMEM;
	const uint64_t token = error == BATON_OK ? result_face(result)->token : 0;

	result_free(result);
	if (brought_message(call, reply, error))
		put_unread(core, call, reply);
	if (token == 0 || !give_back(core, call, operation_find(call->operation->give_back), token))
		never_acknowledge(core, call);
}

static void take_verdict(struct core *core, struct core_call *call, const struct reply *reply)
{
	int error;

	if (call->finished) {
		take_late_verdict(core, call, reply);
		return;
	}
	call->answered_at = reply->now.monotonic;
	error = read_answer(call, call->result, reply);
	if (brought_message(call, reply, error)) {
		put_unread(core, call, reply);
		result_face(call->result)->token = 0; /* the reply's acknowledgement settles it */
	}
	finish(core, call);
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
	leave_table(core, call);
	core_prove(core, call->sent_at);
	call->on_reply(core, call, reply);
	release(core, call);
}

/* ---- the end of a connection --------------------------------------------------------------------------------------
 */

/* Whether a call was given to the driver, and it is certain that the connection took nothing of it. */
static bool is_held_back(const struct core *core, const struct core_call *call)
{
	return !core->is_writing && !call->finished && list_is_linked(&call->link) &&
	       call->frame_at >= core->sending.begin;
}

/* No verdict will come for a call that was sent. */
static void drop_sent(struct core *core, struct core_call *call, int error, bool broken, const char *why)
{
	char text[ERROR_TEXT_BYTES];
	const bool held_back = is_held_back(core, call);

	leave_table(core, call);
	if (call->kept && !call->finished) {
		snprintf(text, sizeof(text), "%s: %s", held_back ? "not sent" : "outcome unknown", why);
		if (error != 0)
			fail_call(call, error, why);
		else
			fail_call(call, held_back ? BATON_EUNREACHABLE : BATON_EUNKNOWN, text);
		finish(core, call);
	} else if (!call->kept) {
		/* A message went back with its lane; a lock is still to be given back. */
		if (broken && call->on_reply == take_given_back && !list_is_linked(&call->unread))
			give_back(core, call, call->operation, call->token);
		core_call_free(core, call);
	}
}

/* Nothing of the call was sent. */
static void drop_unsent(struct core *core, struct core_call *call, int error, const char *why)
{
	const bool outlives = call->kept || call->on_reply == take_given_back;

	if (error == 0 && outlives && !list_is_linked(&call->unread))
		return;
	withdraw(core, call);
	if (call->kept) {
		fail_call(call, error, why);
		finish(core, call);
	}
	release(core, call);
}

void core_drop_calls(struct core *core, int error, int unsent_error, const char *why)
{
	struct core_call *call;
	struct core_call *next;

	HASH_ITER (hh, core->table, call, next) {
		if (call->sent)
			drop_sent(core, call, error, unsent_error == 0, why);
		else
			drop_unsent(core, call, unsent_error, why);
	}
}

void core_abandon_calls(struct core *core, int error, const char *why)
{
	struct core_call *call;
	struct core_call *next;

	HASH_ITER (hh, core->table, call, next) {
		if (!call->kept || call->finished)
			continue;
		if (!call->sent)
			withdraw(core, call);
		deadlines_remove(&core->deadlines, &call->due);
		fail_call(call, error, why);
		finish(core, call);
	}
}

/* ---- the owner's side ---------------------------------------------------------------------------------------------
 */

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
	release(core, call);
	return face;
}

/* ---- acknowledgement ----------------------------------------------------------------------------------------------
 */

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
