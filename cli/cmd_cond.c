/* SPDX-License-Identifier: MIT
 *
 * cmd_cond.c - baton cond wait, signal, broadcast.
 *
 * wait: the mutex is locked, or is an enclosing hold's, which every wait gives a new token; then TEST and waits take
 * turns; then CMD runs under the mutex. What was locked here is unlocked at the end, whatever that is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/hold.h"
#include "cli/simple.h"
#include "cli/status.h"

/* A command at work. */
struct waiting {
	const struct invocation *invocation;
	const char *cond;
	struct lockable mutex;
	const char *test;    /* NULL: one wait will do */
	int64_t deadline_ns; /* of -t */
	bool is_borrowed;    /* the mutex is an enclosing hold's, which stays */
	bool is_held;
	struct grant grant;
	bool has_waited;
	bool timed_out;
};

/* ---- the mutex --------------------------------------------------------------------------------------------------- */

static void take_borrowed(const struct baton_result *result, void *arg)
{
	struct waiting *waiting = arg;

	waiting->is_borrowed = result->holds;
	waiting->is_held = result->holds;
	waiting->grant.token = result->token;
}

/* Has the mutex held, by an enclosing session or by this one. 0, or the exit status: said. */
static int lock(struct waiting *waiting, struct connection *connection)
{
	const struct baton_call check = {
		.size = sizeof(check), .operation = BATON_MUTEX_CHECK, .name = waiting->mutex.name};
	int status = STATUS_DONE;

	if (connection_outer_session(connection) != NULL)
		status = connection_call(connection, &check, take_borrowed, waiting);
	if (status == STATUS_DONE && !waiting->is_held) {
		status = acquire(connection, &waiting->mutex, &waiting->grant);
		waiting->is_held = status == STATUS_DONE;
	}
	return status;
}

/* Unlocks what was locked here. Returns STATUS, or STATUS_LOST: said. */
static int unlock(struct waiting *waiting, struct connection *connection, int status)
{
	if (waiting->is_held && !waiting->is_borrowed &&
		release(connection, &waiting->mutex, waiting->grant.token) != 0)
		return STATUS_LOST;
	return status;
}

/* ---- TEST -------------------------------------------------------------------------------------------------------- */

/* Waits for the child, passing a deadly signal on. */
static void await(struct connection *connection, struct child *child)
{
	bool is_told = false;

	while (!child->is_gone) {
		child->is_gone = waitpid(child->pid, &child->status, WNOHANG) != 0;
		if (!child->is_gone && connection->fatal_signal != 0 && !is_told) {
			child_signal(child, connection->fatal_signal);
			is_told = true;
		}
		if (!child->is_gone)
			(void)connection_step(connection, NULL, 0, LOOP_NEVER);
	}
}

/* Runs TEST, with nothing to read. *RET_HOLDS: it succeeded. 0, or the exit status: said. */
static int run_test(struct waiting *waiting, struct connection *connection, bool *ret_holds)
{
	char *const program[] = {(char *)"/bin/sh", (char *)"-c", (char *)(uintptr_t)waiting->test, NULL};
	struct child_plan plan = {
		.program = program,
		.loop = &connection->loop,
		.leads_group = !child_has_terminal(),
		.kept_fd = -1,
		.input_fd = open("/dev/null", O_RDONLY | O_CLOEXEC),
		.output_fd = -1,
	};
	struct child child = {0};
	int r = plan.input_fd < 0 ? -errno : 0;
	int status;

	if (r == 0 && !hold_set_environment(connection, waiting->is_borrowed ? NULL : &waiting->mutex, &waiting->grant))
		r = -ENOMEM;
	if (r == 0)
		r = child_start(&child, &plan);
	if (plan.input_fd >= 0)
		close(plan.input_fd);
	if (r != 0) {
		say(waiting->invocation, "TEST cannot be run: %s", strerror(-r));
		return STATUS_FAILED;
	}
	await(connection, &child);
	status = child_exit_status(&child);
	*ret_holds = status == 0;
	if (connection->fatal_signal != 0)
		return STATUS_SIGNAL + connection->fatal_signal;
	if (status != STATUS_NOT_EXECUTABLE && status != STATUS_NOT_FOUND)
		return STATUS_DONE;
	say(waiting->invocation, "TEST cannot be run: exit status %d", status);
	return status;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* What a wait came to. */
struct outcome {
	bool came;
	bool holds;
	bool timed_out;
	int reason;
	uint64_t token;
	bool abandoned;
};

static void take_outcome(const struct baton_result *result, void *arg)
{
	*(struct outcome *)arg = (struct outcome){
		.came = true,
		.holds = result->holds,
		.timed_out = result->timed_out,
		.reason = result->reason,
		.token = result->token,
		.abandoned = result->abandoned,
	};
}

/* One wait on the cond. 0, or the exit status: said. */
static int wait_once(struct waiting *waiting, struct connection *connection)
{
	const int64_t left_ns = waiting->deadline_ns == LOOP_NEVER ? 0 : waiting->deadline_ns - loop_now();
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_COND_WAIT,
		.name = waiting->cond,
		.mutex = waiting->mutex.name,
		.token = waiting->grant.token,
		.duration_ns = waiting->deadline_ns == LOOP_NEVER ? 0
			       : left_ns > 0                      ? left_ns
								  : 1,
	};
	struct outcome outcome = {0};
	int status = connection_call(connection, &call, take_outcome, &outcome);

	if (!outcome.came) {
		waiting->is_held = connection->last_error != BATON_EUNLOCKED &&
				   connection->last_error != BATON_ESTALE && connection->loop.client_error == 0;
		return status;
	}
	waiting->is_held = outcome.holds;
	waiting->grant = (struct grant){.token = outcome.token, .abandoned = outcome.abandoned};
	waiting->has_waited = true;
	waiting->timed_out = outcome.timed_out;
	if (status == STATUS_DONE && !outcome.holds)
		status = connection_fail(
			connection, connection_subject(&call), outcome.reason, baton_strerror(outcome.reason));
	return status;
}

/* With the mutex held: until the condition holds. 0, or the exit status: said. */
static int wait_until(struct waiting *waiting, struct connection *connection)
{
	for (;;) {
		bool holds = waiting->has_waited && !waiting->timed_out;
		int status = STATUS_DONE;

		if (waiting->test != NULL)
			status = run_test(waiting, connection, &holds);
		if (status != STATUS_DONE || holds)
			return status;
		if (waiting->timed_out) {
			say_about(waiting->invocation, (struct subject){"cond", waiting->cond},
				"context deadline exceeded");
			return STATUS_DEADLINE;
		}
		status = wait_once(waiting, connection);
		if (status != STATUS_DONE)
			return status;
	}
}

/* Locks and waits. On failure nothing is held that was not before. 0, or the exit status: said. */
static int lock_and_wait(struct waiting *waiting, struct connection *connection)
{
	int status = lock(waiting, connection);

	if (status != STATUS_DONE)
		return status;
	waiting->deadline_ns = connection->deadline_ns;
	connection->deadline_ns =
		LOOP_NEVER; /* -t bounds the waits at the cond; the mutex is locked again all the same */
	status = wait_until(waiting, connection);
	return status == STATUS_DONE ? status : unlock(waiting, connection, status);
}

/* ---- with CMD ---------------------------------------------------------------------------------------------------- */

/* As hold_source.get. */
static int get(struct connection *connection, void *arg, const struct lockable **ret_held, struct grant *ret_grant,
	int *ret_input)
{
	struct waiting *waiting = arg;
	char token[32];
	const int status = lock_and_wait(waiting, connection);

	*ret_input = -1;
	*ret_held = waiting->is_borrowed ? NULL : &waiting->mutex;
	*ret_grant = waiting->grant;
	if (status != STATUS_DONE || !waiting->is_borrowed)
		return status;
	snprintf(token, sizeof(token), "%" PRIu64, waiting->grant.token);
	return setenv("BATON_TOKEN", token, 1) == 0 ? STATUS_DONE : say_no_memory(waiting->invocation);
}

static int settle(struct connection *connection, void *arg, int status)
{
	(void)connection;
	(void)arg;
	return status;
}

/* ---- without CMD ------------------------------------------------------------------------------------------------- */

/* A session that was opened by hand learns its hold's new token; `baton lock` has been told. */
static int print_token(const struct waiting *waiting, int status)
{
	const char *name = getenv("BATON_NAME");
	struct output output;

	if (!waiting->is_borrowed || (name != NULL && strcmp(name, waiting->mutex.name) == 0))
		return status;
	output_init(&output, simple_format(waiting->invocation));
	output_row_begin(&output);
	output_number(&output, "token", waiting->grant.token);
	if (output.format == OUTPUT_JSON)
		output_bool(&output, "abandoned", waiting->grant.abandoned);
	output_row_end(&output);
	return simple_flush(waiting->invocation, &output, status);
}

static int run_alone(struct waiting *waiting)
{
	const struct session_wish wish = {
		.kind = BATON_SESSION_OWN,
		.ttl_ns = invocation_number(waiting->invocation, OPTION_TTL, BATON_TTL_DEFAULT),
		.label = invocation_text(waiting->invocation, OPTION_LABEL),
	};
	struct connection connection;
	int status = connection_init(&connection, waiting->invocation);

	if (status != 0)
		return status;
	status = connection_open(&connection, &wish);
	if (status == STATUS_DONE)
		status = lock_and_wait(waiting, &connection);
	if (status == STATUS_DONE)
		status = unlock(waiting, &connection, status);
	if (status == STATUS_DONE || waiting->timed_out)
		status = print_token(waiting, status);
	return connection_close(&connection, status);
}

int run_cond_wait(const struct invocation *invocation)
{
	const char *mutex = invocation_text(invocation, OPTION_MUTEX);
	struct waiting waiting = {
		.invocation = invocation,
		.cond = invocation_word(invocation, 0),
		.mutex = {.kind = "mutex",
			.name = mutex,
			.granted = "locked",
			.acquire = {.operation = BATON_MUTEX_LOCK, .name = mutex},
			.release = {.operation = BATON_MUTEX_UNLOCK, .name = mutex}},
		.test = invocation_text(invocation, OPTION_UNTIL),
		.deadline_ns = LOOP_NEVER,
	};
	const struct hold_source source = {.get = get, .settle = settle, .arg = &waiting};

	if (mutex == NULL)
		return say_usage(invocation, "--mutex M is missing");
	return hold_has_program(invocation) ? hold_run_from(invocation, &source) : run_alone(&waiting);
}

/* ---- signal, broadcast ------------------------------------------------------------------------------------------- */

static int wake(const struct invocation *invocation, enum baton_operation operation)
{
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT},
		.call = {.operation = operation, .name = invocation_word(invocation, 0)},
	};

	return simple_run(invocation, &simple);
}

int run_cond_signal(const struct invocation *invocation)
{
	return wake(invocation, BATON_COND_SIGNAL);
}

int run_cond_broadcast(const struct invocation *invocation)
{
	return wake(invocation, BATON_COND_BROADCAST);
}
