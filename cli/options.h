/* SPDX-License-Identifier: MIT
 *
 * options.h - from the words of a command line to an invocation of a row of the command table.
 *
 * Options may stand anywhere before CMD or "--"; behind "--" everything is data. Where a command has an option with the
 * letter of a global one (-o), it is the command's behind the noun and the global one before it.
 */
#ifndef BATON_CLI_OPTIONS_H
#define BATON_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/command.h"

#define INVOCATION_ERROR_BYTES 512

struct setting {
	bool given;
	int64_t number; /* of a number; ns of a duration */
	const char *text;
};

enum invocation_kind {
	INVOCATION_RUN,
	INVOCATION_LIST, /* no command, or a noun without its verb: list what there is */
	INVOCATION_HELP,
	INVOCATION_VERSION,
	INVOCATION_MANUAL,
	INVOCATION_WRONG, /* `error` says why */
};

/* An option that may be given several times. */
struct occurrence {
	enum option_id id;
	int64_t number;
	const char *text;
};

/* A parsed command line. It points into argv, which must stay. */
struct invocation {
	enum invocation_kind kind;
	const char *noun;              /* NULL: none was given */
	const struct command *command; /* NULL: none was given */
	struct setting settings[OPTION_COUNT];
	struct occurrence *repeated; /* in order */
	size_t repeated_count;
	const char **words; /* the arguments without CMD, in order */
	size_t word_count;
	const struct option *incomplete; /* the last word is this one, and its operand is missing; NULL: it is not so */
	size_t data_from;                /* the index of the first word that stood behind "--" */
	char **program;                  /* CMD and its arguments, ended by NULL; NULL: none */
	char error[INVOCATION_ERROR_BYTES];
};

/* Parses ARGV (ARGC words, the first being the program's name) into *RET, which invocation_done() gives back whatever
 * the outcome. Reads no environment. */
void invocation_parse(int argc, char **argv, struct invocation *ret);

/* Fills the settings that were not given from BATON_SERVER and BATON_TIMEOUT. False: one of them is wrong, and kind and
 * error say so. */
bool invocation_add_environment(struct invocation *invocation);

void invocation_done(struct invocation *invocation);

/* The argument that the next word would be; NULL when there are enough. Once there is a command. */
const struct argument *invocation_next_argument(const struct invocation *invocation);

/* Whether the option was given (or came from the environment). */
bool invocation_has(const struct invocation *invocation, enum option_id id);

/* The option's number, or OTHERWISE where it was not given. */
int64_t invocation_number(const struct invocation *invocation, enum option_id id, int64_t otherwise);

/* The option's text, or NULL. */
const char *invocation_text(const struct invocation *invocation, enum option_id id);

/* The argument at INDEX, or NULL. */
const char *invocation_word(const struct invocation *invocation, size_t index);

/* The argument at INDEX, which the table says is a number and which was given: a signed one in two's complement. */
uint64_t invocation_word_number(const struct invocation *invocation, size_t index);

/* "chan send", "lock", "baton": what messages call it. */
char *invocation_title(const struct invocation *invocation, char *to, size_t size);

#endif
