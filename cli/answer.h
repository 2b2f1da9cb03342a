/* SPDX-License-Identifier: MIT
 *
 * answer.h - commands that are one call whose answer is values, or no: exit 1 then, with a word why.
 */
#ifndef BATON_CLI_ANSWER_H
#define BATON_CLI_ANSWER_H

#include "cli/simple.h"

struct answer {
	struct output output;
	bool is_no; /* set by TAKE: the answer is no */
	void *arg;
};

/* Makes CALL in a session of its own and lets TAKE compose the answer. --raw and -0 give values alone. NO is said where
 * the answer is no. Returns the exit status. */
int answer_run(const struct invocation *invocation, const struct baton_call *call,
	void (*take)(const struct baton_result *result, void *answer), const char *no);

#endif
