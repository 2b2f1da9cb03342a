/* SPDX-License-Identifier: MIT
 *
 * text.c - text on its way to a descriptor. Everything here is safe in a signal handler.
 */
#include "runtime/text.h"

#include <errno.h>
#include <unistd.h>

#include "runtime/co.h"

void co_text_flush(struct co_text *text)
{
	size_t done = 0;

	while (done < text->length) {
		ssize_t n = write(text->fd, text->bytes + done, text->length - done);

		if (n < 0 && errno != EINTR)
			break; /* nobody to tell */
		if (n > 0)
			done += (size_t)n;
	}
	text->length = 0;
}

void co_text_put(struct co_text *text, const char *string)
{
	for (; *string != '\0'; string++) {
		if (text->length == sizeof(text->bytes))
			co_text_flush(text);
		text->bytes[text->length++] = *string;
	}
}

static void put_digits(struct co_text *text, uint64_t number, unsigned base, unsigned digits)
{
	char buffer[24];
	char *at = buffer + sizeof(buffer) - 1;

	*at = '\0';
	do {
		*--at = "0123456789abcdef"[number % base];
		number /= base;
		if (digits > 0)
			digits--;
	} while (number > 0 || digits > 0);
	co_text_put(text, at);
}

void co_text_number(struct co_text *text, uint64_t number, unsigned digits)
{
	put_digits(text, number, 10, digits);
}

void co_text_hex(struct co_text *text, uint64_t number)
{
	co_text_put(text, "0x");
	put_digits(text, number, 16, 0);
}

void co_text_duration(struct co_text *text, int64_t duration_ns)
{
	uint64_t milliseconds = duration_ns > 0 ? (uint64_t)(duration_ns / CO_MILLISECOND) : 0;

	co_text_number(text, milliseconds / 1000, 1);
	co_text_put(text, ".");
	co_text_number(text, milliseconds % 1000, 3);
	co_text_put(text, "s");
}
