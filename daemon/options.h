/* SPDX-License-Identifier: MIT
 *
 * options.h - what batond is started with. Options, help text and man page rows are one table in options.c.
 */
#ifndef BATON_DAEMON_OPTIONS_H
#define BATON_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "daemon/log.h"
#include "runtime/co.h"

#define OPTIONS_LISTEN_MAX 16

struct options {
	struct address listen[OPTIONS_LISTEN_MAX];
	size_t listen_count;
	const char *state; /* the folder of the state file; NULL: nothing is kept */
	enum log_level log_level;
	int64_t stop_timeout_ns; /* how long a stop may take */
	unsigned procs;          /* how many threads run coroutines */
	enum co_guard guard;     /* how stacks are guarded */
	bool insecure;           /* TCP beyond the loopback, without authentication */
	bool help;
	bool version;
};

/* Reads the arguments into *RET, which points into ARGUMENTS. False after a line on standard error that names the
 * argument and the rule. */
bool options_parse(int count, char **arguments, struct options *ret);

/* Prints the help on standard output. */
void options_print_help(void);

#endif
