/* SPDX-License-Identifier: MIT
 *
 * loop.h - the one place where baton waits: for signals, for its client's connection, for what a command adds.
 *
 * One thread, one poll(2). While a loop is open the signals that baton deals with are blocked and read from a
 * descriptor; SIGPIPE is blocked too, so that a write to a pipe that nobody reads says EPIPE, and takes its effect when
 * the loop is closed. Dispositions stay as they were inherited, and what is ignored is left alone (SIGHUP under
 * nohup(1)), but for SIGCHLD, which must be waited for.
 */
#ifndef BATON_CLI_LOOP_H
#define BATON_CLI_LOOP_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "clientlib/baton.h"

#define LOOP_NEVER INT64_MAX
#define LOOP_MAX_EXTRA 4

struct loop {
	int signal_fd;
	sigset_t mask_before;
	bool child_was_ignored; /* SIGCHLD, before */
	baton_client *client;   /* NULL: none yet, or none any more */
	int client_error;       /* what ended the client; 0 while it lives */
	/* Called for each signal that came, SIGCONT first and SIGCHLD last. */
	void (*on_signal)(const struct signalfd_siginfo *info, void *arg);
	void *arg;
};

/* Blocks the signals. 0, or a negative errno. */
int loop_open(struct loop *loop, void (*on_signal)(const struct signalfd_siginfo *info, void *arg), void *arg);

/* Puts the signals back as they were: one that is pending takes its effect here. The client is the caller's to close.
 */
void loop_close(struct loop *loop);

/* Whether closing the loop after a SIGPIPE ends the process, as it would have without a loop. */
bool loop_dies_of_pipe(const struct loop *loop);

/* Waits until something happens or UNTIL_NS (CLOCK_MONOTONIC; LOOP_NEVER: without end) has come, and deals with signals
 * and client. The COUNT descriptors at EXTRA (at most LOOP_MAX_EXTRA; a negative one is passed over) are waited for
 * too, and their revents set. */
void loop_step(struct loop *loop, struct pollfd *extra, size_t count, int64_t until_ns);

/* Deals with the signals that have come by now, without waiting. */
void loop_take_signals(struct loop *loop);

/* Stops this process by NUMBER, as the terminal would have, and goes on when it is continued. */
void loop_stop_self(int number);

/* CLOCK_MONOTONIC in ns. */
int64_t loop_now(void);

#endif
