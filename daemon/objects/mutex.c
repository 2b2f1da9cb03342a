/* SPDX-License-Identifier: MIT
 *
 * mutex.c - Go's sync.Mutex (its normal and its starvation mode), held by sessions.
 *
 * Normal mode: an unlock wakes the first waiter, which then competes with newcomers; if it loses it waits on at the
 * front of the queue. One that lost for more than 1 ms switches to starvation mode: the lock is handed over at unlock,
 * and newcomers queue. A waiter that gets the lock and is the last, or has waited less than 1 ms, switches back.
 *
 * Invariants, whenever the lock is free:
 *  1. While nobody holds it and a token can be had, no unclaimed waiter stands in the queue unless one that was woken
 *     is on its way (`woken`). Whoever was woken takes the lock, or queues behind a holder, or passes the wake-up on.
 *  2. Starvation mode has waiters.
 *  3. Tokens of successive holds rise.
 *
 * Time comes with calls; `now_ns` is the latest that was told.
 * Locking: everything is under object.lock. A grant claims the waiter, then takes the owner's lock.
 */
#include <string.h>

#include "base/memory.h"
#include "daemon/objects/mutex_state.h"
#include "daemon/objects/token.h"
#include "daemon/objects/transition.h"

#define STARVATION_NS CO_MILLISECOND
#define PATIENCE_NS CO_SECOND /* of calls that lock several */

/* A wait's result besides object_error: woken to compete. */
enum { COMPETE = SELECT_AGAIN };

int mutex_new(const char *name, const struct lock_options *options, struct mutex **ret)
{
	struct mutex *mutex = memory_alloc(sizeof(*mutex));
	int r;

	if (mutex == NULL)
		return OBJECT_ENOMEM;
	*mutex = (struct mutex){.options = *options, .epoch = 1};
	r = object_init(&mutex->object, &mutex_type, name);
	if (r != 0) {
		memory_free(mutex);
		return r;
	}
	list_init(&mutex->hold.link);
	mutex->hold.object = &mutex->object;
	mutex->hold.step = RELEASE_LOCKS;
	lock_past_init(&mutex->past, &mutex->object);
	*ret = mutex;
	return OBJECT_OK;
}

struct object *mutex_object(struct mutex *mutex)
{
	return &mutex->object;
}

struct mutex *mutex_of(struct object *object)
{
	return container_of(object, struct mutex, object);
}

static bool is_held_under(const struct mutex *mutex, uint64_t token)
{
	return mutex_is_held(mutex) && mutex->hold.token == token;
}

const char *mutex_conflict(const struct mutex *mutex, const struct lock_options *wanted)
{
	return lock_options_conflict(&mutex->options, wanted);
}

/* Whether the lock goes from holder to holder, and newcomers queue. */
static bool is_handed_over(const struct mutex *mutex)
{
	return mutex->starving || (mutex->options.fifo && mutex->waiters.length > 0);
}

/* Whether nobody who came later may pass SEAT, whose call wants several. */
static bool is_owed(const struct mutex *mutex, const struct seat *seat)
{
	return mutex->options.fifo || mutex->now_ns - seat->entry->since_ns >= PATIENCE_NS;
}

bool mutex_is_owed_to_other(const struct mutex *mutex, const struct seat *seat)
{
	struct co_waiter *waiter = mutex->many_waiting > 0 ? co_waitq_first(&mutex->waiters) : NULL;

	while (waiter != NULL && !seat_of(waiter)->waits_for_all)
		waiter = waiter->next;
	return waiter != NULL && seat_of(waiter) != seat && is_owed(mutex, seat_of(waiter));
}

bool mutex_is_open(const struct mutex *mutex)
{
	return !mutex_is_held(mutex) && !is_handed_over(mutex) && mutex->called == NULL &&
	       !lock_past_delays(&mutex->past, mutex->now_ns) && !mutex_is_owed_to_other(mutex, NULL);
}

/* ---- locking ----------------------------------------------------------------------------------------------------- */

int mutex_take(struct mutex *mutex, struct seat *seat, uint64_t token)
{
	struct entry *entry = seat->entry;

	mutex->hold.token = token;
	mutex->hold.since_ns = mutex->now_ns;
	mutex->hold.task = seat->for_owner != NULL ? seat->for_task : entry->task;
	if (!owner_take(seat->for_owner != NULL ? seat->for_owner : entry->owner, &mutex->hold))
		return OBJECT_EENDED;
	mutex->epoch++;
	seat->token = token;
	seat->detail = lock_past_is_abandoned(&mutex->past, mutex->now_ns);
	lock_past_told(&mutex->past);
	if (mutex->waiters.length == 0 || mutex->now_ns - entry->since_ns < STARVATION_NS)
		mutex->starving = false;
	return OBJECT_OK;
}

/* Gives the free lock to SEAT's call, which stands in no queue, under TOKEN. 0 or OBJECT_EENDED. */
static int grant_under(struct mutex *mutex, struct seat *seat, uint64_t token)
{
	const int r = mutex_take(mutex, seat, token);

	if (r == OBJECT_OK)
		seat->entry->sequence = transition_commit_one(TRANSITION_MUTEX_LOCKED, &mutex->object);
	return r;
}

/* As grant_under(), with the next token; OBJECT_EWOULDBLOCK when there is none. */
static int grant(struct mutex *mutex, struct seat *seat)
{
	uint64_t token;

	return token_take(&token) ? grant_under(mutex, seat, token) : OBJECT_EWOULDBLOCK;
}

/* Takes the first waiter, who stands in the queue, out: it is woken, or handed the lock. False: there is no token. */
static bool let_in(struct mutex *mutex, struct co_waiter *waiter)
{
	struct seat *seat = seat_of(waiter);
	const bool handed_over = mutex->starving || mutex->options.fifo || seat->hand_over;
	uint64_t token = 0;

	if (handed_over ? !token_take(&token) : !token_is_available())
		return false;
	co_waitq_remove(&mutex->waiters, waiter);
	if (!co_wait_claim(waiter->wait, waiter, COMPETE))
		return true;
	if (handed_over)
		entry_fail(seat->entry, grant_under(mutex, seat, token));
	else
		mutex->woken = true;
	co_wait_ready(waiter->wait);
	return true;
}

/* Lets WAITER's call, which wants several, look whether it can have them. False: there is no token. */
static bool call_to_look(struct mutex *mutex, struct co_waiter *waiter)
{
	if (!token_is_available())
		return false;
	mutex->called = seat_of(waiter);
	if (co_wait_claim(waiter->wait, waiter, COMPETE))
		co_wait_ready(waiter->wait);
	return true;
}

/* Whose turn it is; NULL: nobody's. One that wants several and has looked since the last grant is passed, unless the
 * lock is owed to it. */
static struct co_waiter *next_in_turn(const struct mutex *mutex)
{
	struct co_waiter *waiter = co_waitq_first(&mutex->waiters);

	while (waiter != NULL && seat_of(waiter)->waits_for_all && seat_of(waiter)->ticket == mutex->epoch) {
		if (is_owed(mutex, seat_of(waiter)))
			return NULL;
		waiter = waiter->next;
	}
	return waiter;
}

void mutex_pass_on(struct mutex *mutex)
{
	struct co_waiter *waiter;
	bool went_on = !lock_past_delays(&mutex->past, mutex->now_ns);

	while (went_on && !mutex_is_held(mutex) && !mutex->woken && mutex->called == NULL &&
		(waiter = next_in_turn(mutex)) != NULL)
		went_on = seat_of(waiter)->waits_for_all ? call_to_look(mutex, waiter) : let_in(mutex, waiter);
	if (mutex->waiters.length == 0)
		mutex->starving = false;
}

/* ENTRY was woken. As grant(); having lost for too long starts starvation mode. What was cancelled since it was woken
 * gets nothing any more: the cancel has been answered. */
static int compete(struct mutex *mutex, struct entry *entry)
{
	const int refusal = entry_refusal(entry);

	mutex->woken = false;
	if (refusal != OBJECT_OK)
		return refusal;
	if (!mutex_is_held(mutex) && !lock_past_delays(&mutex->past, mutex->now_ns))
		return grant(mutex, &entry->seat);
	if (mutex->now_ns - entry->since_ns > STARVATION_NS)
		mutex->starving = true;
	return OBJECT_EWOULDBLOCK;
}

/* Called and returns with the lock held. */
static int wait_for_lock(struct mutex *mutex, struct entry *entry)
{
	bool waited = false;
	int r;

	do {
		entry_begin(entry, "mutex lock");
		if (waited)
			co_waitq_push_front(&mutex->waiters, &entry->seat.waiter, &entry->wait);
		else
			co_waitq_push(&mutex->waiters, &entry->seat.waiter, &entry->wait);
		waited = true;
		r = entry_park(entry, &mutex->object.lock);
		co_spin_lock(&mutex->object.lock);
		co_waitq_remove(&mutex->waiters, &entry->seat.waiter);
		if (r == COMPETE)
			r = compete(mutex, entry);
	} while (r == OBJECT_EWOULDBLOCK);
	if (r != OBJECT_OK)
		mutex_pass_on(mutex);
	return r;
}

int mutex_lock(struct mutex *mutex, struct entry *entry, bool no_wait, struct lock_grant *ret)
{
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	co_spin_lock(&mutex->object.lock);
	mutex_hear_time(mutex, entry->since_ns);
	r = OBJECT_EWOULDBLOCK;
	if (mutex_is_open(mutex))
		r = grant(mutex, &entry->seat);
	if (r == OBJECT_EWOULDBLOCK && !no_wait)
		r = wait_for_lock(mutex, entry);
	co_spin_unlock(&mutex->object.lock);
	if (r == OBJECT_OK)
		*ret = (struct lock_grant){.token = entry->seat.token, .abandoned = entry->seat.detail != 0};
	return r;
}

/* ---- unlocking --------------------------------------------------------------------------------------------------- */

int mutex_unlock_locked(struct mutex *mutex, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg)
{
	if (!mutex_is_held(mutex))
		return OBJECT_EUNLOCKED;
	if (!is_held_under(mutex, token))
		return OBJECT_ESTALE;
	if (holder != NULL)
		holder(&mutex->hold, arg);
	owner_drop(&mutex->hold);
	mutex_hear_time(mutex, now_ns);
	(void)transition_commit_one(TRANSITION_MUTEX_UNLOCKED, &mutex->object);
	mutex_pass_on(mutex);
	return OBJECT_OK;
}

int mutex_unlock(struct mutex *mutex, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg)
{
	int r;

	co_spin_lock(&mutex->object.lock);
	r = mutex_unlock_locked(mutex, token, now_ns, holder, arg);
	co_spin_unlock(&mutex->object.lock);
	return r;
}

int mutex_hand_over(struct mutex *mutex, uint64_t token)
{
	int r = OBJECT_OK;

	co_spin_lock(&mutex->object.lock);
	if (is_held_under(mutex, token))
		mutex->hold.task = 0;
	else
		r = mutex_is_held(mutex) ? OBJECT_ESTALE : OBJECT_EUNLOCKED;
	co_spin_unlock(&mutex->object.lock);
	return r;
}

static void abandon(struct mutex *mutex, int64_t now_ns)
{
	owner_drop(&mutex->hold);
	mutex_hear_time(mutex, now_ns);
	lock_past_begin(&mutex->past, now_ns, mutex->options.delay_ns, true);
	(void)transition_commit_one(TRANSITION_MUTEX_ABANDONED, &mutex->object);
}

static void mutex_release(struct object *object, enum release_step step, uint64_t token, int64_t now_ns)
{
	struct mutex *mutex = mutex_of(object);

	(void)step;
	co_spin_lock(&object->lock);
	if (is_held_under(mutex, token)) {
		abandon(mutex, now_ns);
		mutex_pass_on(mutex);
	}
	co_spin_unlock(&object->lock);
}

static void mutex_admit(struct object *object, int64_t now_ns)
{
	struct mutex *mutex = mutex_of(object);

	co_spin_lock(&object->lock);
	mutex_hear_time(mutex, now_ns);
	mutex_pass_on(mutex);
	co_spin_unlock(&object->lock);
}

/* ---- together with other objects --------------------------------------------------------------------------------- */

void mutex_join(struct mutex *mutex, struct seat *seat, int64_t now_ns)
{
	mutex_hear_time(mutex, now_ns);
	seat->hand_over = true;
	co_waitq_push(&mutex->waiters, &seat->waiter, &seat->entry->wait);
	mutex_pass_on(mutex);
}

void mutex_leave(struct mutex *mutex, struct seat *seat)
{
	co_waitq_remove(&mutex->waiters, &seat->waiter);
	mutex_pass_on(mutex);
}

static int attempt_lock(struct object *object, struct seat *seat)
{
	struct mutex *mutex = mutex_of(object);

	mutex_hear_time(mutex, seat->entry->since_ns);
	return mutex_is_open(mutex) ? grant(mutex, seat) : OBJECT_EWOULDBLOCK;
}

static void join_lock(struct object *object, struct seat *seat)
{
	mutex_join(mutex_of(object), seat, seat->entry->since_ns);
}

static void leave_lock(struct object *object, struct seat *seat, bool again)
{
	(void)again;
	mutex_leave(mutex_of(object), seat);
}

const struct case_type mutex_lock_case = {.attempt = attempt_lock, .join = join_lock, .leave = leave_lock};

/* ---- looking ----------------------------------------------------------------------------------------------------- */

bool mutex_holds(struct mutex *mutex, uint64_t token)
{
	bool holds;

	co_spin_lock(&mutex->object.lock);
	holds = is_held_under(mutex, token);
	co_spin_unlock(&mutex->object.lock);
	return holds;
}

static bool mutex_is_idle(const struct object *object, int64_t now_ns)
{
	const struct mutex *mutex = container_of(object, const struct mutex, object);

	return !mutex_is_held(mutex) && !mutex->past.is_timed && !lock_past_is_abandoned(&mutex->past, now_ns);
}

static void mutex_describe(struct object *object, struct object_description *ret)
{
	struct mutex *mutex = mutex_of(object);

	*ret = (struct object_description){0};
	co_spin_lock(&object->lock);
	ret->holders = mutex_is_held(mutex);
	ret->waiters = (uint32_t)mutex->waiters.length;
	ret->token = mutex->hold.token;
	ret->abandoned = mutex->past.is_abandoned;
	(void)memccpy(ret->state, mutex_is_held(mutex) ? "locked" : "unlocked", '\0', sizeof(ret->state));
	co_spin_unlock(&object->lock);
}

static void mutex_visit_parties(
	struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	struct mutex *mutex = mutex_of(object);
	const struct hold *hold = &mutex->hold;
	bool more = true;

	co_spin_lock(&object->lock);
	if (mutex_is_held(mutex))
		more = visit(&(struct object_party){.role = "holder",
				     .owner = hold->owner,
				     .task = hold->task,
				     .token = hold->token,
				     .since_ns = hold->since_ns},
			arg);
	if (more)
		(void)entry_visit_waiters(&mutex->waiters, "waiter", visit, arg);
	co_spin_unlock(&object->lock);
}

static void mutex_free(struct object *object)
{
	struct mutex *mutex = mutex_of(object);

	if (mutex_is_held(mutex)) {
		owner_drop(&mutex->hold);
		(void)transition_commit_one(TRANSITION_MUTEX_ABANDONED, object);
	}
	object_done(object);
	memory_free(mutex);
}

const struct object_type mutex_type = {
	.kind = OBJECT_MUTEX,
	.name = "mutex",
	.is_idle = mutex_is_idle,
	.release = mutex_release,
	.admit = mutex_admit,
	.describe = mutex_describe,
	.visit_parties = mutex_visit_parties,
	.free = mutex_free,
};
