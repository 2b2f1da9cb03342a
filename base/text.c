/* SPDX-License-Identifier: MIT
 *
 * text.c - escapes, JSON strings, base64, distances between words.
 */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

static const char hex[] = "0123456789abcdef";

static size_t put(char *to, const char *text)
{
	const size_t length = strlen(text);

	memcpy(to, text, length);
	return length;
}

static size_t put_hex(char *to, unsigned char byte)
{
	to[0] = '\\';
	to[1] = 'x';
	to[2] = hex[byte >> 4];
	to[3] = hex[byte & 15];
	return 4;
}

static size_t escape_control(unsigned char byte, char *to)
{
	switch (byte) {
	case '\t':
		return put(to, "\\t");
	case '\n':
		return put(to, "\\n");
	default:
		return put_hex(to, byte);
	}
}

size_t text_escape(const void *from, size_t length, char *to)
{
	const unsigned char *bytes = from;
	char *const start = to;

	for (size_t at = 0; at < length;) {
		uint32_t point;
		const size_t taken = utf8_decode(bytes + at, length - at, &point);

		if (taken == 0) {
			to += put_hex(to, bytes[at++]);
			continue;
		}
		if (point == '\\')
			to += put(to, "\\\\");
		else if (point < 0x20 || point == 0x7F)
			to += escape_control(bytes[at], to);
		else
			to = (char *)memcpy(to, bytes + at, taken) + taken;
		at += taken;
	}
	return (size_t)(to - start);
}

static size_t json_control(unsigned char byte, char *to)
{
	static const char *const names[] = {
		['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};

	if (byte < sizeof(names) / sizeof(names[0]) && names[byte] != NULL)
		return put(to, names[byte]);
	to += put(to, "\\u00");
	to[0] = hex[byte >> 4];
	to[1] = hex[byte & 15];
	return 6;
}

size_t text_json(const void *from, size_t length, char *to)
{
	const unsigned char *bytes = from;
	char *const start = to;

	*to++ = '"';
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '"' || bytes[i] == '\\') {
			*to++ = '\\';
			*to++ = (char)bytes[i];
		} else if (bytes[i] < 0x20 || bytes[i] == 0x7F) {
			to += json_control(bytes[i], to);
		} else {
			*to++ = (char)bytes[i];
		}
	}
	*to++ = '"';
	return (size_t)(to - start);
}

size_t text_base64(const void *from, size_t length, char *to)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *bytes = from;
	char *const start = to;

	for (size_t at = 0; at < length; at += 3) {
		const size_t left = length - at;
		const uint32_t group = (uint32_t)bytes[at] << 16 | (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) |
				       (left > 2 ? bytes[at + 2] : 0);

		*to++ = digits[group >> 18];
		*to++ = digits[group >> 12 & 63];
		*to++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[group & 63] : '=';
	}
	return (size_t)(to - start);
}

static size_t min3(size_t a, size_t b, size_t c)
{
	const size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

size_t text_distance(const char *a, const char *b)
{
	size_t table[TEXT_WORD_BYTES + 1][TEXT_WORD_BYTES + 1]; /* [i][j]: between the first i of A and j of B */
	const size_t a_length = strlen(a);
	const size_t b_length = strlen(b);

	if (a_length > TEXT_WORD_BYTES || b_length > TEXT_WORD_BYTES)
		return (size_t)-1;
	for (size_t i = 0; i <= a_length; i++)
		table[i][0] = i;
	for (size_t j = 0; j <= b_length; j++)
		table[0][j] = j;
	for (size_t i = 1; i <= a_length; i++)
		for (size_t j = 1; j <= b_length; j++) {
			const size_t replaced = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			table[i][j] = min3(table[i - 1][j] + 1, table[i][j - 1] + 1, replaced);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				table[i][j] = min3(table[i][j], table[i - 2][j - 2] + 1, table[i][j]);
		}
	return table[a_length][b_length];
}
