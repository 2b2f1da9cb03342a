/* SPDX-License-Identifier: MIT
 *
 * actors.h - sessions with one call at a time each, for tests of objects. What becomes of their calls is written to a
 * trace, one line each, so that a test reads as a story: what is done, then what the trace must be.
 */
#ifndef BATON_TESTS_OBJECTS_ACTORS_H
#define BATON_TESTS_OBJECTS_ACTORS_H

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/objects/channel.h"
#include "daemon/objects/mutex.h"
#include "daemon/objects/object.h"
#include "daemon/objects/rwmutex.h"
#include "daemon/objects/semaphore.h"
#include "daemon/objects/token.h"
#include "tests/lib/co_test.h"

/* ---- the trace --------------------------------------------------------------------------------------------------- */

static struct {
	struct co_spin lock;
	size_t length;
	char text[8192];
} trace;

/* One line. Formatted by the caller: coroutines' stacks are small and locks short. */
static inline void trace_line(const char *name, const char *what)
{
	co_spin_lock(&trace.lock);
	for (const char *const *part = (const char *const[]){name, " ", what, "\n", NULL}; *part != NULL; part++)
		for (const char *at = *part; *at != '\0' && trace.length + 1 < sizeof(trace.text); at++)
			trace.text[trace.length++] = *at;
	trace.text[trace.length] = '\0';
	co_spin_unlock(&trace.lock);
}

static inline void forget_trace(void)
{
	co_spin_lock(&trace.lock);
	trace.length = 0;
	trace.text[0] = '\0';
	co_spin_unlock(&trace.lock);
}

static inline bool trace_is(const char *expected)
{
	bool same;

	co_spin_lock(&trace.lock);
	same = strcmp(trace.text, expected) == 0;
	co_spin_unlock(&trace.lock);
	return same;
}

/* Fails with both texts unless CONDITION, about the trace, becomes true; then empties it. */
#define CHECK_EVENTUALLY_TRACE(condition, expected)                                                                    \
	do {                                                                                                           \
		const int64_t trace_limit = co_now() + 5 * CO_SECOND;                                                  \
		while (!(condition) && co_now() < trace_limit)                                                         \
			co_test_pause();                                                                               \
		if (!(condition)) {                                                                                    \
			co_test_fail(__FILE__, __LINE__, "trace is\n%s, not\n%s", trace.text, (expected));             \
			return;                                                                                        \
		}                                                                                                      \
		forget_trace();                                                                                        \
	} while (0)

/* The trace becomes EXPECTED. */
#define CHECK_TRACE(expected) CHECK_EVENTUALLY_TRACE(trace_is(expected), expected)

/* Whether the trace has the same lines, in any order: of coroutines made ready in one step each may run first. */
static inline bool trace_has_lines(const char *expected)
{
	size_t found = 0;
	bool all = true;

	co_spin_lock(&trace.lock);
	for (const char *line = expected; *line != '\0';) {
		const size_t length = (size_t)(strchr(line, '\n') + 1 - line);
		const char *at = memmem(trace.text, trace.length, line, length);

		all = all && at != NULL && (at == trace.text || at[-1] == '\n');
		found += length;
		line += length;
	}
	all = all && found == trace.length;
	co_spin_unlock(&trace.lock);
	return all;
}

/* As CHECK_TRACE, for lines in any order. */
#define CHECK_TRACE_LINES(expected) CHECK_EVENTUALLY_TRACE(trace_has_lines(expected), expected)

static inline const char *error_name(int error)
{
	static const char *const names[] = {
		[-OBJECT_OK] = "ok",
		[-OBJECT_ECANCELED] = "canceled",
		[-OBJECT_EDEADLINE] = "deadline",
		[-OBJECT_EWOULDBLOCK] = "would block",
		[-OBJECT_ECLOSED] = "closed",
		[-OBJECT_ESENDCLOSED] = "send on closed",
		[-OBJECT_ECLOSECLOSED] = "close of closed",
		[-OBJECT_EUNLOCKED] = "unlocked",
		[-OBJECT_ESTALE] = "stale",
		[-OBJECT_EDELETED] = "deleted",
		[-OBJECT_EENDED] = "ended",
		[-OBJECT_ESHUTDOWN] = "shutdown",
		[-OBJECT_ENOMEM] = "no memory",
		[-OBJECT_ENEGATIVE] = "negative counter",
	};

	return error <= 0 && -error < (int)(sizeof(names) / sizeof(names[0])) ? names[-error] : "unknown error";
}

/* ---- actors ------------------------------------------------------------------------------------------------------ */

struct actor {
	const char *name;
	struct owner owner;
	struct entry entry;
	struct co_context *context; /* of its calls; NULL: none */
	int64_t since_ns;           /* of its next call; 0: now */
	int64_t deadline_ns;        /* of its next call; 0: none */
	atomic_bool parked;
	atomic_bool done;
	int result;
	struct mutex *mutex;
	struct lock_grant grant;
	struct rwmutex *rwmutex;
	struct lock_grant rw;
	struct semaphore *semaphore;
	uint64_t permits; /* wanted */
	uint64_t token;
	struct channel *channel;
	const char *value; /* to send; NULL: receive */
	bool manual;
	char got[32];
	struct channel_delivery delivery;
};

static inline void actor_init(struct actor *actor, const char *name)
{
	*actor = (struct actor){.name = name};
	owner_init(&actor->owner);
}

static inline void actor_parks(struct entry *entry)
{
	atomic_store(&container_of(entry, struct actor, entry)->parked, true);
}

/* Makes the actor's entry ready for a call. */
static inline struct entry *actor_call(struct actor *actor)
{
	const int64_t since_ns = actor->since_ns != 0 ? actor->since_ns : co_now();

	entry_init(&actor->entry, &actor->owner, since_ns, actor->deadline_ns != 0 ? actor->deadline_ns : CO_NEVER);
	actor->entry.context = actor->context;
	actor->entry.on_park = actor_parks;
	atomic_store(&actor->parked, false);
	atomic_store(&actor->done, false);
	return &actor->entry;
}

/* The session's end: no more grants, its call leaves its queue, its holds go back. */
static inline void actor_end(struct actor *actor, int64_t now_ns)
{
	owner_end(&actor->owner);
	entry_stop(&actor->entry, OBJECT_EENDED);
	while (owner_release_some(&actor->owner, now_ns))
		co_yield();
}

/* Runs FUNCTION, a call of the actor's, in a coroutine of its own, until it is done or waits. */
static inline void actor_start(struct actor *actor, void (*function)(void *actor))
{
	actor_call(actor);
	CHECK_EQUAL(co_go(function, actor), 0);
	CHECK_EVENTUALLY(atomic_load(&actor->parked) || atomic_load(&actor->done));
}

static inline void actor_report(struct actor *actor, const char *success)
{
	trace_line(actor->name, actor->result == OBJECT_OK ? success : error_name(actor->result));
	atomic_store(&actor->done, true);
}

/* ---- calls at mutexes -------------------------------------------------------------------------------------------- */

static inline void actor_run_lock(void *arg)
{
	struct actor *actor = arg;

	actor->result = mutex_lock(actor->mutex, &actor->entry, false, &actor->grant);
	actor_report(actor, actor->grant.abandoned ? "locked, abandoned" : "locked");
}

static inline void start_lock(struct actor *actor, struct mutex *mutex)
{
	actor->mutex = mutex;
	actor_start(actor, actor_run_lock);
}

static inline int try_lock(struct actor *actor, struct mutex *mutex)
{
	return mutex_lock(mutex, actor_call(actor), true, &actor->grant);
}

static inline int unlock(struct actor *actor, struct mutex *mutex, int64_t now_ns)
{
	return mutex_unlock(mutex, actor->grant.token, now_ns, NULL, NULL);
}

/* ---- calls at RWMutexes ------------------------------------------------------------------------------------------ */

static inline void actor_run_write(void *arg)
{
	struct actor *actor = arg;

	actor->result = rwmutex_lock(actor->rwmutex, &actor->entry, false, &actor->rw);
	actor_report(actor, actor->rw.abandoned ? "writes, abandoned" : "writes");
}

static inline void actor_run_read(void *arg)
{
	struct actor *actor = arg;

	actor->result = rwmutex_rlock(actor->rwmutex, &actor->entry, false, &actor->rw);
	actor_report(actor, actor->rw.abandoned ? "reads, abandoned" : "reads");
}

static inline void start_write(struct actor *actor, struct rwmutex *rwmutex)
{
	actor->rwmutex = rwmutex;
	actor_start(actor, actor_run_write);
}

static inline void start_read(struct actor *actor, struct rwmutex *rwmutex)
{
	actor->rwmutex = rwmutex;
	actor_start(actor, actor_run_read);
}

static inline int try_write(struct actor *actor, struct rwmutex *rwmutex)
{
	return rwmutex_lock(rwmutex, actor_call(actor), true, &actor->rw);
}

static inline int try_read(struct actor *actor, struct rwmutex *rwmutex)
{
	return rwmutex_rlock(rwmutex, actor_call(actor), true, &actor->rw);
}

static inline int unlock_rw(struct actor *actor, struct rwmutex *rwmutex)
{
	return rwmutex_unlock(rwmutex, actor->rw.token, co_now(), NULL, NULL);
}

/* ---- calls at semaphores ----------------------------------------------------------------------------------------- */

static inline void actor_run_acquire(void *arg)
{
	struct actor *actor = arg;

	actor->result = semaphore_acquire(actor->semaphore, &actor->entry, actor->permits, false, &actor->token);
	actor_report(actor, "acquired");
}

static inline void start_acquire(struct actor *actor, struct semaphore *semaphore, uint64_t permits)
{
	actor->semaphore = semaphore;
	actor->permits = permits;
	actor_start(actor, actor_run_acquire);
}

static inline int try_acquire(struct actor *actor, struct semaphore *semaphore, uint64_t permits)
{
	return semaphore_acquire(semaphore, actor_call(actor), permits, true, &actor->token);
}

/* ---- calls at channels ------------------------------------------------------------------------------------------- */

/* Takes over what a receive brought: the text, for comparisons; the token stays. */
static inline void actor_unpack(struct actor *actor)
{
	const struct message *message = actor->delivery.message;

	memcpy(actor->got, message->bytes, message->length);
	actor->got[message->length] = '\0';
	message_unref(actor->delivery.message);
}

static inline void actor_run_transfer(void *arg)
{
	struct actor *actor = arg;

	if (actor->value != NULL) {
		struct message *message = message_new(actor->value, strlen(actor->value));

		actor->result =
			message != NULL ? channel_send(actor->channel, &actor->entry, message, false) : OBJECT_ENOMEM;
		message_unref(message);
		actor_report(actor, "sent");
	} else {
		actor->result = channel_receive(actor->channel, &actor->entry, false, actor->manual, &actor->delivery);
		if (actor->result == OBJECT_OK)
			actor_unpack(actor);
		actor_report(actor, actor->got);
	}
}

static inline void start_send(struct actor *actor, struct channel *channel, const char *value)
{
	actor->channel = channel;
	actor->value = value;
	actor_start(actor, actor_run_transfer);
}

static inline void start_receive(struct actor *actor, struct channel *channel, bool manual)
{
	actor->channel = channel;
	actor->value = NULL;
	actor->manual = manual;
	actor_start(actor, actor_run_transfer);
}

static inline int try_send(struct actor *actor, struct channel *channel, const char *value)
{
	struct message *message = message_new(value, strlen(value));
	const int r = message != NULL ? channel_send(channel, actor_call(actor), message, true) : OBJECT_ENOMEM;

	message_unref(message);
	return r;
}

static inline int try_receive(struct actor *actor, struct channel *channel, bool manual)
{
	const int r = channel_receive(channel, actor_call(actor), true, manual, &actor->delivery);

	actor->got[0] = '\0';
	if (r == OBJECT_OK)
		actor_unpack(actor);
	return r;
}

/* ---- failing allocations ----------------------------------------------------------------------------------------- */

/* Lets the allocation with this number (from 0) fail, and all behind it where `rest` is set; counted over all threads.
 */
static struct {
	atomic_long left;
	atomic_bool rest;
} fault;

static inline bool fault_decide(size_t bytes)
{
	const long left = atomic_fetch_sub(&fault.left, 1);

	(void)bytes;
	return left == 0 || (left < 0 && atomic_load(&fault.rest));
}

static inline void fail_allocation(long number, bool rest)
{
	atomic_store(&fault.left, number);
	atomic_store(&fault.rest, rest);
	memory_set_fault(fault_decide);
}

/* Takes it back. True if an allocation was made to fail. */
static inline bool failed_allocation(void)
{
	memory_set_fault(NULL);
	return atomic_load(&fault.left) < 0;
}

#endif
