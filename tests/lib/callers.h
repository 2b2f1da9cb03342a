/* SPDX-License-Identifier: MIT
 *
 * callers.h - clients of a scripted daemon, and calls that block in threads of their own. Call from the main thread:
 * failures are cmocka's.
 */
#ifndef BATON_TESTS_LIB_CALLERS_H
#define BATON_TESTS_LIB_CALLERS_H

#include <pthread.h>

#include "clientlib/baton.h"
#include "tests/lib/fake_daemon.h"

/* A client of DAEMON; the test fails where there is none. */
baton_client *open_fake(const struct fake_daemon *daemon);

struct caller {
	baton_client *client;
	baton_context *context;
	struct baton_call call;
	struct baton_result *result;
	int error;
	pthread_t thread;
};

/* Makes CALLER's call in a thread of its own. */
void start_call(struct caller *caller);

/* The same, for an operation on the object "x". */
void start_caller(struct caller *caller, baton_client *client, baton_context *context, enum baton_operation operation);

/* Waits for the call's end, which must be ERROR. */
void caller_ends(struct caller *caller, int error);

/* Waits for the byte by which a script says how far it is. */
void wait_for_byte(int fd);

/* cmocka's set-up and tear-down of a group: no descriptor is left open. */
int check_descriptors(void **state);

/* ---- scripts ----------------------------------------------------------------------------------------------------- */

/* Answers pings in pairs, the second first, where two are there; a ping's request and response look alike. */
void fake_answer_out_of_order(struct fake_daemon *daemon);

/* Says over `arg`, a pipe, that a lock has come, and never answers it; answers pings. */
void fake_ignore_locks(struct fake_daemon *daemon);

/* Parts of scripts: says, without sending it, that a call succeeded with this response; reads what is left until the
 * client has gone, and answers the closing of the session. */
void fake_reply(struct fake_daemon *daemon, uint64_t call, const uint8_t *body, size_t length);
void fake_serve_the_end(struct fake_daemon *daemon);

#endif
