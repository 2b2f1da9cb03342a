/* SPDX-License-Identifier: MIT
 *
 * cmd_chan.c - baton chan make, close, len, cap, rm, and what the commands on channels share.
 */
#include "cli/chan.h"
#include "cli/simple.h"
#include "cli/status.h"

#define AT_ONCE_NS INT64_C(20000000)

void window_init(struct window *window)
{
	window->size = 1;
}

void window_adapt(struct window *window, int64_t started_ns)
{
	if (loop_now() - started_ns > AT_ONCE_NS)
		window->size = 1;
	else if (window->size < WINDOW_MAX)
		window->size++;
}

int chan_make_first(struct connection *connection, const char *name)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_CHAN_MAKE,
		.name = name,
		.number = (uint64_t)invocation_number(connection->invocation, OPTION_MAKE, 0),
	};

	if (!invocation_has(connection->invocation, OPTION_MAKE))
		return STATUS_DONE;
	return connection_call(connection, &call, NULL, NULL);
}

/* The command that makes one call with its name, in a session of its own. */
static int call_named(const struct invocation *invocation, enum baton_operation operation,
	void (*print)(const struct baton_result *result, struct output *output))
{
	const char *name = invocation_word(invocation, 0);
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT},
		.call = {.operation = operation, .name = name},
		.print = print,
	};

	return simple_run(invocation, &simple);
}

static void print_made(const struct baton_result *result, struct output *output)
{
	output_row_begin(output);
	output_text(output, "name", result->name);
	if (output->format == OUTPUT_JSON)
		output_bool(output, "created", result->created);
	output_row_end(output);
}

int run_chan_make(const struct invocation *invocation)
{
	const bool is_told = invocation_word(invocation, 0) != NULL && simple_format(invocation) == OUTPUT_TEXT;
	const char *name = invocation_word(invocation, 0);
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT},
		.call = {.operation = BATON_CHAN_MAKE,
			.name = name == NULL ? "" : name,
			.number = (uint64_t)invocation_number(invocation, OPTION_CAPACITY, 0),
			.type = invocation_text(invocation, OPTION_TYPE),
			.auto_close = invocation_has(invocation, OPTION_AUTO_CLOSE)},
		.print = is_told ? NULL : print_made,
	};

	return simple_run(invocation, &simple);
}

int run_chan_close(const struct invocation *invocation)
{
	return call_named(invocation, BATON_CHAN_CLOSE, NULL);
}

static void print_number(const struct baton_result *result, struct output *output)
{
	output_value_number(output, result->number);
}

int run_chan_len(const struct invocation *invocation)
{
	return call_named(invocation, BATON_CHAN_LENGTH, print_number);
}

int run_chan_cap(const struct invocation *invocation)
{
	return call_named(invocation, BATON_CHAN_CAPACITY, print_number);
}

int run_chan_rm(const struct invocation *invocation)
{
	return call_named(invocation, BATON_CHAN_DELETE, NULL);
}
