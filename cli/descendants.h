/* SPDX-License-Identifier: MIT
 *
 * descendants.h - every process below this one, whatever group or session it is in, as /proc shows them.
 *
 * A program that a script becomes by exec has the script's background jobs for children; they are strangers, and are
 * neither signalled nor waited for.
 */
#ifndef BATON_CLI_DESCENDANTS_H
#define BATON_CLI_DESCENDANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct descendants {
	pid_t *strangers; /* the children that were there at the beginning */
	size_t stranger_count;
};

/* Notes the strangers, before the first child is started. 0, or a negative errno. descendants_done() gives back. */
int descendants_begin(struct descendants *descendants);
void descendants_done(struct descendants *descendants);

/* Whether all children but strangers have gone, once those that ended were waited for. HAS_CHILDREN: whether waitpid(2)
 * knows any at all. */
bool descendants_are_gone(const struct descendants *descendants, bool has_children);

/* Sends NUMBER to all processes below this one; one that is born meanwhile may escape, so a KILL is to be repeated
 * until none is left. Returns 0, or a negative errno where /proc cannot be read. */
int descendants_signal(const struct descendants *descendants, int number);

/* Whether the process is stopped, as ^Z does. True where /proc does not tell. */
bool process_is_stopped(pid_t pid);

#endif
