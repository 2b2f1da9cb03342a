/* SPDX-License-Identifier: MIT
 *
 * answer.c - one call, and its answer or no.
 */
#include "cli/answer.h"

#include "cli/status.h"

static enum output_format format_of(const struct invocation *invocation)
{
	if (invocation_has(invocation, OPTION_RAW))
		return OUTPUT_RAW;
	return invocation_has(invocation, OPTION_NUL) ? OUTPUT_NUL : simple_format(invocation);
}

int answer_run(const struct invocation *invocation, const struct baton_call *call,
	void (*take)(const struct baton_result *result, void *answer), const char *no)
{
	const struct session_wish wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	struct answer answer = {.is_no = false};
	struct connection connection;
	int status = connection_init(&connection, invocation);

	if (status != STATUS_DONE)
		return status;
	output_init(&answer.output, format_of(invocation));
	status = connection_open(&connection, &wish);
	if (status == STATUS_DONE)
		status = connection_call(&connection, call, take, &answer);
	if (status == STATUS_DONE && answer.is_no) {
		say_about(invocation, connection_subject(call), "%s", no);
		status = STATUS_NO;
	}
	status = connection_close(&connection, status);
	return simple_flush(invocation, &answer.output, status);
}
