/* SPDX-License-Identifier: MIT
 *
 * utf8.c - decoding of UTF-8.
 */
#include "base/utf8.h"

/* What a first byte says: how many bytes follow, its own payload bits, and the range of the second byte, which alone
 * keeps out overlong forms, surrogates and what is too large. */
struct lead {
	uint8_t first;
	uint8_t last;
	uint8_t following;
	uint8_t payload;
	uint8_t second_first;
	uint8_t second_last;
};

static const struct lead leads[] = {
	{0x00, 0x7F, 0, 0x7F, 0x00, 0x00},
	{0xC2, 0xDF, 1, 0x1F, 0x80, 0xBF},
	{0xE0, 0xE0, 2, 0x0F, 0xA0, 0xBF},
	{0xE1, 0xEC, 2, 0x0F, 0x80, 0xBF},
	{0xED, 0xED, 2, 0x0F, 0x80, 0x9F},
	{0xEE, 0xEF, 2, 0x0F, 0x80, 0xBF},
	{0xF0, 0xF0, 3, 0x07, 0x90, 0xBF},
	{0xF1, 0xF3, 3, 0x07, 0x80, 0xBF},
	{0xF4, 0xF4, 3, 0x07, 0x80, 0x8F},
};

static const struct lead *find_lead(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	return NULL;
}

size_t utf8_decode(const void *from, size_t length, uint32_t *ret)
{
	const uint8_t *bytes = from;
	const struct lead *lead = length > 0 ? find_lead(bytes[0]) : NULL;
	uint32_t point;

	if (lead == NULL || length <= lead->following)
		return 0;
	if (lead->following > 0 && (bytes[1] < lead->second_first || bytes[1] > lead->second_last))
		return 0;
	point = bytes[0] & lead->payload;
	for (size_t i = 1; i <= lead->following; i++) {
		if ((bytes[i] & 0xC0) != 0x80)
			return 0;
		point = point << 6 | (bytes[i] & 0x3F);
	}
	*ret = point;
	return 1 + (size_t)lead->following;
}

bool utf8_is_valid(const void *from, size_t length)
{
	const uint8_t *bytes = from;
	uint32_t point;

	for (size_t at = 0; at < length;) {
		const size_t taken = utf8_decode(bytes + at, length - at, &point);

		if (taken == 0)
			return false;
		at += taken;
	}
	return true;
}
