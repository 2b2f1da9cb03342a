/* SPDX-License-Identifier: MIT
 *
 * example.h - how an example starts: on as many Ps as the environment's EXAMPLE_PROCS says, else as many as there are
 * processors.
 */
#ifndef BATON_TESTS_EXAMPLES_EXAMPLE_H
#define BATON_TESTS_EXAMPLES_EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>

#include "runtime/co.h"

/* Runs MAIN(NULL) as the main coroutine. What it returned; 1 where it could not start. */
static inline int run_example(int (*main)(void *unused))
{
	const char *procs = getenv("EXAMPLE_PROCS");
	const struct co_options options = {.procs = procs != NULL ? (unsigned)atoi(procs) : 0};
	int status = 1;

	return co_run(&options, main, NULL, &status) == 0 ? status : 1;
}

#endif
