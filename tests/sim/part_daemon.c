/* SPDX-License-Identifier: MIT
 *
 * part_daemon.c - questions to the daemon itself, among all else; and what it must have forgotten at the end.
 */
#include "tests/sim/workload.h"

static void ask(struct worker *worker, enum baton_operation operation)
{
	struct baton_call call = {.operation = operation,
		.name = "",
		.kind = "",
		.after_kind = "",
		.after_name = "",
		.value = "x",
		.value_length = 1};

	(void)expect_outcome(worker, "question", make_plain_call(worker, &call), NULL, 0);
}

static void ping(struct worker *worker)
{
	ask(worker, BATON_PING);
}

static void status(struct worker *worker)
{
	ask(worker, BATON_STATUS);
}

static void list(struct worker *worker)
{
	ask(worker, BATON_LIST);
}

static void sessions(struct worker *worker)
{
	ask(worker, BATON_SESSION_LIST);
}

static void trace_objects(struct sim_client *client)
{
	struct baton_call call = {.size = sizeof call,
		.operation = BATON_LIST,
		.name = "",
		.kind = "",
		.after_kind = "",
		.after_name = ""};
	struct baton_result *result;

	if (sim_client_call(client, &call, -1, -1, &result) == BATON_OK)
		for (size_t i = 0; i < result->object_count; i++)
			sim_trace("left: %s %s, %s, %u waiters", result->objects[i].kind, result->objects[i].name,
				result->objects[i].state, result->objects[i].waiters);
	baton_result_free(result);
}

/* Nothing is held, nobody waits, nothing is kept but the session that asks. */
static void finish(struct sim_client *client)
{
	struct baton_call call = {.size = sizeof call, .operation = BATON_STATUS};
	struct baton_result *result;
	int r;

	trace_objects(client);
	r = sim_client_call(client, &call, -1, -1, &result);
	if (r != BATON_OK)
		sim_fail("status at the end: %d", r);
	else if (result->status->holds != 0 || result->status->blocked != 0 || result->status->deliveries != 0 ||
		 result->status->objects != 0 || result->status->sessions != 1)
		sim_fail("left at the end: %llu holds, %llu blocked, %llu deliveries, %llu objects, %llu sessions",
			(unsigned long long)result->status->holds, (unsigned long long)result->status->blocked,
			(unsigned long long)result->status->deliveries, (unsigned long long)result->status->objects,
			(unsigned long long)result->status->sessions);
	baton_result_free(result);
}

static const struct operation operations[] = {
	{"ping", 4, ping},
	{"status", 1, status},
	{"list", 1, list},
	{"sessions", 1, sessions},
	{NULL, 0, NULL},
};

const struct part part_daemon = {.name = "daemon", .operations = operations, .finish = finish};
