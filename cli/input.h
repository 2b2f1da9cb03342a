/* SPDX-License-Identifier: MIT
 *
 * input.h - standard input cut into messages: lines, NUL-terminated pieces, or all of it.
 */
#ifndef BATON_CLI_INPUT_H
#define BATON_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum input_cut {
	INPUT_LINES,
	INPUT_NULS,
	INPUT_WHOLE,
};

enum input_state {
	INPUT_HAS,   /* a message was taken */
	INPUT_WANTS, /* the next message is not all there: read more */
	INPUT_ENDED, /* there is none any more */
};

struct input {
	enum input_cut cut;
	struct buffer buffer;
	size_t taken;    /* bytes at the front that the last message took */
	size_t searched; /* bytes behind those in which no end of a message is */
	bool is_at_end;
	int error; /* errno; 0: none */
};

void input_init(struct input *input, enum input_cut cut);
void input_done(struct input *input);

/* Takes the next message of those that were read. It is the input's own, until the next call. What stands behind the
 * last newline (or NUL) is a message too, unless it is empty. */
enum input_state input_next(struct input *input, const void **ret, size_t *ret_length);

/* Reads once from standard input: does not block when poll(2) said that it is readable. A failure is kept in `error`,
 * and is an end. */
void input_read(struct input *input);

#endif
