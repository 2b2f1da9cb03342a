/* SPDX-License-Identifier: MIT
 *
 * simple.h - commands that are one call, its answer on standard output, and nothing else.
 */
#ifndef BATON_CLI_SIMPLE_H
#define BATON_CLI_SIMPLE_H

#include "base/name.h"
#include "cli/connection.h"
#include "cli/options.h"
#include "cli/output.h"

/* Where the next page of a long answer begins. */
struct page {
	char kind[32];
	char name[NAME_MAX_BYTES + 1];
};

struct simple {
	struct session_wish wish;
	struct baton_call call;
	/* Composes the answer. NULL: there is none. */
	void (*print)(const struct baton_result *result, struct output *output);
	/* Makes *CALL, which was answered by RESULT, ask for what comes next, with its texts in PAGE. False: that was
	 * all. NULL: it always is. */
	bool (*next)(const struct baton_result *result, struct baton_call *call, struct page *page);
	bool absent_is_no; /* exit 1, not 3, where there is no such object */
};

/* Connects, calls, prints. Returns the exit status. */
int simple_run(const struct invocation *invocation, const struct simple *simple);

/* The format that -o asks for. */
enum output_format simple_format(const struct invocation *invocation);

/* Writes what is composed, blocking as ever that takes; signals do what they do by default. Returns STATUS, or
 * STATUS_FAILED where standard output cannot be written: said. */
int simple_flush(const struct invocation *invocation, struct output *output, int status);

#endif
