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

/* Gets LOCKABLE (NULL: nothing but the session), runs the invocation's CMD, gives it back. Returns the exit status. */
int hold_run(const struct invocation *invocation, const struct lockable *lockable);

#endif
