/* SPDX-License-Identifier: MIT
 *
 * service_context.c - the service Context: ids and names to contexts, requests to their operations.
 */
#include <baton/v1/context.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <string.h>

#include "base/memory.h"
#include "base/name.h"
#include "base/utf8.h"
#include "daemon/call.h"
#include "daemon/contexts.h"
#include "daemon/limits.h"
#include "daemon/registry.h"
#include "daemon/select_kind.h"
#include "daemon/services.h"
#include "daemon/session.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

/* The number of ContextValueResponse.value. */
#define FIELD_VALUE 2

static const char kind[] = "ctx";

/* ---- what handlers share ----------------------------------------------------------------------------------------- */

static int fail(struct call *call, const char *name, int r)
{
	static const struct {
		int error;
		int status;
		int reason;
		const char *text;
	} rows[] = {
		{CONTEXTS_EGONE, STATUS(CANCELLED), REASON(CONTEXT_GONE), "context gone"},
		{CONTEXTS_ENONE, STATUS(NOT_FOUND), REASON(NOT_MADE), "there is none; make it first"},
		{CONTEXTS_EEXISTS, STATUS(ALREADY_EXISTS), REASON(OTHER_PARAMETERS), "a context of this name lives"},
		{CONTEXTS_ENAME, STATUS(INVALID_ARGUMENT), REASON(BAD_NAME),
			"the names background and todo, and those that begin with @, are taken"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].error == r)
			return call_fail(
				call, rows[i].status, rows[i].reason, "%s \"%s\": %s", kind, name, rows[i].text);
	return call_fail_object(call, kind, name, r);
}

/* The context called NAME, with a reference for leave(); NULL, and the call has failed, if there is none. */
static struct context *enter(struct call *call, const char *name)
{
	struct context *context;
	const int r = contexts_find(name, &context);

	if (r == OBJECT_OK)
		return context;
	fail(call, name, r);
	return NULL;
}

static void leave(struct context *context)
{
	registry_release(context_object(context));
}

static void leave_at_end(void *context)
{
	leave(context);
}

/* ID as text in memory of the call's; "": no memory. */
static char *id_text(struct call *call, const struct context *context)
{
	char *text = call_memory(call, CONTEXTS_TEXT_BYTES);

	if (text == NULL)
		return (char *)(uintptr_t) "";
	contexts_format(context_id(context), text);
	return text;
}

static Baton__V1__Status error_status(const struct context *context)
{
	switch (context_error(context)) {
	case OBJECT_OK:
		return STATUS(OK);
	case OBJECT_EDEADLINE:
		return STATUS(DEADLINE_EXCEEDED);
	default:
		return STATUS(CANCELLED);
	}
}

/* Why CONTEXT ended, or "". */
static char *cause_text(const struct context *context)
{
	const char *cause = co_context_cause(context_runtime(context));

	return (char *)(uintptr_t)(cause != NULL ? cause : "");
}

static bool is_limited(const struct context *context)
{
	return co_context_deadline(context_runtime(context)) != CO_NEVER;
}

static uint64_t remaining_us(const struct context *context)
{
	const int64_t left_ns = co_context_deadline(context_runtime(context)) - co_now();

	return is_limited(context) && left_ns > 0 ? ((uint64_t)left_ns + 999) / 1000 : 0;
}

static int bad_field(struct call *call, const char *name, const char *rule)
{
	return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST), "%s \"%s\": %s", kind, name, rule);
}

/* ---- make -------------------------------------------------------------------------------------------------------- */

static int check_values(struct call *call, const Baton__V1__ContextMakeRequest *request)
{
	size_t bytes = 0;
	const char *rule;

	if (request->n_keys != request->n_values)
		return bad_field(call, request->name, "there are not as many values as keys");
	if (request->n_keys > LIMIT_CONTEXT_VALUES)
		return bad_field(call, request->name, "it can carry at most 256 values");
	for (size_t i = 0; i < request->n_keys; i++) {
		bytes += request->values[i].len;
		if (!name_is_valid(request->keys[i], strlen(request->keys[i]), &rule))
			return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_NAME), "the key \"%.300s\" %s",
				request->keys[i], rule);
	}
	if (bytes > LIMIT_VALUE_BYTES)
		return bad_field(call, request->name, "its values are longer than 16 MiB together");
	return STATUS(OK);
}

static void drop_values(struct context_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		message_unref(values[i].value);
}

/* The request's values into OPTIONS, in memory of the call's, each with a reference for drop_values(). */
static int read_values(struct call *call, const Baton__V1__ContextMakeRequest *request, struct context_options *options)
{
	struct context_value *values = call_memory(call, request->n_keys * sizeof(*values));

	if (values == NULL)
		return OBJECT_ENOMEM;
	options->values = values;
	for (size_t i = 0; i < request->n_keys; i++) {
		values[i].key = request->keys[i];
		values[i].value = message_new(request->values[i].data, request->values[i].len);
		if (values[i].value == NULL) {
			drop_values(values, i);
			return OBJECT_ENOMEM;
		}
	}
	options->value_count = request->n_keys;
	return OBJECT_OK;
}

static int64_t deadline_of(const Baton__V1__ContextMakeRequest *request)
{
	const uint64_t us = request->timeout_us;

	if (!request->limited || us > (uint64_t)(CO_NEVER / 1000))
		return CO_NEVER;
	return co_deadline_after(co_now(), (int64_t)us * 1000);
}

static int make(
	struct call *call, const Baton__V1__ContextMakeRequest *request, struct context *parent, struct context **ret)
{
	struct owner *owner = request->detached ? NULL : &call_session(call)->owner;
	struct context_options options = {.parent = parent, .deadline_ns = deadline_of(request)};
	int r = read_values(call, request, &options);

	if (r != OBJECT_OK)
		return r;
	r = contexts_make(request->name, &options, owner, ret);
	drop_values((struct context_value *)(uintptr_t)options.values, options.value_count);
	return r;
}

int handle_context_make(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ContextMakeRequest *request = message;
	Baton__V1__ContextMakeResponse *response = answer;
	struct context *parent;
	struct context *context;
	int r = check_values(call, request);

	if (r != STATUS(OK))
		return r;
	parent = enter(call, request->parent);
	if (parent == NULL)
		return call->status;
	r = make(call, request, parent, &context);
	leave(parent);
	if (r != OBJECT_OK)
		return fail(call, request->name, r);
	call_at_end(call, leave_at_end, context);
	response->id = id_text(call, context);
	response->name = context_object(context)->name;
	return STATUS(OK);
}

/* ---- open -------------------------------------------------------------------------------------------------------- */

int handle_context_open(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ContextOpenRequest *request = message;
	Baton__V1__ContextOpenResponse *response = answer;
	struct context *context;
	int found;
	int r;

	if (request->number == 0 || request->number > LIMIT_LANE_CONTEXTS)
		return bad_field(call, request->name, "the number is not one from 1 to 256");
	found = contexts_find(request->name, &context);
	if (found != OBJECT_OK)
		context = contexts_gone();
	else
		response->id = id_text(call, context);
	r = call_open_context(call, request->number, context);
	if (found == OBJECT_OK)
		leave(context);
	else
		r = found;
	return r == OBJECT_OK ? STATUS(OK) : fail(call, request->name, r);
}

/* ---- cancel, done, delete ---------------------------------------------------------------------------------------- */

/* As enter(), where the root is none. */
static struct context *enter_below_root(struct call *call, const char *name)
{
	struct context *context = enter(call, name);

	if (context != contexts_background() || context == NULL)
		return context;
	bad_field(call, name, "the root of all never ends");
	leave(context);
	return NULL;
}

int handle_context_cancel(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ContextCancelRequest *request = message;
	struct context *context;

	(void)answer;
	if (strlen(request->cause) > LIMIT_CAUSE_BYTES)
		return bad_field(call, request->name, "the cause is longer than 127 bytes");
	if (!utf8_is_valid(request->cause, strlen(request->cause)))
		return bad_field(call, request->name, "the cause is not UTF-8");
	context = enter_below_root(call, request->name);
	if (context == NULL)
		return call->status;
	context_cancel(context, request->cause[0] != '\0' ? request->cause : NULL);
	leave(context);
	return STATUS(OK);
}

int handle_context_done(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ContextDoneRequest *request = message;
	Baton__V1__ContextDoneResponse *response = answer;
	struct context *context = enter(call, request->name);
	int r;

	if (context == NULL)
		return call->status;
	call_at_end(call, leave_at_end, context);
	/* Where the call's own context would end it, what it waits for has ended too. */
	if (call->context != NULL && context_is_below(call->context, context))
		call_entry(call)->context = NULL;
	r = context_wait(context, call_entry(call));
	if (r != OBJECT_OK)
		return fail(call, context_object(context)->name, r);
	response->error = error_status(context);
	response->cause = cause_text(context);
	return STATUS(OK);
}

int handle_context_delete(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ContextDeleteRequest *request = message;
	struct context *context = enter_below_root(call, request->name);

	(void)answer;
	if (context == NULL)
		return call->status;
	contexts_delete(context);
	leave(context);
	return STATUS(OK);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

int handle_context_state(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ContextStateRequest *request = message;
	Baton__V1__ContextStateResponse *response = answer;
	struct context *context = enter(call, request->name);
	const struct context *parent;

	if (context == NULL)
		return call->status;
	call_at_end(call, leave_at_end, context);
	parent = context_parent(context);
	response->id = id_text(call, context);
	response->name = context_object(context)->name;
	if (parent != NULL && parent != contexts_background())
		response->parent = id_text(call, parent);
	response->error = error_status(context);
	response->cause = cause_text(context);
	response->limited = is_limited(context);
	response->remaining_us = remaining_us(context);
	response->bound = context_is_owned(context);
	return STATUS(OK);
}

int handle_context_value(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ContextValueRequest *request = message;
	Baton__V1__ContextValueResponse *response = answer;
	struct context *context = enter(call, request->name);
	struct message *value;

	if (context == NULL)
		return call->status;
	value = context_value(context, request->key);
	leave(context);
	response->found = value != NULL;
	if (value != NULL)
		call_reply_value(call, FIELD_VALUE, value);
	return STATUS(OK);
}

/* What a list of children points at until it is encoded. */
struct listing {
	size_t count;
	struct context *contexts[LIMIT_LIST_ROWS + 1];
	char ids[LIMIT_LIST_ROWS][CONTEXTS_TEXT_BYTES];
	Baton__V1__ContextInfo infos[LIMIT_LIST_ROWS];
	Baton__V1__ContextInfo *rows[LIMIT_LIST_ROWS];
};

static void free_listing(void *arg)
{
	struct listing *listing = arg;

	for (size_t i = 0; i < listing->count; i++)
		leave(listing->contexts[i]);
	memory_free(listing);
}

static void describe(struct context *context, char *id, Baton__V1__ContextInfo *info)
{
	struct object_description description;

	context_type.describe(context_object(context), &description);
	contexts_format(context_id(context), id);
	baton__v1__context_info__init(info);
	info->id = id;
	info->name = context_object(context)->name;
	info->number = context_number(context);
	info->error = error_status(context);
	info->cause = cause_text(context);
	info->limited = is_limited(context);
	info->remaining_us = remaining_us(context);
	info->bound = description.holders > 0;
	info->children = description.length;
}

int handle_context_children(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ContextChildrenRequest *request = message;
	Baton__V1__ContextChildrenResponse *response = answer;
	const size_t limit = request->limit == 0 || request->limit > LIMIT_LIST_ROWS ? LIMIT_LIST_ROWS : request->limit;
	struct context *context = enter(call, request->name);
	struct listing *listing;
	bool more;

	if (context == NULL)
		return call->status;
	listing = memory_alloc(sizeof(*listing));
	if (listing != NULL)
		listing->count = context_children(context, request->after, limit, listing->contexts, &more);
	leave(context);
	if (listing == NULL)
		return fail(call, request->name, OBJECT_ENOMEM);
	for (size_t i = 0; i < listing->count; i++) {
		describe(listing->contexts[i], listing->ids[i], &listing->infos[i]);
		listing->rows[i] = &listing->infos[i];
	}
	call_at_end(call, free_listing, listing);
	response->n_children = listing->count;
	response->children = listing->rows;
	response->more = more;
	return STATUS(OK);
}

/* ---- its end as a case of a select ------------------------------------------------------------------------------- */

static int open_ended(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	struct context *context = enter(call, request->name);

	if (context == NULL)
		return call_failed(call);
	choice->object = context_object(context);
	choice->type = &context_done_case;
	seat_init(&choice->seat, call_entry(call));
	return STATUS(OK);
}

static void take_ended(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	const struct context *context = context_of(choice->object);
	const char *cause = co_context_cause(context_runtime(context));
	struct message *value = message_new(cause, strlen(cause));

	response->number = context_error(context) == OBJECT_ECANCELED ? STATUS(CANCELLED) : STATUS(DEADLINE_EXCEEDED);
	if (value != NULL)
		call_reply_value(call, SELECT_FIELD_VALUE, value);
}

const struct select_kind select_ended = {.object = kind, .open = open_ended, .take = take_ended};
