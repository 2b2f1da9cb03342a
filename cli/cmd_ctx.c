/* SPDX-License-Identifier: MIT
 *
 * cmd_ctx.c - baton ctx new, cancel, done, err, value, rm, run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/context_plan.h"
#include "cli/hold.h"
#include "cli/simple.h"
#include "cli/status.h"

#define CONTEXT_ID_BYTES sizeof("@0123456789abcdef")

static const struct session_wish own_session = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};

/* ---- new --------------------------------------------------------------------------------------------------------- */

static void print_made(const struct baton_result *result, void *arg)
{
	struct output *output = arg;

	if (output->format == OUTPUT_JSON) {
		output_row_begin(output);
		output_text(output, "id", result->contexts[0].id);
		output_text(output, "name", result->contexts[0].name);
		output_row_end(output);
	} else {
		output_value(output, result->contexts[0].id, strlen(result->contexts[0].id));
	}
}

/* In BATON_SESSION it ends with that, elsewhere with nobody's. */
static int make(struct connection *connection, struct context_plan *plan, struct output *output)
{
	const bool is_in_session = connection_outer_session(connection) != NULL;
	const struct session_wish wish = {
		.kind = is_in_session ? BATON_SESSION_ATTACH : BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	int status = connection_open(connection, &wish);

	plan->call.detached = !is_in_session || invocation_has(connection->invocation, OPTION_DETACH);
	if (status == STATUS_DONE)
		status = connection_call(connection, &plan->call, print_made, output);
	return status;
}

int run_ctx_new(const struct invocation *invocation)
{
	const char *name = invocation_word(invocation, 0);
	struct connection connection;
	struct context_plan plan;
	struct output output;
	int status = connection_init(&connection, invocation);

	if (status != STATUS_DONE)
		return status;
	output_init(&output, simple_format(invocation));
	status = context_plan_init(&plan, &connection, name != NULL ? name : "");
	if (status == STATUS_DONE)
		status = make(&connection, &plan, &output);
	context_plan_done(&plan);
	status = connection_close(&connection, status);
	return simple_flush(invocation, &output, status);
}

/* ---- cancel, done, rm -------------------------------------------------------------------------------------------- */

static int run_one(const struct invocation *invocation, enum baton_operation operation)
{
	const struct simple simple = {
		.wish = own_session,
		.call = {.operation = operation,
			.name = invocation_word(invocation, 0),
			.cause = invocation_text(invocation, OPTION_CAUSE)},
	};

	return simple_run(invocation, &simple);
}

int run_ctx_cancel(const struct invocation *invocation)
{
	return run_one(invocation, BATON_CONTEXT_CANCEL);
}

int run_ctx_done(const struct invocation *invocation)
{
	return run_one(invocation, BATON_CONTEXT_DONE);
}

int run_ctx_rm(const struct invocation *invocation)
{
	return run_one(invocation, BATON_CONTEXT_DELETE);
}

/* ---- err, value -------------------------------------------------------------------------------------------------- */

static void take_error(const struct baton_result *result, void *arg)
{
	const struct baton_context_info *context = &result->contexts[0];
	struct answer *answer = arg;

	answer->is_no = context->error == 0;
	if (answer->is_no)
		return;
	output_row_begin(&answer->output);
	output_text(&answer->output, "error", baton_strerror(context->error));
	output_text(&answer->output, "cause", context->cause);
	output_row_end(&answer->output);
}

int run_ctx_err(const struct invocation *invocation)
{
	const struct baton_call call = {
		.size = sizeof(call), .operation = BATON_CONTEXT_STATE, .name = invocation_word(invocation, 0)};

	return answer_run(invocation, &call, take_error, "it lives");
}

static void take_value(const struct baton_result *result, void *arg)
{
	struct answer *answer = arg;

	answer->is_no = !result->found;
	if (result->found)
		output_value(&answer->output, result->value, result->value_length);
}

int run_ctx_value(const struct invocation *invocation)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_CONTEXT_VALUE,
		.name = invocation_word(invocation, 0),
		.key = invocation_word(invocation, 1),
	};

	return answer_run(invocation, &call, take_value, "no such value");
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

struct running {
	const struct invocation *invocation;
	struct connection *connection;
	char id[CONTEXT_ID_BYTES];
};

static void note_id(const struct baton_result *result, void *arg)
{
	struct running *running = arg;

	(void)snprintf(running->id, sizeof(running->id), "%s", result->contexts[0].id);
}

/* The context has ended while CMD runs, or before: CMD is ended. */
static void on_context_done(const struct baton_result *result, void *arg)
{
	struct running *running = arg;
	const struct baton_context_info *context = &result->contexts[0];

	if (result->error != 0)
		return; /* CMD has ended, or the session: that tells itself */
	hold_end(running->connection, context->error == BATON_EDEADLINE ? STATUS_DEADLINE : STATUS_CANCELED,
		"%s%s%s, which ends CMD", baton_strerror(context->error),
		strcmp(context->cause, baton_strerror(context->error)) == 0 ? "" : ": ",
		strcmp(context->cause, baton_strerror(context->error)) == 0 ? "" : context->cause);
}

static int make_and_watch(struct running *running, struct context_plan *plan)
{
	const struct baton_call done = {.size = sizeof(done), .operation = BATON_CONTEXT_DONE, .name = running->id};
	int status = connection_call(running->connection, &plan->call, note_id, running);
	int error;

	if (status != STATUS_DONE)
		return status;
	error = baton_start(running->connection->loop.client, &done, -1, on_context_done, running, NULL);
	if (error != 0)
		return connection_fail(running->connection, connection_subject(&done), error, baton_last_error());
	return setenv("BATON_CTX", running->id, 1) == 0 ? STATUS_DONE : say_no_memory(running->invocation);
}

static int get_context(struct connection *connection, void *arg, const struct lockable **ret_held,
	struct grant *ret_grant, int *ret_input)
{
	struct running *running = arg;
	const char *name = invocation_text(running->invocation, OPTION_NAME);
	struct context_plan plan;
	int status = context_plan_init(&plan, connection, name != NULL ? name : "");

	(void)ret_grant;
	*ret_held = NULL;
	*ret_input = -1;
	running->connection = connection;
	if (status == STATUS_DONE)
		status = make_and_watch(running, &plan);
	context_plan_done(&plan);
	return status;
}

/* Go's defer cancel(). The session's end would cancel it too, with another cause. */
static int settle_context(struct connection *connection, void *arg, int status)
{
	const struct running *running = arg;
	const struct baton_call cancel = {
		.size = sizeof(cancel), .operation = BATON_CONTEXT_CANCEL, .name = running->id};

	if (status != STATUS_LOST)
		(void)connection_call(connection, &cancel, NULL, NULL);
	return status;
}

int run_ctx_run(const struct invocation *invocation)
{
	struct running running = {.invocation = invocation};
	const struct hold_source source = {.get = get_context, .settle = settle_context, .arg = &running};

	if (!hold_has_program(invocation))
		return say_usage(invocation, "CMD is missing");
	return hold_run_from(invocation, &source);
}
