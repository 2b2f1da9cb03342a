/* SPDX-License-Identifier: MIT
 *
 * output.c - composing and writing standard output.
 */
#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/text.h"
#include "base/utf8.h"

#define NS_PER_SECOND 1000000000

void output_init(struct output *output, enum output_format format)
{
	*output = (struct output){.format = format};
}

void output_done(struct output *output)
{
	buffer_clear(&output->buffer);
}

/* ---- composing --------------------------------------------------------------------------------------------------- */

/* Room for BYTES more, or NULL. */
static char *reserve(struct output *output, size_t bytes)
{
	if (output->error != 0)
		return NULL;
	if (!buffer_reserve(&output->buffer, bytes)) {
		output->error = ENOMEM;
		return NULL;
	}
	return (char *)output->buffer.bytes + output->buffer.end;
}

static void commit(struct output *output, size_t bytes)
{
	output->buffer.end += bytes;
	output->queued += bytes;
}

static void add(struct output *output, const void *bytes, size_t length)
{
	char *to = reserve(output, length + 1);

	if (to == NULL)
		return;
	if (length > 0)
		memcpy(to, bytes, length);
	commit(output, length);
}

static void add_string(struct output *output, const char *text)
{
	add(output, text, strlen(text));
}

static void add_escaped(struct output *output, const void *bytes, size_t length)
{
	char *to = reserve(output, TEXT_ESCAPE_ROOM(length) + 1);

	if (to != NULL)
		commit(output, text_escape(bytes, length, to));
}

static void add_json_string(struct output *output, const void *bytes, size_t length)
{
	char *to = reserve(output, TEXT_JSON_ROOM(length));

	if (to != NULL)
		commit(output, text_json(bytes, length, to));
}

/* "KEY":"BYTES", or "KEY_base64":"..." where they are not UTF-8. */
static void add_json_member(struct output *output, const char *key, const void *bytes, size_t length)
{
	char *to;

	add_string(output, "\"");
	add_string(output, key);
	if (utf8_is_valid(bytes, length)) {
		add_string(output, "\":");
		add_json_string(output, bytes, length);
		return;
	}
	add_string(output, "_base64\":\"");
	to = reserve(output, TEXT_BASE64_ROOM(length) + 1);
	if (to != NULL)
		commit(output, text_base64(bytes, length, to));
	add_string(output, "\"");
}

void output_value(struct output *output, const void *bytes, size_t length)
{
	switch (output->format) {
	case OUTPUT_TEXT:
		add_escaped(output, bytes, length);
		add(output, "\n", 1);
		break;
	case OUTPUT_JSON:
		add(output, "{", 1);
		add_json_member(output, "value", bytes, length);
		add(output, "}\n", 2);
		break;
	case OUTPUT_RAW:
		add(output, bytes, length);
		break;
	case OUTPUT_NUL:
		add(output, bytes, length);
		add(output, "", 1);
		break;
	}
}

void output_value_number(struct output *output, uint64_t number)
{
	char line[64];

	snprintf(line, sizeof(line), output->format == OUTPUT_JSON ? "{\"value\":%" PRIu64 "}\n" : "%" PRIu64 "\n",
		number);
	add_string(output, line);
}

void output_value_signed(struct output *output, int64_t number)
{
	char line[64];

	snprintf(line, sizeof(line), output->format == OUTPUT_JSON ? "{\"value\":%" PRId64 "}\n" : "%" PRId64 "\n",
		number);
	add_string(output, line);
}

static void begin_column(struct output *output, const char *key)
{
	const bool is_json = output->format == OUTPUT_JSON;

	if (output->columns++ > 0)
		add_string(output, is_json ? "," : output->is_record ? "\n" : "\t");
	if (key == NULL || (!is_json && !output->is_record))
		return;
	add_string(output, is_json ? "\"" : "");
	add_string(output, key);
	add_string(output, is_json ? "\":" : "\t");
}

void output_row_begin(struct output *output)
{
	output->columns = 0;
	output->is_record = false;
	if (output->format == OUTPUT_JSON)
		add(output, "{", 1);
}

void output_record_begin(struct output *output)
{
	output_row_begin(output);
	output->is_record = true;
}

void output_row_end(struct output *output)
{
	add_string(output, output->format == OUTPUT_JSON ? "}\n" : "\n");
}

void output_bytes(struct output *output, const char *key, const void *bytes, size_t length)
{
	if (output->format == OUTPUT_JSON) {
		begin_column(output, NULL);
		add_json_member(output, key, bytes, length);
	} else {
		begin_column(output, key);
		add_escaped(output, bytes, length);
	}
}

void output_text(struct output *output, const char *key, const char *text)
{
	output_bytes(output, key, text, strlen(text));
}

void output_number(struct output *output, const char *key, uint64_t number)
{
	char text[32];

	begin_column(output, key);
	snprintf(text, sizeof(text), "%" PRIu64, number);
	add_string(output, text);
}

void output_bool(struct output *output, const char *key, bool is_so)
{
	begin_column(output, key);
	add_string(output, is_so ? "true" : "false");
}

void output_duration(struct output *output, const char *key, int64_t ns)
{
	char text[DURATION_TEXT_BYTES + 32];

	begin_column(output, key);
	if (output->format == OUTPUT_JSON)
		snprintf(text, sizeof(text), "%" PRId64 ".%09" PRId64, ns / NS_PER_SECOND, ns % NS_PER_SECOND);
	else
		duration_format(ns, text, sizeof(text));
	add_string(output, text);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

bool output_is_pending(const struct output *output)
{
	return buffer_length(&output->buffer) > 0;
}

/* Files take everything; of all else only PIPE_BUF bytes are sure not to block once poll(2) said POLLOUT. */
static size_t find_chunk(void)
{
	struct stat status;

	if (fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode))
		return SSIZE_MAX;
	return PIPE_BUF;
}

int output_write(struct output *output)
{
	const size_t length = buffer_length(&output->buffer);
	ssize_t written;

	if (output->error != 0 || length == 0)
		return output->error;
	if (output->chunk == 0)
		output->chunk = find_chunk();
	written = write(STDOUT_FILENO, output->buffer.bytes + output->buffer.begin,
		length < output->chunk ? length : output->chunk);
	if (written < 0) {
		if (errno != EAGAIN && errno != EINTR)
			output->error = errno;
		return output->error;
	}
	output->written += (uint64_t)written;
	buffer_consume(&output->buffer, (size_t)written);
	return 0;
}

int output_finish(struct output *output)
{
	while (output->error == 0 && output_is_pending(output)) {
		const uint64_t written = output->written;

		output_write(output);
		if (output->written == written) /* somebody has made it non-blocking */
			poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, -1);
	}
	return output->error;
}
