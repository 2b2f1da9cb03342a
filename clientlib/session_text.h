/* SPDX-License-Identifier: MIT
 *
 * session_text.h - a session's identity as text, "ID.SECRET": a decimal number and 32 hexadecimal digits.
 */
#ifndef BATON_CLIENTLIB_SESSION_TEXT_H
#define BATON_CLIENTLIB_SESSION_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_SECRET_BYTES 16u
#define SESSION_TEXT_BYTES 64u /* room for every identity as text and its NUL */

struct session_identity {
	uint64_t id; /* never 0 */
	uint8_t secret[SESSION_SECRET_BYTES];
};

/* Parses all of TEXT into *RET. False, with *RET untouched, when it is not an identity. */
bool session_text_parse(const char *text, struct session_identity *ret);

/* Writes it into SESSION_TEXT_BYTES at TO. */
void session_text_format(const struct session_identity *identity, char *to);

#endif
