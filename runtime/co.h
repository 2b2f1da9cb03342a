/* SPDX-License-Identifier: MIT
 *
 * co.h - coroutines as Go has them: the whole interface of the runtime. On top of it co_typed.h has channels whose
 * element type and direction the compiler checks; beside it co_atomic.h has atomics in Go's words. docs/go.md says
 * where what a Go programmer looks for is, and what is left out, and why; docs/go-tests.md how it is held to Go's
 * behaviour.
 *
 * A coroutine (G) is run by a processor (P) on a thread (M). It may move between threads at every call that can park,
 * so
 *   - errors are negative return values, never errno; do not carry errno, or the address of anything thread-local, over
 *     a call that can park;
 *   - floating-point control words and the signal mask belong to the thread and must not be changed.
 * All blocking operations take a context (NULL: the background context) and are built on one primitive: a struct
 * co_wait that a single waker claims, and that leaves nothing behind when its context ends.
 *
 * Lock order: the caller's spin locks (objects) -> context -> run queue. A spin lock is never held over a park or over
 * a system call.
 */
#ifndef BATON_RUNTIME_CO_H
#define BATON_RUNTIME_CO_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/list.h"

/* ---- errors ---------------------------------------------------------------------------------- */

/* What the runtime's functions return: 0 or more is success, else one of these or a negative errno of a system call. */
enum co_error {
	CO_OK = 0,
	CO_ENOMEM = -12,         /* no memory for a coroutine, a stack or an object */
	CO_EINVAL = -22,         /* an argument breaks the rule stated at the function */
	CO_ECANCELED = -125,     /* "context canceled" */
	CO_EDEADLINE = -110,     /* "context deadline exceeded" */
	CO_EWOULDBLOCK = -11,    /* a try_ call that would have had to wait */
	CO_ECLOSED = -1001,      /* receive: the channel is closed and drained */
	CO_ESENDCLOSED = -1002,  /* "send on closed channel" */
	CO_ECLOSECLOSED = -1003, /* "close of closed channel" */
	CO_EUNLOCKED = -1004,    /* "unlock of unlocked mutex" */
	CO_ENEGATIVE = -1005,    /* "negative WaitGroup counter" */
	CO_ERWUNLOCKED = -1006,  /* "unlock of unlocked RWMutex" */
	CO_ERELEASED = -1007,    /* "semaphore: released more than held" */
};

/* The text of an error in Go's words, or strerror's for an errno. Static; never NULL. */
const char *co_strerror(int error);

/* ---- the run --------------------------------------------------------------------------------- */

/* How a stack's low end is guarded. */
enum co_guard {
	CO_GUARD_AUTO,     /* the best that the kernel has, in the order below */
	CO_GUARD_INSTALL,  /* MADV_GUARD_INSTALL (Linux 6.13): a page per stack, no mapping each */
	CO_GUARD_MPROTECT, /* a PROT_NONE page per stack, two mappings each: limited by vm.max_map_count */
	CO_GUARD_SLAB,     /* one PROT_NONE page per slab, and a canary per stack checked at every park and at exit */
};

struct co_options {
	unsigned procs;      /* Ps, 1024 at most; 0: as many as the calling thread may use processors */
	size_t stack_bytes;  /* address space of a stack, guard included; 0: 64 KiB; rounded up to 16 KiB */
	enum co_guard guard; /* falls back in order where the kernel refuses; co_guard_in_use() tells */
	/* Called after a fatal report instead of exit(2), before abort(3) for a stack overflow; NULL: not. Where it
	 * returns from a deadlock's report, co_run does too, with -EDEADLK. */
	void (*fatal)(void);
	bool survives_quit; /* goes on after the report that SIGQUIT asks for; else it ends the program, as Go's does */
};

/* Runs MAIN(ARG) as the main coroutine, and everything it starts, until it returns; the others are then dropped where
 * they stand, as Go does. Those that run on other threads just then go on until they leave their stacks; MAIN's
 * variables stay until they have. The threads are the caller's and one for each further P, and a monitor, which
 * reports a coroutine that keeps its P for a second. OPTIONS may be NULL. One run at a time in a process; it can be
 * repeated. While it lasts all signals are blocked but those of the thread's own faults and SIGURG, which is the
 * monitor's; at its end it waits for the jobs of co_blocking that have begun. Returns what MAIN returned in
 * *RET_STATUS, and 0; CO_EINVAL for options out of range or where a run is under way; CO_ENOMEM or a negative errno
 * when it could not start.
 * When every coroutine is parked and nothing outside can wake one, prints "fatal error: all goroutines are asleep -
 * deadlock!" and each coroutine's state and backtrace to standard error and exits with status 2. On SIGQUIT, unless a
 * coroutine has waited for that signal, prints the same of all coroutines, and exits with status 2. */
int co_run(const struct co_options *options, int (*main)(void *arg), void *arg, int *ret_status);

/* The guard mode of this run, never CO_GUARD_AUTO, and its name for messages. */
enum co_guard co_guard_in_use(void);
const char *co_guard_name(enum co_guard guard);

/* Starts FUNCTION(ARG) in a new coroutine. ARG stays the caller's. The stack is bound when it first runs. Never blocks.
 * May be called from any coroutine, and from callbacks on a thread's own stack; elsewhere CO_EINVAL. Returns 0 or
 * CO_ENOMEM. */
#define co_go(function, arg) co_go_from((function), (arg), #function " at " __FILE__ ":" CO_LINE_TEXT(__LINE__))
#define CO_LINE_TEXT(line) CO_LINE_TEXT_(line)
#define CO_LINE_TEXT_(line) #line

/* co_go's body: SITE is a static text that reports name the coroutine by. */
int co_go_from(void (*function)(void *arg), void *arg, const char *site);

/* Lets the other runnable coroutines run first. */
void co_yield(void);

/* The number of the calling coroutine, from 1 (main); 0 outside of one. */
uint64_t co_id(void);

/* Calls FUNCTION(ARG) on the thread's own (large) stack and returns when it has. For deep code that cannot park:
 * FUNCTION must not call anything that parks. A call from a thread's own stack is made directly. */
void co_on_thread_stack(void (*function)(void *arg), void *arg);

/* Runs FUNCTION(ARG) on a helper thread while the coroutine is parked; for fsync, getaddrinfo and the like. Not
 * cancellable: it returns when FUNCTION has. Returns 0 or CO_ENOMEM (FUNCTION was then not called). */
int co_blocking(void (*function)(void *arg), void *arg);

/* Sends FUNCTION(ARG) to run in a fresh coroutine; may be called from any thread, also one that the runtime does not
 * know, while the run lasts (else CO_EINVAL). While a thread of the process is none of the runtime's, all coroutines
 * asleep is no deadlock. Returns 0 or CO_ENOMEM. */
int co_go_from_thread(void (*function)(void *arg), void *arg);

/* ---- clocks and chance: the seam for the simulation ------------------------------------------ */

#define CO_NEVER INT64_MAX
#define CO_MICROSECOND INT64_C(1000)
#define CO_MILLISECOND INT64_C(1000000)
#define CO_SECOND INT64_C(1000000000)

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t co_now(void);

/* As co_now, read at most once per scheduling round: good for time stamps, may lag by a round. */
int64_t co_now_cached(void);

/* Nanoseconds of CLOCK_BOOTTIME (counts suspended time) and of CLOCK_REALTIME. */
int64_t co_boottime(void);
int64_t co_realtime(void);

/* Fills LENGTH bytes from the kernel's random source. */
void co_random(void *bytes, size_t length);

/* A number below LIMIT, which is not 0, each as likely as the others (but for LIMIT / 2^32). Quick, from any thread;
 * nothing secret may hang on it. */
uint32_t co_random_below(uint32_t limit);

/* NOW + DURATION without wrapping: CO_NEVER where the sum would pass it. A negative DURATION gives NOW. */
int64_t co_deadline_after(int64_t now, int64_t duration_ns);

/* ---- spin lock ------------------------------------------------------------------------------- */

/* A lock for a few instructions. Zero is unlocked. Never held over a park, a system call or another's callback. */
struct co_spin {
	atomic_uint held;
};

void co_spin_wait(struct co_spin *spin); /* the contended half of co_spin_lock */

static inline void co_spin_lock(struct co_spin *spin)
{
	if (atomic_exchange_explicit(&spin->held, 1, memory_order_acquire) != 0)
		co_spin_wait(spin);
}

static inline void co_spin_unlock(struct co_spin *spin)
{
	atomic_store_explicit(&spin->held, 0, memory_order_release);
}

/* ---- timers ---------------------------------------------------------------------------------- */

/* A timer in the caller's memory. FIRED runs on a thread's own stack, never early, and must not park; it may start the
 * timer again, as the last it does: another thread may fire it then. Zeroed memory plus `fired` is a stopped timer. */
struct co_timer {
	int64_t when; /* ns of CLOCK_MONOTONIC */
	void (*fired)(struct co_timer *);
	uint32_t heap_index; /* the runtime's: 1 + place in the heap, 0 when stopped */
	uint32_t heap_owner; /* the runtime's: whose heap */
};

/* Arms the timer for WHEN, moving it where it is armed already. Returns 0, or CO_ENOMEM when the heap cannot grow: a
 * timer that is armed already stays as it was. */
int co_timer_start(struct co_timer *timer, int64_t when);

/* Disarms it. True if it was armed and now will not fire. False if it was not armed or FIRED has begun. */
bool co_timer_stop(struct co_timer *timer);

/* ---- context --------------------------------------------------------------------------------- */

/* A context as Go's: a tree; cancelling a node ends every wait bound to it or to one below it. Reference-counted; a
 * child holds its parent. NULL stands for the background context, which never ends, wherever a context is taken. */
struct co_context;

/* Derives a context that ends when its parent does, when it is cancelled, or at the deadline if that is earlier than
 * the parent's. A child of an ended parent is born ended. The reference in *RET is the caller's: co_context_unref().
 * Dropping the last reference of a live context takes it out of the tree, as cancelling it would. 0 or CO_ENOMEM. */
int co_with_cancel(struct co_context *parent, struct co_context **ret);
int co_with_deadline(struct co_context *parent, int64_t deadline_ns, struct co_context **ret);
int co_with_timeout(struct co_context *parent, int64_t timeout_ns, struct co_context **ret);

/* As the two above, with the cause of the end where the deadline brings it (copied, cut at 127 bytes; NULL: "context
 * deadline exceeded"). */
int co_with_deadline_cause(struct co_context *parent, int64_t deadline_ns, const char *cause, struct co_context **ret);
int co_with_timeout_cause(struct co_context *parent, int64_t timeout_ns, const char *cause, struct co_context **ret);

/* A context with PARENT's values, that neither PARENT's end nor its deadline reaches. */
int co_without_cancel(struct co_context *parent, struct co_context **ret);

/* As co_with_cancel, and carries one value under KEY, compared by address. VALUE stays the caller's and must outlive
 * the context. */
int co_with_value(struct co_context *parent, const void *key, void *value, struct co_context **ret);

/* Ends the context and everything below it with CO_ECANCELED and CAUSE (copied, cut at 127 bytes; NULL: "context
 * canceled"). When it returns all waits bound to it have been claimed. A second cancel changes nothing. Never parks. */
void co_cancel(struct co_context *context, const char *cause);

struct co_context *co_context_ref(struct co_context *context);   /* NULL is allowed and returned */
struct co_context *co_context_unref(struct co_context *context); /* NULL is allowed; returns NULL */

/* 0 while it lives, then CO_ECANCELED or CO_EDEADLINE. */
int co_context_error(struct co_context *context);

/* Why it ended, in words, or NULL while it lives. Valid as long as the context. */
const char *co_context_cause(struct co_context *context);

/* Its effective deadline; CO_NEVER if it has none. */
int64_t co_context_deadline(const struct co_context *context);

/* The value of the nearest ancestor (itself included) that has KEY; NULL if none has. */
void *co_context_value(const struct co_context *context, const void *key);

/* Parks until DONE ends (returns its error) or CONTEXT ends (likewise its error). */
int co_context_done(struct co_context *done, struct co_context *context);

/* ---- calls to come, and channels of time ------------------------------------------------------ */

/* A call of a function, in a coroutine of its own, that is to be made once a context has ended. */
struct co_pending;

/* Go's context.AfterFunc: calls FUNCTION(ARG) once CONTEXT has ended; at once if it has. With RET not NULL, *RET is the
 * caller's: to be given to co_pending_stop() once, before the run ends. What the call needs is taken now: it cannot
 * fail later. CONTEXT is held until then. 0, CO_ENOMEM, or CO_EINVAL where no coroutine and no callback runs. */
int co_context_after_func(struct co_context *context, void (*function)(void *arg), void *arg, struct co_pending **ret);

/* Takes the call back: true if it now will not be made, false if it has been or is being made. Does not wait for it to
 * return. PENDING is gone in any case; NULL is allowed, and false. */
bool co_pending_stop(struct co_pending *pending);

/* A call in the caller's memory that is made the moment a context has ended, by who ended it: before co_cancel()
 * returns. ENDED runs on whatever stack that is, under no lock, and must not park. */
struct co_context_call {
	struct list link; /* the runtime's */
	void (*ended)(struct co_context_call *call);
};

/* Puts it on CONTEXT, which the caller holds until it was made or removed. False, and nothing was done, if CONTEXT has
 * ended. */
bool co_context_add_call(struct co_context *context, struct co_context_call *call);

/* True if it was still to be made, and now is not; false if it has been, or is about to be made. */
bool co_context_remove_call(struct co_context *context, struct co_context_call *call);

struct co_channel;

/* Go's time.Timer: something that happens once, when its time has come, and can be stopped and set anew. It sends on a
 * channel, or calls a function in a coroutine of its own. */
struct co_alarm;

/* Go's time.NewTimer: its channel gets co_now() as an int64_t once DURATION_NS has passed. 0, CO_ENOMEM, or CO_EINVAL
 * where no coroutine and no callback runs. The caller owns it: co_alarm_free(). */
int co_alarm_new(int64_t duration_ns, struct co_alarm **ret);

/* Go's time.AfterFunc: calls FUNCTION(ARG) once DURATION_NS has passed. What the call needs is taken now: it cannot
 * fail later. With RET not NULL, *RET is the caller's, as of co_alarm_new, and is set before FUNCTION begins. */
int co_after_func(int64_t duration_ns, void (*function)(void *arg), void *arg, struct co_alarm **ret);

/* The alarm's own; do not free it. NULL where it calls a function. */
struct co_channel *co_alarm_channel(struct co_alarm *alarm);

/* Takes back what is to come: true if it was still to come, also where it lay in the channel unreceived; from then on
 * nothing comes. False if it was stopped before, or received, or the call has been or is being made; that is not waited
 * for. */
bool co_alarm_stop(struct co_alarm *alarm);

/* Stops it, and sets it anew, to come once in DURATION_NS from now. 1 or 0: what co_alarm_stop would have said.
 * CO_ENOMEM: one with a channel is stopped then, one with a function is as it was. */
int co_alarm_reset(struct co_alarm *alarm, int64_t duration_ns);

/* Stops it; it is gone. One caller at a time for what is done to an alarm with a channel. What is done to one with a
 * function may meet, also in the function itself, but nothing may come after this. NULL is allowed. */
void co_alarm_free(struct co_alarm *alarm);

/* Go's time.After: the channel of an alarm without the alarm. The caller owns it: co_channel_free(), also before its
 * time. Errors as of co_alarm_new. */
int co_after(int64_t duration_ns, struct co_channel **ret);

/* Go's time.Ticker: its channel gets co_now() as an int64_t every PERIOD_NS, counted from its start without drift. A
 * tick that the last one still lies in the way of is dropped. The channel is closed if ever the runtime has no memory
 * to arm it again. */
struct co_ticker;

/* 0; CO_ENOMEM; CO_EINVAL for a period that is not positive, or as of co_alarm_new. The caller owns it:
 * co_ticker_free(). One caller at a time for what is done to a ticker. */
int co_ticker_new(int64_t period_ns, struct co_ticker **ret);
void co_ticker_free(struct co_ticker *ticker);

/* The ticker's own; do not free it. */
struct co_channel *co_ticker_channel(struct co_ticker *ticker);

/* No tick comes after it, nor lies in the channel. */
void co_ticker_stop(struct co_ticker *ticker);

/* Starts it afresh, stopped or not: the next tick comes in PERIOD_NS. 0, CO_ENOMEM or CO_EINVAL: then it is stopped. */
int co_ticker_reset(struct co_ticker *ticker, int64_t period_ns);

/* ---- the suspend primitive ------------------------------------------------------------------- */

/*
 * One wait of one coroutine. How a blocking operation uses it:
 *
 *   co_wait_init(&wait, "chan send");
 *   co_spin_lock(&object->lock);
 *   ... the fast path, or:
 *   co_waitq_push(&object->queue, &waiter, &wait);
 *   r = co_wait_park(&wait, context, deadline, &object->lock);   // unlocks after the switch; returns unlocked
 *   co_spin_lock(&object->lock);
 *   co_waitq_remove(&object->queue, &waiter);                     // nothing if the waker took it out already
 *
 * and its waker, under the same lock:
 *
 *   while ((waiter = co_waitq_pop(&object->queue)) != NULL)
 *           if (co_wait_claim(waiter->wait, waiter, result)) {
 *                   ... hand over through the structure WAITER is in ...
 *                   co_wait_ready(waiter->wait);
 *                   break;
 *           }
 *
 * A wait is claimed at most once: by a waker, by the end of its context, by its deadline, or by co_wait_cancel. The
 * claimer alone decides the result. Until co_wait_ready the coroutine stays parked and its memory stays valid. The
 * waiter may stand in several queues at once (select): one waiter each, all pointing at one wait. Both live in the
 * caller's memory, on the stack or off it.
 */
struct co_wait {
	atomic_uint state;        /* the runtime's */
	int result;               /* the claimer's verdict: what co_wait_park returns */
	struct co_waiter *winner; /* the waiter it was claimed through; NULL when a context, deadline or cancel did */
	void (*on_park)(
		struct co_wait *wait); /* set by the caller, or NULL: called once when the wait is about to park, on
					* its own stack, the locks still held: it may start coroutines, no more */
	struct co *coroutine;          /* the runtime's from here on */
	struct co_wait *next_claimed;
	struct co_context *context;
	struct list context_link;
	struct co_timer timer;
	const char *reason;
};

struct co_waiter {
	struct co_waiter *next;
	struct co_waiter *prev;
	struct co_wait *wait;
	bool queued;
};

/* First in, first out; zero is empty. Guarded by its owner's spin lock. */
struct co_waitq {
	struct co_waiter *oldest;
	struct co_waiter *newest;
	size_t length;
};

void co_waitq_push(struct co_waitq *queue, struct co_waiter *waiter, struct co_wait *wait);
void co_waitq_push_front(struct co_waitq *queue, struct co_waiter *waiter, struct co_wait *wait);

/* Takes the oldest waiter out; NULL when the queue is empty. It may be claimed already: see co_wait_claim. */
struct co_waiter *co_waitq_pop(struct co_waitq *queue);

/* The oldest waiter, left in its place; NULL when the queue is empty. */
struct co_waiter *co_waitq_first(const struct co_waitq *queue);

/* Takes WAITER out of QUEUE if it stands in it. */
void co_waitq_remove(struct co_waitq *queue, struct co_waiter *waiter);

/* Makes WAIT ready for a new wait; on_park becomes NULL. REASON is a static text for reports ("chan send"). */
void co_wait_init(struct co_wait *wait, const char *reason);

/* Parks the caller until WAIT is claimed and readied, CONTEXT ends (CO_ECANCELED, CO_EDEADLINE) or DEADLINE_NS passes
 * (CO_EDEADLINE; CO_NEVER: none). UNLOCK (may be NULL) is released after the caller has left its stack, in every case.
 * A context that has ended already, or a deadline that has passed, claims the wait without parking. Returns the
 * claimer's result. CO_ENOMEM, not parked, when no timer can be armed; CO_EINVAL where no coroutine runs. */
int co_wait_park(struct co_wait *wait, struct co_context *context, int64_t deadline_ns, struct co_spin *unlock);

/* As co_wait_park, for a caller that holds several locks: COMMIT(ARG) releases them, on the thread's own stack. */
int co_wait_park_commit(
	struct co_wait *wait, struct co_context *context, int64_t deadline_ns, void (*commit)(void *arg), void *arg);

/* Claims the wait for WINNER (may be NULL) with RESULT. True for exactly one caller, which must call co_wait_ready. May
 * be called before the wait has parked (under the lock that the parker holds). */
bool co_wait_claim(struct co_wait *wait, struct co_waiter *winner, int result);

/* Whether somebody has claimed it, or nobody had a moment ago. The memory must be known to be valid. */
bool co_wait_is_claimed(const struct co_wait *wait);

/* Makes a claimed wait's coroutine runnable. From any coroutine, any thread's own stack. WAIT may be gone on return. */
void co_wait_ready(struct co_wait *wait);

/* Claims and readies in one: true if this call ended the wait with RESULT. The memory must be known to be valid. */
bool co_wait_cancel(struct co_wait *wait, int result);

/* Parks for DURATION_NS, never less. 0, or the error of CONTEXT when it ends first. */
int co_sleep(struct co_context *context, int64_t duration_ns);

/* ---- descriptors ----------------------------------------------------------------------------- */

enum co_poll_event {
	CO_POLL_READ = 1,   /* readable, or an error or end that a read will tell */
	CO_POLL_WRITE = 2,  /* writable; reported once after each co_poll_want_write */
	CO_POLL_CLOSED = 4, /* the peer closed its end: read to 0 or an error, a short read does not mean drained */
};

/* A registered descriptor in the caller's memory. EVENTS runs on the thread's own stack and must not park. Edge-
 * triggered: it is called again only after new activity, so read until EAGAIN, or until a short read with no CLOSED. */
struct co_poll {
	int fd;
	void (*on_events)(struct co_poll *poll, unsigned events);
	void (*on_removed)(struct co_poll *poll);
	void *private; /* the runtime's */
};

/* Registers poll->fd (non-blocking) for reading. Never blocks. SYSTEM says that it does not count as something that
 * could wake the program (for the deadlock report). On other threads on_events may run before this returns, and where
 * that removes it on_removed too: POLL is not touched after that. 0, CO_ENOMEM, or a negative errno. */
int co_poll_add(struct co_poll *poll, bool system);

/* Asks for one CO_POLL_WRITE when the descriptor can take more. 0; CO_EINVAL if it is not registered, or no more. From
 * any thread while POLL's memory is there. */
int co_poll_want_write(struct co_poll *poll);

/* Takes the descriptor out of the poller. on_events is not begun any more (another thread may be in it as this
 * returns); on_removed is called once, after that and perhaps before this returns, when the runtime has let go of the
 * memory: close the descriptor there. */
void co_poll_remove(struct co_poll *poll);

/* A descriptor for straight-line code: reads and writes that park. */
struct co_fd;

/* Takes over the descriptor NUMBER (made non-blocking) and owns it from success on. 0, CO_ENOMEM or a negative errno.
 */
int co_fd_open(int number, struct co_fd **ret);
int co_fd_number(const struct co_fd *fd);

/* As read(2), write(2) and accept4(2) (non-blocking, close-on-exec); park instead of EAGAIN. One reader and one writer
 * at a time. co_write writes all of it unless it fails, and then returns the error. Also CONTEXT's errors. */
ssize_t co_read(struct co_context *context, struct co_fd *fd, void *buffer, size_t length);
ssize_t co_write(struct co_context *context, struct co_fd *fd, const void *buffer, size_t length);
int co_accept(struct co_context *context, struct co_fd *fd);

/* Closes it; a coroutine parked on it returns -EBADF. */
void co_fd_close(struct co_fd *fd);

/* Waits for one of SIGNALS (all are blocked in every thread of the run; not SIGURG). Returns its number or the
 * context's error. One coroutine at a time (another: CO_EINVAL). If RET_PID is not NULL, who sent it. */
int co_signal_wait(struct co_context *context, const sigset_t *signals, pid_t *ret_pid);

/* ---- work put off to the end of a round ------------------------------------------------------ */

/* Something to do on this P's thread once its ready coroutines have run: when its queue is empty, before the thread
 * sleeps, at the latest after 64 switches or 100 us. RUN is called on the thread's own stack and must not park. */
struct co_deferred {
	struct co_deferred *next;
	void (*run)(struct co_deferred *deferred);
	atomic_bool queued;
};

/* Queues it; nothing if it is queued, on whatever P. Call under the lock that guards the structure it is in, and that
 * RUN takes; `queued` is false again before RUN is called. */
void co_defer(struct co_deferred *deferred);

/* ---- Go's primitives for coroutines of this process ------------------------------------------ */

/* A channel of elements of a fixed size. A NULL channel blocks for ever, as Go's nil. For coroutines and callbacks of
 * the run: another thread hands in a coroutine (co_go_from_thread) that uses it. */
struct co_channel;

/* CAPACITY 0: unbuffered. The caller owns it: co_channel_free(), when nobody waits on it. NULL: no memory. */
struct co_channel *co_channel_new(size_t element_bytes, size_t capacity);
void co_channel_free(struct co_channel *channel);

/* Copies *ELEMENT in; returns when a receiver or the buffer has it. 0, CO_ESENDCLOSED, or the context's error, and then
 * nothing was sent. */
int co_send(struct co_context *context, struct co_channel *channel, const void *element);
int co_try_send(struct co_channel *channel, const void *element); /* also CO_EWOULDBLOCK */

/* Copies the oldest element to *ELEMENT (NULL: dropped). 0; CO_ECLOSED when closed and drained (*ELEMENT is zeroed);
 * the context's error. */
int co_receive(struct co_context *context, struct co_channel *channel, void *element);
int co_try_receive(struct co_channel *channel, void *element); /* also CO_EWOULDBLOCK */

/* Wakes every receiver (after the rest is drained) and fails every sender. 0, CO_ECLOSECLOSED, CO_EINVAL for NULL. */
int co_channel_close(struct co_channel *channel);
size_t co_channel_length(struct co_channel *channel);
size_t co_channel_capacity(const struct co_channel *channel);

/* A party to a channel: a parked sender or receiver. ELEMENT is read from, or written to, by the peer that claims it.
 */
struct co_party {
	struct co_waiter waiter;
	void *element; /* NULL: a receiver that drops it */
};

/* One case of a select, made by co_case_send or co_case_receive. */
struct co_case {
	struct co_channel *channel; /* NULL: a case that is never ready */
	void *element;
	bool is_send;
	int result;                  /* of the case that was carried out: 0, CO_ECLOSED, CO_ESENDCLOSED */
	struct co_case *next_locked; /* the runtime's from here on */
	struct co_party party;
};

/* Sends *ELEMENT, or receives into *ELEMENT (NULL: dropped), which is the caller's until the select has returned. */
static inline struct co_case co_case_send(struct co_channel *channel, const void *element)
{
	return (struct co_case){.channel = channel, .element = (void *)(uintptr_t)element, .is_send = true};
}

static inline struct co_case co_case_receive(struct co_channel *channel, void *element)
{
	return (struct co_case){.channel = channel, .element = element};
}

/* Go's select: carries out one of the COUNT cases, one drawn at random where several are ready, and waits where none
 * is. A channel may stand in several cases; a select is never its own peer. With no case, or none but NULL channels, it
 * waits for CONTEXT alone. Returns the index of the case, whose `result` says how it went; or the context's error, and
 * then nothing was sent or received. */
int co_select(struct co_context *context, struct co_case *cases, size_t count);

/* As co_select with a default: CO_EWOULDBLOCK where no case is ready. */
int co_try_select(struct co_case *cases, size_t count);

/* What follows lies in the caller's memory, and must not be copied or moved once it has been used. */

/* Go's sync.Mutex: normal and starvation mode. Zero is unlocked and ready. Not tied to coroutines: another may unlock.
 */
struct co_mutex {
	atomic_uint state; /* 1: locked; contended: look further under the lock */
	struct co_spin lock;
	bool starving;
	bool woken; /* a waiter was woken and will compete */
	struct co_waitq waiters;
};

/* Their bodies where the mutex is contended or there is a context to look at. */
int co_mutex_lock_slowly(struct co_context *context, struct co_mutex *mutex);
int co_mutex_unlock_slowly(struct co_mutex *mutex);

/* 0, or the context's error and then not held. Not reentrant. */
static inline int co_mutex_lock(struct co_context *context, struct co_mutex *mutex)
{
	unsigned state = 0;

	if (context == NULL && atomic_compare_exchange_strong_explicit(
				       &mutex->state, &state, 1, memory_order_acquire, memory_order_relaxed))
		return 0;
	return co_mutex_lock_slowly(context, mutex);
}

bool co_mutex_try_lock(struct co_mutex *mutex);

/* True if it was locked, nobody waits for it, and now it is not locked; else nothing was done. */
static inline bool co_mutex_unlock_at_once(struct co_mutex *mutex)
{
	unsigned state = 1;

	return atomic_compare_exchange_strong_explicit(
		&mutex->state, &state, 0, memory_order_release, memory_order_relaxed);
}

/* 0 or CO_EUNLOCKED. */
static inline int co_mutex_unlock(struct co_mutex *mutex)
{
	return co_mutex_unlock_at_once(mutex) ? 0 : co_mutex_unlock_slowly(mutex);
}

/* Go's sync.RWMutex: many readers or one writer. Zero is unlocked and ready. Not tied to coroutines: another may
 * unlock. A writer that waits holds new readers off, so a reader that locks again may deadlock. The writer's unlock
 * admits every reader that waits then, also before writers that came earlier; the last reader's admits the writer that
 * has waited longest. Who gives up lets in those behind that waited for it alone. */
struct co_rwmutex {
	atomic_uint state; /* who holds it; contended: look further under the lock */
	struct co_spin lock;
	uint64_t next_ticket;
	uint64_t admit_before; /* readers with an earlier ticket are admitted before any writer */
	struct co_waitq readers;
	struct co_waitq writers;
};

enum { CO_RWMUTEX_READER = 4 }; /* the runtime's: one reader in `state` */

/* Their bodies where others hold the mutex or wait for it, or there is a context to look at. */
int co_rwmutex_read_lock_slowly(struct co_context *context, struct co_rwmutex *rwmutex);
int co_rwmutex_read_unlock_slowly(struct co_rwmutex *rwmutex);

/* 0, or the context's error and then not held. The try_ forms never wait. The unlocks: 0 or CO_ERWUNLOCKED. */
static inline int co_rwmutex_read_lock(struct co_context *context, struct co_rwmutex *rwmutex)
{
	unsigned state = 0;

	if (context == NULL && atomic_compare_exchange_strong_explicit(&rwmutex->state, &state, CO_RWMUTEX_READER,
				       memory_order_acquire, memory_order_relaxed))
		return 0;
	return co_rwmutex_read_lock_slowly(context, rwmutex);
}

bool co_rwmutex_try_read_lock(struct co_rwmutex *rwmutex);

static inline int co_rwmutex_read_unlock(struct co_rwmutex *rwmutex)
{
	unsigned state = CO_RWMUTEX_READER;

	if (atomic_compare_exchange_strong_explicit(
		    &rwmutex->state, &state, 0, memory_order_release, memory_order_relaxed))
		return 0;
	return co_rwmutex_read_unlock_slowly(rwmutex);
}

int co_rwmutex_lock(struct co_context *context, struct co_rwmutex *rwmutex);
bool co_rwmutex_try_lock(struct co_rwmutex *rwmutex);
int co_rwmutex_unlock(struct co_rwmutex *rwmutex);

/* Go's sync.WaitGroup. Zero is a counter of 0. It may be used again, and its memory may go, once a wait has returned.
 */
struct co_waitgroup {
	atomic_ullong state; /* the counter; contended: look further under the lock */
	struct co_spin lock;
	uint64_t generation; /* how often it came to 0 with waiters */
	struct co_waitq waiters;
};

/* Adds DELTA, which may be negative, to the counter; at 0 every waiter goes on. 0, or CO_ENEGATIVE, also where the
 * counter would pass 2^31 - 1, and then nothing was changed. Never blocks. co_waitgroup_done adds -1. */
int co_waitgroup_add(struct co_waitgroup *group, int32_t delta);
int co_waitgroup_done(struct co_waitgroup *group);

/* Parks until the counter is 0. 0, or the context's error. */
int co_waitgroup_wait(struct co_context *context, struct co_waitgroup *group);

/* Go's WaitGroup.Go: adds 1, and calls FUNCTION(ARG) in a new coroutine and co_waitgroup_done after it. 0, or an error
 * of co_waitgroup_add or co_go, and then nothing was changed. */
#define co_waitgroup_go(group, function, arg)                                                                          \
	co_waitgroup_go_from((group), (function), (arg), #function " at " __FILE__ ":" CO_LINE_TEXT(__LINE__))
int co_waitgroup_go_from(struct co_waitgroup *group, void (*function)(void *arg), void *arg, const char *site);

/* Go's sync.Once. Zero is ready. */
struct co_once {
	atomic_bool is_done;
	struct co_mutex mutex;
};

/* co_once_do's body where FUNCTION may not have returned yet. */
int co_once_do_slowly(struct co_context *context, struct co_once *once, void (*function)(void *arg), void *arg);

/* Calls FUNCTION(ARG) if no call on ONCE has been made yet; else parks until that call has returned. 0 when it has; the
 * context's error where it ended first, and then this call did not call FUNCTION. FUNCTION may park; where it calls
 * co_once_do on the same ONCE it deadlocks. */
static inline int co_once_do(struct co_context *context, struct co_once *once, void (*function)(void *arg), void *arg)
{
	if (__builtin_expect(atomic_load_explicit(&once->is_done, memory_order_acquire), 1))
		return 0;
	return co_once_do_slowly(context, once, function, arg);
}

/* Go's sync.OnceValue: a value that is made when it is first asked for. Zero is ready. */
struct co_once_value {
	struct co_once once;
	void *value;
};

/* Gives what FUNCTION(ARG) returned, which is called as by co_once_do, in *RET. 0, or the context's error. */
int co_once_value_get(struct co_context *context, struct co_once_value *once_value, void *(*function)(void *arg),
	void *arg, void **ret);

/* Go's sync.Cond. Zero is ready. */
struct co_cond {
	struct co_spin lock;
	uint64_t next_ticket;
	struct co_waitq waiters;
};

/* Unlocks MUTEX, which the caller holds, parks until a signal or broadcast reaches it, and locks MUTEX again, which
 * nothing interrupts: it is held on return in every case but CO_EUNLOCKED (MUTEX was not locked). Nothing between the
 * unlock and the park is missed. Others may have run before MUTEX was held again: wait in a loop. Returns 0 when woken,
 * or the context's error. */
int co_cond_wait(struct co_context *context, struct co_cond *cond, struct co_mutex *mutex);

/* Wakes the waiter that has waited longest; one whose context has ended is passed over. Nothing if nobody waits. */
void co_cond_signal(struct co_cond *cond);

/* Wakes all that wait now. */
void co_cond_broadcast(struct co_cond *cond);

/* A weighted semaphore, first in, first out, as Go's x/sync/semaphore. Made by co_semaphore_init. */
struct co_semaphore {
	struct co_spin lock;
	uint64_t size;
	uint64_t held;
	struct co_waitq waiters;
};

/* None of SIZE is held. */
void co_semaphore_init(struct co_semaphore *semaphore, uint64_t size);

/* Takes WEIGHT of the semaphore, when all that came earlier have theirs. 0; the context's error, and then nothing was
 * taken; CO_EINVAL at once where WEIGHT is more than its whole size. */
int co_semaphore_acquire(struct co_context *context, struct co_semaphore *semaphore, uint64_t weight);

/* True if it took WEIGHT at once; false also where others wait. */
bool co_semaphore_try_acquire(struct co_semaphore *semaphore, uint64_t weight);

/* Gives WEIGHT back. 0, or CO_ERELEASED, and then nothing was changed. */
int co_semaphore_release(struct co_semaphore *semaphore, uint64_t weight);

/* A map for concurrent use, as Go's sync.Map. Keys are byte strings, which the map copies, so a pointer or a number is
 * a key by its bytes; values are the caller's pointers, which the map only keeps and compares by address. Each function
 * takes effect at one moment; none blocks. May be used from any thread. */
struct co_map;

/* Empty. The caller owns it: co_map_free(), when nobody uses it; the values stay the caller's. NULL: no memory. */
struct co_map *co_map_new(void);
void co_map_free(struct co_map *map);

/* True if KEY is in it; then *RET_VALUE is its value, else NULL. */
bool co_map_load(struct co_map *map, const void *key, size_t length, void **ret_value);

/* Sets the value of KEY. 0 or CO_ENOMEM; a key that is in it already needs no memory. */
int co_map_store(struct co_map *map, const void *key, size_t length, void *value);

/* As co_map_store, and gives the value that it replaced in *RET_PREVIOUS: 1; or 0 and NULL if KEY was not in it. */
int co_map_swap(struct co_map *map, const void *key, size_t length, void *value, void **ret_previous);

/* 1 if KEY is in it: *RET_ACTUAL is its value, which stays. 0 if it was not: VALUE is stored, and *RET_ACTUAL. Or
 * CO_ENOMEM. */
int co_map_load_or_store(struct co_map *map, const void *key, size_t length, void *value, void **ret_actual);

/* True if KEY was in it and now is not; *RET_VALUE was its value, else NULL. */
bool co_map_load_and_delete(struct co_map *map, const void *key, size_t length, void **ret_value);
bool co_map_delete(struct co_map *map, const void *key, size_t length);

/* If KEY is in it with the value EXPECTED: sets another, or deletes it. True if so. */
bool co_map_compare_and_swap(struct co_map *map, const void *key, size_t length, void *expected, void *value);
bool co_map_compare_and_delete(struct co_map *map, const void *key, size_t length, void *expected);

/* Calls VISIT for the keys in it, in no order, until it returns false. No lock is held: VISIT may park and use the map.
 * Each key is visited at most once, with a value that it had during the call; one that was in it throughout is visited,
 * one that came or went meanwhile perhaps. KEY is valid until VISIT returns. */
void co_map_range(struct co_map *map, bool (*visit)(const void *key, size_t length, void *value, void *arg), void *arg);

/* Deletes all keys. */
void co_map_clear(struct co_map *map);

/* How many keys are in it. */
size_t co_map_length(struct co_map *map);

/* ---- looking inside -------------------------------------------------------------------------- */

struct co_stats {
	uint64_t spawned;  /* coroutines started since the run began */
	uint64_t live;     /* of them not yet ended */
	uint64_t parked;   /* of those, waiting */
	uint64_t switches; /* times a coroutine was given the P */
	uint64_t steals;   /* times a P took coroutines from another's queue */
	uint64_t polls;    /* times the kernel was asked for events */
	uint64_t timers_fired;
	uint64_t stacks_mapped; /* stacks carved from slabs */
	uint64_t stacks_in_use;
	uint64_t stack_high_pages; /* the most pages that one stack's use was seen to touch at exit (debug builds) */
};

void co_stats(struct co_stats *ret);

/* How many coroutines wait for one reason. */
struct co_parked {
	const char *reason; /* as in a dump; static */
	uint64_t count;
};

/* Counts the parked coroutines by reason: writes up to LENGTH of them to RET, and returns how many. */
size_t co_parked_by_reason(struct co_parked *ret, size_t length);

/* Writes each coroutine's number, state, what it waits for and since when, where it was started, and where it stands,
 * to FD. What runs is shown without its backtrace. By one thread at a time. */
void co_dump(int fd);

#endif
