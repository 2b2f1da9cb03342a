/* SPDX-License-Identifier: MIT
 *
 * chaos.h - what test_chaos.c's processes share: the record against which the primitives are judged.
 *
 * It lies in memory that all processes map, and each field is written so that a process may die after any instruction.
 */
#ifndef BATON_TESTS_LIB_CHAOS_H
#define BATON_TESTS_LIB_CHAOS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "clientlib/baton.h"
#include "tests/lib/co_test.h"

#define CHAOS_WORKERS 20
#define CHAOS_LOCKS 4
#define CHAOS_CHANNELS 4
#define CHAOS_GROUPS 3
#define CHAOS_ONCES 20000
#define CHAOS_MESSAGES 100000 /* of one worker */

/* Who is inside a lock, and until when nobody else may be. A token of 0: nobody. */
struct chaos_section {
	_Atomic uint64_t token;
	_Atomic int64_t guaranteed_until;
};

/* What became of a message. */
struct chaos_message {
	_Atomic uint8_t sent; /* enum chaos_sent */
	_Atomic uint8_t seen; /* times received */
	_Atomic uint8_t acknowledged;
};

enum chaos_sent {
	CHAOS_NEVER, /* or it is certain that nothing was sent */
	CHAOS_MAYBE, /* the outcome is unknown, or its sender died */
	CHAOS_SENT,
};

struct chaos {
	char address[160];
	atomic_bool enough;
	_Atomic uint32_t next_message[CHAOS_WORKERS];
	atomic_uint next_once;

	struct chaos_section mutexes[CHAOS_LOCKS];
	struct chaos_section writers[CHAOS_LOCKS];
	struct chaos_section readers[CHAOS_LOCKS][CHAOS_WORKERS];
	struct chaos_message messages[CHAOS_WORKERS][CHAOS_MESSAGES];
	struct {
		_Atomic uint8_t completed;
		_Atomic uint64_t value; /* that the others got; 0: nobody yet */
	} onces[CHAOS_ONCES];

	atomic_ulong done; /* calls that took effect */
	atomic_ulong failed;
	atomic_uint wrong;
	char first_wrong[256];
};

/* One worker in one of its lives. */
struct worker {
	struct chaos *chaos;
	unsigned number;
	struct test_random random;
	baton_client *client;
};

/* Notes that SHARED is not as it should be. For any process. */
void chaos_wrong(struct chaos *chaos, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One random thing that a worker does; its outcome goes into the record. Returns the error of the first call that
 * failed. */
int chaos_step(struct worker *worker);

/* Looks at a message that was received. */
void chaos_see(struct chaos *chaos, const void *value, size_t length);

#endif
