/* SPDX-License-Identifier: MIT
 *
 * acquire.h - getting a lock under the options -n, -w, -E, -v and -t, and giving it back.
 */
#ifndef BATON_CLI_ACQUIRE_H
#define BATON_CLI_ACQUIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/connection.h"

struct capture;

/* What can be held: which calls get it and give it back. */
struct lockable {
	const char *kind; /* "mutex" */
	const char *name;
	const char *granted;           /* what -v says of a grant: "locked" */
	const struct baton_call *make; /* what is called first, so that there is one; NULL: nothing */
	struct baton_call acquire;     /* `size` and `no_wait` are filled in */
	struct baton_call release;     /* `size` and `token` are filled in */

	/* The answer to `acquire`. False: there is nothing to hold, and no CMD to run; *RET_STATUS is the exit status.
	 * NULL: always true. */
	bool (*take)(const struct baton_result *result, void *arg, int *ret_status);

	/* CMD has ended with STATUS, and what it held is still held: gives it back. Returns the exit status: said.
	 * NULL: as release(), and CMD's own status. */
	int (*finish)(
		struct connection *connection, const struct lockable *lockable, uint64_t token, int status, void *arg);

	struct capture *capture; /* takes CMD's standard output; NULL: that is baton's */
	void *arg;
};

struct grant {
	uint64_t token;
	bool abandoned;  /* the last holder died */
	bool is_nothing; /* there is nothing to hold: the command is over */
	int status;      /* with this exit status */
};

/* Waits for LOCKABLE as the options say. 0 with *RET, or the exit status: said. Interrupted by a deadly signal it has
 * given back what was granted meanwhile. */
int acquire(struct connection *connection, const struct lockable *lockable, struct grant *ret);

/* Gives it back, whatever the command's deadline. 0, or the exit status: said; STATUS_LOST where the token no longer
 * held it, or nobody knows. */
int release(struct connection *connection, const struct lockable *lockable, uint64_t token);

/* Gives the calls to come, which give something back, time to be answered, whatever the command's deadline. */
void release_begin(struct connection *connection);

#endif
