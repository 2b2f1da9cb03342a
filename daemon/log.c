/* SPDX-License-Identifier: MIT
 *
 * log.c - one line per event on standard error.
 */
#include "daemon/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/co.h"

#define LINE_BYTES 1024

static const struct {
	const char *name;
	int journal; /* syslog's number, as systemd reads it from <N> */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARNING] = {"warning", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

static atomic_int threshold = LOG_LEVEL_INFO;

struct line {
	enum log_level level;
	const char *format;
	va_list arguments;
};

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

bool log_parse_level(const char *name, enum log_level *ret)
{
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (strcmp(levels[i].name, name) == 0) {
			*ret = (enum log_level)i;
			return true;
		}
	return false;
}

/* What peers chose (labels) must not look like lines of ours. */
static void make_one_line(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}

static void write_line(void *arg)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	struct line *line = arg;
	char text[LINE_BYTES];
	size_t length;
	int n;

	if (getenv("JOURNAL_STREAM") != NULL)
		n = snprintf(text, sizeof text, "<%d>", levels[line->level].journal);
	else
		n = snprintf(text, sizeof text, "batond: %s: ", levels[line->level].name);
	length = (size_t)n;
	n = vsnprintf(text + length, sizeof text - length - 1, line->format, line->arguments);
	if (n > 0)
		length += (size_t)n;
	if (length > sizeof text - 2)
		length = sizeof text - 2;
	make_one_line(text, length);
	text[length++] = '\n';
	/* A full or closed log must not hold up the service. Where a pipe is writable, it takes PIPE_BUF bytes. */
	if (poll(&out, 1, 0) == 1 && write(STDERR_FILENO, text, length) < 0)
		return;
}

void log_line(enum log_level level, const char *format, ...)
{
	struct line line = {.level = level, .format = format};

	if ((int)level > atomic_load(&threshold))
		return;
	va_start(line.arguments, format);
	co_on_thread_stack(write_line, &line);
	va_end(line.arguments);
}
