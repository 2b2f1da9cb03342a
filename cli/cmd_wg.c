/* SPDX-License-Identifier: MIT
 *
 * cmd_wg.c - baton wg add, done, wait, run.
 */
#include <inttypes.h>

#include "cli/hold.h"
#include "cli/simple.h"
#include "cli/status.h"

static const struct session_wish own_session = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};

int run_wg_add(const struct invocation *invocation)
{
	const bool is_one = invocation_word(invocation, 1) == NULL;
	const struct simple simple = {
		.wish = own_session,
		.call = {.operation = BATON_WG_ADD,
			.name = invocation_word(invocation, 0),
			.number = is_one ? 1 : invocation_word_number(invocation, 1)},
	};

	return simple_run(invocation, &simple);
}

int run_wg_done(const struct invocation *invocation)
{
	const struct simple simple = {
		.wish = own_session,
		.call = {.operation = BATON_WG_DONE, .name = invocation_word(invocation, 0)},
	};

	return simple_run(invocation, &simple);
}

/* ---- wait -------------------------------------------------------------------------------------------------------- */

static void take_lost(const struct baton_result *result, void *arg)
{
	*(uint64_t *)arg = result->number;
}

int run_wg_wait(const struct invocation *invocation)
{
	struct connection connection;
	struct baton_call call = {
		.size = sizeof(call), .operation = BATON_WG_WAIT, .name = invocation_word(invocation, 0)};
	uint64_t lost = 0;
	int status = connection_init(&connection, invocation);

	if (status != 0)
		return status;
	call.no_wait = invocation_has(invocation, OPTION_TRY) || connection.may_not_wait;
	status = connection_open(&connection, &own_session);
	if (status == 0)
		status = connection_call(&connection, &call, take_lost, &lost);
	if (status == 0 && lost > 0 && !invocation_has(invocation, OPTION_IGNORE_LOST)) {
		say_about(invocation, connection_subject(&call), "%" PRIu64 " lost: done by the end of their sessions",
			lost);
		status = STATUS_NO;
	}
	return connection_close(&connection, status);
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

int run_wg_run(const struct invocation *invocation)
{
	const bool is_added = invocation_has(invocation, OPTION_ADDED);
	const struct lockable share = {
		.kind = "wg",
		.granted = "added",
		.name = invocation_word(invocation, 0),
		.acquire = {.operation = is_added ? BATON_WG_ADOPT : BATON_WG_ADD,
			.name = invocation_word(invocation, 0),
			.number = 1,
			.bound = true},
		.release = {.operation = BATON_WG_DONE, .name = invocation_word(invocation, 0)},
	};

	if (!hold_has_program(invocation))
		return say_usage(invocation, "CMD is missing");
	return hold_run(invocation, &share);
}
