/* SPDX-License-Identifier: MIT
 *
 * workload.h - what simulated clients do, and what is known of it: a part per primitive.
 *
 * To add a primitive: a file part_NAME.c with a `struct part`, and its row in `parts` (workload.c). An operation makes
 * one call or a few, by sim_client_call(), and notes what their verdicts promise; what breaks a promise is
 * sim_fail()ed, at once or in `check`.
 */
#ifndef BATON_TESTS_SIM_WORKLOAD_H
#define BATON_TESTS_SIM_WORKLOAD_H

#include "runtime/co.h"
#include "tests/sim/client.h"

/* A coroutine of a client that does one operation after the other. */
struct worker {
	struct sim_client *client;
	uint32_t task; /* for baton_call.task */
};

struct operation {
	const char *name;
	unsigned weight; /* how often it is drawn, against the others' */
	void (*run)(struct worker *worker);
};

struct part {
	const char *name;
	const struct operation *operations; /* ends with a name of NULL */

	/* Makes what the operations use, by a client of its own. May be NULL. */
	void (*prepare)(struct sim_client *client);

	/* Once nobody else is connected: takes out what is left, by a client of its own. May be NULL. */
	void (*finish)(struct sim_client *client);

	/* At the very end: whether all promises were kept. May be NULL. */
	void (*check)(void);
};

extern const struct part part_mutex;
extern const struct part part_channel;
extern const struct part part_select;
extern const struct part part_waitgroup;
extern const struct part part_once;
extern const struct part part_daemon;

/* All of them; the last is NULL. */
extern const struct part *const parts[];

/* Runs one operation, drawn by the weights of all parts. */
void workload_run_one(struct worker *worker);

/* How a call may end other than by its work, as drawn: no limit, a deadline, a cancel, or no wait. */
struct patience {
	bool no_wait;
	int64_t timeout_ns;
	int64_t cancel_after_ns;
};

struct patience draw_patience(void);

/* The same for a wait that is sure to end, since what is held is held for milliseconds, and sessions of the dead end:
 * where it has a limit that long (PATIENT_NS), whoever comes to it was forgotten. */
#define PATIENT_NS (1200 * CO_SECOND)

struct patience draw_patience_for_lock(void);

/* Makes CALL as PATIENCE says; CALL gets its size, its task and its no_wait here. The result is the caller's. */
int make_call(
	struct worker *worker, struct baton_call *call, const struct patience *patience, struct baton_result **ret);

/* Makes CALL without a limit, and drops the result. */
int make_plain_call(struct worker *worker, struct baton_call *call);

/* Whether a call that ended with ERROR may have taken effect all the same: the connection or the session is gone. */
bool is_outcome_unknown(int error);

/* Fails the run unless ERROR is one that the worker's client may meet: 0; what a broken client gets; one of the COUNT
 * in ALLOWED. True if it is 0. */
bool expect_outcome(struct worker *worker, const char *what, int error, const int *allowed, size_t count);

/* ---- what parts share: a select locks, sends and receives too ---------------------------------------------------- */

/* Some mutex; WORKER was granted it under TOKEN: works under it and unlocks, or dies. */
const char *draw_mutex(void);
void use_lock(struct worker *worker, const char *name, uint64_t token);

/* Some channel; a new message of drawn length, and its number; what became of its send; a message that was received. */
enum { MESSAGE_BYTES = 40 << 10 };

enum sent {
	SENT_UNKNOWN, /* under way, or nobody can say */
	SENT_YES,
	SENT_NO,
};

const char *draw_channel(void);
unsigned new_message(char text[MESSAGE_BYTES], size_t *ret_length);
void note_sent(unsigned number, enum sent sent);
void note_received(struct sim_client *client, const struct baton_result *result);

#endif
