/* SPDX-License-Identifier: MIT
 *
 * acquire.h - getting a lock under the options -n, -w, -E, -v and -t, and giving it back.
 */
#ifndef BATON_CLI_ACQUIRE_H
#define BATON_CLI_ACQUIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/connection.h"

/* What can be held: which calls get it and give it back. */
struct lockable {
	const char *kind; /* "mutex" */
	const char *name;
	enum baton_operation acquire;
	enum baton_operation release;
	uint64_t number; /* of both calls, with `bound` */
	bool bound;
};

struct grant {
	uint64_t token;
	bool abandoned; /* the last holder died */
};

/* Waits for LOCKABLE as the options say. 0 with *RET, or the exit status: said. Interrupted by a deadly signal it has
 * given back what was granted meanwhile. */
int acquire(struct connection *connection, const struct lockable *lockable, struct grant *ret);

/* Gives it back, whatever the command's deadline. 0, or the exit status: said; STATUS_LOST where the token no longer
 * held it, or nobody knows. */
int release(struct connection *connection, const struct lockable *lockable, uint64_t token);

#endif
