/* SPDX-License-Identifier: MIT
 *
 * operations_context.c - contexts on the wire.
 */
#include "clientlib/operations_context.h"

#include "base/memory.h"

#define MAX_VALUES 256u

/* protobuf-c's structures take no const; the encoder only reads. */
static char *text(const char *string)
{
	return (char *)(uintptr_t)(string != NULL ? string : "");
}

static int64_t from_us(uint64_t us)
{
	return us > (uint64_t)INT64_MAX / 1000 ? INT64_MAX : (int64_t)(us * 1000);
}

static int error_of(Baton__V1__Status status)
{
	switch (status) {
	case BATON__V1__STATUS__STATUS_OK:
		return BATON_OK;
	case BATON__V1__STATUS__STATUS_DEADLINE_EXCEEDED:
		return BATON_EDEADLINE;
	default:
		return BATON_ECANCELED;
	}
}

/* Room for COUNT infos, zeroed, that the result shows; NULL: no memory. */
static struct baton_context_info *show(struct result *result, size_t count)
{
	struct baton_context_info *infos = result_memory(result, count * sizeof(*infos));

	for (size_t i = 0; i < count && infos != NULL; i++)
		infos[i] = (struct baton_context_info){.id = "", .name = "", .parent = "", .cause = ""};
	result_face(result)->contexts = infos;
	result_face(result)->context_count = infos != NULL ? count : 0;
	return infos;
}

/* ---- make -------------------------------------------------------------------------------------------------------- */

/* The keys and values, in memory that the request owns. */
static bool fill_values(const struct baton_call *call, struct operation_request *request)
{
	Baton__V1__ContextMakeRequest *make = &request->context_make;
	const size_t count = call->context_value_count;

	request->owned = memory_alloc(count * (sizeof(char *) + sizeof(ProtobufCBinaryData)));
	if (request->owned == NULL)
		return false;
	make->values = request->owned;
	make->keys = (char **)(make->values + count);
	make->n_values = count;
	make->n_keys = count;
	for (size_t i = 0; i < count; i++) {
		const struct baton_context_value *value = &call->context_values[i];

		make->keys[i] = text(value->key);
		make->values[i].data = (uint8_t *)(uintptr_t)value->value;
		make->values[i].len = value->length;
	}
	return true;
}

const char *fill_context_make(const struct baton_call *call, struct operation_request *request)
{
	request->context_make = (Baton__V1__ContextMakeRequest)BATON__V1__CONTEXT_MAKE_REQUEST__INIT;
	request->context_make.name = text(call->name);
	request->context_make.parent = text(call->parent);
	request->context_make.limited = call->limited;
	request->context_make.timeout_us = call->duration_ns > 0 ? ((uint64_t)call->duration_ns + 999) / 1000 : 0;
	request->context_make.detached = call->detached;
	if (call->context_value_count > MAX_VALUES)
		return "can carry at most 256 values";
	if (call->context_value_count > 0 && !fill_values(call, request))
		request->is_exhausted = true;
	return NULL;
}

int read_context_make(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ContextMakeResponse *made = (const Baton__V1__ContextMakeResponse *)response;
	struct baton_context_info *info = show(result, 1);

	if (info == NULL)
		return BATON_ENOMEM;
	info->id = made->id;
	info->name = made->name;
	result_face(result)->name = made->name;
	return BATON_OK;
}

/* ---- cancel, done, delete ---------------------------------------------------------------------------------------- */

const char *fill_context_cancel(const struct baton_call *call, struct operation_request *request)
{
	request->context_cancel = (Baton__V1__ContextCancelRequest)BATON__V1__CONTEXT_CANCEL_REQUEST__INIT;
	request->context_cancel.name = text(call->name);
	request->context_cancel.cause = text(call->cause);
	return NULL;
}

const char *fill_context_done(const struct baton_call *call, struct operation_request *request)
{
	request->context_done = (Baton__V1__ContextDoneRequest)BATON__V1__CONTEXT_DONE_REQUEST__INIT;
	request->context_done.name = text(call->name);
	return NULL;
}

int read_context_done(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ContextDoneResponse *done = (const Baton__V1__ContextDoneResponse *)response;
	struct baton_context_info *info = show(result, 1);

	if (info == NULL)
		return BATON_ENOMEM;
	info->error = error_of(done->error);
	info->cause = done->cause;
	return BATON_OK;
}

const char *fill_context_delete(const struct baton_call *call, struct operation_request *request)
{
	request->context_delete = (Baton__V1__ContextDeleteRequest)BATON__V1__CONTEXT_DELETE_REQUEST__INIT;
	request->context_delete.name = text(call->name);
	return NULL;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

const char *fill_context_state(const struct baton_call *call, struct operation_request *request)
{
	request->context_state = (Baton__V1__ContextStateRequest)BATON__V1__CONTEXT_STATE_REQUEST__INIT;
	request->context_state.name = text(call->name);
	return NULL;
}

int read_context_state(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ContextStateResponse *state = (const Baton__V1__ContextStateResponse *)response;
	struct baton_context_info *info = show(result, 1);

	if (info == NULL)
		return BATON_ENOMEM;
	*info = (struct baton_context_info){
		.id = state->id,
		.name = state->name,
		.parent = state->parent,
		.error = error_of(state->error),
		.cause = state->cause,
		.limited = state->limited,
		.remaining_ns = from_us(state->remaining_us),
		.bound = state->bound,
	};
	return BATON_OK;
}

const char *fill_context_value(const struct baton_call *call, struct operation_request *request)
{
	request->context_value = (Baton__V1__ContextValueRequest)BATON__V1__CONTEXT_VALUE_REQUEST__INIT;
	request->context_value.name = text(call->name);
	request->context_value.key = text(call->key);
	return NULL;
}

int read_context_value(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ContextValueResponse *value = (const Baton__V1__ContextValueResponse *)response;

	result_face(result)->found = value->found;
	if (value->value.len > 0) {
		result_face(result)->value = value->value.data;
		result_face(result)->value_length = value->value.len;
	}
	return BATON_OK;
}

const char *fill_context_children(const struct baton_call *call, struct operation_request *request)
{
	request->context_children = (Baton__V1__ContextChildrenRequest)BATON__V1__CONTEXT_CHILDREN_REQUEST__INIT;
	request->context_children.name = text(call->name);
	request->context_children.after = call->number;
	return NULL;
}

int read_context_children(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__ContextChildrenResponse *list = (const Baton__V1__ContextChildrenResponse *)response;
	struct baton_context_info *infos = show(result, list->n_children);

	if (infos == NULL)
		return BATON_ENOMEM;
	for (size_t i = 0; i < list->n_children; i++) {
		const Baton__V1__ContextInfo *child = list->children[i];

		infos[i] = (struct baton_context_info){
			.id = child->id,
			.name = child->name,
			.parent = "",
			.number = child->number,
			.error = error_of(child->error),
			.cause = child->cause,
			.limited = child->limited,
			.remaining_ns = from_us(child->remaining_us),
			.bound = child->bound,
			.children = child->children,
		};
	}
	result_face(result)->more = list->more;
	return BATON_OK;
}
