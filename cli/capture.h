/* SPDX-License-Identifier: MIT
 *
 * capture.h - CMD's standard output, taken into memory while CMD runs.
 */
#ifndef BATON_CLI_CAPTURE_H
#define BATON_CLI_CAPTURE_H

#include <stdbool.h>

#include "base/buffer.h"

struct capture {
	int read_fd;  /* does not block; -1: at its end */
	int write_fd; /* CMD's standard output, until it has that; -1: none */
	struct buffer buffer;
	int error; /* errno of what went wrong; EFBIG: it is longer than a value may be; 0: nothing */
};

/* Makes the pipe. 0, or a negative errno. capture_done() is needed then. */
int capture_open(struct capture *capture);

/* CMD has its end, or will never need it. */
void capture_started(struct capture *capture);

/* Takes what is there without waiting. What cannot be kept is dropped, so that CMD goes on, and `error` tells. */
void capture_read(struct capture *capture);

void capture_done(struct capture *capture);

#endif
