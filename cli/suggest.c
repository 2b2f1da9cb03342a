/* SPDX-License-Identifier: MIT
 *
 * suggest.c - the nearest of some words, where one is near enough to have been meant.
 */
#include "cli/suggest.h"

#include <string.h>

#include "base/text.h"

void suggestion_begin(struct suggestion *suggestion, const char *word)
{
	/* One slip in a short word, up to three in a long one; never all of it. */
	const size_t slips = 1 + strlen(word) / 4;

	*suggestion = (struct suggestion){.word = word, .distance = (slips > 3 ? 3 : slips) + 1};
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
	const size_t distance = text_distance(suggestion->word, candidate);

	if (distance >= suggestion->distance || distance >= strlen(candidate))
		return;
	suggestion->best = candidate;
	suggestion->distance = distance;
}
