/* SPDX-License-Identifier: MIT
 *
 * text.h - bytes as text for people and programs: escapes, JSON strings, base64, and how far two words are apart.
 *
 * Pure functions: nothing is allocated, nothing blocks. Those that write return how many bytes they wrote, without a
 * final NUL, and never more than their ..._ROOM for so many bytes of input; FROM and TO must not overlap.
 */
#ifndef BATON_BASE_TEXT_H
#define BATON_BASE_TEXT_H

#include <stddef.h>

#define TEXT_ESCAPE_ROOM(length) (4 * (length))
#define TEXT_JSON_ROOM(length) (6 * (length) + 2)
#define TEXT_BASE64_ROOM(length) (((length) + 2) / 3 * 4)

#define TEXT_WORD_BYTES 40 /* the longest word text_distance() compares */

/* Writes the LENGTH bytes at FROM as one line without tabs: tab as \t, newline as \n, a backslash as \\; other control
 * characters and bytes that are not UTF-8 as \xHH. */
size_t text_escape(const void *from, size_t length, char *to);

/* Writes the LENGTH bytes at FROM, which must be UTF-8 (utf8_is_valid()), as a JSON string with its quotes. */
size_t text_json(const void *from, size_t length, char *to);

/* Writes base64 (RFC 4648, section 4, padded). */
size_t text_base64(const void *from, size_t length, char *to);

/* How many insertions, deletions, replacements and swaps of neighbours make A into B: the optimal string alignment
 * distance (Damerau 1964, in the restricted form). Words longer than TEXT_WORD_BYTES are (size_t)-1 apart. */
size_t text_distance(const char *a, const char *b);

#endif
