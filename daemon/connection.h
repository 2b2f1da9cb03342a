/* SPDX-License-Identifier: MIT
 *
 * connection.h - one socket: its reader, its way out, and the lane that it is the route of.
 *
 * Invariants
 *  1. At most one coroutine is the reader. It exists only while there is something to read: an idle connection has no
 *     coroutine, no stack and no input buffer.
 *  2. The reader runs calls inline. When one parks in an object's queue the role passes to a fresh coroutine, so calls
 * start in the order sent and CANCEL is heeded while others wait.
 *  3. The reader alone ends the connection, having found the end of input (also one that a failed write, a stall or the
 *     daemon's stop brought about by shutting the socket down).
 *  4. The socket is closed by the last of its users: the poller, the reader while there is one, whoever flushes or
 * cuts. So nobody meets another socket of the same number. Lock order: session -> output. Input and `lane` belong to
 * the reader; the poller's side only looks at `lane`, whose reference lasts as long as the connection.
 */
#ifndef BATON_DAEMON_CONNECTION_H
#define BATON_DAEMON_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "daemon/output.h"
#include "daemon/socket.h"
#include "runtime/co.h"

struct call;
struct lane;

/* What the reader's word says. */
enum reader_state {
	READER_IDLE,    /* nothing to read, no coroutine */
	READER_RUNNING, /* a coroutine reads */
	READER_AGAIN,   /* it reads, and there was news meanwhile */
	READER_PAUSED,  /* too much output waits, or no memory for a coroutine: the flusher resumes it when it may go on
			 */
};

struct connection {
	atomic_uint references;
	atomic_uint reader; /* enum reader_state */
	atomic_bool closed; /* the poller said CLOSED: read to the end */
	atomic_bool ending; /* no call is read any more; closed once the output is out */
	bool hello;         /* the hello was taken */
	bool drained;       /* the last read took all there was */
	bool removed;       /* taken out of the poller; under output.lock */
	bool is_timed;      /* `stalled` is armed, or about to be, and has a reference; under output.lock */
	int passed;         /* a pidfd that came along, or -1 */
	uint64_t id;
	struct co_poll poll;
	atomic_uint socket_users;  /* of poll.fd; 0: it is closed */
	struct list link;          /* in the daemon's list, under its lock */
	struct lane *_Atomic lane; /* what it is attached to; a reference; NULL: nothing */
	struct peer peer;
	uint8_t *input; /* unread bytes are [begin, end) */
	size_t begin;
	size_t end;
	size_t capacity;
	struct output output;
	struct co_timer stalled; /* while the output is blocked */
};

/* Takes over the socket FD. 0, -ENOMEM or another errno: FD is closed then. */
int connection_new(int fd, const struct peer *peer);

struct connection *connection_ref(struct connection *connection);
void connection_unref(struct connection *connection);

/* Keeps the socket open until connection_release_socket(). False where it is closed already. */
bool connection_hold_socket(struct connection *connection);
void connection_release_socket(struct connection *connection);

/* Passes the reader's role to a fresh coroutine: the caller is about to park. False when there is no memory for one:
 * the caller stays the reader, and must not wait. */
bool connection_pass_reader(struct connection *connection);

/* Queues a frame for the peer and sees to it that it leaves at the end of the round. Takes over frame->value. A
 * connection that cannot take it is cut. */
void connection_send(struct connection *connection, struct output_frame *frame);

/* The two halves of connection_send, for those who append under a lock: output_append() to connection->output, then,
 * without the lock, this with what it returned. */
void connection_sent(struct connection *connection, int r);

/* Has the output written at the end of the round, and a paused reader resumed if it may be. */
void connection_flush_later(struct connection *connection);

/* Has it written now, as far as the peer takes it. From a coroutine. */
void connection_flush(struct connection *connection);

/* Says GOAWAY with REASON and TEXT. */
void connection_say_goodbye(struct connection *connection, int reason, const char *text);

/* Reads no more; closes the socket once the output has left, at the latest after LIMIT_OUTPUT_STALL_NS. From any
 * coroutine. */
void connection_finish(struct connection *connection);

/* Cuts it: output is dropped, the reader finds the end. From any coroutine or callback. */
void connection_cut(struct connection *connection, const char *why);

/* Calls VISIT for every connection, without the list's lock. */
void connection_each(void (*visit)(struct connection *connection, void *arg), void *arg);

/* How many have their socket open. */
uint64_t connection_count(void);

#endif
