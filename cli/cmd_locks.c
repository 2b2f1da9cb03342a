/* SPDX-License-Identifier: MIT
 *
 * cmd_locks.c - baton mutex, rwmutex and sem, and the short forms lock, rlock, wlock: holding while CMD runs, or in the
 * session BATON_SESSION by tokens.
 */
#include <stdio.h>
#include <string.h>

#include "cli/acquire.h"
#include "cli/hold.h"
#include "cli/simple.h"
#include "cli/status.h"

/* ---- in the session BATON_SESSION -------------------------------------------------------------------------------- */

/* Connects to the session that BATON_SESSION names. WHAT would go wrong without one. */
static int join(struct connection *connection, const char *what)
{
	const struct session_wish wish = {.kind = BATON_SESSION_ATTACH};

	if (connection_outer_session(connection) == NULL)
		return say_usage(
			connection->invocation, "%s only works inside BATON_SESSION (baton session open, run)", what);
	return connection_open(connection, &wish);
}

/* Without CMD: the token is printed, the session keeps the lock. A token that cannot be printed leaves no lock. */
static int lock_in_session(struct connection *connection, const struct lockable *lockable)
{
	struct output output;
	struct grant grant;
	int status = join(connection, "without CMD it");

	if (status == 0)
		status = acquire(connection, lockable, &grant);
	if (status != 0)
		return status;
	output_init(&output, simple_format(connection->invocation));
	output_row_begin(&output);
	output_number(&output, "token", grant.token);
	if (output.format == OUTPUT_JSON)
		output_bool(&output, "abandoned", grant.abandoned);
	output_row_end(&output);
	status = simple_flush(connection->invocation, &output, STATUS_DONE);
	if (status != STATUS_DONE)
		release(connection, lockable, grant.token);
	return status;
}

/* Options that only mean something where CMD is run. */
static int refuse_options(const struct invocation *invocation)
{
	static const enum option_id refused[] = {OPTION_TTL, OPTION_KILL_AFTER, OPTION_LABEL, OPTION_ALONE};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct option *option = &options[refused[i]];

		if (!invocation_has(invocation, refused[i]))
			continue;
		if (option->word != NULL)
			return say_usage(invocation, "--%s goes with CMD, which is missing", option->word);
		return say_usage(invocation, "-%c goes with CMD, which is missing", option->letter);
	}
	return STATUS_DONE;
}

static int run_lockable(const struct invocation *invocation, const struct lockable *lockable)
{
	struct connection connection;
	int status;

	if (hold_has_program(invocation))
		return hold_run(invocation, lockable);
	status = refuse_options(invocation);
	if (status == STATUS_DONE)
		status = connection_init(&connection, invocation);
	if (status != STATUS_DONE)
		return status;
	return connection_close(&connection, lock_in_session(&connection, lockable));
}

/* What OPERATION does with the hold of a token, in the session. */
static int run_by_token(const struct invocation *invocation, enum baton_operation operation)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = operation,
		.name = invocation_word(invocation, 0),
		.token = invocation_word_number(invocation, 1),
	};
	struct connection connection;
	int status = connection_init(&connection, invocation);

	if (status != 0)
		return status;
	status = join(&connection, "it");
	if (status == 0)
		status = connection_call(&connection, &call, NULL, NULL);
	return connection_close(&connection, status);
}

/* ---- check ------------------------------------------------------------------------------------------------------- */

static void take_check(const struct baton_result *result, void *arg)
{
	*(bool *)arg = result->holds;
}

static int run_check(const struct invocation *invocation, enum baton_operation operation)
{
	const struct session_wish wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = operation,
		.name = invocation_word(invocation, 0),
		.token = invocation_word_number(invocation, 1),
	};
	struct connection connection;
	bool holds = false;
	int status = connection_init(&connection, invocation);

	if (status != 0)
		return status;
	status = connection_open(&connection, &wish);
	if (status == 0)
		status = connection_call(&connection, &call, take_check, &holds);
	if (status == 0 && !holds) {
		say_about(invocation, connection_subject(&call), "token %s does not hold it",
			invocation_word(invocation, 1));
		status = STATUS_NO;
	}
	return connection_close(&connection, status);
}

/* ---- the commands ------------------------------------------------------------------------------------------------ */

static struct lockable lockable_of(
	const struct invocation *invocation, const char *kind, enum baton_operation get, enum baton_operation give_back)
{
	const char *name = invocation_word(invocation, 0);

	return (struct lockable){
		.kind = kind,
		.granted = "locked",
		.name = name,
		.acquire = {.operation = get,
			.name = name,
			.fifo = invocation_has(invocation, OPTION_FIFO),
			.lock_delay_ns = invocation_number(invocation, OPTION_LOCK_DELAY, 0)},
		.release = {.operation = give_back, .name = name},
	};
}

#define MANY_NAMES_BYTES 8192

/* The names with spaces between them. False: there are far too many. */
static bool join_names(const struct invocation *invocation, char names[MANY_NAMES_BYTES])
{
	size_t length = 0;

	for (size_t i = 0; i < invocation->word_count && length < MANY_NAMES_BYTES; i++)
		length += (size_t)snprintf(
			names + length, MANY_NAMES_BYTES - length, "%s%s", i == 0 ? "" : " ", invocation->words[i]);
	return length < MANY_NAMES_BYTES;
}

int run_mutex_lock(const struct invocation *invocation)
{
	struct lockable mutex = lockable_of(invocation, "mutex", BATON_MUTEX_LOCK, BATON_MUTEX_UNLOCK);
	char names[MANY_NAMES_BYTES];

	if (invocation->word_count > 1) {
		if (!join_names(invocation, names))
			return say_usage(invocation, "these are too many names");
		mutex.name = mutex.acquire.name = mutex.release.name = names;
		mutex.acquire.operation = BATON_MUTEX_LOCK_ALL;
		mutex.release.operation = BATON_MUTEX_UNLOCK_ALL;
	}
	return run_lockable(invocation, &mutex);
}

int run_mutex_unlock(const struct invocation *invocation)
{
	return run_by_token(invocation, BATON_MUTEX_UNLOCK);
}

int run_mutex_check(const struct invocation *invocation)
{
	return run_check(invocation, BATON_MUTEX_CHECK);
}

int run_rwmutex_lock(const struct invocation *invocation)
{
	const struct lockable rwmutex = lockable_of(invocation, "rwmutex", BATON_RWMUTEX_LOCK, BATON_RWMUTEX_UNLOCK);

	return run_lockable(invocation, &rwmutex);
}

int run_rwmutex_rlock(const struct invocation *invocation)
{
	const struct lockable rwmutex = lockable_of(invocation, "rwmutex", BATON_RWMUTEX_RLOCK, BATON_RWMUTEX_UNLOCK);

	return run_lockable(invocation, &rwmutex);
}

int run_rwmutex_unlock(const struct invocation *invocation)
{
	return run_by_token(invocation, BATON_RWMUTEX_UNLOCK);
}

int run_rwmutex_downgrade(const struct invocation *invocation)
{
	return run_by_token(invocation, BATON_RWMUTEX_DOWNGRADE);
}

int run_rwmutex_check(const struct invocation *invocation)
{
	return run_check(invocation, BATON_RWMUTEX_CHECK);
}

/* ---- semaphores -------------------------------------------------------------------------------------------------- */

int run_sem_make(const struct invocation *invocation)
{
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT},
		.call = {.operation = BATON_SEM_MAKE,
			.name = invocation_word(invocation, 0),
			.number = invocation_word_number(invocation, 1)},
	};

	return simple_run(invocation, &simple);
}

int run_sem_acquire(const struct invocation *invocation)
{
	const char *name = invocation_word(invocation, 0);
	const struct baton_call make = {
		.size = sizeof(make),
		.operation = BATON_SEM_MAKE,
		.name = name,
		.number = (uint64_t)invocation_number(invocation, OPTION_OF, 0),
	};
	const struct lockable permits = {
		.kind = "sem",
		.name = name,
		.granted = "acquired",
		.make = invocation_has(invocation, OPTION_OF) ? &make : NULL,
		.acquire = {.operation = BATON_SEM_ACQUIRE,
			.name = name,
			.number = (uint64_t)invocation_number(invocation, OPTION_PERMITS, 1)},
		.release = {.operation = BATON_SEM_RELEASE, .name = name},
	};

	return run_lockable(invocation, &permits);
}

int run_sem_release(const struct invocation *invocation)
{
	return run_by_token(invocation, BATON_SEM_RELEASE);
}

int run_sem_check(const struct invocation *invocation)
{
	return run_check(invocation, BATON_SEM_CHECK);
}

int run_sem_rm(const struct invocation *invocation)
{
	const struct simple simple = {
		.wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT},
		.call = {.operation = BATON_SEM_DELETE, .name = invocation_word(invocation, 0)},
	};

	return simple_run(invocation, &simple);
}
