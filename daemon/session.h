/* SPDX-License-Identifier: MIT
 *
 * session.h - what a client holds and waits for belongs to its session; lanes are the threads of calls in it.
 *
 * Invariants
 *  1. A session ends once. Ending first closes it to grants (owner_end, under the lock that every grant takes), then
 *     takes back what it has, in the order of session_end's comment.
 *  2. A session's parent outlives it; what is heard from a child counts for its parents.
 *  3. Every lane holds a reference to its session; the table holds one while the session lives.
 * Lock order: objects -> owner -> sessions.lock (the table, the tree, the lists of lanes) -> lane -> output.
 */
#ifndef BATON_DAEMON_SESSION_H
#define BATON_DAEMON_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "daemon/objects/object.h"
#include "daemon/socket.h"
#include "runtime/co.h"

#define SESSION_SECRET_BYTES 16

struct connection;

/* What keeps a session alive. */
enum session_life {
	SESSION_OF_LANES,   /* its connections: ends with the last lane (ttl 0) */
	SESSION_OF_TTL,     /* signs of life, at least one per ttl */
	SESSION_OF_PROCESS, /* a process: ends with it */
};

struct session {
	struct owner owner; /* what objects see */
	atomic_uint references;
	uint64_t id;
	uint8_t secret[SESSION_SECRET_BYTES];
	enum session_life life;
	int64_t ttl_ns;
	int64_t grace_ns;
	int64_t opened_ns;        /* CLOCK_BOOTTIME */
	_Atomic int64_t heard_ns; /* CLOCK_BOOTTIME of the last sign of life */
	atomic_uint blocked;      /* calls that wait in queues */
	struct co_timer expiry;   /* SESSION_OF_TTL; or another try to end with the process */
	struct co_poll process;   /* SESSION_OF_PROCESS: the pidfd */
	UT_hash_handle by_id;     /* from here on under sessions.lock */
	uint64_t number;          /* rises with each session opened */
	bool ended;
	bool forgotten;         /* out of the table */
	struct session *parent; /* a reference */
	struct list children;
	struct list sibling;
	struct list lanes;
	uint32_t last_lane;
	uint32_t lane_count;
	struct peer peer;
	char *label;
};

/* What a session is opened with. */
struct session_options {
	enum session_life life;
	int64_t ttl_ns;
	int64_t grace_ns;
	int pidfd; /* SESSION_OF_PROCESS: taken over on success */
	const char *label;
	struct peer peer;
	struct session *parent; /* NULL: none */
};

enum session_error {
	SESSION_OK = 0,
	SESSION_ENOMEM = -1,
	SESSION_EFULL = -2,    /* at the limit */
	SESSION_EPARENT = -3,  /* the parent has ended */
	SESSION_EPROCESS = -4, /* the pidfd is none */
};

/* Opens a session. The reference in *RET is the caller's. 0 or enum session_error. */
int session_open(const struct session_options *options, struct session **ret);

/* The live session of ID, whose secret these LENGTH bytes are, with a reference for the caller; NULL if there is none.
 */
struct session *session_authenticate(uint64_t id, const uint8_t *secret, size_t length);

/* The same without asking for the secret: for operators. */
struct session *session_find(uint64_t id);

struct session *session_ref(struct session *session);
void session_unref(struct session *session); /* NULL is allowed */

/* Something was read on a connection of it: it and its parents live on. */
void session_heard(struct session *session);

/*
 * Ends SESSION, in this order: it is closed to grants; its children end; its blocked calls leave their queues; its
 * locks are released (the next holder is told `abandoned`); its messages go back; its connections and its children's
 * are told REASON (a baton.v1.Reason) and closed, but for KEEP. A second call does nothing. From a coroutine: it yields
 * between steps.
 */
void session_end(struct session *session, int reason, struct connection *keep);

/* Ends all its blocked calls with ERROR. From a coroutine: it yields between steps. */
void session_stop_calls(struct session *session, int error);

/* Whether it has ended, or is about it. */
bool session_has_ended(struct session *session);

/* Gives every session its full ttl from now on: the daemon itself was late. */
void session_renew_all(void);

/* The smallest ttl of all sessions that have one; CO_NEVER if none has. */
int64_t session_smallest_ttl(void);

/* The sessions with ids above AFTER, by id, up to LIMIT, each with a reference, into RET. Returns how many. */
size_t session_list(uint64_t after, size_t limit, struct session **ret, bool *ret_more);
uint64_t session_count(void);
uint64_t session_blocked_count(void);

/* Calls VISIT for every live session, oldest first, with a reference held and no lock. */
void session_each(void (*visit)(struct session *session, void *arg), void *arg);

/* The session that OWNER is part of. */
static inline struct session *session_of(struct owner *owner)
{
	return container_of(owner, struct session, owner);
}

/* The table's lock, for lane.c and session_end.c. */
extern struct co_spin session_lock;

#endif
