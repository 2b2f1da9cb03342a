/* SPDX-License-Identifier: MIT
 *
 * core_calls.c - calls from submission to the wire, and those that end before their verdict.
 *
 * A call's frame, but for its header, is encoded when it is submitted; the header is stamped when the frame leaves, so
 * that it tells the time that is left then. Until then the call can be withdrawn without a trace. Where the session may
 * outlive the connection a copy of the frame stays, to be sent again over the next one.
 */
#include <string.h>

#include "clientlib/cases.h"
#include "clientlib/core_private.h"
#include "clientlib/error.h"

/* ---- records ----------------------------------------------------------------------------------------------------- */

struct core_call *core_call_new(struct core *core, const struct operation *operation, const char *name)
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

void core_leave_table(struct core *core, struct core_call *call)
{
	if (call->in_table)
		HASH_DEL(core->table, call);
	call->in_table = false;
	memory_free(call->copy);
	call->copy = NULL;
	deadlines_remove(&core->deadlines, &call->due);
}

void core_call_free(struct core *core, struct core_call *call)
{
	core_leave_table(core, call);
	list_remove(&call->link);
	list_remove(&call->unread);
	result_free(call->result);
	memory_free(call->cases);
	memory_free(call);
}

/* Frees a call that nobody needs any more. */
void core_call_release(struct core *core, struct core_call *call)
{
	if (!call->in_table && !call->kept)
		core_call_free(core, call);
}

void core_finish(struct core *core, struct core_call *call)
{
	call->finished = true;
	list_remove(&call->link);
	list_add_tail(&core->finished, &call->link);
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

/* Puts the call into the table under a new id, and its frame, but for the header, at the end of `out`. */
bool core_enqueue(struct core *core, struct core_call *call, const ProtobufCMessage *message)
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

/* CALL's header, as it leaves now. */
static void stamp(struct core *core, const struct core_call *call, uint8_t *frame, int64_t now)
{
	frame_put_request(frame, &(struct frame_request){
					 .length = (uint32_t)call->frame_length,
					 .kind = FRAME_REQUEST,
					 .method = call->operation->method,
					 .call = call->id,
					 .last_reply = core_last_acknowledged(core),
					 .timeout_us = timeout_us(call, now),
					 .task = call->task,
					 .context = call->context,
				 });
}

/* Without memory for a copy the call ends with its connection. */
static void keep_copy(struct core *core, struct core_call *call)
{
	if (!call->lasts || !core_has_ttl(core))
		return;
	call->copy = memory_alloc(call->frame_length);
	if (call->copy != NULL)
		memcpy(call->copy, core->out.bytes + call->frame_at, call->frame_length);
}

void core_stamp_unsent(struct core *core, struct core_time now)
{
	struct list *at;

	if (core->state == CORE_OPENING && !list_is_empty(&core->unsent))
		core->asked_at = now.boottime;
	while ((at = list_pop_head(&core->unsent)) != NULL) {
		struct core_call *call = container_of(at, struct core_call, link);

		stamp(core, call, core->out.bytes + call->frame_at, now.monotonic);
		keep_copy(core, call);
		call->sent = true;
		call->sent_at = now.boottime;
		list_add_tail(&core->in_sending, at);
		core_note_acknowledged(core);
	}
}

/* Whether CALL was asked to end, and the daemon may not know. */
static bool is_to_be_cancelled(const struct core_call *call)
{
	return call->cancelled && (call->operation->flags & OPERATION_BLOCKS) != 0;
}

/* In the order of their ids, which is the table's. */
bool core_send_again(struct core *core, int64_t now)
{
	struct core_call *call = NULL;
	struct core_call *next = NULL;

	HASH_ITER (hh, core->table, call, next) {
		uint8_t *frame;

		if (!call->sent)
			continue;
		if (!buffer_reserve(&core->out, call->frame_length))
			return false;
		frame = core->out.bytes + core->out.end;
		memcpy(frame, call->copy, call->frame_length);
		stamp(core, call, frame, now);
		core->out.end += call->frame_length;
		if (is_to_be_cancelled(call) && !core_put_frame(core, FRAME_CANCEL, call->id, NULL, 0))
			return false;
	}
	return true;
}

/* Takes the frame of an unsent call out of `out` again. */
void core_withdraw(struct core *core, struct core_call *call)
{
	uint8_t *frame = core->out.bytes + call->frame_at;
	const size_t behind = core->out.end - call->frame_at - call->frame_length;

	memmove(frame, frame + call->frame_length, behind);
	core->out.end -= call->frame_length;
	for (struct list *at = call->link.next; at != &core->unsent; at = at->next)
		container_of(at, struct core_call, link)->frame_at -= call->frame_length;
	list_remove(&call->link);
	core_leave_table(core, call);
}

struct core_call *core_request(struct core *core, const struct operation *operation, const ProtobufCMessage *message,
	void (*on_reply)(struct core *core, struct core_call *call, const struct reply *reply))
{
	struct core_call *call = core_call_new(core, operation, "");

	if (call == NULL)
		return NULL;
	call->on_reply = on_reply;
	if (!core_enqueue(core, call, message)) {
		core_call_free(core, call);
		return NULL;
	}
	return call;
}

/* ---- submitting -------------------------------------------------------------------------------------------------- */

static int refuse_call(const struct operation *operation, const char *name, const char *why)
{
	if (operation->kind[0] == '\0')
		return error_say(BATON_EINVAL, "%s", why);
	return error_say(BATON_EINVAL, "%s \"%s\" %s", operation->kind, name, why);
}

/* Checks what the caller wrote, and fills the request. BATON_EINVAL, BATON_ENOMEM: its text is kept. */
static int prepare(const struct baton_call *asked, struct baton_call *call, struct operation_request *request,
	const struct operation **ret)
{
	const struct operation *operation;
	const char *why = NULL;

	*request = (struct operation_request){0};
	*ret = NULL;
	*call = (struct baton_call){.operation = BATON_OPERATION_COUNT, .name = ""};
	if (asked->size < offsetof(struct baton_call, task) || asked->size > 4096)
		return error_keep(BATON_EINVAL, "the size of struct baton_call is not set");
	memcpy(call, asked, asked->size < sizeof(*call) ? asked->size : sizeof(*call));
	for (size_t i = sizeof(*call); i < asked->size && why == NULL; i++)
		why = ((const char *)asked)[i] != 0 ? "asks for what this libbaton does not know" : NULL;
	call->name = call->name != NULL ? call->name : "";
	operation = operation_find(call->operation);
	if (operation == NULL)
		return error_say(BATON_EINVAL, "there is no operation %d", (int)call->operation);
	if (why == NULL && call->value == NULL && call->value_length > 0)
		why = "has a value that is NULL";
	if (why == NULL && operation_accepts_name(operation, call->name, &why))
		why = operation->fill(call, request);
	if (request->is_exhausted)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	if (why != NULL)
		return refuse_call(operation, call->name, why);
	*ret = operation;
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

/* What its verdict is to be judged by. False: no memory. */
static bool note_deliveries(struct core_call *call, const struct baton_call *asked)
{
	const bool receives = asked->operation == BATON_CHAN_RECEIVE || asked->operation == BATON_CHAN_RECEIVE_BATCH;

	call->delivers = receives && !asked->manual_ack;
	if (asked->operation != BATON_SELECT)
		return true;
	call->cases = case_list_new(asked);
	call->delivers = call->cases != NULL && case_list_may_deliver(call->cases);
	return call->cases != NULL;
}

/* Lets the context that was ASKED for end it, if it may wait. False: no memory. */
static bool bind_context(struct core *core, struct core_call *call, const struct baton_call *asked)
{
	if (asked->context == NULL || *asked->context == '\0' || (call->operation->flags & OPERATION_BLOCKS) == 0)
		return true;
	call->context = core_context_number(core, asked->context);
	return call->context != 0;
}

/* Submits the call that was ASKED, its request filled. */
static int submit(struct core *core, const struct baton_call *asked, const struct operation *operation,
	const ProtobufCMessage *request, int64_t deadline, struct core_time now, void *owner, struct core_call **ret)
{
	struct core_call *call = core_call_new(core, operation, asked->name);
	const char *why;
	int r;

	if (call == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	call->on_reply = core_take_verdict;
	call->owner = owner;
	call->kept = true;
	call->lasts = true;
	call->deadline = deadline;
	call->task = asked->task;
	call->result = result_new();
	if (call->result == NULL || !note_deliveries(call, asked))
		goto no_memory;
	r = judge_early(core, operation, request, deadline, now.monotonic, &why);
	if (r != BATON_OK) {
		core_fail_call(call, r, why);
		core_finish(core, call);
	} else if (!bind_context(core, call, asked) || !core_enqueue(core, call, request)) {
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

int core_submit(struct core *core, const struct baton_call *asked, int64_t deadline, struct core_time now, void *owner,
	struct core_call **ret)
{
	struct operation_request request;
	struct baton_call copy;
	const struct operation *operation;
	int r = prepare(asked, &copy, &request, &operation);

	if (r == BATON_OK && operation != NULL)
		r = submit(core, &copy, operation, &request.base, deadline, now, owner, ret);
	operation_request_done(&request);
	return r;
}

/* ---- ending early ------------------------------------------------------------------------------------------------ */

/* Nothing of the call was sent: it ends without effect. */
static void end_unsent(struct core *core, struct core_call *call, int error)
{
	core_withdraw(core, call);
	core_fail_call(call, error, baton_strerror(error));
	core_finish(core, call);
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
		core_fail_call(call, BATON_EUNKNOWN, "outcome unknown: the daemon gave no verdict in time");
		core_finish(core, call);
	}
}

void core_tick_calls(struct core *core, int64_t monotonic)
{
	struct deadline *first;

	while ((first = deadlines_first(&core->deadlines)) != NULL && first->at <= monotonic)
		run_out(core, container_of(first, struct core_call, due), monotonic);
}
