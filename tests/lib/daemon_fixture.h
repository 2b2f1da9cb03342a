/* SPDX-License-Identifier: MIT
 *
 * daemon_fixture.h - a real batond of a test's own: on a Unix socket and a free TCP port, in a temporary folder.
 *
 * It is the batond of the build that the test is of. It dies with the test, whatever becomes of that.
 */
#ifndef BATON_TESTS_LIB_DAEMON_FIXTURE_H
#define BATON_TESTS_LIB_DAEMON_FIXTURE_H

#include <sys/types.h>

struct daemon_fixture {
	char folder[64];
	char address[128]; /* unix: for baton_open() */
	char tcp[64];      /* tcp: likewise */
	pid_t pid;
};

/* Starts one and waits until it answers. Ends the program, saying why, if it does not. */
void daemon_fixture_start(struct daemon_fixture *daemon);

/* Starts it again, at the same addresses and on the same state, after daemon_fixture_end(). */
void daemon_fixture_restart(struct daemon_fixture *daemon);

/* Sends it SIGNAL and waits for its end. Its exit status as of wait(2). */
int daemon_fixture_end(struct daemon_fixture *daemon, int signal);

/* Ends it gently, checks that it ended well, and removes its folder. */
void daemon_fixture_stop(struct daemon_fixture *daemon);

#endif
