/* SPDX-License-Identifier: MIT
 *
 * cmd_once.c - baton once do, get, reset.
 */
#include <errno.h>
#include <string.h>

#include "cli/capture.h"
#include "cli/hold.h"
#include "cli/simple.h"
#include "cli/status.h"

/* ---- the value --------------------------------------------------------------------------------------------------- */

/* Exactly as CMD wrote it, or as one JSON object. */
static void print_value(const void *value, size_t length, struct output *output)
{
	if (output->format == OUTPUT_TEXT)
		output->format = OUTPUT_RAW;
	output_value(output, value, length);
}

/* ---- do ---------------------------------------------------------------------------------------------------------- */

struct doing {
	const struct invocation *invocation;
	bool captures;
	struct capture capture;
	struct output output;
};

/* Somebody else's CMD was the one that ran: its value is the answer. */
static bool take(const struct baton_result *result, void *arg, int *ret_status)
{
	struct doing *doing = arg;

	if (!result->run && doing->captures)
		print_value(result->value, result->value_length, &doing->output);
	*ret_status = STATUS_DONE;
	return result->run;
}

/* CMD has ended: completes the once, or makes the next caller run. Returns the exit status. */
static int finish(struct connection *connection, const struct lockable *once, uint64_t token, int status, void *arg)
{
	struct doing *doing = arg;
	const struct buffer *taken = &doing->capture.buffer;
	const size_t length = buffer_length(taken);
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_ONCE_COMPLETE,
		.name = once->name,
		.token = token,
		.value = length > 0 ? taken->bytes + taken->begin : NULL,
		.value_length = length,
		.duration_ns = invocation_number(doing->invocation, OPTION_KEEP, 0),
	};

	if (status == STATUS_DONE && doing->captures && doing->capture.error != 0) {
		say_about(doing->invocation, connection_subject(&call), "CMD's output cannot be the value: %s",
			strerror(doing->capture.error));
		status = STATUS_FAILED;
	}
	if (status != STATUS_DONE)
		return release(connection, once, token) == 0 ? status : STATUS_LOST;
	release_begin(connection);
	status = connection_call(connection, &call, NULL, NULL);
	if (status != STATUS_DONE)
		return STATUS_LOST;
	if (doing->captures)
		print_value(call.value, length, &doing->output);
	return STATUS_DONE;
}

int run_once_do(const struct invocation *invocation)
{
	struct doing doing = {.invocation = invocation, .captures = invocation_has(invocation, OPTION_CAPTURE)};
	const struct lockable once = {
		.kind = "once",
		.name = invocation_word(invocation, 0),
		.granted = "runs",
		.acquire = {.operation = BATON_ONCE_BEGIN, .name = invocation_word(invocation, 0)},
		.release = {.operation = BATON_ONCE_FAIL, .name = invocation_word(invocation, 0)},
		.take = take,
		.finish = finish,
		.capture = doing.captures ? &doing.capture : NULL,
		.arg = &doing,
	};
	int status;

	if (!hold_has_program(invocation))
		return say_usage(invocation, "CMD is missing");
	if (doing.captures) {
		const int r = capture_open(&doing.capture);

		if (r != 0) {
			say(invocation, "pipe: %s", strerror(-r));
			return STATUS_FAILED;
		}
	}
	output_init(&doing.output, simple_format(invocation));
	status = hold_run(invocation, &once);
	if (doing.captures)
		capture_done(&doing.capture);
	return simple_flush(invocation, &doing.output, status);
}

/* ---- get, reset -------------------------------------------------------------------------------------------------- */

/* A call that has nothing to do where the once is not done. */
struct asking {
	bool done;
	struct output output;
};

static void take_got(const struct baton_result *result, void *arg)
{
	struct asking *asking = arg;

	asking->done = result->done;
	if (result->done)
		print_value(result->value, result->value_length, &asking->output);
}

static void take_reset(const struct baton_result *result, void *arg)
{
	struct asking *asking = arg;

	asking->done = result->done;
}

static int ask(const struct invocation *invocation, enum baton_operation operation,
	void (*take_answer)(const struct baton_result *result, void *arg))
{
	const struct session_wish wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	const struct baton_call call = {
		.size = sizeof(call), .operation = operation, .name = invocation_word(invocation, 0)};
	struct asking asking = {0};
	struct connection connection;
	int status = connection_init(&connection, invocation);

	if (status != 0)
		return status;
	output_init(&asking.output, simple_format(invocation));
	status = connection_open(&connection, &wish);
	if (status == 0)
		status = connection_call(&connection, &call, take_answer, &asking);
	if (status == 0 && !asking.done) {
		say_about(invocation, connection_subject(&call), "not done");
		status = STATUS_NO;
	}
	status = connection_close(&connection, status);
	return simple_flush(invocation, &asking.output, status);
}

int run_once_get(const struct invocation *invocation)
{
	return ask(invocation, BATON_ONCE_GET, take_got);
}

int run_once_reset(const struct invocation *invocation)
{
	return ask(invocation, BATON_ONCE_RESET, take_reset);
}
