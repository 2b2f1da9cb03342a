/* SPDX-License-Identifier: MIT
 *
 * context_plan.h - the context that `baton ctx new` and `baton ctx run` are asked to make.
 */
#ifndef BATON_CLI_CONTEXT_PLAN_H
#define BATON_CLI_CONTEXT_PLAN_H

#include "cli/connection.h"
#include "cli/options.h"

struct context_plan {
	struct baton_call call; /* BATON_CONTEXT_MAKE */
	struct baton_context_value *values;
	char *keys; /* copies */
};

/* Reads --parent (else --ctx), --timeout, --deadline and --value. 0, or the exit status: said. context_plan_done()
 * gives the memory back in any case. */
int context_plan_init(struct context_plan *plan, const struct connection *connection, const char *name);
void context_plan_done(struct context_plan *plan);

#endif
