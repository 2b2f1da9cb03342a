/* SPDX-License-Identifier: MIT
 *
 * text.h - text on its way to a descriptor: a small buffer and write(2), no allocation and no stdio, so that reports
 * can be made in a signal handler and in a program that has no memory.
 */
#ifndef BATON_RUNTIME_TEXT_H
#define BATON_RUNTIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* {.fd = FD} is empty. What was put is written when the buffer is full and by co_text_flush. */
struct co_text {
	int fd;
	size_t length;
	char bytes[512];
};

void co_text_put(struct co_text *text, const char *string);

/* NUMBER in decimal, with leading zeros where it has fewer than DIGITS. */
void co_text_number(struct co_text *text, uint64_t number, unsigned digits);

/* NUMBER in hexadecimal, after 0x. */
void co_text_hex(struct co_text *text, uint64_t number);

/* A duration in seconds, to the millisecond; below 0 as 0. */
void co_text_duration(struct co_text *text, int64_t duration_ns);

/* Where nobody takes it, it is dropped. */
void co_text_flush(struct co_text *text);

#endif
