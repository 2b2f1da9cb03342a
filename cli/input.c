/* SPDX-License-Identifier: MIT
 *
 * input.c - reading and cutting standard input.
 */
#include "cli/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

void input_init(struct input *input, enum input_cut cut)
{
	*input = (struct input){.cut = cut};
}

void input_done(struct input *input)
{
	buffer_clear(&input->buffer);
}

/* The end of the message at the front, its terminator not included; NULL: not there yet. */
static const char *find_end(struct input *input, const char *bytes, size_t length)
{
	const char *end;

	if (input->cut == INPUT_WHOLE)
		return NULL;
	end = memchr(bytes + input->searched, input->cut == INPUT_NULS ? '\0' : '\n', length - input->searched);
	input->searched = end == NULL ? length : 0;
	return end;
}

enum input_state input_next(struct input *input, const void **ret, size_t *ret_length)
{
	const char *bytes;
	const char *end;
	size_t length;

	if (input->taken > 0)
		buffer_consume(&input->buffer, input->taken);
	input->taken = 0;
	length = buffer_length(&input->buffer);
	bytes = length == 0 ? "" : (const char *)input->buffer.bytes + input->buffer.begin;
	end = length == 0 ? NULL : find_end(input, bytes, length);
	if (end == NULL && !input->is_at_end)
		return INPUT_WANTS;
	if (end == NULL && length == 0 && (input->cut != INPUT_WHOLE || input->error != 0))
		return INPUT_ENDED;
	*ret = bytes;
	*ret_length = end == NULL ? length : (size_t)(end - bytes);
	input->taken = *ret_length + (end != NULL);
	if (input->cut == INPUT_WHOLE)
		input->cut = INPUT_LINES; /* nothing is left for a second message */
	return INPUT_HAS;
}

void input_read(struct input *input)
{
	ssize_t length;

	if (!buffer_reserve(&input->buffer, READ_BYTES)) {
		input->error = ENOMEM;
		length = -1;
	} else {
		length = read(STDIN_FILENO, input->buffer.bytes + input->buffer.end, READ_BYTES);
		if (length < 0 && (errno == EINTR || errno == EAGAIN))
			return;
		input->error = length < 0 ? errno : 0;
	}
	if (length > 0)
		input->buffer.end += (size_t)length;
	else
		input->is_at_end = true;
	if (input->error != 0)
		buffer_clear(&input->buffer); /* a message cut off by a failure is none */
}
