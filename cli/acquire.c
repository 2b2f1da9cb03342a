/* SPDX-License-Identifier: MIT
 *
 * acquire.c - getting a lock and giving it back.
 */
#include "cli/acquire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "cli/status.h"

#define RELEASE_NS INT64_C(10000000000) /* what an answer to a release may take */

struct acquisition {
	struct connection *connection;
	const struct lockable *lockable;
	struct subject subject;
	int64_t wait_until_ns; /* -w; LOOP_NEVER */
	bool is_try;           /* -n, -w 0 */
	uint64_t id;
	bool is_done;
	bool is_inspecting;
	int status;
	bool is_granted;
	struct grant grant;
};

/* ---- -v ---------------------------------------------------------------------------------------------------------- */

static void say_holder(const struct acquisition *acquisition, const struct baton_party_info *holder)
{
	char since[DURATION_TEXT_BYTES];

	say_about(acquisition->connection->invocation, acquisition->subject,
		"waits for %s%spid %" PRIu32 " (%s), session %" PRIu64 ", which has it since %s", holder->host,
		*holder->host == '\0' ? "" : " ", holder->pid, holder->label, holder->session,
		duration_format(holder->since_ns / 1000000 * 1000000, since, sizeof(since)));
}

static bool is_holder(const char *role)
{
	return strcmp(role, "holder") == 0 || strcmp(role, "writer") == 0 || strcmp(role, "reader") == 0;
}

static void on_inspected(const struct baton_result *result, void *arg)
{
	struct acquisition *acquisition = arg;

	acquisition->is_inspecting = false;
	if (acquisition->is_done || result->error != 0)
		return;
	for (size_t i = 0; i < result->party_count; i++)
		if (is_holder(result->parties[i].role))
			say_holder(acquisition, &result->parties[i]);
}

/* Asked behind the lock call, so that its answer comes while that one waits. */
static void inspect(struct acquisition *acquisition)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_INSPECT,
		.kind = acquisition->lockable->kind,
		.name = acquisition->lockable->name,
	};

	acquisition->is_inspecting =
		connection_start(acquisition->connection, &call, LOOP_NEVER, on_inspected, acquisition, NULL) == 0;
}

static void say_granted(const struct acquisition *acquisition)
{
	char taken[DURATION_TEXT_BYTES];
	const int64_t taken_ns = loop_now() - acquisition->connection->started_ns;

	say_about(acquisition->connection->invocation, acquisition->subject, "%s after %s, token %" PRIu64 "%s",
		acquisition->lockable->granted, duration_format(taken_ns / 1000 * 1000, taken, sizeof(taken)),
		acquisition->grant.token, acquisition->grant.abandoned ? ", abandoned by its last holder" : "");
}

/* ---- acquiring --------------------------------------------------------------------------------------------------- */

/* The lock was not to be had in the time of -n or -w. */
static int refuse(const struct acquisition *acquisition)
{
	const struct invocation *invocation = acquisition->connection->invocation;

	if (acquisition->is_try)
		say_about(invocation, acquisition->subject, "would block");
	else
		say_about(invocation, acquisition->subject, "not granted within %s",
			invocation_text(invocation, OPTION_WAIT));
	return (int)invocation_number(invocation, OPTION_CODE, STATUS_NO);
}

static int judge(const struct acquisition *acquisition, const struct baton_result *result)
{
	const struct connection *connection = acquisition->connection;
	const bool waited = result->error == BATON_EDEADLINE && acquisition->wait_until_ns < connection->deadline_ns;
	const bool tried = result->error == BATON_EWOULDBLOCK && acquisition->is_try;

	if (connection->fatal_signal == 0 && (waited || tried))
		return refuse(acquisition);
	return connection_fail(acquisition->connection, acquisition->subject, result->error, result->text);
}

static void on_locked(const struct baton_result *result, void *arg)
{
	struct acquisition *acquisition = arg;
	const struct lockable *lockable = acquisition->lockable;

	acquisition->is_done = true;
	if (result->error != 0) {
		acquisition->status = judge(acquisition, result);
		return;
	}
	acquisition->is_granted = true;
	acquisition->grant = (struct grant){.token = result->token, .abandoned = result->abandoned};
	if (lockable->take != NULL)
		acquisition->grant.is_nothing = !lockable->take(result, lockable->arg, &acquisition->grant.status);
}

static void stop_waiting(void *arg)
{
	struct acquisition *acquisition = arg;

	baton_stop(acquisition->connection->loop.client, acquisition->id);
}

static void wait_for_lock(struct acquisition *acquisition)
{
	struct connection *connection = acquisition->connection;
	struct baton_call call = acquisition->lockable->acquire;
	int error;

	call.size = sizeof(call);
	call.no_wait = acquisition->is_try || connection->may_not_wait;
	error = connection_start(
		connection, &call, acquisition->wait_until_ns, on_locked, acquisition, &acquisition->id);
	if (error != 0) {
		acquisition->status = connection_fail(connection, acquisition->subject, error, baton_last_error());
		return;
	}
	if (invocation_has(connection->invocation, OPTION_VERBOSE))
		inspect(acquisition);
	connection->on_interrupt = stop_waiting;
	connection->interrupt_arg = acquisition;
	if (connection->fatal_signal != 0)
		stop_waiting(acquisition);
	while ((!acquisition->is_done || acquisition->is_inspecting) &&
		connection_step(connection, NULL, 0, LOOP_NEVER))
		;
	connection->on_interrupt = NULL;
	if (!acquisition->is_done)
		acquisition->status = connection_fail(
			connection, acquisition->subject, connection->loop.client_error, baton_last_error());
}

int acquire(struct connection *connection, const struct lockable *lockable, struct grant *ret)
{
	const int64_t wait_ns = invocation_number(connection->invocation, OPTION_WAIT, LOOP_NEVER);
	struct acquisition acquisition = {
		.connection = connection,
		.lockable = lockable,
		.subject = {lockable->kind, lockable->name},
		.wait_until_ns = LOOP_NEVER,
		.is_try = invocation_has(connection->invocation, OPTION_TRY) || wait_ns == 0,
	};

	if (wait_ns > 0 && wait_ns < LOOP_NEVER - connection->started_ns)
		acquisition.wait_until_ns = connection->started_ns + wait_ns;
	if (lockable->make != NULL)
		acquisition.status = connection_call(connection, lockable->make, NULL, NULL);
	if (acquisition.status == 0)
		wait_for_lock(&acquisition);
	if (!acquisition.is_granted)
		return acquisition.status;
	if (connection->fatal_signal != 0 && !acquisition.grant.is_nothing) {
		release(connection, lockable, acquisition.grant.token);
		return STATUS_SIGNAL + connection->fatal_signal;
	}
	if (invocation_has(connection->invocation, OPTION_VERBOSE) && !acquisition.grant.is_nothing)
		say_granted(&acquisition);
	*ret = acquisition.grant;
	return 0;
}

/* ---- releasing --------------------------------------------------------------------------------------------------- */

void release_begin(struct connection *connection)
{
	connection->deadline_ns = loop_now() + RELEASE_NS;
}

int release(struct connection *connection, const struct lockable *lockable, uint64_t token)
{
	struct baton_call call = lockable->release;

	call.size = sizeof(call);
	call.token = token;
	release_begin(connection);
	return connection_call(connection, &call, NULL, NULL) == 0 ? 0 : STATUS_LOST;
}
