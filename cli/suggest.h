/* SPDX-License-Identifier: MIT
 *
 * suggest.h - the word that was probably meant.
 */
#ifndef BATON_CLI_SUGGEST_H
#define BATON_CLI_SUGGEST_H

#include <stddef.h>

/* Collects the candidate nearest to a word: begin, offer every candidate, read `best`. */
struct suggestion {
	const char *word;
	const char *best; /* NULL: none is near */
	size_t distance;
};

void suggestion_begin(struct suggestion *suggestion, const char *word);

/* Offers CANDIDATE, which must stay. The first of equally near ones wins. */
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

#endif
