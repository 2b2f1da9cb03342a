/* SPDX-License-Identifier: MIT
 *
 * utf8.h - decoding of UTF-8 by the Unicode Standard's table 3-7: no overlong forms, no surrogates, nothing above
 * U+10FFFF.
 *
 * Pure functions over bytes: nothing is allocated, nothing blocks.
 */
#ifndef BATON_BASE_UTF8_H
#define BATON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the code point at the start of the LENGTH bytes at FROM into *RET. The number of bytes it took (1 to 4); 0,
 * with *RET untouched, when LENGTH is 0 or the bytes do not begin with a well-formed sequence. */
size_t utf8_decode(const void *from, size_t length, uint32_t *ret);

/* Whether all LENGTH bytes are well-formed UTF-8. Empty is. NUL bytes are code points like others. */
bool utf8_is_valid(const void *from, size_t length);

#endif
