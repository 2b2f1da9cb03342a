/* SPDX-License-Identifier: MIT
 *
 * baton.h - libbaton, the client of batond: Go's concurrency primitives between processes.
 *
 * A baton_client is a connection and a session: what it locks or receives belongs to the session and goes back when
 * that ends. There are two ways to use one, over the same calls:
 *   - blocking and thread-safe: many threads may call at once on one client, each waits for its own answer;
 *   - pollable (baton_options.pollable): one thread, an event loop of yours; start calls with baton_start(), wait for
 *     baton_fd(), call baton_process(); no call of the library blocks then, and it starts no thread.
 *
 * Errors are negative values of enum baton_error. Nothing of libbaton raises SIGPIPE. After fork() a client is unusable
 * in the child (BATON_EFORKED): open another there.
 *
 * Times are nanoseconds (int64_t). Names are 1 to 255 bytes of printable UTF-8 without white space or '=', not
 * beginning with '-'. Strings given to a call are copied; they may go when it has returned.
 */
#ifndef BATON_H
#define BATON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BATON_API __attribute__((visibility("default")))

/* ---- errors ----------------------------------------------------------------------------------------------------- */

enum baton_error {
	BATON_OK = 0,
	BATON_ECANCELED = -1,      /* the context was cancelled; the call had no effect */
	BATON_EDEADLINE = -2,      /* the deadline passed; the call had no effect */
	BATON_EWOULDBLOCK = -3,    /* a no-wait call that would have had to wait */
	BATON_ECLOSED = -4,        /* receive: closed and drained */
	BATON_ESENDCLOSED = -5,    /* "send on closed channel" */
	BATON_ECLOSECLOSED = -6,   /* "close of closed channel" */
	BATON_EUNLOCKED = -7,      /* "unlock of unlocked mutex" */
	BATON_ESTALE = -8,         /* the token holds nothing any more */
	BATON_ENOTMADE = -9,       /* no such channel: never made, or deleted */
	BATON_EEXISTS = -10,       /* made with other parameters */
	BATON_EDELETED = -11,      /* deleted while the call waited */
	BATON_EKIND = -12,         /* the name is in use as another kind */
	BATON_EINVAL = -13,        /* an argument breaks the rule that baton_error_text() names */
	BATON_EDENIED = -14,       /* permission denied */
	BATON_ELIMIT = -15,        /* a limit of the daemon, or it has no memory */
	BATON_ESESSION = -16,      /* the session ended: expired, closed or killed */
	BATON_EUNREACHABLE = -17,  /* no daemon at the address, or the connection broke before the call was sent */
	BATON_EUNKNOWN = -18,      /* "outcome unknown": sent, and no verdict came */
	BATON_ERESTARTED = -19,    /* the daemon was restarted: the session is gone, the outcome unknown */
	BATON_EUNAVAILABLE = -20,  /* the daemon is stopping, or waits out a restart */
	BATON_EPROTOCOL = -21,     /* the peer does not speak the protocol */
	BATON_ENOMEM = -22,        /* no memory here */
	BATON_EFORKED = -23,       /* the client belongs to the parent process */
	BATON_ECLIENTCLOSED = -24, /* baton_close() was called */
	BATON_ESYSTEM = -25,       /* a system call failed: the text says which and why */
	BATON_EINTERNAL = -26,     /* the daemon says INTERNAL: a bug of ours */
	BATON_EDEADLOCK = -27,     /* the wait would have closed a cycle of holds: the text spells it */
	BATON_ENEGATIVE = -28,     /* "negative WaitGroup counter" */
	BATON_EDIRECTION = -40,    /* "send to receive-only channel", or the other way round */
};

/* The text of an error code. Static, never NULL. */
BATON_API const char *baton_strerror(int error);

/* The one-line text of the last call of the library that returned an error to this thread, naming object and rule; ""
 * if none did. Valid until the thread's next call of the library. */
BATON_API const char *baton_last_error(void);

/* "0.1.0" */
BATON_API const char *baton_version(void);

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

/* As Go's: a tree; cancelling one ends every call bound to it or to one below it, on the daemon too. NULL is the
 * background context wherever one is taken. Thread-safe, reference-counted. */
typedef struct baton_context baton_context;

/* Derives a context from PARENT (NULL: background). The reference in *RET is the caller's: baton_context_unref().
 * Errors: BATON_ENOMEM. A child of an ended parent is born ended; a deadline is never later than the parent's. */
BATON_API int baton_with_cancel(baton_context *parent, baton_context **ret);
BATON_API int baton_with_timeout(baton_context *parent, int64_t timeout_ns, baton_context **ret);
BATON_API int baton_with_deadline(baton_context *parent, int64_t monotonic_ns, baton_context **ret);

/* Ends it and everything below with BATON_ECANCELED. CAUSE (NULL: "context canceled") is copied. From any thread. Calls
 * that wait under it return once the daemon has given its verdict: see baton.h's word on BATON_EUNKNOWN. */
BATON_API void baton_cancel(baton_context *context, const char *cause);

/* 0, BATON_ECANCELED or BATON_EDEADLINE. */
BATON_API int baton_context_error(baton_context *context);

/* Why it ended, or NULL while it lives. Valid as long as the context. */
BATON_API const char *baton_context_cause(baton_context *context);

BATON_API baton_context *baton_context_ref(baton_context *context);
BATON_API baton_context *baton_context_unref(baton_context *context); /* returns NULL */

/* ---- client ------------------------------------------------------------------------------------------------------ */

typedef struct baton_client baton_client;

#define BATON_TTL_DEFAULT INT64_C(-1) /* 0 on a Unix socket, 10 s over TCP */

/* What the client's session is. */
enum baton_session_kind {
	BATON_SESSION_OWN = 0,    /* a new one, a child of `session` where that is given */
	BATON_SESSION_ATTACH,     /* join the session named by `session`; closing leaves it open */
	BATON_SESSION_OF_PROCESS, /* a new one that lives as long as the process of `pidfd`; closing leaves it open */
	BATON_SESSION_DETACHED,   /* a new one with ttl > 0; closing leaves it open until the ttl runs out */
	BATON_SESSION_NONE,       /* none: only ping, status, list, inspect, and the session calls */
};

/* What a session may be told unasked. */
enum baton_event {
	BATON_EVENT_SUSPECT = 1, /* nothing was heard for so long that holds are safe only until guaranteed_until */
	BATON_EVENT_SAFE,        /* heard again in time */
	BATON_EVENT_LOST,        /* the session is over, or cannot be known to live: its holds are lost */
	BATON_EVENT_HOLD_MOVED,  /* a cond's wait gave a hold back and got it again: name, token, new_token */
	BATON_EVENT_HOLD_LOST,   /* one hold was ended by another's unlock or by an operator: name, token */
};

struct baton_notice {
	enum baton_event event;
	const char *kind; /* HOLD_LOST, HOLD_MOVED: "mutex", "chan"; else "" */
	const char *name; /* likewise */
	uint64_t token;
	const char *text;
	uint64_t new_token; /* HOLD_MOVED */
};

struct baton_options {
	size_t size;   /* sizeof(struct baton_options); zero the rest for defaults */
	bool pollable; /* one thread and your event loop; else blocking and thread-safe */
	enum baton_session_kind session_kind;
	const char *session; /* "ID.SECRET" of the session to join or to be a child of; NULL: none */
	int pidfd;           /* BATON_SESSION_OF_PROCESS; stays the caller's */
	int64_t ttl_ns;      /* BATON_TTL_DEFAULT, or 0 and more. Zeroed options mean 0: over TCP then an error */
	int64_t grace_ns;    /* how long what the session guards may run on after it is lost */
	int64_t connect_timeout_ns; /* 0: 10 s */
	const char *label;          /* for people: who this is; NULL: the program's name */
	/* Called when the session's state changes or a hold is lost; from whatever thread is in the library, without
	 * its locks; it must not call the library on this client. NULL: not told. */
	void (*on_notice)(const struct baton_notice *notice, void *arg);
	void *arg;
};

/* Connects to ADDRESS ("unix:PATH", "tcp:HOST:PORT", "user" for $XDG_RUNTIME_DIR/baton.sock; NULL: $BATON_SERVER, else
 * unix:/run/baton/baton.sock) and opens the session. OPTIONS may be NULL: blocking, own session, default ttl. Blocks
 * until the session is open, unless pollable: then it returns once the connection is under way (a HOST that is a name
 * is looked up first), and what fails later comes out of baton_process(); calls may be started at once and leave
 * together with the opening. The client in *RET is the caller's: baton_close(). Errors: BATON_EINVAL,
 * BATON_EUNREACHABLE, BATON_EDENIED, BATON_ESESSION, BATON_EUNAVAILABLE, BATON_EPROTOCOL, BATON_ENOMEM, BATON_ESYSTEM,
 * BATON_EDEADLINE. */
BATON_API int baton_open(const char *address, const struct baton_options *options, baton_client **ret);

/* Sends outstanding acknowledgements, ends the session (or leaves it: see baton_session_kind), closes the connection
 * and frees the client. Calls of other threads return BATON_ECLIENTCLOSED first. Waits for the session's end, so that
 * what it held is free, at most a second; a pollable client tells the daemon and does not wait, and DONEs that were not
 * called are not called any more. NULL is allowed. In a forked child it frees memory and no more. */
BATON_API void baton_close(baton_client *client);

/* Closes the connection at once and without a word, as the process's death would. */
BATON_API void baton_abandon(baton_client *client);

/* "ID.SECRET" once the session is open, else NULL. Valid as long as the client. */
BATON_API const char *baton_session(const baton_client *client);

/* Until when, in ns of CLOCK_BOOTTIME, the daemon ends neither the session nor a hold of it by itself. INT64_MAX for a
 * session with ttl 0 whose connection stands; INT64_MIN when it is lost. */
BATON_API int64_t baton_guaranteed_until(const baton_client *client);

/* ---- calls, the one way under all others ---------------------------------------------------------------------------
 */

enum baton_operation {
	BATON_MUTEX_LOCK,    /* name [no_wait] [fifo] [lock_delay_ns] -> token, abandoned */
	BATON_MUTEX_UNLOCK,  /* name token */
	BATON_MUTEX_CHECK,   /* name token (0: of a session that this one is below) -> holds, token */
	BATON_CHAN_MAKE,     /* name ("": generate), number: capacity [type] [bound] [auto_close] -> name, created */
	BATON_CHAN_SEND,     /* name value [no_wait] [handle] [type] */
	BATON_CHAN_RECEIVE,  /* name [no_wait] [manual_ack] [handle] [type] -> value, token, attempt */
	BATON_CHAN_ACK,      /* name token */
	BATON_CHAN_NACK,     /* name token, duration_ns: comes back so much later */
	BATON_CHAN_CLOSE,    /* name [handle] */
	BATON_CHAN_LENGTH,   /* name                          -> number */
	BATON_CHAN_CAPACITY, /* name                          -> number */
	BATON_CHAN_DELETE,   /* name */
	BATON_PING,          /* value                         -> value */
	BATON_STATUS,        /*                               -> status */
	BATON_LIST,          /* kind, name: pattern, after_kind, after_name, number: limit -> objects, more */
	BATON_INSPECT,       /* kind name                     -> objects (one), parties, more */
	BATON_SESSION_LIST,  /* number: ids above             -> sessions, more */
	BATON_SESSION_CLOSE, /* session: "ID.SECRET"; NULL: the client's own */
	BATON_SESSION_KILL,  /* number: the id */
	BATON_WG_ADD,        /* name, number: as an int64_t [bound] */
	BATON_WG_DONE,       /* name */
	BATON_WG_WAIT,       /* name [no_wait]                -> number: shares lost */
	BATON_WG_ADOPT,      /* name number */
	BATON_SELECT,        /* cases, case_count [no_wait]   -> index, closed, and what the case brings */
	BATON_ONCE_BEGIN,    /* name [no_wait]                -> run, token, abandoned; or value */
	BATON_ONCE_COMPLETE, /* name token value, duration_ns: keep (0: for ever) */
	BATON_ONCE_FAIL,     /* name token */
	BATON_ONCE_GET,      /* name                          -> done, value */
	BATON_ONCE_RESET,    /* name                          -> done: it was */

	BATON_MUTEX_LOCK_ALL,    /* name: several, separated by spaces; as BATON_MUTEX_LOCK */
	BATON_MUTEX_UNLOCK_ALL,  /* name: likewise, token */
	BATON_MUTEX_HAND_OVER,   /* name token */
	BATON_RWMUTEX_LOCK,      /* name [no_wait] [fifo] [lock_delay_ns] -> token, abandoned */
	BATON_RWMUTEX_RLOCK,     /* the same */
	BATON_RWMUTEX_UNLOCK,    /* name token */
	BATON_RWMUTEX_CHECK,     /* name token                -> holds, writes */
	BATON_RWMUTEX_DOWNGRADE, /* name token */
	BATON_RWMUTEX_HAND_OVER, /* name token */
	BATON_SEM_MAKE,          /* name, number: size -> created */
	BATON_SEM_ACQUIRE,       /* name, number: permits (0: 1) [no_wait] -> token */
	BATON_SEM_RELEASE,       /* name token */
	BATON_SEM_CHECK,         /* name token -> holds */
	BATON_SEM_DELETE,        /* name */
	BATON_CHAN_OPEN,         /* name, sends [type]            -> token: the handle */
	BATON_CHAN_RELEASE,      /* name token */

	/* name ("": its id), parent [limited, duration_ns] [detached] [context_values] -> contexts (one): id, name */
	BATON_CONTEXT_MAKE,
	BATON_CONTEXT_CANCEL,   /* name [cause] */
	BATON_CONTEXT_DONE,     /* name                       -> contexts (one): error, cause */
	BATON_CONTEXT_STATE,    /* name                       -> contexts (one) */
	BATON_CONTEXT_VALUE,    /* name key                   -> found, value */
	BATON_CONTEXT_CHILDREN, /* name, number: behind it    -> contexts, more */
	BATON_CONTEXT_DELETE,   /* name */

	BATON_COND_WAIT,          /* name mutex token, duration_ns: wait-timeout (0: none)
				   *   -> holds, token, abandoned, timed_out; or not holds, and reason */
	BATON_COND_SIGNAL,        /* name                         -> number: woken */
	BATON_COND_BROADCAST,     /* name                         -> number: woken */
	BATON_CHAN_SEND_BATCH,    /* name, values, value_count [no_wait] [handle] [type] -> number: sent */
	BATON_CHAN_RECEIVE_BATCH, /* name, number: at most [no_wait] [manual_ack] [handle] [type] -> messages */

	/* Maps: name, key_bytes, key_length. */
	BATON_MAP_STORE,              /* value */
	BATON_MAP_LOAD,               /*                      -> found, value */
	BATON_MAP_LOAD_OR_STORE,      /* value                -> found: it was there; value: what is there now */
	BATON_MAP_LOAD_AND_DELETE,    /*                      -> found, value */
	BATON_MAP_DELETE,             /*                      -> found */
	BATON_MAP_SWAP,               /* value                -> found, value: what was there */
	BATON_MAP_COMPARE_AND_SWAP,   /* expected, value      -> done */
	BATON_MAP_COMPARE_AND_DELETE, /* expected             -> done */
	BATON_MAP_RANGE,  /* number, until and the last key of the page before -> pairs, number, until, more */
	BATON_MAP_CLEAR,  /* no key */
	BATON_MAP_LENGTH, /* no key               -> number */

	/* Atomics: name [atomic_kind] -> number, as the kind has it, atomic_kind. */
	BATON_ATOMIC_LOAD,
	BATON_ATOMIC_STORE,            /* number */
	BATON_ATOMIC_ADD,              /* number -> the new one */
	BATON_ATOMIC_SWAP,             /* number -> the old one */
	BATON_ATOMIC_COMPARE_AND_SWAP, /* expected_number, number -> done */
	BATON_ATOMIC_AND,              /* number -> the old one */
	BATON_ATOMIC_OR,               /* number -> the old one */

	BATON_OPERATION_COUNT
};

/* What an atomic is. Values travel in 64 bits, those of a signed kind in two's complement, extended by the sign. */
enum baton_atomic_kind {
	BATON_ATOMIC_ANY = 0, /* the kind that the name has, else int64 */
	BATON_INT32,
	BATON_UINT32,
	BATON_INT64,
	BATON_UINT64,
};

/* What a map has under a key. */
struct baton_pair {
	const void *key;
	size_t key_length;
	const void *value;
	size_t value_length;
};

/* A value that a context carries. */
struct baton_context_value {
	const char *key; /* a name */
	const void *value;
	size_t length;
};

/* What a case of a select waits for. */
enum baton_case_kind {
	BATON_CASE_OFF = 0, /* nothing: never ready */
	BATON_CASE_SEND,    /* name value                    */
	BATON_CASE_RECEIVE, /* name [manual_ack]             -> closed, or value, token, attempt */
	BATON_CASE_LOCK,    /* name of a mutex               -> token, abandoned */
	BATON_CASE_WG,      /* name of a wait group: at zero -> number: shares lost */
	BATON_CASE_ONCE,    /* name of a once: done          -> value */
	BATON_CASE_RLOCK,   /* name of an RWMutex            -> token, abandoned */
	BATON_CASE_WLOCK,   /* likewise */
	BATON_CASE_DONE,    /* name or id of a context: over -> value: the cause */
	BATON_CASE_ACQUIRE, /* name of a semaphore, number: permits (0: 1) -> token */
	BATON_CASE_TIMER,   /* after_ns from the start of the call; 0: ready when nothing else is */
	BATON_CASE_KIND_COUNT
};

/* A case of a select. Zero what its kind does not name. */
struct baton_case {
	enum baton_case_kind kind;
	const char *name; /* NULL: the case is off, as one with a nil channel of Go's */
	const void *value;
	size_t value_length;
	uint64_t number;
	int64_t after_ns;
	bool manual_ack;
	uint64_t handle;      /* of the channel's end; 0: none */
	const char *type;     /* of the message; NULL: the channel's */
	uint64_t reserved[4]; /* 0 */
};

/* One of several values. */
struct baton_value {
	const void *bytes;
	size_t length;
};

/* One of several messages that were received. */
struct baton_message {
	const void *value;
	size_t length;
	uint64_t token; /* with manual_ack: for baton_chan_ack() and _nack() */
	uint32_t attempt;
};

/* What a call asks. Zero what its operation does not name. */
struct baton_call {
	size_t size; /* sizeof(struct baton_call) */
	enum baton_operation operation;
	const char *name;
	const char *kind;
	const char *after_kind;
	const char *after_name;
	const char *session;
	const void *value;
	size_t value_length;
	uint64_t token;
	uint64_t number;
	bool no_wait;
	bool manual_ack;
	uint32_t task; /* which thread or coroutine calls; 0: the library numbers threads in blocking calls */
	bool bound;    /* wait groups: as shares of the session; channels: deleted with it */
	const struct baton_case *cases;
	size_t case_count;
	int64_t duration_ns;
	bool fifo; /* locks: in strict order; for the call that makes it, and then for as long as it lives */
	int64_t lock_delay_ns; /* likewise: nobody is let in for so long after a holder's session ended */
	uint64_t handle;
	const char *type;
	bool auto_close;
	bool sends;
	/* The id or the name of a context of the daemon: its end ends a call that waits. NULL: none. A name is looked
	 * up when the client first uses it. */
	const char *context;
	const char *parent;
	bool limited;
	bool detached;
	const char *key;
	const char *cause;
	const struct baton_context_value *context_values;
	size_t context_value_count;
	const char *mutex; /* of a cond's wait */
	const struct baton_value *values;
	size_t value_count;
	const void *key_bytes;
	size_t key_length;
	const void *expected;
	size_t expected_length;
	uint64_t until;
	enum baton_atomic_kind atomic_kind;
	uint64_t expected_number;
};

struct baton_object_info {
	const char *kind;
	const char *name;
	const char *state;
	uint32_t holders;
	uint32_t waiters;
	uint64_t length;
	uint64_t capacity;
	bool closed;
	uint64_t deliveries;
};

struct baton_party_info {
	const char *role;
	uint64_t session;
	const char *label;
	const char *host;
	uint32_t pid;
	uint32_t uid;
	uint32_t task;
	uint64_t token;
	int64_t since_ns; /* ago */
	uint32_t attempt;
	uint64_t count; /* of shares or permits */
};

struct baton_session_info {
	uint64_t session;
	uint64_t parent;
	const char *label;
	const char *host;
	uint32_t pid;
	uint32_t uid;
	int64_t ttl_ns;
	int64_t age_ns;
	int64_t heard_ns; /* ago */
	uint32_t lanes;
	uint32_t connections;
	uint32_t blocked;
	uint32_t holds;
};

struct baton_context_info {
	const char *id;
	const char *name;   /* the id where it has no name */
	const char *parent; /* an id; "" below the root, and in lists */
	uint64_t number;    /* in lists: rises among the children of one context */
	int error;          /* 0, BATON_ECANCELED, BATON_EDEADLINE */
	const char *cause;  /* why it ended, or "" */
	bool limited;       /* it has a deadline */
	int64_t remaining_ns;
	bool bound; /* it ends with a session */
	uint64_t children;
};

struct baton_status {
	const char *version;
	uint64_t incarnation;
	uint32_t pid;
	int64_t uptime_ns;
	uint64_t connections;
	uint64_t sessions;
	uint64_t objects;
	uint64_t blocked;
	uint64_t holds;
	uint64_t deliveries;
	uint64_t calls;
	uint64_t transitions;
	uint64_t coroutines;
	const char *guard;
	int64_t grace_ns;
	uint64_t token;
	bool stopping;
};

/* What became of a call. All it points at is the result's own. */
struct baton_result {
	int error;        /* 0 or enum baton_error */
	const char *text; /* one line that names the object and the rule; "" when error is 0 */
	const char *name;
	const void *value;
	size_t value_length;
	uint64_t token;
	uint64_t number;
	uint32_t attempt;
	bool created;
	bool abandoned;
	bool holds;
	bool run;
	bool done;
	bool writes;
	bool timed_out;
	int reason; /* of a cond's wait: the enum baton_error that ended it */
	bool more;
	const struct baton_object_info *objects;
	size_t object_count;
	const struct baton_party_info *parties;
	size_t party_count;
	const struct baton_session_info *sessions;
	size_t session_count;
	const struct baton_status *status;
	size_t index; /* of a case */
	bool found;
	const char *cause; /* of a call that its context ended: why that did; else "" */
	const struct baton_pair *pairs;
	size_t pair_count;
	uint64_t until;
	enum baton_atomic_kind atomic_kind;
	const struct baton_context_info *contexts;
	size_t context_count;
	bool closed; /* a receive case: closed and drained */
	const struct baton_message *messages;
	size_t message_count;
};

/* Makes CALL and waits for its end under CONTEXT (NULL: without limit). The result in *RET (may be NULL) is the
 * caller's: baton_result_free(); it is set whenever the return value is not BATON_EINVAL or BATON_ENOMEM from here.
 * Blocks until the daemon's verdict; when CONTEXT ends the call is cancelled there, and its verdict is waited for up to
 * 2 s more: then BATON_EUNKNOWN, and should it turn out later that the call took effect, a lock is given back and a
 * message returned. Returns the result's error. Not for pollable clients. */
BATON_API int baton_invoke(
	baton_client *client, baton_context *context, const struct baton_call *call, struct baton_result **ret);
BATON_API void baton_result_free(struct baton_result *result);

/* A plain receive is acknowledged when its message is handed over: by the return of baton_invoke, or of DONE below. */

/* ---- pollable clients -----------------------------------------------------------------------------------------------
 */

/* Starts CALL; DONE(RESULT, ARG) is called from baton_process() (never from here) when it has ended, and RESULT is
 * valid during DONE. DONE may start and cancel calls, not close the client. TIMEOUT_NS below 0: no limit. *RET_ID (may
 * be NULL) names the call for baton_stop(). Errors: BATON_EINVAL, BATON_ENOMEM, or the error that ended the client. */
BATON_API int baton_start(baton_client *client, const struct baton_call *call, int64_t timeout_ns,
	void (*done)(const struct baton_result *result, void *arg), void *arg, uint64_t *ret_id);

/* Asks the daemon to end the call; DONE still comes, with the verdict. Nothing if it has ended. */
BATON_API void baton_stop(baton_client *client, uint64_t id);

/* What to wait for: the descriptor (-1: none, between two connections of a session with a ttl), the poll(2) events
 * wanted on it, and the time (CLOCK_MONOTONIC ns, INT64_MAX: none) at which baton_process() wants to be called even if
 * there are none. They change with every call of the library. */
BATON_API int baton_fd(const baton_client *client);
BATON_API short baton_events(const baton_client *client);
BATON_API int64_t baton_timeout(const baton_client *client);

/* Reads, writes and calls DONEs without blocking. 0; or the error that ended the client, after every DONE was called:
 * then only baton_close() is left. */
BATON_API int baton_process(baton_client *client);

/* True once the session is open. */
BATON_API bool baton_is_open(const baton_client *client);

/* ---- the primitives, blocking ---------------------------------------------------------------------------------------
 */

/* Locks the mutex NAME. *RET_TOKEN is its fencing token, which rises with every grant, over all names and restarts;
 * unlock with it. *RET_ABANDONED (may be NULL): the last holder died holding it. Not reentrant. Errors:
 * BATON_ECANCELED, BATON_EDEADLINE, and those of the client (BATON_ESESSION and below). */
BATON_API int baton_mutex_lock(
	baton_client *client, baton_context *context, const char *name, uint64_t *ret_token, bool *ret_abandoned);
BATON_API int baton_mutex_try_lock(baton_client *client, const char *name, uint64_t *ret_token, bool *ret_abandoned);

/* Unlocks it, under any context. BATON_EUNLOCKED, BATON_ESTALE: nothing changed. */
BATON_API int baton_mutex_unlock(baton_client *client, const char *name, uint64_t token);

/* Locks several mutexes, up to 16, in one step under one token: NAMES has their names, separated by single spaces. None
 * is held before all can be. For its first second others may pass the call at those that are free, after that nobody
 * who came later does. *RET_ABANDONED (may be NULL): the last holder of one of them died holding it. Errors: as
 * baton_mutex_lock. Each is held for itself: it may be checked or unlocked alone. */
BATON_API int baton_mutex_lock_all(
	baton_client *client, baton_context *context, const char *names, uint64_t *ret_token, bool *ret_abandoned);
BATON_API int baton_mutex_try_lock_all(
	baton_client *client, const char *names, uint64_t *ret_token, bool *ret_abandoned);

/* Unlocks all of NAMES, under any context, or none: BATON_EUNLOCKED, BATON_ESTALE. */
BATON_API int baton_mutex_unlock_all(baton_client *client, const char *names, uint64_t token);

/* The hold of TOKEN is from now on nobody's in particular, and not that of the thread that took it: another one will
 * unlock it. BATON_EUNLOCKED, BATON_ESTALE. */
BATON_API int baton_mutex_hand_over(baton_client *client, const char *name, uint64_t token);

/* Whether TOKEN is the present holder's. */
BATON_API int baton_mutex_check(baton_client *client, const char *name, uint64_t token, bool *ret_holds);

/* Lock the RWMutex NAME, to write or to read. While a writer waits no new reader is let in; a writer's unlock lets in
 * every reader that waits. *RET_ABANDONED (may be NULL): the last writer died holding it. A resource that is guarded by
 * tokens keeps the highest writer's and refuses any below it; a reader's does not raise it. Errors: as
 * baton_mutex_lock, and BATON_EKIND: the name is in use as a mutex. */
BATON_API int baton_rwmutex_lock(
	baton_client *client, baton_context *context, const char *name, uint64_t *ret_token, bool *ret_abandoned);
BATON_API int baton_rwmutex_try_lock(baton_client *client, const char *name, uint64_t *ret_token, bool *ret_abandoned);
BATON_API int baton_rwmutex_rlock(
	baton_client *client, baton_context *context, const char *name, uint64_t *ret_token, bool *ret_abandoned);
BATON_API int baton_rwmutex_try_rlock(baton_client *client, const char *name, uint64_t *ret_token, bool *ret_abandoned);

/* Releases the reader's or the writer's hold of TOKEN, under any context. BATON_EUNLOCKED, BATON_ESTALE: nothing
 * changed. */
BATON_API int baton_rwmutex_unlock(baton_client *client, const char *name, uint64_t token);

/* Makes the writer of TOKEN a reader in one step: no other writer comes between, and the readers that wait are let in.
 * It keeps its token. BATON_EUNLOCKED, BATON_ESTALE: nothing changed. */
BATON_API int baton_rwmutex_downgrade(baton_client *client, const char *name, uint64_t token);

/* The hold of TOKEN is from now on nobody's in particular, and not that of the thread that took it: another one will
 * release it. BATON_EUNLOCKED, BATON_ESTALE. */
BATON_API int baton_rwmutex_hand_over(baton_client *client, const char *name, uint64_t token);

/* Whether TOKEN holds it; *RET_WRITES (may be NULL): as the writer. */
BATON_API int baton_rwmutex_check(
	baton_client *client, const char *name, uint64_t token, bool *ret_holds, bool *ret_writes);

/* Makes the semaphore NAME with SIZE permits, at least 1, or opens it if it is there with as many. Errors:
 * BATON_EEXISTS, BATON_EINVAL, BATON_ELIMIT. */
BATON_API int baton_sem_make(baton_client *client, const char *name, uint64_t size);

/* Acquires COUNT permits (0: 1), all at once; first in, first out: who waits for many is not passed by who wants few.
 * They belong to the session, and are released by their *RET_TOKEN, or when the session ends. Errors: BATON_ENOTMADE,
 * BATON_EINVAL (more than it has), BATON_EDELETED, the context's. */
BATON_API int baton_sem_acquire(
	baton_client *client, baton_context *context, const char *name, uint64_t count, uint64_t *ret_token);
BATON_API int baton_sem_try_acquire(
	baton_client *client, const char *name, uint64_t count, uint64_t *ret_token); /* BATON_EWOULDBLOCK */

/* Releases all permits of TOKEN, under any context. BATON_ESTALE: nothing changed. */
BATON_API int baton_sem_release(baton_client *client, const char *name, uint64_t token);

/* Whether TOKEN holds permits. */
BATON_API int baton_sem_check(baton_client *client, const char *name, uint64_t token, bool *ret_holds);

/* Deletes it: who waits gets BATON_EDELETED, who holds permits BATON_EVENT_HOLD_LOST. */
BATON_API int baton_sem_delete(baton_client *client, const char *name);

/* Makes the channel NAME with room for CAPACITY messages (0: unbuffered), or opens it if it is there with the same.
 * Errors: BATON_EEXISTS, BATON_ELIMIT. */
BATON_API int baton_chan_make(baton_client *client, const char *name, uint64_t capacity);

/* What a channel is made with. Zero what is not wanted. */
struct baton_chan_options {
	size_t size; /* sizeof(struct baton_chan_options) */
	uint64_t capacity;
	const char *type; /* of its messages: a label, by the rule for names. Another is refused: BATON_EINVAL */
	bool bound;       /* deleted with the session of CLIENT */
	bool auto_close;  /* closed when its last sender is released, or dies */
};

/* As baton_chan_make(). BATON_EEXISTS: the text says in which option it differs. */
BATON_API int baton_chan_make_with(baton_client *client, const char *name, const struct baton_chan_options *options);

/* Sends LENGTH bytes; returns when a receiver or the buffer has them. An error other than BATON_EUNKNOWN,
 * BATON_ERESTARTED means that nothing was sent. Errors: BATON_ESENDCLOSED, BATON_ENOTMADE, BATON_EDELETED, the
 * context's. */
BATON_API int baton_chan_send(
	baton_client *client, baton_context *context, const char *name, const void *value, size_t length);
BATON_API int baton_chan_try_send(baton_client *client, const char *name, const void *value, size_t length);

/* Receives the oldest message into memory that is the caller's: baton_free(). One byte more than *RET_LENGTH is there,
 * a NUL. BATON_ECLOSED: closed and drained. */
BATON_API int baton_chan_receive(
	baton_client *client, baton_context *context, const char *name, void **ret_value, size_t *ret_length);
BATON_API int baton_chan_try_receive(baton_client *client, const char *name, void **ret_value, size_t *ret_length);
BATON_API void baton_free(void *value);

/* As baton_chan_receive for a work queue: the message stays out until it is acknowledged by its *RET_TOKEN, comes back
 * by nack, or when the session ends. *RET_ATTEMPT (may be NULL): how often it was delivered before. */
BATON_API int baton_chan_take(baton_client *client, baton_context *context, const char *name, void **ret_value,
	size_t *ret_length, uint64_t *ret_token, uint32_t *ret_attempt);
BATON_API int baton_chan_ack(baton_client *client, const char *name, uint64_t token);  /* BATON_ESTALE */
BATON_API int baton_chan_nack(baton_client *client, const char *name, uint64_t token); /* BATON_ESTALE */

/* As baton_chan_nack(), but the message comes back only after DELAY_NS, whatever becomes of this client. Until then the
 * channel does not say closed. */
BATON_API int baton_chan_nack_later(baton_client *client, const char *name, uint64_t token, int64_t delay_ns);

/* Sends COUNT values, at most 256, in order and as one that waits: it keeps its place until all are sent. *RET_SENT
 * tells how many were; 0 is returned where any was, and the errors of baton_chan_send() mean that none was. */
BATON_API int baton_chan_send_batch(baton_client *client, baton_context *context, const char *name,
	const struct baton_value *values, size_t count, size_t *ret_sent);

/* Waits for the first message and takes what is there, up to MAX (at most 256). They are in *RET, which is the
 * caller's: baton_result_free(). MANUAL_ACK: each is to be acknowledged by its token. Errors as baton_chan_receive().
 */
BATON_API int baton_chan_receive_batch(baton_client *client, baton_context *context, const char *name, size_t max,
	bool manual_ack, struct baton_result **ret);

BATON_API int baton_chan_close(baton_client *client, const char *name); /* BATON_ECLOSECLOSED */
BATON_API int baton_chan_len(baton_client *client, const char *name, uint64_t *ret);
BATON_API int baton_chan_cap(baton_client *client, const char *name, uint64_t *ret);

/* Deletes it with what is in it; who waits on it gets BATON_EDELETED. */
BATON_API int baton_chan_delete(baton_client *client, const char *name);

/* Adds N to the counter of the wait group NAME; it is made by that. N may be negative: as baton_wg_done(), so often.
 * Errors: BATON_ENEGATIVE, and nothing changed. */
BATON_API int baton_wg_add(baton_client *client, const char *name, int64_t n);

/* As baton_wg_add with N above zero, as shares of the client's session: what is left of them when it ends comes off,
 * and who waits is told. Give what may die a share of its own. */
BATON_API int baton_wg_add_bound(baton_client *client, const char *name, int64_t n);

/* Makes N of what others added shares of the client's session: of what is unbound, then of the sessions that have had
 * shares longest. The counter stays. BATON_ENEGATIVE: there is not so much. */
BATON_API int baton_wg_adopt(baton_client *client, const char *name, int64_t n);

/* Takes 1 off the counter, under any context: of the session's own shares, else of what is unbound, else of the session
 * that has had shares longest. BATON_ENEGATIVE: "negative WaitGroup counter"; nothing changed. */
BATON_API int baton_wg_done(baton_client *client, const char *name);

/* Waits until the counter is zero: who waits in a round is released when that ends, whatever is added after. *RET_LOST
 * (may be NULL): how many shares of the round (at zero already: of the last one, for an hour) came off because their
 * sessions ended. Errors: the context's. */
BATON_API int baton_wg_wait(baton_client *client, baton_context *context, const char *name, uint64_t *ret_lost);
BATON_API int baton_wg_try_wait(baton_client *client, const char *name, uint64_t *ret_lost); /* BATON_EWOULDBLOCK */

/* The two ends of a channel, as Go's chan<- and <-chan: distinct types, so that what can only send is not received
 * from. An end is one channel's, not one's that is made under its name when that was deleted: then its calls fail with
 * BATON_ESTALE. It belongs to the client's session and must be released before the client is closed. Zero is a nil
 * channel: in a select its case is off, elsewhere BATON_EINVAL. */
typedef struct baton_chan_sender {
	struct baton_chan_end *end; /* the library's */
} baton_chan_sender;

typedef struct baton_chan_receiver {
	struct baton_chan_end *end; /* the library's */
} baton_chan_receiver;

/* Both: hand on the one that is wanted; there is no way back. */
typedef struct baton_chan {
	baton_chan_sender sender;
	baton_chan_receiver receiver;
} baton_chan;

/* Opens ends of the channel NAME. TYPE (NULL: any) must be the channel's, else BATON_EINVAL. Errors: BATON_ENOTMADE,
 * BATON_ENOMEM, those of the client. */
BATON_API int baton_chan_open(baton_client *client, const char *name, const char *type, baton_chan *ret);
BATON_API int baton_chan_open_sender(baton_client *client, const char *name, const char *type, baton_chan_sender *ret);
BATON_API int baton_chan_open_receiver(
	baton_client *client, const char *name, const char *type, baton_chan_receiver *ret);

/* As baton_chan_send(), _try_send(), _close(). */
BATON_API int baton_sender_send(baton_chan_sender sender, baton_context *context, const void *value, size_t length);
BATON_API int baton_sender_try_send(baton_chan_sender sender, const void *value, size_t length);
BATON_API int baton_sender_close(baton_chan_sender sender);

/* As baton_chan_receive(), _try_receive(), _take(); baton_chan_ack() and _nack() go with the latter. */
BATON_API int baton_receiver_receive(
	baton_chan_receiver receiver, baton_context *context, void **ret_value, size_t *ret_length);
BATON_API int baton_receiver_try_receive(baton_chan_receiver receiver, void **ret_value, size_t *ret_length);
BATON_API int baton_receiver_take(baton_chan_receiver receiver, baton_context *context, void **ret_value,
	size_t *ret_length, uint64_t *ret_token, uint32_t *ret_attempt);

/* Ends them, and frees them whatever the outcome; zero is allowed. The last sender of a channel made with auto_close
 * closes it. */
BATON_API int baton_sender_release(baton_chan_sender sender);
BATON_API int baton_receiver_release(baton_chan_receiver receiver);

/* Their cases of a select. VALUE stays the caller's, as the end does. */
BATON_API struct baton_case baton_sender_case(baton_chan_sender sender, const void *value, size_t length);
BATON_API struct baton_case baton_receiver_case(baton_chan_receiver receiver);

/* What became of a select. */
struct baton_selected {
	size_t index;  /* of the case that happened */
	bool closed;   /* receive: closed and drained, Go's ok == false; nothing was received */
	void *value;   /* of a message: the caller's, baton_free(); a NUL behind it. Else NULL */
	size_t length; /* of the value */
	uint64_t token;
	uint64_t number;
	uint32_t attempt;
	bool abandoned;
};

/* Waits until one of COUNT cases has happened, and tells in *RET which. Of those that are ready each is equally likely;
 * the others never did. NO_WAIT: Go's default, BATON_EWOULDBLOCK where none is ready. Without a case that is on it
 * waits until CONTEXT ends. A message received by a case without manual_ack is acknowledged on return. Errors: those of
 * the case that was drawn, so BATON_ESENDCLOSED, BATON_EDELETED; BATON_ENOTMADE (before it waits, if any channel is not
 * there), BATON_ECANCELED, BATON_EDEADLINE, and those of the client; after any of them nothing happened. */
BATON_API int baton_select(baton_client *client, baton_context *context, const struct baton_case *cases, size_t count,
	bool no_wait, struct baton_selected *ret);
/* What baton_once_do() says of a caller that is to run. */
#define BATON_ONCE_RUN 1

struct baton_once_run {
	uint64_t token; /* a fencing token, for baton_once_complete() or baton_once_fail() */
	bool abandoned; /* the runner before died */
};

/* Of all who call this for the once NAME one gets BATON_ONCE_RUN and *RET_RUN: it is to do what is done once, and then
 * to call baton_once_complete() or baton_once_fail(). The others wait, and return 0 with the value in memory that is
 * the caller's, baton_free(), and a NUL behind it (RET_VALUE may be NULL: not wanted). A runner that fails, or whose
 * session ends, makes the next caller the runner. Errors: the context's. */
BATON_API int baton_once_do(baton_client *client, baton_context *context, const char *name,
	struct baton_once_run *ret_run, void **ret_value, size_t *ret_length);
BATON_API int baton_once_try_do(baton_client *client, const char *name, struct baton_once_run *ret_run,
	void **ret_value, size_t *ret_length); /* BATON_EWOULDBLOCK: somebody runs */

/* Ends the run of TOKEN with LENGTH bytes, which all callers get for KEEP_NS (0: until baton_once_reset()), under any
 * context. BATON_ESTALE: that run is over, and nothing changed. */
BATON_API int baton_once_complete(
	baton_client *client, const char *name, uint64_t token, const void *value, size_t length, int64_t keep_ns);

/* Ends the run of TOKEN without a value: the next caller runs. BATON_ESTALE. */
BATON_API int baton_once_fail(baton_client *client, const char *name, uint64_t token);

/* Whether it is done, and the value then, as baton_once_do() has it. Does not wait. */
BATON_API int baton_once_get(
	baton_client *client, const char *name, bool *ret_done, void **ret_value, size_t *ret_length);

/* Forgets the value, so that the next caller runs. *RET_WAS_DONE (may be NULL): else nothing changed. */
BATON_API int baton_once_reset(baton_client *client, const char *name, bool *ret_was_done);

/* Unlocks the mutex MUTEX, held under *TOKEN by whatever session, and waits on the cond NAME in one step. Woken, or
 * when TIMEOUT_NS (below 0: none) is over, it waits until the mutex is handed over, to the session that held it before.
 * Then it returns 0, *TOKEN is the new one, and *RET_TIMED_OUT (may be NULL) tells. As in Go: look at the condition
 * again, in a loop. BATON_EUNLOCKED, BATON_ESTALE, and any other error that leaves *TOKEN as it was: the mutex was not
 * unlocked. Errors with *TOKEN 0: the mutex is not held any more; BATON_ECANCELED or BATON_EDEADLINE (CONTEXT ended),
 * BATON_ESESSION, BATON_EUNAVAILABLE. After BATON_EUNKNOWN nobody knows. */
BATON_API int baton_cond_wait(baton_client *client, baton_context *context, const char *name, const char *mutex,
	uint64_t *token, int64_t timeout_ns, bool *ret_timed_out);

/* Wakes the one that has waited longest, or all who wait. *RET_WOKEN (may be NULL): how many. The mutex need not be
 * held. A waiter that is woken and dies before it has the mutex passes the signal on. */
BATON_API int baton_cond_signal(baton_client *client, const char *name, uint64_t *ret_woken);
BATON_API int baton_cond_broadcast(baton_client *client, const char *name, uint64_t *ret_woken);

/* A round trip through every layer. */
BATON_API int baton_ping(baton_client *client);

/* ---- maps -------------------------------------------------------------------------------------------------------- */

/* Go's sync.Map by name, of bytes to bytes. It needs no making; an empty one is forgotten. Keys have at most 64 KiB,
 * values are compared by their bytes. What is returned in *RET_VALUE is a copy, NUL-terminated besides, that the caller
 * frees with baton_free(), empty where there is none; the flags behind it may be NULL. None of these waits for anybody.
 * Errors: those of baton_invoke(). */
BATON_API int baton_map_store(baton_client *client, const char *name, const void *key, size_t key_length,
	const void *value, size_t value_length);
BATON_API int baton_map_load(baton_client *client, const char *name, const void *key, size_t key_length,
	void **ret_value, size_t *ret_length, bool *ret_found);

/* What is there already, or else VALUE, which is stored then. */
BATON_API int baton_map_load_or_store(baton_client *client, const char *name, const void *key, size_t key_length,
	const void *value, size_t value_length, void **ret_value, size_t *ret_length, bool *ret_loaded);
BATON_API int baton_map_load_and_delete(baton_client *client, const char *name, const void *key, size_t key_length,
	void **ret_value, size_t *ret_length, bool *ret_loaded);
BATON_API int baton_map_delete(baton_client *client, const char *name, const void *key, size_t key_length);

/* Stores VALUE and returns what was there before. */
BATON_API int baton_map_swap(baton_client *client, const char *name, const void *key, size_t key_length,
	const void *value, size_t value_length, void **ret_former, size_t *ret_length, bool *ret_loaded);
BATON_API int baton_map_compare_and_swap(baton_client *client, const char *name, const void *key, size_t key_length,
	const void *expected, size_t expected_length, const void *value, size_t value_length, bool *ret_swapped);
BATON_API int baton_map_compare_and_delete(baton_client *client, const char *name, const void *key, size_t key_length,
	const void *expected, size_t expected_length, bool *ret_deleted);

/* Calls VISIT for the pairs in the map until it returns false, in the order in which the keys came; each key at most
 * once, and none that came after the beginning. It is no snapshot. PAIR is valid during VISIT, which may call the
 * library on this client. */
BATON_API int baton_map_range(
	baton_client *client, const char *name, bool (*visit)(const struct baton_pair *pair, void *arg), void *arg);

/* Deletes all that is in the map at one moment. */
BATON_API int baton_map_clear(baton_client *client, const char *name);
BATON_API int baton_map_len(baton_client *client, const char *name, uint64_t *ret);

/* ---- atomics ----------------------------------------------------------------------------------------------------- */

/* Go's sync/atomic by name; wraps as that does. A name has the kind of its first use until it is forgotten, which it is
 * at 0; another kind is BATON_EKIND. OPERATION is one of BATON_ATOMIC_LOAD to BATON_ATOMIC_OR; *RET_VALUE becomes the
 * new value for ADD, else the old one; *RET_DONE tells whether a compare and swap did. Both may be NULL. The functions
 * below are this one by type. */
BATON_API int baton_atomic(baton_client *client, const char *name, enum baton_atomic_kind kind,
	enum baton_operation operation, uint64_t value, uint64_t expected, uint64_t *ret_value, bool *ret_done);

/* For each TYPE: baton_TYPE_load, _store, _add (returns the new value), _swap, _compare_and_swap, _and, _or (return the
 * old one). */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type stands in none */
#define BATON_ATOMIC_FUNCTIONS(name, type, kind)                                                                       \
	static inline int baton_##name##_do(baton_client *client, const char *atomic, enum baton_operation operation,  \
		type value, type expected, type *ret, bool *ret_done)                                                  \
	{                                                                                                              \
		uint64_t number = 0;                                                                                   \
		const int r = baton_atomic(                                                                            \
			client, atomic, kind, operation, (uint64_t)value, (uint64_t)expected, &number, ret_done);      \
                                                                                                                       \
		if (r == BATON_OK && ret != NULL)                                                                      \
			*ret = (type)number;                                                                           \
		return r;                                                                                              \
	}                                                                                                              \
	static inline int baton_##name##_load(baton_client *client, const char *atomic, type *ret)                     \
	{                                                                                                              \
		return baton_##name##_do(client, atomic, BATON_ATOMIC_LOAD, 0, 0, ret, NULL);                          \
	}                                                                                                              \
	static inline int baton_##name##_store(baton_client *client, const char *atomic, type value)                   \
	{                                                                                                              \
		return baton_##name##_do(client, atomic, BATON_ATOMIC_STORE, value, 0, NULL, NULL);                    \
	}                                                                                                              \
	static inline int baton_##name##_add(baton_client *client, const char *atomic, type delta, type *ret_new)      \
	{                                                                                                              \
		return baton_##name##_do(client, atomic, BATON_ATOMIC_ADD, delta, 0, ret_new, NULL);                   \
	}                                                                                                              \
	static inline int baton_##name##_swap(baton_client *client, const char *atomic, type value, type *ret_old)     \
	{                                                                                                              \
		return baton_##name##_do(client, atomic, BATON_ATOMIC_SWAP, value, 0, ret_old, NULL);                  \
	}                                                                                                              \
	static inline int baton_##name##_compare_and_swap(                                                             \
		baton_client *client, const char *atomic, type expected, type value, bool *ret_swapped)                \
	{                                                                                                              \
		return baton_##name##_do(                                                                              \
			client, atomic, BATON_ATOMIC_COMPARE_AND_SWAP, value, expected, NULL, ret_swapped);            \
	}                                                                                                              \
	static inline int baton_##name##_and(baton_client *client, const char *atomic, type mask, type *ret_old)       \
	{                                                                                                              \
		return baton_##name##_do(client, atomic, BATON_ATOMIC_AND, mask, 0, ret_old, NULL);                    \
	}                                                                                                              \
	static inline int baton_##name##_or(baton_client *client, const char *atomic, type mask, type *ret_old)        \
	{                                                                                                              \
		return baton_##name##_do(client, atomic, BATON_ATOMIC_OR, mask, 0, ret_old, NULL);                     \
	}

/* NOLINTEND(bugprone-macro-parentheses) */
BATON_ATOMIC_FUNCTIONS(int32, int32_t, BATON_INT32)
BATON_ATOMIC_FUNCTIONS(uint32, uint32_t, BATON_UINT32)
BATON_ATOMIC_FUNCTIONS(int64, int64_t, BATON_INT64)
BATON_ATOMIC_FUNCTIONS(uint64, uint64_t, BATON_UINT64)

#ifdef __cplusplus
}
#endif

#endif
