/* SPDX-License-Identifier: MIT
 *
 * fake_daemon.h - a daemon that does what a test scripts: on a real socket, in a thread of its own.
 *
 * The script runs as a function in that thread and uses the helpers below; what goes wrong there ends the program with
 * a message, for cmocka's assertions must not be used outside of the main thread. All waits end after 60 s, in that
 * way.
 */
#ifndef BATON_TESTS_LIB_FAKE_DAEMON_H
#define BATON_TESTS_LIB_FAKE_DAEMON_H

#include <pthread.h>

#include "tests/lib/core_rig.h"

struct fake_daemon {
	char folder[64];
	char address[128]; /* for baton_open() */
	int listener;
	int connection; /* -1: none */
	int passed;     /* a descriptor that came with the bytes; -1: none */
	struct rig rig; /* for its script and its numbers only: say, reply, then fake_flush() */
	struct buffer in;
	struct frame_request header; /* of the frame read last */
	const uint8_t *body;
	size_t length;
	pthread_t thread;
	void (*script)(struct fake_daemon *daemon);
	void *arg;
};

/* Ends the program, saying where, unless CONDITION holds. For any thread. */
#define fake_require(condition) fake_check((condition), #condition, __FILE__, __LINE__)
void fake_check(bool holds, const char *what, const char *file, int line);

/* Listens on a socket in a temporary folder and starts SCRIPT. */
void fake_start(struct fake_daemon *daemon, void (*script)(struct fake_daemon *daemon), void *arg);

/* Waits for the end of the script, and leaves nothing behind. */
void fake_join(struct fake_daemon *daemon);

/* ---- for scripts ------------------------------------------------------------------------------------------------- */

/* Takes the next connection; the one before is closed. */
void fake_accept(struct fake_daemon *daemon);

/* Accepts, and answers HELLO and Open (or Attach). */
void fake_accept_session(struct fake_daemon *daemon, int64_t ttl_ns);
void fake_close(struct fake_daemon *daemon);

/* Does not listen any more; listens again. */
void fake_deafen(struct fake_daemon *daemon);
void fake_listen(struct fake_daemon *daemon);

/* Reads a frame into header, body, length. False at the end of the input. */
bool fake_read(struct fake_daemon *daemon);

/* The next frame is of this kind, REQUEST: with this method. Frames of kind SKIP are passed over (0: none are). */
void fake_expect(struct fake_daemon *daemon, unsigned kind, unsigned method, unsigned skip);

/* Writes what was said. */
void fake_flush(struct fake_daemon *daemon);

#endif
