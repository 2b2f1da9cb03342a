/* SPDX-License-Identifier: MIT
 *
 * connection.h - baton's one connection to the daemon, and the manners of a command that waits on it.
 *
 * A deadly signal interrupts: the calls in progress are cancelled, the daemon's verdicts awaited, and then baton dies
 * of the signal, in connection_close(). A second one does not wait. SIGTSTP stops baton, as the terminal means it.
 * Whatever goes wrong is said here, once, with the exit status that belongs to it.
 */
#ifndef BATON_CLI_CONNECTION_H
#define BATON_CLI_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "cli/loop.h"
#include "cli/message.h"
#include "cli/options.h"
#include "clientlib/baton.h"

#define CONNECTION_DEFAULT_TTL_NS INT64_C(10000000000) /* over TCP */

struct connection {
	const struct invocation *invocation;
	struct loop loop;
	struct address address;
	char server[ADDRESS_TEXT_BYTES]; /* the address as text, for CMD's environment */
	int64_t started_ns;
	int64_t deadline_ns; /* of all that the command waits for; LOOP_NEVER: none */
	bool may_not_wait;   /* -t 0 */
	int last_error;      /* of those that connection_fail() was told */
	int unsaid_error;    /* one that is an answer: nothing is said of it; 0: there is none */
	int fatal_signal;    /* 0, or what to die of */
	/* Called once when a deadly signal has come: to baton_stop() the calls that wait. May be NULL. */
	void (*on_interrupt)(void *arg);
	void *interrupt_arg;
	/* Called for every signal; true: it is dealt with. May be NULL. */
	bool (*on_signal)(const struct signalfd_siginfo *info, void *arg);
	/* Called with what the session is told unasked. May be NULL. */
	void (*on_notice)(const struct baton_notice *notice, void *arg);
	void *arg; /* of these two */
};

struct session_wish {
	enum baton_session_kind kind;
	int pidfd;      /* BATON_SESSION_OF_PROCESS */
	int64_t ttl_ns; /* or BATON_TTL_DEFAULT */
	int64_t grace_ns;
	const char *label; /* NULL: the program's name */
};

/* Reads the invocation's address and times, and blocks the signals; nothing is sent yet. 0, or the exit status: said.
 */
int connection_init(struct connection *connection, const struct invocation *invocation);

/* Connects, with a session as wished: an own one becomes a child of BATON_SESSION where that holds for the address. 0,
 * or the exit status: said. */
int connection_open(struct connection *connection, const struct session_wish *wish);

/* The session that BATON_SESSION names, if it holds for this address; else NULL. */
const char *connection_outer_session(const struct connection *connection);

/* The context that what waits is bound to: --ctx, else BATON_CTX where that holds for this address; NULL: none. */
const char *connection_context(const struct connection *connection);

/* Ends the session and the connection, lets signals through again, and dies of the signal that interrupted, if one did.
 * Else returns STATUS. Needed once connection_init() has succeeded. */
int connection_close(struct connection *connection, int status);

/* As baton_start(), under the command's deadline and no later than UNTIL_NS (LOOP_NEVER: that alone). */
int connection_start(struct connection *connection, const struct baton_call *call, int64_t until_ns,
	void (*done)(const struct baton_result *result, void *arg), void *arg, uint64_t *ret_id);

/* Makes a call and waits for its end. When it went well TAKE(RESULT, ARG) is called (TAKE may be NULL) and 0 returned,
 * else the exit status: said. */
int connection_call(struct connection *connection, const struct baton_call *call,
	void (*take)(const struct baton_result *result, void *arg), void *arg);

/* Waits until something happened. False: the connection is over, and every call's end was told. */
bool connection_step(struct connection *connection, struct pollfd *extra, size_t count, int64_t until_ns);

/* What is left of the calls that were started when the connection broke is told by their ends; this says it once for
 * all: ERROR with its TEXT, about SUBJECT. Returns the exit status. After a deadly signal nothing is said. */
int connection_fail(struct connection *connection, struct subject subject, int error, const char *text);

/* The exit status for an error, without a word. */
int connection_status_of(const struct connection *connection, int error);

/* What a call is about, from its operation and name. */
struct subject connection_subject(const struct baton_call *call);

#endif
