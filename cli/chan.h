/* SPDX-License-Identifier: MIT
 *
 * chan.h - what the commands on channels share.
 */
#ifndef BATON_CLI_CHAN_H
#define BATON_CLI_CHAN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/connection.h"

#define WINDOW_MAX 256 /* calls that a stream of messages has out at most */

/* How many calls a stream of messages may have out: one more with each that goes through at once, and one again after
 * one that had to wait. So a stream under load is fast, and one that waits stands in the channel's queue once. */
struct window {
	uint64_t size;
};

void window_init(struct window *window);

/* A call that was made at STARTED_NS (loop_now()) went through. */
void window_adapt(struct window *window, int64_t started_ns);

/* --make K: makes the channel NAME first, unless it is there. 0, or the exit status: said. */
int chan_make_first(struct connection *connection, const char *name);

/* Range with CMD. Returns the exit status. */
int chan_work(const struct invocation *invocation);

#endif
