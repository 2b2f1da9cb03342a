/* SPDX-License-Identifier: MIT
 *
 * cmd_chan_ack.c - baton chan take, ack, nack: deliveries that the session BATON_SESSION has.
 */
#include "cli/output.h"
#include "cli/simple.h"
#include "cli/status.h"

/* Connects to the session that BATON_SESSION names. 0, or the exit status: said. */
static int join(struct connection *connection)
{
	const struct session_wish wish = {.kind = BATON_SESSION_ATTACH};

	if (connection_outer_session(connection) == NULL)
		return say_usage(
			connection->invocation, "it only works inside BATON_SESSION (baton session open, run)");
	return connection_open(connection, &wish);
}

static void print_taken(const struct baton_result *result, void *arg)
{
	struct output *output = arg;

	output_row_begin(output);
	output_number(output, "token", result->token);
	output_number(output, "delivery", (uint64_t)result->attempt + 1);
	output_bytes(output, "value", result->value, result->value_length);
	output_row_end(output);
}

/* What was taken and cannot be printed goes back with the session, or by its token. */
int run_chan_take(const struct invocation *invocation)
{
	struct connection connection;
	struct output output;
	struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_CHAN_RECEIVE,
		.name = invocation_word(invocation, 0),
		.manual_ack = true,
	};
	int status = connection_init(&connection, invocation);

	if (status != STATUS_DONE)
		return status;
	call.no_wait = invocation_has(invocation, OPTION_TRY) || connection.may_not_wait;
	output_init(&output, simple_format(invocation));
	status = join(&connection);
	if (status == STATUS_DONE)
		status = connection_call(&connection, &call, print_taken, &output);
	return simple_flush(invocation, &output, connection_close(&connection, status));
}

static int settle(const struct invocation *invocation, enum baton_operation operation, int64_t delay_ns)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = operation,
		.name = invocation_word(invocation, 0),
		.token = invocation_word_number(invocation, 1),
		.duration_ns = delay_ns,
	};
	struct connection connection;
	int status = connection_init(&connection, invocation);

	if (status != STATUS_DONE)
		return status;
	status = join(&connection);
	if (status == STATUS_DONE)
		status = connection_call(&connection, &call, NULL, NULL);
	return connection_close(&connection, status);
}

int run_chan_ack(const struct invocation *invocation)
{
	return settle(invocation, BATON_CHAN_ACK, 0);
}

int run_chan_nack(const struct invocation *invocation)
{
	return settle(invocation, BATON_CHAN_NACK, invocation_number(invocation, OPTION_NACK_DELAY, 0));
}
