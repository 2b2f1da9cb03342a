/* SPDX-License-Identifier: MIT
 *
 * help.h - what baton says of itself, all of it made from the command table.
 */
#ifndef BATON_CLI_HELP_H
#define BATON_CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"
#include "cli/options.h"

/* Lists all commands; with a NOUN, its verbs. */
void help_list(FILE *to, const char *noun);

/* The help of what the invocation names: a command, a noun, baton. */
void help_print(FILE *to, const struct invocation *invocation);

/* Writes the command's line of use, "chan send N [VALUE...] [--make K]". */
void help_synopsis(FILE *to, const struct command *command);

/* Writes the option as it stands in a list: "-w D", "-n, --try". */
void help_option(FILE *to, const struct option *option);

/* The manual page baton(1), for man(1). */
void manual_print(FILE *to);

#endif
