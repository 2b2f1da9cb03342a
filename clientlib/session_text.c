/* SPDX-License-Identifier: MIT
 *
 * session_text.c - a session's identity from text and to text.
 */
#include "clientlib/session_text.h"

#include <inttypes.h>
#include <stdio.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool session_text_parse(const char *text, struct session_identity *ret)
{
	struct session_identity identity = {0};

	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(identity.id, UINT64_C(10), &identity.id) ||
			__builtin_add_overflow(identity.id, (uint64_t)(*text - '0'), &identity.id))
			return false;
	if (identity.id == 0 || *text != '.')
		return false;
	text++;
	for (size_t i = 0; i < SESSION_SECRET_BYTES; i++, text += 2) {
		const int high = digit_value(text[0]);
		const int low = high >= 0 ? digit_value(text[1]) : -1;

		if (low < 0)
			return false;
		identity.secret[i] = (uint8_t)(high << 4 | low);
	}
	if (*text != '\0')
		return false;
	*ret = identity;
	return true;
}

void session_text_format(const struct session_identity *identity, char *to)
{
	int at = snprintf(to, SESSION_TEXT_BYTES, "%" PRIu64 ".", identity->id);

	for (size_t i = 0; i < SESSION_SECRET_BYTES; i++)
		at += snprintf(to + at, SESSION_TEXT_BYTES - (size_t)at, "%02x", identity->secret[i]);
}
