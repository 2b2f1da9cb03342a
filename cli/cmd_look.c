/* SPDX-License-Identifier: MIT
 *
 * cmd_look.c - baton ls, inspect, ping, status: looking at the daemon and at what it hosts. None needs a session.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/kinds.h"
#include "cli/simple.h"
#include "cli/status.h"
#include "cli/suggest.h"

static int refuse_kind(const struct invocation *invocation, const char *word)
{
	struct suggestion suggestion;
	char list[256];

	suggestion_begin(&suggestion, word);
	for (size_t i = 0; i < kind_count; i++)
		suggestion_offer(&suggestion, kinds[i].name);
	if (suggestion.best == NULL)
		return say_usage(invocation, "no kind \"%s\"; there are %s", word, kinds_listed(list, sizeof(list)));
	return say_usage(invocation, "no kind \"%s\"; did you mean \"%s\"?", word, suggestion.best);
}

/* ---- ls ---------------------------------------------------------------------------------------------------------- */

static bool has_capacity(const struct baton_object_info *object)
{
	return strcmp(object->kind, "chan") == 0 || strcmp(object->kind, "sem") == 0;
}

/* A channel's state in text has how full it is: "open 3/16"; a semaphore's how many permits are out: "taken 2/5"; a
 * wait group's its counter: "counting 3". */
static void print_state(const struct baton_object_info *object, struct output *output)
{
	char state[128];

	snprintf(state, sizeof(state), "%.64s", object->state);
	if (output->format == OUTPUT_TEXT && has_capacity(object))
		snprintf(state, sizeof(state), "%.64s %" PRIu64 "/%" PRIu64, object->state, object->length,
			object->capacity);
	else if (output->format == OUTPUT_TEXT && (strcmp(object->kind, "wg") == 0 || strcmp(object->kind, "map") == 0))
		snprintf(state, sizeof(state), "%.64s %" PRIu64, object->state, object->length);
	output_text(output, "state", state);
}

static void print_object(const struct baton_object_info *object, struct output *output)
{
	output_row_begin(output);
	output_text(output, "kind", object->kind);
	output_text(output, "name", object->name);
	print_state(object, output);
	output_number(output, "holders", object->holders);
	output_number(output, "waiters", object->waiters);
	if (output->format == OUTPUT_JSON && strcmp(object->kind, "chan") == 0) {
		output_number(output, "length", object->length);
		output_number(output, "capacity", object->capacity);
		output_bool(output, "closed", object->closed);
		output_number(output, "deliveries", object->deliveries);
	}
	if (output->format == OUTPUT_JSON && strcmp(object->kind, "sem") == 0) {
		output_number(output, "used", object->length);
		output_number(output, "size", object->capacity);
	}
	if (output->format == OUTPUT_JSON && strcmp(object->kind, "wg") == 0)
		output_number(output, "counter", object->length);
	output_row_end(output);
}

static void print_objects(const struct baton_result *result, struct output *output)
{
	for (size_t i = 0; i < result->object_count; i++)
		print_object(&result->objects[i], output);
}

static bool next_objects(const struct baton_result *result, struct baton_call *call, struct page *page)
{
	const struct baton_object_info *last;

	if (!result->more || result->object_count == 0)
		return false;
	last = &result->objects[result->object_count - 1];
	snprintf(page->kind, sizeof(page->kind), "%s", last->kind);
	snprintf(page->name, sizeof(page->name), "%s", last->name);
	call->after_kind = page->kind;
	call->after_name = page->name;
	return true;
}

int run_ls(const struct invocation *invocation)
{
	const char *first = invocation_word(invocation, 0);
	const char *second = invocation_word(invocation, 1);
	const bool has_kind = first != NULL && (second != NULL || kind_exists(first));
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_NONE},
		.call = {.operation = BATON_LIST, .kind = has_kind ? first : NULL, .name = has_kind ? second : first},
		.print = print_objects,
		.next = next_objects,
	};

	if (has_kind && !kind_exists(first))
		return refuse_kind(invocation, first);
	return simple_run(invocation, &simple);
}

/* ---- inspect ----------------------------------------------------------------------------------------------------- */

static void print_party(const struct baton_party_info *party, struct output *output)
{
	output_row_begin(output);
	output_text(output, "role", party->role);
	output_number(output, "session", party->session);
	output_text(output, "label", party->label);
	output_number(output, "pid", party->pid);
	output_number(output, "uid", party->uid);
	output_text(output, "host", party->host);
	output_number(output, "token", party->token);
	output_duration(output, "since", party->since_ns);
	output_number(output, "attempt", party->attempt);
	output_number(output, "count", party->count);
	output_row_end(output);
}

static void print_inspected(const struct baton_result *result, struct output *output)
{
	print_objects(result, output);
	for (size_t i = 0; i < result->party_count; i++)
		print_party(&result->parties[i], output);
}

int run_inspect(const struct invocation *invocation)
{
	const char *kind = invocation_word(invocation, 0);
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_NONE},
		.call = {.operation = BATON_INSPECT, .kind = kind, .name = invocation_word(invocation, 1)},
		.print = print_inspected,
		.absent_is_no = true,
	};

	if (!kind_exists(kind))
		return refuse_kind(invocation, kind);
	return simple_run(invocation, &simple);
}

/* ---- ping, status ------------------------------------------------------------------------------------------------ */

int run_ping(const struct invocation *invocation)
{
	const struct simple simple = {.wish = {.kind = BATON_SESSION_NONE}, .call = {.operation = BATON_PING}};

	return simple_run(invocation, &simple);
}

static void print_status(const struct baton_result *result, struct output *output)
{
	const struct baton_status *status = result->status;
	char incarnation[32];

	snprintf(incarnation, sizeof(incarnation), "%016" PRIx64, status->incarnation);
	output_record_begin(output);
	output_text(output, "version", status->version);
	output_text(output, "state", status->stopping ? "stopping" : "serving");
	output_text(output, "incarnation", incarnation);
	output_number(output, "pid", status->pid);
	output_duration(output, "uptime", status->uptime_ns);
	output_number(output, "connections", status->connections);
	output_number(output, "sessions", status->sessions);
	output_number(output, "objects", status->objects);
	output_number(output, "blocked", status->blocked);
	output_number(output, "holds", status->holds);
	output_number(output, "deliveries", status->deliveries);
	output_number(output, "calls", status->calls);
	output_number(output, "transitions", status->transitions);
	output_number(output, "coroutines", status->coroutines);
	output_text(output, "guard", status->guard);
	output_duration(output, "grace", status->grace_ns);
	output_number(output, "token", status->token);
	output_row_end(output);
}

int run_status(const struct invocation *invocation)
{
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_NONE}, .call = {.operation = BATON_STATUS}, .print = print_status};

	return simple_run(invocation, &simple);
}
