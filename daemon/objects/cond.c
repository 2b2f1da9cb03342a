/* SPDX-License-Identifier: MIT
 *
 * cond.c - Go's sync.Cond between processes.
 *
 * A wait has two parts: in the cond's queue, until it is woken, and in the mutex's, until it is handed that. Waiters
 * are numbered as they come. A broadcast marks all numbers given out so far as woken, and then wakes them in steps;
 * every call that wakes finishes that first, so that a signal goes to one who came after. Who is woken and fails to get
 * the mutex passes a signal on, but not a broadcast: everybody has had that.
 *
 * Invariants, whenever the lock is free:
 *  1. The queue is in the order of numbers. Those up to `woken` are being woken.
 *  2. Nobody is woken twice: who claims a wait takes it out of the queue first.
 * Locking: the cond's queue is under object.lock. Unlocking the mutex and joining the queue is one step, under the
 * locks of both, the lower id first.
 */
#include "daemon/objects/cond.h"

#include <string.h>

#include "base/memory.h"
#include "daemon/objects/transition.h"

#define PER_STEP 256u

/* A wait's result besides object_error. */
enum {
	SIGNALLED = 1,
	BROADCAST = 2,
};

struct cond {
	struct object object;
	struct co_waitq waiters; /* a seat's token is its number */
	uint64_t last;           /* number given out */
	uint64_t woken;
};

int cond_make(const char *name, void *unused, struct object **ret)
{
	struct cond *cond = memory_zalloc(sizeof(*cond));
	int r;

	(void)unused;
	if (cond == NULL)
		return OBJECT_ENOMEM;
	r = object_init(&cond->object, &cond_type, name);
	if (r != OBJECT_OK) {
		memory_free(cond);
		return r;
	}
	*ret = &cond->object;
	return OBJECT_OK;
}

struct cond *cond_of(struct object *object)
{
	return container_of(object, struct cond, object);
}

/* ---- waking ------------------------------------------------------------------------------------------------------ */

static bool has_woken_waiters(const struct cond *cond)
{
	struct co_waiter *oldest = co_waitq_first(&cond->waiters);

	return oldest != NULL && seat_of(oldest)->token <= cond->woken;
}

/* Wakes the oldest waiter, who stands in the queue. False: something else had ended its wait. */
static bool wake_first(struct cond *cond, int result)
{
	struct co_waiter *waiter = co_waitq_pop(&cond->waiters);

	if (!co_wait_claim(waiter->wait, waiter, result))
		return false;
	co_wait_ready(waiter->wait);
	return true;
}

/* With the lock held: finishes a broadcast that is under way. Returns how many it woke. */
static uint64_t finish(struct cond *cond)
{
	uint64_t count = 0;

	while (has_woken_waiters(cond)) {
		for (unsigned i = 0; i < PER_STEP && has_woken_waiters(cond); i++)
			count += wake_first(cond, BROADCAST);
		co_spin_unlock(&cond->object.lock);
		co_spin_lock(&cond->object.lock);
	}
	return count;
}

uint64_t cond_signal(struct cond *cond)
{
	bool is_woken = false;

	co_spin_lock(&cond->object.lock);
	(void)finish(cond);
	while (!is_woken && cond->waiters.length > 0)
		is_woken = wake_first(cond, SIGNALLED);
	if (is_woken)
		(void)transition_commit_one(TRANSITION_COND_SIGNALLED, &cond->object);
	co_spin_unlock(&cond->object.lock);
	return is_woken;
}

uint64_t cond_broadcast(struct cond *cond)
{
	uint64_t count;

	co_spin_lock(&cond->object.lock);
	(void)finish(cond);
	cond->woken = cond->last;
	if (cond->waiters.length > 0)
		(void)transition_commit_one(TRANSITION_COND_BROADCAST, &cond->object);
	count = finish(cond);
	co_spin_unlock(&cond->object.lock);
	return count;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* A wait at work. */
struct waiting {
	struct cond *cond;
	struct entry *entry;
	const struct cond_request *request;
	struct owner *for_owner; /* whose hold it was, and will be */
	uint32_t for_task;
	uint64_t number;
};

static void lock_both(const struct waiting *waiting)
{
	struct object *cond = &waiting->cond->object;
	struct object *mutex = mutex_object(waiting->request->mutex);

	co_spin_lock(cond->id < mutex->id ? &cond->lock : &mutex->lock);
	co_spin_lock(cond->id < mutex->id ? &mutex->lock : &cond->lock);
}

/* Also the commit of a park. */
static void unlock_both(void *arg)
{
	const struct waiting *waiting = arg;

	co_spin_unlock(&waiting->cond->object.lock);
	co_spin_unlock(&mutex_object(waiting->request->mutex)->lock);
}

static void note_holder(const struct hold *hold, void *arg)
{
	struct waiting *waiting = arg;

	waiting->for_owner = hold->owner;
	waiting->for_task = hold->task;
	if (waiting->request->holder != NULL)
		waiting->request->holder(hold, waiting->request->arg);
}

/* With both locked, and the mutex unlocked: waits to be woken, at the latest until the request's time. SIGNALLED,
 * BROADCAST, or what ended it. */
static int wait_for_signal(struct waiting *waiting)
{
	struct entry *entry = waiting->entry;
	const int64_t deadline_ns = entry->deadline_ns;
	struct cond *cond = waiting->cond;
	int r;

	waiting->number = ++cond->last;
	entry->seat.token = waiting->number;
	if (waiting->request->until_ns < deadline_ns)
		entry->deadline_ns = waiting->request->until_ns;
	entry->sequence = transition_commit_one(TRANSITION_COND_WAITED, &cond->object);
	entry_begin(entry, "cond wait");
	co_waitq_push(&cond->waiters, &entry->seat.waiter, &entry->wait);
	r = entry_park_commit(entry, unlock_both, waiting);
	co_spin_lock(&cond->object.lock);
	co_waitq_remove(&cond->waiters, &entry->seat.waiter);
	if (r < 0 && waiting->number <= cond->woken)
		r = r == OBJECT_EDEADLINE && entry->deadline_ns < deadline_ns ? BROADCAST : r;
	co_spin_unlock(&cond->object.lock);
	entry->deadline_ns = deadline_ns;
	return r;
}

/* Waits until the mutex is handed over. OBJECT_OK, or what ended it. */
static int wait_for_mutex(struct waiting *waiting)
{
	struct entry *entry = waiting->entry;
	struct mutex *mutex = waiting->request->mutex;
	struct co_spin *lock = &mutex_object(mutex)->lock;
	int r;

	co_spin_lock(lock);
	seat_init(&entry->seat, entry);
	entry->seat.for_owner = waiting->for_owner;
	entry->seat.for_task = waiting->for_task;
	entry_begin(entry, "cond wait (mutex)");
	mutex_join(mutex, &entry->seat, entry->since_ns);
	r = entry_park(entry, lock);
	co_spin_lock(lock);
	mutex_leave(mutex, &entry->seat);
	co_spin_unlock(lock);
	return r;
}

int cond_wait(struct cond *cond, struct entry *entry, const struct cond_request *request, struct cond_outcome *ret)
{
	struct waiting waiting = {.cond = cond, .entry = entry, .request = request};
	int woken;
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	lock_both(&waiting);
	r = mutex_unlock_locked(request->mutex, request->token, entry->since_ns, note_holder, &waiting);
	if (r != OBJECT_OK) {
		unlock_both(&waiting);
		return r;
	}
	woken = wait_for_signal(&waiting);
	*ret = (struct cond_outcome){.timed_out = woken == OBJECT_EDEADLINE && request->until_ns < entry->deadline_ns};
	r = woken;
	if (woken > 0 || ret->timed_out)
		r = wait_for_mutex(&waiting);
	ret->locked = r == OBJECT_OK;
	ret->timed_out = ret->timed_out && ret->locked;
	ret->reason = r;
	if (ret->locked)
		ret->grant = (struct lock_grant){.token = entry->seat.token, .abandoned = entry->seat.detail != 0};
	else if (woken == SIGNALLED)
		(void)cond_signal(cond);
	return OBJECT_OK;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

/* With nobody on it there is nothing in it. */
static bool cond_is_idle(const struct object *object, int64_t now_ns)
{
	(void)now_ns;
	return container_of(object, const struct cond, object)->waiters.length == 0;
}

static void cond_describe(struct object *object, struct object_description *ret)
{
	struct cond *cond = cond_of(object);

	*ret = (struct object_description){0};
	co_spin_lock(&object->lock);
	ret->waiters = (uint32_t)cond->waiters.length;
	(void)memccpy(ret->state, ret->waiters > 0 ? "waited for" : "idle", '\0', sizeof(ret->state));
	co_spin_unlock(&object->lock);
}

static void cond_visit_parties(
	struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	co_spin_lock(&object->lock);
	(void)entry_visit_waiters(&cond_of(object)->waiters, "waiter", visit, arg);
	co_spin_unlock(&object->lock);
}

static void cond_free(struct object *object)
{
	object_done(object);
	memory_free(cond_of(object));
}

const struct object_type cond_type = {
	.kind = OBJECT_COND,
	.name = "cond",
	.is_idle = cond_is_idle,
	.describe = cond_describe,
	.visit_parties = cond_visit_parties,
	.free = cond_free,
};
