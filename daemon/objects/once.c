/* SPDX-License-Identifier: MIT
 *
 * once.c - one runner at a time, until one completes.
 *
 * Completing marks first: the value is there, then all who wait are released with it, in steps. Every call finishes
 * that first (enter), so that the value in those steps is the one they waited for.
 *
 * Invariants, whenever the lock is free:
 *  1. It is idle, running (the hold has an owner) or done (there is a value whose time is not over); never two of them.
 *  2. While it is idle and a token can be had, no unclaimed caller waits. While it is done, those who wait are being
 *     released.
 *  3. Tokens of successive runs rise.
 * Locking: everything is under object.lock. A grant claims the waiter, then takes the owner's lock.
 */
#include "daemon/objects/once.h"

#include <string.h>

#include "base/memory.h"
#include "daemon/objects/token.h"
#include "daemon/objects/transition.h"

#define PER_STEP 256u
#define ABANDONED_KEPT_NS (3600 * CO_SECOND)

/* What a caller's seat says in `detail`. */
enum {
	SEAT_RUNS = 1,
	SEAT_ABANDONED = 2,
};

struct once {
	struct object object;
	struct hold hold;         /* the run; its owner is NULL while there is none */
	struct co_waitq callers;  /* who will run if nobody completes */
	struct co_waitq watchers; /* who only waits for the value */
	struct message *value;    /* NULL: not done */
	int64_t keep_ns;          /* the value's time */
	bool is_releasing;        /* it was completed, and not all who waited for that are released */
	bool is_abandoned;        /* the last runner's session ended; told to the next */
	int64_t abandoned_ns;
	int64_t now_ns;    /* the latest that was told */
	uint64_t sequence; /* of the transition that completed it */
};

int once_make(const char *name, void *unused, struct object **ret)
{
	struct once *once = memory_zalloc(sizeof(*once));
	int r;

	(void)unused;
	if (once == NULL)
		return OBJECT_ENOMEM;
	r = object_init(&once->object, &once_type, name);
	if (r != OBJECT_OK) {
		memory_free(once);
		return r;
	}
	list_init(&once->hold.link);
	once->hold.object = &once->object;
	once->hold.step = RELEASE_ONCES;
	*ret = &once->object;
	return OBJECT_OK;
}

struct once *once_of(struct object *object)
{
	return container_of(object, struct once, object);
}

static bool is_running(const struct once *once)
{
	return once->hold.owner != NULL;
}

static void hear_time(struct once *once, int64_t now_ns)
{
	if (now_ns > once->now_ns)
		once->now_ns = now_ns;
}

static bool has_abandoned_mark(const struct once *once, int64_t now_ns)
{
	return once->is_abandoned && now_ns - once->abandoned_ns < ABANDONED_KEPT_NS;
}

/* ---- entering and leaving ---------------------------------------------------------------------------------------- */

static void release_waiter(struct once *once, struct co_waiter *waiter)
{
	struct seat *seat = seat_of(waiter);

	if (!co_wait_claim(waiter->wait, waiter, OBJECT_OK))
		return;
	seat->slot = message_ref(once->value);
	seat->detail = 0;
	seat->entry->sequence = once->sequence;
	co_wait_ready(waiter->wait);
}

/* Releases a step of those who waited for the value. True if there are more. */
static bool release_some(struct once *once)
{
	struct co_waiter *waiter;
	unsigned left = PER_STEP;

	if (!once->is_releasing)
		return false;
	while (left > 0 && (waiter = co_waitq_pop(&once->callers)) != NULL) {
		release_waiter(once, waiter);
		left--;
	}
	while (left > 0 && (waiter = co_waitq_pop(&once->watchers)) != NULL) {
		release_waiter(once, waiter);
		left--;
	}
	once->is_releasing = once->callers.length + once->watchers.length > 0;
	return once->is_releasing;
}

/* With the lock held. */
static void finish(struct once *once)
{
	while (release_some(once)) {
		co_spin_unlock(&once->object.lock);
		co_spin_lock(&once->object.lock);
	}
}

/* Takes the lock, with nothing under way and the time told. */
static void enter(struct once *once, int64_t now_ns)
{
	co_spin_lock(&once->object.lock);
	finish(once);
	hear_time(once, now_ns);
}

static void leave(struct once *once)
{
	finish(once);
	co_spin_unlock(&once->object.lock);
}

/* Takes the value out if its time is over, to be freed without the lock; NULL: nothing was taken out. */
static struct message *take_expired(struct once *once)
{
	struct message *expired = once->value;

	if (expired == NULL || once->now_ns < once->keep_ns)
		return NULL;
	once->value = NULL;
	(void)transition_commit_one(TRANSITION_ONCE_RESET, &once->object);
	return expired;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* Gives the run to SEAT's call, which stands in no queue, under TOKEN. 0 or OBJECT_EENDED. */
static int grant(struct once *once, struct seat *seat, uint64_t token)
{
	struct entry *entry = seat->entry;

	once->hold.token = token;
	once->hold.since_ns = once->now_ns;
	once->hold.task = entry->task;
	if (!owner_take(entry->owner, &once->hold))
		return OBJECT_EENDED;
	seat->slot = NULL;
	seat->token = token;
	seat->detail = SEAT_RUNS | (has_abandoned_mark(once, once->now_ns) ? SEAT_ABANDONED : 0);
	once->is_abandoned = false;
	entry->sequence = transition_commit_one(TRANSITION_ONCE_BEGUN, &once->object);
	return OBJECT_OK;
}

/* Lets the first caller run if nobody does and it is not done. */
static void pass_on(struct once *once)
{
	struct co_waiter *waiter;
	uint64_t token;

	while (!is_running(once) && once->value == NULL && once->callers.length > 0 && token_take(&token)) {
		waiter = co_waitq_pop(&once->callers);
		if (!co_wait_claim(waiter->wait, waiter, OBJECT_OK))
			continue;
		entry_fail(seat_of(waiter)->entry, grant(once, seat_of(waiter), token));
		co_wait_ready(waiter->wait);
	}
}

/* OBJECT_EWOULDBLOCK: somebody runs, or there is no token. */
static int attempt(struct once *once, struct seat *seat)
{
	uint64_t token;

	if (once->value != NULL) {
		seat->slot = message_ref(once->value);
		seat->detail = 0;
		seat->entry->sequence = once->sequence;
		return OBJECT_OK;
	}
	if (is_running(once) || !token_take(&token))
		return OBJECT_EWOULDBLOCK;
	return grant(once, seat, token);
}

int once_do(struct once *once, struct entry *entry, bool no_wait, struct once_outcome *ret)
{
	struct seat *seat = &entry->seat;
	struct message *expired;
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	enter(once, entry->since_ns);
	expired = take_expired(once);
	r = attempt(once, seat);
	if (r == OBJECT_EWOULDBLOCK && !no_wait) {
		entry_begin(entry, "once do");
		co_waitq_push(&once->callers, &seat->waiter, &entry->wait);
		r = entry_park(entry, &once->object.lock);
		co_spin_lock(&once->object.lock);
		co_waitq_remove(&once->callers, &seat->waiter);
	}
	co_spin_unlock(&once->object.lock);
	message_unref(expired);
	if (r == OBJECT_OK)
		*ret = (struct once_outcome){
			.run = (seat->detail & SEAT_RUNS) != 0,
			.token = (seat->detail & SEAT_RUNS) != 0 ? seat->token : 0,
			.abandoned = (seat->detail & SEAT_ABANDONED) != 0,
			.value = seat->slot,
		};
	return r;
}

/* ---- the run's end ----------------------------------------------------------------------------------------------- */

/* Takes the hold of TOKEN's run back. 0 or OBJECT_ESTALE. */
static int end_run(struct once *once, uint64_t token, enum transition_kind kind,
	void (*holder)(const struct hold *hold, void *arg), void *arg)
{
	if (!is_running(once) || once->hold.token != token)
		return OBJECT_ESTALE;
	if (holder != NULL)
		holder(&once->hold, arg);
	owner_drop(&once->hold);
	once->sequence = transition_commit_one(kind, &once->object);
	return OBJECT_OK;
}

int once_complete(struct once *once, uint64_t token, struct message *value, int64_t keep_ns, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg)
{
	int r;

	enter(once, now_ns);
	r = end_run(once, token, TRANSITION_ONCE_COMPLETED, holder, arg);
	if (r == OBJECT_OK) {
		once->value = message_ref(value);
		once->keep_ns = keep_ns;
		once->is_releasing = true;
	}
	leave(once);
	return r;
}

int once_fail(struct once *once, uint64_t token, int64_t now_ns, void (*holder)(const struct hold *hold, void *arg),
	void *arg)
{
	int r;

	enter(once, now_ns);
	r = end_run(once, token, TRANSITION_ONCE_FAILED, holder, arg);
	pass_on(once);
	leave(once);
	return r;
}

static void once_release(struct object *object, enum release_step step, uint64_t token, int64_t now_ns)
{
	struct once *once = once_of(object);

	(void)step;
	enter(once, now_ns);
	if (end_run(once, token, TRANSITION_ONCE_ABANDONED, NULL, NULL) == OBJECT_OK) {
		once->is_abandoned = true;
		once->abandoned_ns = now_ns;
		pass_on(once);
	}
	leave(once);
}

static void once_admit(struct object *object, int64_t now_ns)
{
	struct once *once = once_of(object);

	enter(once, now_ns);
	pass_on(once);
	leave(once);
}

/* ---- the value --------------------------------------------------------------------------------------------------- */

struct message *once_get(struct once *once, int64_t now_ns)
{
	struct message *expired;
	struct message *value;

	enter(once, now_ns);
	expired = take_expired(once);
	value = once->value != NULL ? message_ref(once->value) : NULL;
	leave(once);
	message_unref(expired);
	return value;
}

bool once_reset(struct once *once, int64_t now_ns)
{
	struct message *expired;
	struct message *value;

	enter(once, now_ns);
	expired = take_expired(once);
	value = once->value;
	once->value = NULL;
	if (value != NULL)
		(void)transition_commit_one(TRANSITION_ONCE_RESET, &once->object);
	leave(once);
	message_unref(expired);
	message_unref(value);
	return value != NULL;
}

/* ---- as a case of a select --------------------------------------------------------------------------------------- */

static int attempt_done(struct object *object, struct seat *seat)
{
	struct once *once = once_of(object);

	hear_time(once, seat->entry->since_ns);
	if (once->value == NULL || once->now_ns >= once->keep_ns)
		return OBJECT_EWOULDBLOCK;
	return attempt(once, seat);
}

static void join_done(struct object *object, struct seat *seat)
{
	co_waitq_push(&once_of(object)->watchers, &seat->waiter, &seat->entry->wait);
}

static void leave_done(struct object *object, struct seat *seat, bool again)
{
	(void)again;
	co_waitq_remove(&once_of(object)->watchers, &seat->waiter);
}

const struct case_type once_case_done = {.attempt = attempt_done, .join = join_done, .leave = leave_done};

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static bool is_done(const struct once *once, int64_t now_ns)
{
	return once->value != NULL && now_ns < once->keep_ns;
}

static bool once_is_idle(const struct object *object, int64_t now_ns)
{
	const struct once *once = container_of(object, const struct once, object);

	return !is_running(once) && !is_done(once, now_ns) && !has_abandoned_mark(once, now_ns);
}

static void once_describe(struct object *object, struct object_description *ret)
{
	struct once *once = once_of(object);
	const char *state = "idle";

	*ret = (struct object_description){0};
	enter(once, 0);
	ret->holders = is_running(once);
	ret->waiters = (uint32_t)(once->callers.length + once->watchers.length);
	ret->token = once->hold.token;
	ret->abandoned = once->is_abandoned;
	if (is_running(once)) {
		state = "running";
	} else if (is_done(once, once->now_ns)) {
		state = "done";
		ret->length = once->value->length;
	}
	(void)memccpy(ret->state, state, '\0', sizeof(ret->state));
	leave(once);
}

static void once_visit_parties(
	struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	struct once *once = once_of(object);
	const struct hold *hold = &once->hold;
	bool more = true;

	enter(once, 0);
	if (is_running(once))
		more = visit(&(struct object_party){.role = "holder",
				     .owner = hold->owner,
				     .task = hold->task,
				     .token = hold->token,
				     .since_ns = hold->since_ns},
			arg);
	if (more && entry_visit_waiters(&once->callers, "waiter", visit, arg))
		(void)entry_visit_waiters(&once->watchers, "waiter", visit, arg);
	leave(once);
}

static void once_free(struct object *object)
{
	struct once *once = once_of(object);

	if (is_running(once))
		owner_drop(&once->hold);
	message_unref(once->value);
	object_done(object);
	memory_free(once);
}

const struct object_type once_type = {
	.kind = OBJECT_ONCE,
	.name = "once",
	.is_idle = once_is_idle,
	.release = once_release,
	.admit = once_admit,
	.describe = once_describe,
	.visit_parties = once_visit_parties,
	.free = once_free,
};
