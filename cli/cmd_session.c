/* SPDX-License-Identifier: MIT
 *
 * cmd_session.c - baton session open, run, close, ls, kill.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/hold.h"
#include "cli/simple.h"
#include "cli/status.h"

/* ---- open -------------------------------------------------------------------------------------------------------- */

/* Opens the session that was wished for and prints its identity. */
static int open_and_print(struct connection *connection, const struct session_wish *wish)
{
	const struct baton_call ping = {.size = sizeof(ping), .operation = BATON_PING};
	struct output output;
	int status = connection_open(connection, wish);

	if (status == 0)
		status = connection_call(connection, &ping, NULL, NULL); /* once that is answered the session is open */
	if (status != 0)
		return status;
	output_init(&output, simple_format(connection->invocation));
	output_row_begin(&output);
	output_text(&output, "session", baton_session(connection->loop.client));
	output_row_end(&output);
	return simple_flush(connection->invocation, &output, STATUS_DONE);
}

/* A session that lives as long as the process of --pid or else the one that called baton. */
static int open_for_process(struct connection *connection, struct session_wish *wish)
{
	const pid_t pid = (pid_t)invocation_number(connection->invocation, OPTION_PID, getppid());
	int status;

	wish->kind = BATON_SESSION_OF_PROCESS;
	wish->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (wish->pidfd < 0) {
		say(connection->invocation, "process %d: %s", (int)pid, strerror(errno));
		return STATUS_FAILED;
	}
	status = open_and_print(connection, wish);
	close(wish->pidfd);
	return status;
}

int run_session_open(const struct invocation *invocation)
{
	const bool has_ttl = invocation_has(invocation, OPTION_TTL);
	const bool has_pid = invocation_has(invocation, OPTION_PID);
	struct session_wish wish = {
		.kind = BATON_SESSION_DETACHED,
		.ttl_ns = invocation_number(invocation, OPTION_TTL, BATON_TTL_DEFAULT),
		.label = invocation_text(invocation, OPTION_LABEL),
	};
	struct connection connection;
	int status;

	if (has_ttl && has_pid)
		return say_usage(invocation, "--ttl and --pid: one of them");
	if (has_ttl && wish.ttl_ns == 0)
		return say_usage(invocation, "--ttl 0 would end the session at once");
	status = connection_init(&connection, invocation);
	if (status != 0)
		return status;
	if (connection.address.kind == ADDRESS_UNIX && !has_ttl) {
		wish.ttl_ns = 0;
		status = open_for_process(&connection, &wish);
	} else if (has_pid) {
		status = say_usage(invocation, "--pid only works on a Unix socket");
	} else {
		status = open_and_print(&connection, &wish);
	}
	return connection_close(&connection, status);
}

/* ---- run, close -------------------------------------------------------------------------------------------------- */

int run_session_run(const struct invocation *invocation)
{
	if (!hold_has_program(invocation))
		return say_usage(invocation, "CMD is missing");
	return hold_run(invocation, NULL);
}

int run_session_close(const struct invocation *invocation)
{
	const struct session_wish wish = {.kind = BATON_SESSION_NONE};
	struct baton_call call = {.size = sizeof(call), .operation = BATON_SESSION_CLOSE};
	struct connection connection;
	int status = connection_init(&connection, invocation);

	if (status != 0)
		return status;
	call.session = connection_outer_session(&connection);
	if (call.session == NULL)
		status = say_usage(invocation, "BATON_SESSION names no session of %s", connection.server);
	else
		status = connection_open(&connection, &wish);
	if (status == 0)
		status = connection_call(&connection, &call, NULL, NULL);
	return connection_close(&connection, status);
}

/* ---- ls, kill ---------------------------------------------------------------------------------------------------- */

static void print_sessions(const struct baton_result *result, struct output *output)
{
	for (size_t i = 0; i < result->session_count; i++) {
		const struct baton_session_info *session = &result->sessions[i];

		output_row_begin(output);
		output_number(output, "session", session->session);
		output_text(output, "label", session->label);
		output_number(output, "pid", session->pid);
		output_number(output, "uid", session->uid);
		output_text(output, "host", session->host);
		output_number(output, "parent", session->parent);
		output_duration(output, "ttl", session->ttl_ns);
		output_duration(output, "age", session->age_ns);
		output_number(output, "holds", session->holds);
		output_number(output, "blocked", session->blocked);
		if (output->format == OUTPUT_JSON) {
			output_duration(output, "heard", session->heard_ns);
			output_number(output, "lanes", session->lanes);
			output_number(output, "connections", session->connections);
		}
		output_row_end(output);
	}
}

static bool next_sessions(const struct baton_result *result, struct baton_call *call, struct page *page)
{
	(void)page;
	if (!result->more || result->session_count == 0)
		return false;
	call->number = result->sessions[result->session_count - 1].session;
	return true;
}

int run_session_ls(const struct invocation *invocation)
{
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_NONE},
		.call = {.operation = BATON_SESSION_LIST},
		.print = print_sessions,
		.next = next_sessions,
	};

	return simple_run(invocation, &simple);
}

int run_session_kill(const struct invocation *invocation)
{
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_NONE},
		.call = {.operation = BATON_SESSION_KILL, .number = invocation_word_number(invocation, 0)},
	};

	return simple_run(invocation, &simple);
}
