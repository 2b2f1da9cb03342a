/* SPDX-License-Identifier: MIT
 *
 * descendants.h - every process below this one, whatever group or session it is in, as /proc shows them.
 */
#ifndef BATON_CLI_DESCENDANTS_H
#define BATON_CLI_DESCENDANTS_H

#include <stdbool.h>
#include <sys/types.h>

/* Sends NUMBER to all processes below this one that /proc shows; one that is born meanwhile may escape, so a KILL is to
 * be repeated until none is left. Returns 0, or a negative errno where /proc cannot be read. */
int descendants_signal(int number);

/* Whether the process is stopped, as ^Z does. True where /proc does not tell. */
bool process_is_stopped(pid_t pid);

#endif
