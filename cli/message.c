/* SPDX-License-Identifier: MIT
 *
 * message.c - lines on standard error.
 */
#include "cli/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/status.h"

#define LINE_BYTES 2048

struct line {
	char bytes[LINE_BYTES];
	size_t length;
};

static void __attribute__((format(printf, 2, 0))) add_list(struct line *line, const char *format, va_list arguments)
{
	const size_t room = sizeof(line->bytes) - 1 - line->length; /* the newline's place stays */
	const int length = vsnprintf(line->bytes + line->length, room, format, arguments);

	if (length > 0)
		line->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_list(line, format, arguments);
	va_end(arguments);
}

static void finish(struct line *line)
{
	line->bytes[line->length++] = '\n';
	if (write(STDERR_FILENO, line->bytes, line->length) < 0)
		return; /* the one place to complain is gone */
}

void say(const struct invocation *invocation, const char *format, ...)
{
	struct line line = {.length = 0};
	va_list arguments;

	if (invocation_has(invocation, OPTION_QUIET))
		return;
	add(&line, "baton: ");
	va_start(arguments, format);
	add_list(&line, format, arguments);
	va_end(arguments);
	finish(&line);
}

void say_about(const struct invocation *invocation, struct subject subject, const char *format, ...)
{
	struct line line = {.length = 0};
	va_list arguments;

	if (invocation_has(invocation, OPTION_QUIET))
		return;
	add(&line, "baton: ");
	if (subject.kind != NULL)
		add(&line, "%s \"%s\": ", subject.kind, subject.name);
	va_start(arguments, format);
	add_list(&line, format, arguments);
	va_end(arguments);
	finish(&line);
}

int say_usage(const struct invocation *invocation, const char *format, ...)
{
	struct line line = {.length = 0};
	char title[64];
	va_list arguments;

	add(&line, "baton: %s: ", invocation_title(invocation, title, sizeof(title)));
	va_start(arguments, format);
	add_list(&line, format, arguments);
	va_end(arguments);
	finish(&line);
	return STATUS_USAGE;
}

int say_no_memory(const struct invocation *invocation)
{
	say(invocation, "out of memory");
	return STATUS_FAILED;
}
