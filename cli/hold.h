/* SPDX-License-Identifier: MIT
 *
 * hold.h - running CMD in a session of its own, and, for most, under a lock.
 *
 * No two CMDs run under one lock: CMD and all below it are gone before the lock is released; where baton is killed, CMD
 * dies with it and the connection's descriptor, which CMD inherits, keeps the lock until the last process below is
 * gone; where the lock is lost, CMD is ended.
 */
#ifndef BATON_CLI_HOLD_H
#define BATON_CLI_HOLD_H

#include "cli/acquire.h"
#include "cli/options.h"

/* Whether the invocation has something to run: CMD or -c. */
bool hold_has_program(const struct invocation *invocation);

/* Something else than a lock to begin with. */
struct hold_source {
	/* Gets what CMD is to run under. 0, or the exit status: said. *RET_HELD: what is to be given back by
	 * RET_GRANT's token, valid as long as ARG; NULL: nothing. *RET_INPUT: a descriptor that becomes CMD's standard
	 * input, and is closed then; -1: baton's own. */
	int (*get)(struct connection *connection, void *arg, const struct lockable **ret_held, struct grant *ret_grant,
		int *ret_input);
	/* CMD has ended, to the exit status STATUS. Returns STATUS, or another that is said. */
	int (*settle)(struct connection *connection, void *arg, int status);
	void *arg;
};

/* For a source: ends CMD, which runs or is about to, with a TERM and after --kill-after a KILL, and says why. STATUS is
 * the exit status then. CONNECTION is the one that GET was given. Nothing if CMD is being ended already. */
void hold_end(struct connection *connection, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As hold_run(), for what SOURCE gets. */
int hold_run_from(const struct invocation *invocation, const struct hold_source *source);

/* Gets LOCKABLE (NULL: nothing but the session), runs the invocation's CMD, gives it back. Returns the exit status. */
int hold_run(const struct invocation *invocation, const struct lockable *lockable);

/* Puts what CMD finds of its session and of LOCKABLE (NULL: nothing) into the environment. False: no memory. */
bool hold_set_environment(
	const struct connection *connection, const struct lockable *lockable, const struct grant *grant);

#endif
