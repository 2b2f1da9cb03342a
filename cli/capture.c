/* SPDX-License-Identifier: MIT
 *
 * capture.c - a pipe from CMD.
 */
#include "cli/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MAX_BYTES (16u << 20) /* a value's */
#define READ_BYTES 65536u

int capture_open(struct capture *capture)
{
	int fds[2];

	*capture = (struct capture){.read_fd = -1, .write_fd = -1};
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
		const int error = errno;

		close(fds[0]);
		close(fds[1]);
		return -error;
	}
	capture->read_fd = fds[0];
	capture->write_fd = fds[1];
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void capture_started(struct capture *capture)
{
	close_fd(&capture->write_fd);
}

/* What is in the buffer and cannot be kept goes. */
static void fail(struct capture *capture, int error)
{
	capture->error = error;
	buffer_clear(&capture->buffer);
}

void capture_read(struct capture *capture)
{
	while (capture->read_fd >= 0) {
		static uint8_t dropped[READ_BYTES];
		struct buffer *buffer = &capture->buffer;
		uint8_t *to = dropped;
		ssize_t got;

		if (capture->error == 0 && !buffer_reserve(buffer, READ_BYTES))
			fail(capture, ENOMEM);
		if (capture->error == 0)
			to = buffer->bytes + buffer->end;
		got = read(capture->read_fd, to, READ_BYTES);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got < 0)
			fail(capture, errno);
		if (got <= 0)
			close_fd(&capture->read_fd);
		else if (capture->error == 0)
			buffer->end += (size_t)got;
		if (buffer_length(buffer) > MAX_BYTES)
			fail(capture, EFBIG);
	}
}

void capture_done(struct capture *capture)
{
	close_fd(&capture->read_fd);
	close_fd(&capture->write_fd);
	buffer_clear(&capture->buffer);
}
