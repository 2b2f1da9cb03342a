/* SPDX-License-Identifier: MIT
 *
 * clients.h - what tests of libbaton share. Call from the main thread: failures are cmocka's.
 */
#ifndef BATON_TESTS_LIB_CLIENTS_H
#define BATON_TESTS_LIB_CLIENTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "clientlib/baton.h"
#include "clientlib/clock.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

/* Fails the test, with the text, unless R is BATON_OK. */
void is_ok(int r);

/* A client; the test fails where there is none. */
baton_client *open_with(const char *address, const struct baton_options *options);

/* One that waits for a mutex, in a thread of its own whose function is lock_waiter_main. */
struct lock_waiter {
	baton_client *client;
	baton_context *context;
	const char *name;
	int error;
	uint64_t token;
	pthread_t thread;
};
void *lock_waiter_main(void *waiter);

/* Fails unless CONDITION comes to hold within 60 s. */
#define EVENTUALLY(condition)                                                                                          \
	do {                                                                                                           \
		const int64_t eventually_limit = clock_monotonic() + 60 * SECOND;                                      \
		while (!(condition)) {                                                                                 \
			assert_true(clock_monotonic() < eventually_limit);                                             \
			usleep(500);                                                                                   \
		}                                                                                                      \
	} while (0)

#endif
