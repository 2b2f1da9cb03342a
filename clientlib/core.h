/* SPDX-License-Identifier: MIT
 *
 * core.h - the client's side of the protocol, sans I/O: bytes in, bytes out, time passed in.
 *
 * The core has no socket, no clock, no thread and no lock. Its driver (blocking.c, pollable.c, a test, a fuzzer) moves
 * bytes between it and a connection, tells it the time, and guards it. A driver's round:
 *
 *     core_input() -> read -> core_feed();  core_output() -> write -> core_sent();  core_tick();
 *     core_next_finished() until NULL, core_next_notice() until false; look at core_state()
 *
 * HELLO, the opening of the session and the first calls leave together; nothing waits for a round trip. A call ends
 * once: with the daemon's verdict, or, VERDICT_PATIENCE after its deadline or cancel, with BATON_EUNKNOWN; then the
 * core keeps waiting for the verdict alone, and gives back what was granted. A connection that broke leaves the core
 * CORE_UNCONNECTED where the session outlives it: core_connect() begins the next one, which takes the lane up again and
 * sends every call anew that has no verdict, under its id and with the time that is left: it takes effect once.
 *
 * After the style of nghttp2's session. Nothing that is fed to it can do worse than end it with BATON_EPROTOCOL.
 */
#ifndef BATON_CLIENTLIB_CORE_H
#define BATON_CLIENTLIB_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clientlib/baton.h"
#include "clientlib/session_text.h"

#define CORE_NEVER INT64_MAX
#define CORE_SECOND INT64_C(1000000000)
#define CORE_VERDICT_PATIENCE (2 * CORE_SECOND)
#define CORE_ACK_DELAY (CORE_SECOND / 100)

struct core;
struct core_call;

/* Now, in ns. Boottime is looked at only where core_needs_boottime(). */
struct core_time {
	int64_t monotonic;
	int64_t boottime;
};

/* What session a core opens. Strings are copied. */
struct core_settings {
	enum baton_session_kind kind;
	const struct session_identity *session; /* to attach to, or the parent; NULL: none */
	int64_t ttl_ns;
	int64_t grace_ns;
	const char *label;
	const char *host;
	uint32_t pid;
};

enum core_state {
	CORE_UNCONNECTED, /* at first, and when a connection broke that the session may outlive: core_connect() */
	CORE_OPENING,     /* connected; the session is not open, or not taken up again, yet */
	CORE_OPEN,        /* it is */
	CORE_ENDED,       /* for good: core_error() */
};

/* ---- lifecycle --------------------------------------------------------------------------------------------------- */

/* An unconnected core; calls may be submitted. 0 or BATON_ENOMEM. The core in *RET is the caller's: core_free(). */
int core_new(const struct core_settings *settings, struct core **ret);
void core_free(struct core *core);

enum core_state core_state(const struct core *core);

/* Why it ended; 0 while it has not. The text is valid as long as the core. */
int core_error(const struct core *core);
const char *core_error_text(const struct core *core);

/* Begins a connection of an unconnected core: output is HELLO, Open or Attach, what has no verdict, what was not sent.
 * NOW is on the monotonic clock. 0 or BATON_ENOMEM. Nobody reads from or writes to the one before any more. */
int core_connect(struct core *core, int64_t now);

/* The connection is gone, WHY says how. Where the session cannot outlive it the core ends with ERROR: calls that were
 * not sent with it, and those that were with BATON_EUNKNOWN. */
void core_break(struct core *core, int error, const char *why);

/* Ends the core and all its calls with ERROR. */
void core_end(struct core *core, int error, const char *why);

/* Queues the last words: what is to be acknowledged, and Session.Close or Session.Detach. False: there is nobody to
 * tell, or no memory. core_has_left(): they were answered, or the core has ended. */
bool core_leave(struct core *core);
bool core_has_left(const struct core *core);

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* Where to read the next bytes into, and how many at most (never 0). NULL: no memory. The place stays until core_feed()
 * or core_connect(). */
uint8_t *core_input(struct core *core, size_t *ret_room);

/* BYTES were read there. Errors end the core. */
void core_feed(struct core *core, size_t bytes, struct core_time now);

/* What is to be written next; NULL: nothing. The bytes stay where they are until core_sent() has taken them all,
 * whatever is called in between but core_connect(). The calls in them count as sent now; core_sent(), which
 * follows in any case, tells how many bytes the connection took, and if the rest never leaves they were not. */
const uint8_t *core_output(struct core *core, struct core_time now, size_t *ret_length);
void core_sent(struct core *core, size_t bytes);
bool core_has_output(const struct core *core);

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* When core_tick() is due, on the monotonic clock; CORE_NEVER: nothing is pending. Changes with every call. */
int64_t core_deadline(const struct core *core, struct core_time now);
void core_tick(struct core *core, struct core_time now);

/* Queues the acknowledgement that is due within CORE_ACK_DELAY now, if there is one. */
void core_acknowledge(struct core *core);

/* Whether time for the session is counted: its ttl is above 0. */
bool core_has_ttl(const struct core *core);

/* Whether core_time.boottime is looked at: the session has a ttl, or that is not known yet. */
bool core_needs_boottime(const struct core *core);

/* Whether the session was ever open: a connection that failed is to be tried again. */
bool core_was_open(const struct core *core);

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* Submits what is ASKED, whose strings and value are copied. DEADLINE: monotonic, or CORE_NEVER. It may have finished
 * when this returns. Errors, with a text for baton_last_error(): BATON_EINVAL, BATON_ENOMEM; all others are the call's
 * result. *RET is valid until core_hand_over(). */
int core_submit(struct core *core, const struct baton_call *asked, int64_t deadline, struct core_time now, void *owner,
	struct core_call **ret);

/* Asks for the end of CALL, which may have finished. */
void core_cancel(struct core *core, struct core_call *call, struct core_time now);

/* The unfinished call of this id; NULL: none. */
struct core_call *core_find(struct core *core, uint64_t id);

/* Ends all unfinished calls with ERROR, whatever became of them; late grants are given back. */
void core_abandon_calls(struct core *core, int error, const char *why);

/* Whether core_next_finished() has one. */
bool core_has_finished(const struct core *core);

/* The next call that has finished and was not told yet, in the order they finished; NULL: none. */
struct core_call *core_next_finished(struct core *core);

void *core_call_owner(const struct core_call *call);
uint64_t core_call_id(const struct core_call *call);
struct baton_result *core_call_result(const struct core_call *call);

/* The caller has the result of a finished call: it is his, and a message in it may be acknowledged. CALL is gone. */
struct baton_result *core_hand_over(struct core *core, struct core_call *call);

/* ---- the session ------------------------------------------------------------------------------------------------- */

/* Takes the oldest event. Its strings are valid until the next call of this function. */
bool core_next_notice(struct core *core, struct baton_notice *ret);

/* "ID.SECRET" once the session is open, else NULL. */
const char *core_session(const struct core *core);

/* See baton_guaranteed_until(). */
int64_t core_guaranteed_until(const struct core *core);

#endif
