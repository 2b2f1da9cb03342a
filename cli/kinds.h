/* SPDX-License-Identifier: MIT
 *
 * kinds.h - the kinds of objects, as ls and inspect name them, and the nouns whose arguments are names of them.
 */
#ifndef BATON_CLI_KINDS_H
#define BATON_CLI_KINDS_H

#include <stdbool.h>
#include <stddef.h>

struct kind {
	const char *name;
	const char *nouns[3]; /* ended by NULL, or all three */
};

extern const struct kind kinds[];
extern const size_t kind_count;

/* Whether WORD is the name of a kind. */
bool kind_exists(const char *word);

/* The kind whose names NOUN's arguments are; NULL: none. */
const char *kind_of_noun(const char *noun);

/* "chan, mutex and wg", into the SIZE bytes at TO; returns TO. */
char *kinds_listed(char *to, size_t size);

#endif
