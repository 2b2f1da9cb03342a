/* SPDX-License-Identifier: MIT
 *
 * child.h - a CMD that baton runs.
 *
 * With a controlling terminal CMD stays in baton's process group, so that pipelines, ^C, ^Z, fg and bg are the shell's;
 * without one it leads a group of its own. It dies with baton (PR_SET_PDEATHSIG), whatever kills that, and gets the
 * signals' mask and dispositions that baton was started with.
 */
#ifndef BATON_CLI_CHILD_H
#define BATON_CLI_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cli/loop.h"

struct child {
	pid_t pid;
	pid_t group;  /* which it leads; 0: it is in baton's */
	bool is_gone; /* and waited for */
	int status;   /* wait(2)'s, once it is gone */
};

struct child_plan {
	char *const *program;    /* found by PATH; ended by NULL */
	const struct loop *loop; /* whose signal mask is put back */
	bool leads_group;
	int kept_fd;   /* inherited under the number it has, though close-on-exec elsewhere; -1: none */
	int input_fd;  /* its standard input; -1: baton's */
	int output_fd; /* its standard output; -1: baton's */
};

/* Whether this process has a controlling terminal. */
bool child_has_terminal(void);

/* Starts it. 0, or a negative errno. A program that cannot be run says so and exits with 126 or 127. */
int child_start(struct child *child, const struct child_plan *plan);

/* Sends NUMBER to the group that it leads, or to it alone. Nothing where that is gone. */
void child_signal(const struct child *child, int number);

/* Its exit status as a shell has it: 128+n if signal n killed it. */
int child_exit_status(const struct child *child);

#endif
