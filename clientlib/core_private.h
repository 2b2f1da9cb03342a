/* SPDX-License-Identifier: MIT
 *
 * core_private.h - the core's structures, for its files: core.c (bytes and lifecycle), core_calls.c (calls on their
 * way), core_verdicts.c (their ends), core_session.c (opening, time, events, leaving).
 *
 * Invariants: a call is in the table from its submission to its verdict; it is unsent (and in that list) until its
 * frame moves from `out` to `sending`, which happens for all of `out` at once. A call is freed when it is neither in
 * the table nor kept for its owner.
 */
#ifndef BATON_CLIENTLIB_CORE_PRIVATE_H
#define BATON_CLIENTLIB_CORE_PRIVATE_H

#include "base/buffer.h"
#include "base/list.h"
#include "base/memory.h"
#include "baton/v1/connection.pb-c.h"
#include "baton/v1/status.pb-c.h"
#include "clientlib/core.h"
#include "clientlib/deadlines.h"
#include "clientlib/operations.h"
#include "clientlib/result.h"
#include "proto/frame.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) memory_alloc(bytes)
#define uthash_free(block, bytes) memory_free(block)
#include <uthash.h>

/* A reply with its body. */
struct reply {
	const struct frame_reply *header;
	const uint8_t *body;
	size_t length;
	struct core_time now;
};

struct core_call {
	UT_hash_handle hh;
	struct list link;    /* in core.unsent, core.in_sending, then core.finished */
	struct list unread;  /* in core.unread: carries a message that nobody has yet */
	struct deadline due; /* at the deadline; when sent, at the end of patience */
	const struct operation *operation;
	void (*on_reply)(struct core *core, struct core_call *call, const struct reply *reply);
	void *owner;
	struct result *result;
	struct case_list *cases; /* a select's; NULL: it is none */
	uint64_t id;
	uint64_t reply_number; /* while in core.unread */
	int64_t deadline;
	int64_t sent_at;     /* boottime */
	int64_t answered_at; /* monotonic */
	size_t frame_at;     /* in core.out, while unsent */
	size_t frame_length;
	uint8_t *copy;  /* of its frame, once sent, for the next connection; NULL: it ends with this one */
	uint64_t token; /* a request that gives back: of what */
	uint32_t task;
	uint32_t context; /* its number on the lane; 0: none */
	bool sent;
	bool in_table;
	bool finished;
	bool kept; /* for its owner, until it is handed over */
	bool cancelled;
	bool patient;  /* `due` is the end of the wait for a verdict */
	bool lasts;    /* is sent again over the next connection until it has its verdict */
	bool delivers; /* its reply may bring a message that is acknowledged with the reply */
	char name[];
};

struct core_context;

struct core {
	enum core_state state;
	int error;
	char *error_text; /* NULL: baton_strerror(error) */

	struct buffer in;
	size_t missing; /* of the frame whose beginning is in `in`; 0: not known */
	struct buffer out;
	struct buffer sending;
	bool is_writing; /* between core_output() and core_sent(): who knows how much has left */
	size_t max_request_bytes;

	struct core_call *table; /* by id */
	struct list unsent;      /* calls whose frames are in `out`, in order */
	struct list in_sending;  /* those whose frames were moved to `sending`, until it is empty */
	struct list finished;
	struct deadlines deadlines;
	uint64_t last_id;

	uint32_t lane;          /* 0: none yet, or it ended */
	uint64_t last_reply;    /* the highest number read on this lane */
	uint64_t acknowledged;  /* the highest told to the daemon */
	uint64_t never_from;    /* replies from this number on are never acknowledged; 0: no such */
	struct list unread;     /* by reply number */
	int64_t acknowledge_at; /* monotonic */

	enum baton_session_kind kind;
	struct session_identity identity; /* to attach to; id 0 before there is one */
	struct session_identity parent;
	char text[SESSION_TEXT_BYTES];
	char *label;
	char *host;
	uint32_t pid;
	int64_t ttl;
	int64_t grace;
	uint64_t incarnation;
	bool hello;    /* the daemon's was read on this connection */
	bool was_open; /* on an earlier connection or on this */
	bool lost;
	bool suspect;
	bool leaving;
	bool left;

	int64_t proof;    /* boottime: first sending of the latest answered request */
	int64_t heard;    /* boottime: the latest bytes */
	int64_t asked_at; /* boottime: the latest PING, or Attach */
	uint64_t ping;    /* its number */
	bool ping_is_out; /* and not answered */

	struct core_context *contexts; /* opened on the lane, by id or name */
	struct list notices;
	struct core_notice *shown;
};

/* ---- core.c ------------------------------------------------------------------------------------------------------ */

/* Appends a frame that is no request. False: no memory. */
bool core_put_frame(struct core *core, enum frame_request_kind kind, uint64_t call, const uint8_t *body, size_t length);

/* Whether the next connection takes the lane up again. */
bool core_resumes(const struct core *core);

/* Ends the core: the peer does not speak the protocol. */
void core_refuse(struct core *core, const char *why);

/* Ends the core; calls that were sent end with SENT_ERROR. */
void core_end_calls(struct core *core, int error, int sent_error, const char *why);

/* ---- core_calls.c ------------------------------------------------------------------------------------------------ */

/* A record with room in the heap of deadlines, in nothing yet. NULL: no memory. */
struct core_call *core_call_new(struct core *core, const struct operation *operation, const char *name);

/* Takes a call out of everything and frees it; the second only if neither table nor owner needs it. */
void core_call_free(struct core *core, struct core_call *call);
void core_call_release(struct core *core, struct core_call *call);

/* Puts a call into the table under a new id, and its frame, but for the header, at the end of `out`. False: no memory.
 */
bool core_enqueue(struct core *core, struct core_call *call, const ProtobufCMessage *message);

/* Takes an unsent call's frame out of `out` again, and the call out of the table. */
void core_withdraw(struct core *core, struct core_call *call);
void core_leave_table(struct core *core, struct core_call *call);

/* The call has its result: its owner is to be told. */
void core_finish(struct core *core, struct core_call *call);

/* A request of the core's own. NULL: no memory. */
struct core_call *core_request(struct core *core, const struct operation *operation, const ProtobufCMessage *message,
	void (*on_reply)(struct core *core, struct core_call *call, const struct reply *reply));

/* Writes the headers of what leaves now. */
void core_stamp_unsent(struct core *core, struct core_time now);

/* Appends the frames of all calls without a verdict that were sent over an earlier connection. False: no memory. */
bool core_send_again(struct core *core, int64_t now);

/* The calls whose time is over. */
void core_tick_calls(struct core *core, int64_t monotonic);

/* ---- core_context.c ---------------------------------------------------------------------------------------------- */

/* The number on the lane of the context that TEXT, an id or a name, means; asks for one if it has none. 0: no memory.
 */
uint32_t core_context_number(struct core *core, const char *text);
void core_forget_contexts(struct core *core);

/* ---- core_verdicts.c --------------------------------------------------------------------------------------------- */

/* Makes the call's result an error: WHY behind the name of the object. */
void core_fail_call(const struct core_call *call, int error, const char *why);

/* Hands a reply to the call it is for; an owner's call takes it so. */
void core_take_reply(struct core *core, const struct reply *reply);
void core_take_verdict(struct core *core, struct core_call *call, const struct reply *reply);

/* Ends the calls that were sent with ERROR (0: with BATON_EUNKNOWN), and those that were not with UNSENT_ERROR (0: they
 * stay). No verdict will come any more. */
void core_drop_calls(struct core *core, int error, int unsent_error, const char *why);

/* The reply number that may be acknowledged now; a frame that tells it is under way; the lane is gone. */
uint64_t core_last_acknowledged(const struct core *core);
void core_note_acknowledged(struct core *core);
void core_forget_unread(struct core *core);

/* Decodes the Error of a reply or GOAWAY into RESULT's memory: its enum baton_error, and its text. */
int core_read_error(struct result *result, uint16_t status, const uint8_t *body, size_t length, const char **ret_text);

/* ---- core_session.c ---------------------------------------------------------------------------------------------- */

/* Queues Open or Attach. False: no memory. */
bool core_ask_for_session(struct core *core);
void core_take_hello(struct core *core, const struct reply *reply);
void core_take_notice(struct core *core, const struct reply *reply);
void core_take_goaway(struct core *core, const struct reply *reply);
void core_take_pong(struct core *core, const struct reply *reply);
void core_tick_session(struct core *core, struct core_time now);
int64_t core_session_deadline(const struct core *core, struct core_time now);

/* A request first sent at SENT_AT was answered. */
void core_prove(struct core *core, int64_t sent_at);

/* Tells that the session is lost, once. */
void core_lose(struct core *core, const char *why);
void core_notices_free(struct core *core);

#endif
