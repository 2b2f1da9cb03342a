/* SPDX-License-Identifier: MIT
 *
 * duration.h - spans of time as people write them, and back.
 *
 * The syntax is Go's (time.ParseDuration): decimal numbers, each with a unit, "300ms", "1.5h", "2h45m"; units are ns,
 * us (or µs), ms, s, m, h. Besides, a bare number is seconds ("2", "0.25"). No signs: there is no negative span here.
 */
#ifndef BATON_BASE_DURATION_H
#define BATON_BASE_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DURATION_TEXT_BYTES 32 /* room for every formatted duration and its NUL */

/* Parses all of TEXT into nanoseconds, 0 to INT64_MAX; what is below a nanosecond is cut off. False, with *RET_NS
 * untouched, when it is no duration; then *RET_WHY (may be NULL) says why, to stand behind the text in a message ("has
 * an unknown unit"); static. */
bool duration_parse(const char *text, int64_t *ret_ns, const char **ret_why);

/* Writes NS as Go prints it ("1h30m0s", "1.5s", "150ms", "0s"; negative ones with a '-') into the SIZE bytes at TO, cut
 * off where they do not suffice, and returns TO. */
char *duration_format(int64_t ns, char *to, size_t size);

#endif
