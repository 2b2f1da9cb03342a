/* SPDX-License-Identifier: MIT
 *
 * kinds.c - the table of kinds.
 */
#include "cli/kinds.h"

#include <stdio.h>
#include <string.h>

const struct kind kinds[] = {
	{"chan", {"chan"}},
	{"mutex", {"mutex", "lock"}},
	{"rwmutex", {"rwmutex", "rlock", "wlock"}},
	{"sem", {"sem"}},
	{"wg", {"wg"}},
	{"once", {"once"}},
	{"cond", {"cond"}},
	{"ctx", {"ctx"}},
	{"map", {"map"}},
	{"atomic", {"atomic"}},
};

const size_t kind_count = sizeof(kinds) / sizeof(kinds[0]);

#define MAX_NOUNS (sizeof(kinds[0].nouns) / sizeof(kinds[0].nouns[0]))

bool kind_exists(const char *word)
{
	for (size_t i = 0; i < kind_count; i++)
		if (strcmp(word, kinds[i].name) == 0)
			return true;
	return false;
}

const char *kind_of_noun(const char *noun)
{
	for (size_t i = 0; i < kind_count; i++)
		for (size_t j = 0; j < MAX_NOUNS && kinds[i].nouns[j] != NULL; j++)
			if (strcmp(noun, kinds[i].nouns[j]) == 0)
				return kinds[i].name;
	return NULL;
}

char *kinds_listed(char *to, size_t size)
{
	size_t length = 0;

	to[0] = '\0';
	for (size_t i = 0; i < kind_count && length < size; i++) {
		const char *between = i == 0 ? "" : i + 1 < kind_count ? ", " : " and ";

		length += (size_t)snprintf(to + length, size - length, "%s%s", between, kinds[i].name);
	}
	return to;
}
