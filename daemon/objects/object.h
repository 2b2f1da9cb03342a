/* SPDX-License-Identifier: MIT
 *
 * object.h - what all named primitives have in common, and what they see of sessions and calls.
 *
 * Objects are pure state machines on the runtime's wait queues: they know no socket, no clock, no log and no message
 * format; times come in as arguments. An object is changed under its own spin lock only, in transitions (transition.h).
 *
 * Lock order: objects (by id, rising) -> context -> owner -> connection output -> run queue.
 */
#ifndef BATON_OBJECTS_OBJECT_H
#define BATON_OBJECTS_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "runtime/co.h"

/* What an operation on an object answers; 0 is success. */
enum object_error {
	OBJECT_OK = 0,
	OBJECT_ECANCELED = -1,    /* by CANCEL or a context: the call had no effect */
	OBJECT_EDEADLINE = -2,    /* its time ran out: the call had no effect */
	OBJECT_EWOULDBLOCK = -3,  /* it was asked not to wait */
	OBJECT_ECLOSED = -4,      /* channel closed and drained */
	OBJECT_ESENDCLOSED = -5,  /* "send on closed channel" */
	OBJECT_ECLOSECLOSED = -6, /* "close of closed channel" */
	OBJECT_EUNLOCKED = -7,    /* "unlock of unlocked mutex" */
	OBJECT_ESTALE = -8,       /* the token holds nothing any more; nothing changed */
	OBJECT_EDELETED = -9,     /* deleted under the waiter, or before */
	OBJECT_EENDED = -10,      /* the caller's session has ended */
	OBJECT_ESHUTDOWN = -11,   /* the daemon is stopping */
	OBJECT_ENOMEM = -12,
	OBJECT_ENEGATIVE = -13,    /* "negative WaitGroup counter" */
	OBJECT_ERECEIVEONLY = -30, /* "send to receive-only channel" */
	OBJECT_ESENDONLY = -31,    /* "receive from send-only channel" */
};

enum object_kind {
	OBJECT_CHANNEL,
	OBJECT_MUTEX,
	OBJECT_WAITGROUP,
	OBJECT_ONCE,
	OBJECT_CONTEXT,
	OBJECT_RWMUTEX,
	OBJECT_COND,
	OBJECT_SEMAPHORE,
	OBJECT_MAP,
	OBJECT_ATOMIC,
	OBJECT_KIND_COUNT, /* behind all */
};

struct object;

/* In which order the end of a session gives back what it has. */
enum release_step {
	RELEASE_CONTEXTS, /* contexts that it made: cancelled */
	RELEASE_LOCKS,    /* locks and permits */
	RELEASE_SHARES,   /* what it owes to wait groups */
	RELEASE_ONCES,    /* onces that it runs */
	RELEASE_MESSAGES, /* deliveries that nobody acknowledged */
	RELEASE_HANDLES,  /* send handles */
	RELEASE_CHANNELS, /* channels bound to it: deleted */
	RELEASE_STEP_COUNT
};

/* A line of object_type.describe. */
struct object_description {
	char state[64];
	uint32_t holders;
	uint32_t waiters;
	uint64_t length;
	uint64_t capacity;
	uint64_t deliveries;
	uint64_t token;
	bool closed;
	bool abandoned;
};

/* Who holds, waits or has a delivery: object_type.visit_parties. OWNER is valid during the visit. */
struct object_party {
	const char *role; /* "holder", "waiter"; of a channel "sender", "receiver", "delivery"; of an RWMutex "writer",
			   * "reader", "waiting writer", "waiting reader" */
	struct owner *owner;
	uint32_t task;
	uint64_t token;
	int64_t since_ns; /* co_now() at the beginning */
	uint32_t attempt;
	uint64_t count; /* of shares or permits */
};

/* One row per kind. */
struct object_type {
	enum object_kind kind;
	const char *name; /* "chan", "mutex": what people call it */

	/* Under the object's lock: nothing in it that would be missed, nobody holds it. NULL for kinds that must be
	 * made: they never are. */
	bool (*is_idle)(const struct object *object, int64_t now_ns);

	/* Takes the lock. A session's end: the hold of STEP and TOKEN goes back as the kind has it (a lock: abandoned).
	 * Nothing if the token holds nothing. NULL for kinds that nobody holds. */
	void (*release)(struct object *object, enum release_step step, uint64_t token, int64_t now_ns);

	/* Takes the lock. Lets in who waits for a token: the gate of token.h was opened, or its limit raised. NULL for
	 * kinds that take none. */
	void (*admit)(struct object *object, int64_t now_ns);

	/* Takes the lock. */
	void (*describe)(struct object *object, struct object_description *ret);

	/* Takes the lock. Calls VISIT for holders, then waiters in order, then deliveries; until it returns false.
	 * VISIT must not take an object's lock. */
	void (*visit_parties)(
		struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg);

	/* Takes the lock. The daemon stops: ends what the object is about of its own accord; NULL: nothing. */
	void (*stop)(struct object *object);

	/* The last reference is gone. */
	void (*free)(struct object *object);
};

struct object {
	struct co_spin lock;
	atomic_uint references;
	uint64_t id; /* rises with each object made: the lock order */
	const struct object_type *type;
	char *name;   /* owned; never changes */
	bool deleted; /* under lock: no name leads here any more; waiters were sent away */

	/* The registry's. */
	bool registered;
	UT_hash_handle by_name;
};

/* Fills in OBJECT (zeroed) with one reference, which is the caller's; NAME is copied. 0 or OBJECT_ENOMEM. */
int object_init(struct object *object, const struct object_type *type, const char *name);

struct object *object_ref(struct object *object);

/* As object_ref where memory is known to be valid but the last reference may be going: false then. */
bool object_try_ref(struct object *object);
void object_unref(struct object *object); /* may free it; not under its lock */

/* As object_unref, but leaves the freeing to the caller: true if that was the last reference. */
bool object_let_go(struct object *object);

/* Frees what object_init allocated; for object_type.free. */
void object_done(struct object *object);

/* Takes the name from an object that goes of its own accord: at the end of a session that it was bound to. The
 * registry's; NULL: there is none. */
extern void (*object_forget)(struct object *object);

/* ---- owners: what objects see of a session ---------------------------------------------------------------------- */

/* The side of a session that grants go to. A session embeds one. */
struct owner {
	struct co_spin lock;
	bool ended;                            /* under lock: refuses everything from now on */
	struct list holds[RELEASE_STEP_COUNT]; /* of struct hold, oldest first */
	uint32_t hold_count;
};

/* Something a session has of an object: a lock, a message not acknowledged. Lives in memory of the object's. */
struct hold {
	struct list link;      /* in owner->holds, under owner->lock */
	struct owner *owner;   /* NULL when nobody has it; under the object's lock */
	struct object *object; /* whose; not counted as a reference while the hold is linked */
	enum release_step step;
	uint64_t token;
	int64_t since_ns;
	uint32_t task;
};

void owner_init(struct owner *owner);

/* Links HOLD into OWNER. False, and nothing is changed, when the owner has ended. Under the object's lock. */
bool owner_take(struct owner *owner, struct hold *hold);

/* Takes it out again. Under the object's lock. */
void owner_drop(struct hold *hold);

/* Marks the owner ended: from the return on nothing is granted to it. */
void owner_end(struct owner *owner);

/* Whether it was marked. May be asked under an object's lock. */
bool owner_has_ended(struct owner *owner);

/* Releases up to 256 of an ended owner's holds through their types, step by step, oldest first. True if there are more.
 */
bool owner_release_some(struct owner *owner, int64_t now_ns);

/* ---- entries: what objects see of a call ------------------------------------------------------------------------- */

/* A call's seat in the queue of one object, and what the object hands over: in it and not on the waiter's stack, which
 * may be paged out. A call that waits at one object has the one in its entry; a select, or a lock of several names, has
 * one for each, all on the entry's one wait. */
struct seat {
	struct co_waiter waiter;
	struct entry *entry;
	void *slot;
	uint64_t token;
	uint64_t ticket; /* its place in the order of arrival, at kinds that have several queues */
	uint32_t detail;
	bool waits_for_all;      /* at several objects: it is woken to look whether it can have all */
	bool hand_over;          /* what it waits for is handed to it: it is never woken to compete */
	struct owner *for_owner; /* whose hold it becomes, with for_task; NULL: the entry's owner and task */
	uint32_t for_task;
};

/* A call at the objects that it waits for. Lives in the call record, off the stack, until the call is finished. */
struct entry {
	struct co_wait wait;
	struct seat seat;
	struct owner *owner;        /* whose call it is */
	struct co_context *context; /* NULL: none */
	int64_t deadline_ns;        /* of co_now(); CO_NEVER: none */
	int64_t since_ns;           /* when it came */
	uint32_t task;
	atomic_int stop;   /* 0; 1 while it waits; or the object_error that ended the call, or will at its next wait */
	uint64_t sequence; /* of the transition that its answer depends on */
	void (*on_park)(struct entry *entry); /* called as co_wait.on_park is, each time it waits; or NULL */
	bool is_begun;                        /* entry.c's: the present wait was begun */
};

void entry_init(struct entry *entry, struct owner *owner, int64_t now_ns, int64_t deadline_ns);

/* Whether the call must not even begin: stopped, its context ended, its deadline passed when it came. 0 or the error.
 */
int entry_refusal(struct entry *entry);

/* Begins a wait: before the waiter is put into a queue. REASON as in co_wait_init. */
void entry_begin(struct entry *entry, const char *reason);

/* Parks until the wait is claimed or the entry is stopped; releases LOCK after the switch. Returns what the claimer
 * said, as an object_error: deadlines and cancels included. The caller then takes LOCK again and removes the waiter. */
int entry_park(struct entry *entry, struct co_spin *lock);

/* As entry_park, for a caller that holds several locks: COMMIT(ARG) releases them, on the thread's own stack. */
int entry_park_commit(struct entry *entry, void (*commit)(void *arg), void *arg);

/* Ends the wait it is in, or its next one, with ERROR: for CANCEL, session end, shutdown. The first stop decides, and
 * lasts: a stopped entry never waits again. Its memory must be known to be valid. */
void entry_stop(struct entry *entry, int error);

/* For those who hand something over to a claimed waiter and find that they cannot: its wait ends with ERROR instead.
 * Between co_wait_claim and co_wait_ready. */
void entry_fail(struct entry *entry, int error);

/* Makes SEAT, in the caller's memory, one of ENTRY's. */
void seat_init(struct seat *seat, struct entry *entry);

/* The seat that WAITER, taken from an object's queue, is part of. */
static inline struct seat *seat_of(struct co_waiter *waiter)
{
	return container_of(waiter, struct seat, waiter);
}

/* Ends up to 256 waits of QUEUE with ERROR, through the waiters that stand in it. Under the object's lock. True if
 * there are more. */
bool entry_fail_some(struct co_waitq *queue, int error);

/* For object_type.visit_parties: calls VISIT for WAITER, or for those who wait in QUEUE, as ROLE. Under the object's
 * lock. False: VISIT said so. */
bool entry_visit_waiter(const struct co_waiter *waiter, const char *role,
	bool (*visit)(const struct object_party *party, void *arg), void *arg);
bool entry_visit_waiters(const struct co_waitq *queue, const char *role,
	bool (*visit)(const struct object_party *party, void *arg), void *arg);

#endif
