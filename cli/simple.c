/* SPDX-License-Identifier: MIT
 *
 * simple.c - one call and its answer.
 */
#include "cli/simple.h"

#include <string.h>

#include "cli/status.h"

enum output_format simple_format(const struct invocation *invocation)
{
	const char *format = invocation_text(invocation, OPTION_FORMAT);

	return format != NULL && strcmp(format, "json") == 0 ? OUTPUT_JSON : OUTPUT_TEXT;
}

int simple_flush(const struct invocation *invocation, struct output *output, int status)
{
	const int error = output_finish(output);

	output_done(output);
	if (error == 0)
		return status;
	say(invocation, "standard output: %s", strerror(error));
	return STATUS_FAILED;
}

/* A simple command at work. */
struct work {
	const struct simple *simple;
	struct output output;
	struct baton_call call;
	struct page page;
	bool goes_on;
};

static void take(const struct baton_result *result, void *arg)
{
	struct work *work = arg;

	if (work->simple->print != NULL)
		work->simple->print(result, &work->output);
	work->goes_on = work->simple->next != NULL && work->simple->next(result, &work->call, &work->page);
}

int simple_run(const struct invocation *invocation, const struct simple *simple)
{
	struct work work = {.simple = simple, .call = simple->call};
	struct connection connection;
	int status = connection_init(&connection, invocation);

	if (status != 0)
		return status;
	work.call.size = sizeof(work.call);
	output_init(&work.output, simple_format(invocation));
	status = connection_open(&connection, &simple->wish);
	do {
		work.goes_on = false;
		if (status == 0)
			status = connection_call(&connection, &work.call, take, &work);
	} while (status == 0 && work.goes_on);
	if (simple->absent_is_no && status == STATUS_FAILED && connection.last_error == BATON_ENOTMADE)
		status = STATUS_NO;
	status = connection_close(&connection, status);
	return simple_flush(invocation, &work.output, status);
}
