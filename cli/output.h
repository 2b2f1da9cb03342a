/* SPDX-License-Identifier: MIT
 *
 * output.h - standard output: values and rows, as tab-separated text or as one JSON object per line.
 *
 * Everything is composed in memory first. A failure (no memory, a write that failed) is kept: later calls do nothing,
 * and output_error() tells. Nothing but output_write() and output_finish() makes a system call.
 */
#ifndef BATON_CLI_OUTPUT_H
#define BATON_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum output_format {
	OUTPUT_TEXT,
	OUTPUT_JSON,
	OUTPUT_RAW, /* values only: exact bytes, nothing behind them */
	OUTPUT_NUL, /* values only: exact bytes and a NUL */
};

struct output {
	enum output_format format;
	struct buffer buffer;
	uint64_t queued;  /* bytes composed since the start */
	uint64_t written; /* bytes written since the start */
	size_t columns;   /* of the row being composed */
	bool is_record;   /* it has a line for each */
	size_t chunk;     /* write no more at a time: what a pipe takes without blocking; 0: not yet known */
	int error;        /* errno of the first failure; 0: none */
};

/* Composes on standard output in FORMAT. output_done() gives the memory back. */
void output_init(struct output *output, enum output_format format);
void output_done(struct output *output);

/* A value on a line of its own: a message, as "value" or "value_base64" in JSON. */
void output_value(struct output *output, const void *bytes, size_t length);

/* A number on a line of its own; "value" in JSON. */
void output_value_number(struct output *output, uint64_t number);
void output_value_signed(struct output *output, int64_t number);

/* Rows: begin, one call per column, end. KEY is the column's name in JSON; text has the values alone. A record is a row
 * with many columns: text has a line for each, the key and the value. */
void output_row_begin(struct output *output);
void output_record_begin(struct output *output);
void output_text(struct output *output, const char *key, const char *text);
void output_bytes(struct output *output, const char *key, const void *bytes, size_t length); /* JSON: as a value */
void output_number(struct output *output, const char *key, uint64_t number);
void output_bool(struct output *output, const char *key, bool is_so);
void output_duration(struct output *output, const char *key, int64_t ns); /* JSON: KEY in seconds */
void output_row_end(struct output *output);

/* Whether composed bytes wait to be written. */
bool output_is_pending(const struct output *output);

/* Writes once, what standard output takes without blocking when poll(2) says POLLOUT. 0, or the error kept. */
int output_write(struct output *output);

/* Writes everything, however long that blocks. 0, or the error kept. */
int output_finish(struct output *output);

#endif
