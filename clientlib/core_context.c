/* SPDX-License-Identifier: MIT
 *
 * core_context.c - the numbers by which the headers of calls name contexts of the daemon.
 *
 * The first call under a context is preceded by a Context.Open that gives it a number on the lane. There is room for as
 * many as the daemon allows; past that the number of the one opened first is given anew: calls under way stay with what
 * it stood for, since the daemon takes the frames in order. A lane's numbers live as long as it.
 */
#include <string.h>

#include "baton/v1/context.pb-c.h"
#include "clientlib/core_private.h"

#define NUMBERS 256u

/* An opened context, by its id or name; the table is in the order in which they were opened. */
struct core_context {
	UT_hash_handle hh;
	uint32_t number;
	char text[];
};

static const struct operation open_operation = {
	.kind = "ctx",
	.method = BATON__V1__METHOD__METHOD_CONTEXT_OPEN,
	.flags = OPERATION_SESSION,
	.response = &baton__v1__context_open_response__descriptor,
};

/* A context that is none, or none any more, ends its calls: each says so itself. */
static void take_opened(struct core *core, struct core_call *call, const struct reply *reply)
{
	(void)core;
	(void)call;
	(void)reply;
}

static void forget(struct core *core, struct core_context *context)
{
	HASH_DEL(core->contexts, context);
	memory_free(context);
}

/* A number for one more. */
static uint32_t take_number(struct core *core)
{
	struct core_context *first = core->contexts;
	uint32_t number;

	if (HASH_COUNT(core->contexts) < NUMBERS)
		return HASH_COUNT(core->contexts) + 1;
	number = first->number;
	forget(core, first);
	return number;
}

static bool ask(struct core *core, const struct core_context *context)
{
	Baton__V1__ContextOpenRequest request = BATON__V1__CONTEXT_OPEN_REQUEST__INIT;
	struct core_call *call;

	request.name = (char *)(uintptr_t)context->text;
	request.number = context->number;
	call = core_request(core, &open_operation, &request.base, take_opened);
	if (call == NULL)
		return false;
	call->lasts = true;
	return true;
}

uint32_t core_context_number(struct core *core, const char *text)
{
	const size_t length = strlen(text);
	struct core_context *context;

	HASH_FIND(hh, core->contexts, text, length, context);
	if (context != NULL)
		return context->number;
	context = memory_alloc(sizeof(*context) + length + 1);
	if (context == NULL)
		return 0;
	memcpy(context->text, text, length + 1);
	context->number = take_number(core);
	HASH_ADD(hh, core->contexts, text, length, context);
	if (context->hh.tbl == NULL) {
		memory_free(context);
		return 0;
	}
	if (!ask(core, context)) {
		forget(core, context);
		return 0;
	}
	return context->number;
}

void core_forget_contexts(struct core *core)
{
	struct core_context *context = NULL;
	struct core_context *next = NULL;

	HASH_ITER (hh, core->contexts, context, next) {
		forget(core, context);
	}
}
