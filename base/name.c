/* SPDX-License-Identifier: MIT
 *
 * name.c - the rule for the names of objects.
 */
#include "base/name.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

struct range {
	uint32_t first;
	uint32_t last;
};

/* Unicode's property White_Space. */
static const struct range white_space[] = {
	{0x09, 0x0D},
	{0x20, 0x20},
	{0x85, 0x85},
	{0xA0, 0xA0},
	{0x1680, 0x1680},
	{0x2000, 0x200A},
	{0x2028, 0x2029},
	{0x202F, 0x202F},
	{0x205F, 0x205F},
	{0x3000, 0x3000},
};

/* Controls, and what a reader cannot see or is led astray by: zero-width space, marks and overrides of direction, the
 * byte order mark. Joiners stay: some scripts need them. */
static const struct range unprintable[] = {
	{0x00, 0x1F},
	{0x7F, 0x9F},
	{0x200B, 0x200B},
	{0x200E, 0x200F},
	{0x202A, 0x202E},
	{0x2066, 0x2069},
	{0xFDD0, 0xFDEF},
	{0xFEFF, 0xFEFF},
	{0xFFF9, 0xFFFB},
};

static bool is_in(uint32_t point, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

#define IS_IN(point, ranges) is_in((point), (ranges), sizeof(ranges) / sizeof((ranges)[0]))

/* The rule that a code point breaks anywhere in a name; NULL: none. */
static const char *judge(uint32_t point)
{
	if (point == '=')
		return "has a '=' in it";
	if (IS_IN(point, white_space))
		return "has white space in it";
	if (IS_IN(point, unprintable) || (point & 0xFFFE) == 0xFFFE)
		return "has an unprintable character in it";
	return NULL;
}

/* The usual case, told without a search: visible ASCII. */
static bool is_plain(char byte)
{
	return byte > ' ' && byte < 0x7F && byte != '=';
}

#define ALL(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether eight bytes all are. A byte's top bit tells: after the addition that it was 0x7F, after a subtraction that it
 * was below what was subtracted; what a borrow then does to bytes above it does not matter any more. */
static bool are_plain(const char *bytes)
{
	uint64_t word;
	uint64_t equals;

	memcpy(&word, bytes, sizeof(word));
	equals = word ^ ALL('=');
	return ((word | (word + ALL(1)) | (word - ALL(' ' + 1)) | (equals - ALL(1))) & ALL(0x80)) == 0;
}

static const char *find_broken_rule(const char *name, size_t length)
{
	const char *why = NULL;

	if (length == 0)
		return "is empty";
	if (length > NAME_MAX_BYTES)
		return "is longer than 255 bytes";
	if (name[0] == '-')
		return "begins with '-'";
	for (size_t at = 0; at < length && why == NULL;) {
		uint32_t point;
		size_t taken = 1;

		if (length - at >= sizeof(uint64_t) && are_plain(name + at)) {
			at += sizeof(uint64_t);
			continue;
		}
		if (!is_plain(name[at])) {
			taken = utf8_decode(name + at, length - at, &point);
			why = taken > 0 ? judge(point) : "is not UTF-8";
		}
		at += taken;
	}
	return why;
}

bool name_is_valid(const char *name, size_t length, const char **ret_why)
{
	const char *why = find_broken_rule(name, length);

	if (why != NULL && ret_why != NULL)
		*ret_why = why;
	return why == NULL;
}
