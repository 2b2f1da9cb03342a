/* SPDX-License-Identifier: MIT
 *
 * semaphore.c - permits, first in, first out.
 *
 * A call that waits has the record of its hold, with the number of permits, in its seat's slot.
 *
 * Invariants, whenever the lock is free:
 *  1. `used` is the sum of the holders' permits, and at most `size`.
 *  2. The first who waits wants more than is free, or there is no token; or a step of grants is to follow.
 *  3. Nobody waits at a deleted one, once its deletion has returned.
 * Locking: everything is under object.lock. A grant claims the waiter, then takes the owner's lock.
 */
#include "daemon/objects/semaphore.h"

#include <string.h>

#include "base/memory.h"
#include "daemon/objects/holders.h"
#include "daemon/objects/token.h"
#include "daemon/objects/transition.h"

#define GRANTS_PER_STEP 256u

struct semaphore {
	struct object object;
	uint64_t size;
	uint64_t used;
	struct holders holders;
	struct co_waitq waiters;
	int64_t now_ns;
};

int semaphore_new(const char *name, uint64_t size, struct semaphore **ret)
{
	struct semaphore *semaphore = memory_alloc(sizeof(*semaphore));
	int r;

	if (semaphore == NULL)
		return OBJECT_ENOMEM;
	*semaphore = (struct semaphore){.size = size};
	r = object_init(&semaphore->object, &semaphore_type, name);
	if (r != 0) {
		memory_free(semaphore);
		return r;
	}
	holders_init(&semaphore->holders);
	*ret = semaphore;
	return OBJECT_OK;
}

struct object *semaphore_object(struct semaphore *semaphore)
{
	return &semaphore->object;
}

struct semaphore *semaphore_of(struct object *object)
{
	return container_of(object, struct semaphore, object);
}

uint64_t semaphore_size(const struct semaphore *semaphore)
{
	return semaphore->size;
}

static void hear_time(struct semaphore *semaphore, int64_t now_ns)
{
	if (now_ns > semaphore->now_ns)
		semaphore->now_ns = now_ns;
}

/* ---- granting ---------------------------------------------------------------------------------------------------- */

static uint64_t wanted_by(const struct seat *seat)
{
	return ((const struct holder *)seat->slot)->count;
}

static bool has_room_for(const struct semaphore *semaphore, const struct seat *seat)
{
	return wanted_by(seat) <= semaphore->size - semaphore->used;
}

/* Gives SEAT's call, which stands in no queue, its permits under TOKEN: there are so many. 0 or OBJECT_EENDED. */
static int grant(struct semaphore *semaphore, struct seat *seat, uint64_t token)
{
	struct holder *record = seat->slot;

	record->hold.token = token;
	record->hold.since_ns = semaphore->now_ns;
	record->hold.task = seat->entry->task;
	if (!holders_add(&semaphore->holders, record, seat->entry->owner))
		return OBJECT_EENDED;
	semaphore->used += record->count;
	seat->slot = NULL;
	seat->token = token;
	seat->entry->sequence = transition_commit_one(TRANSITION_SEMAPHORE_ACQUIRED, &semaphore->object);
	return OBJECT_OK;
}

/* Lets in those whose turn it is, up to a step's worth. True: there may be more. */
static bool settle(struct semaphore *semaphore)
{
	if (semaphore->object.deleted)
		return entry_fail_some(&semaphore->waiters, OBJECT_EDELETED);
	for (unsigned left = GRANTS_PER_STEP; left > 0; left--) {
		struct co_waiter *waiter = co_waitq_first(&semaphore->waiters);
		uint64_t token;

		if (waiter == NULL || !has_room_for(semaphore, seat_of(waiter)) || !token_take(&token))
			return false;
		co_waitq_remove(&semaphore->waiters, waiter);
		if (!co_wait_claim(waiter->wait, waiter, OBJECT_OK))
			continue;
		entry_fail(seat_of(waiter)->entry, grant(semaphore, seat_of(waiter), token));
		co_wait_ready(waiter->wait);
	}
	return true;
}

/* Settles, and gives the lock back. */
static void leave(struct semaphore *semaphore)
{
	while (settle(semaphore)) {
		co_spin_unlock(&semaphore->object.lock);
		co_spin_lock(&semaphore->object.lock);
	}
	co_spin_unlock(&semaphore->object.lock);
}

static int attempt(struct semaphore *semaphore, struct seat *seat)
{
	uint64_t token;

	hear_time(semaphore, seat->entry->since_ns);
	if (semaphore->object.deleted)
		return OBJECT_EDELETED;
	if (semaphore->waiters.length > 0 || !has_room_for(semaphore, seat) || !token_take(&token))
		return OBJECT_EWOULDBLOCK;
	return grant(semaphore, seat, token);
}

/* Called and returns with the lock held. */
static int acquire(struct semaphore *semaphore, struct entry *entry, bool no_wait)
{
	int r = attempt(semaphore, &entry->seat);

	if (r != OBJECT_EWOULDBLOCK || no_wait)
		return r;
	entry_begin(entry, "semaphore acquire");
	co_waitq_push(&semaphore->waiters, &entry->seat.waiter, &entry->wait);
	r = entry_park(entry, &semaphore->object.lock);
	co_spin_lock(&semaphore->object.lock);
	co_waitq_remove(&semaphore->waiters, &entry->seat.waiter);
	return r;
}

/* With the lock held. False: there is no memory. */
static bool prepare(struct semaphore *semaphore, struct seat *seat, uint64_t count)
{
	struct holder *record = holders_take_record(&semaphore->holders, &semaphore->object);

	if (record != NULL)
		record->count = count;
	seat->slot = record;
	return record != NULL;
}

int semaphore_acquire(struct semaphore *semaphore, struct entry *entry, uint64_t count, bool no_wait, uint64_t *ret)
{
	struct holder *unused;
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	co_spin_lock(&semaphore->object.lock);
	r = prepare(semaphore, &entry->seat, count) ? acquire(semaphore, entry, no_wait) : OBJECT_ENOMEM;
	unused = holders_keep_record(&semaphore->holders, entry->seat.slot);
	leave(semaphore);
	memory_free(unused);
	if (r == OBJECT_OK)
		*ret = entry->seat.token;
	return r;
}

/* ---- releasing --------------------------------------------------------------------------------------------------- */

/* Ends a hold. Returns what is to be freed without the lock, or NULL. */
static struct holder *drop(struct semaphore *semaphore, struct holder *holder, enum transition_kind kind)
{
	semaphore->used -= holder->count;
	holders_remove(&semaphore->holders, holder);
	(void)transition_commit_one(kind, &semaphore->object);
	return holders_keep_record(&semaphore->holders, holder);
}

int semaphore_release(struct semaphore *semaphore, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg)
{
	struct holder *unused = NULL;
	struct holder *found;
	int r = OBJECT_OK;

	co_spin_lock(&semaphore->object.lock);
	found = holders_find(&semaphore->holders, token);
	if (found != NULL) {
		hear_time(semaphore, now_ns);
		if (holder != NULL)
			holder(&found->hold, arg);
		unused = drop(semaphore, found, TRANSITION_SEMAPHORE_RELEASED);
	} else {
		r = semaphore->object.deleted ? OBJECT_EDELETED : OBJECT_ESTALE;
	}
	leave(semaphore);
	memory_free(unused);
	return r;
}

static void semaphore_lose(struct object *object, enum release_step step, uint64_t token, int64_t now_ns)
{
	struct semaphore *semaphore = semaphore_of(object);
	struct holder *unused = NULL;
	struct holder *found;

	(void)step;
	co_spin_lock(&object->lock);
	hear_time(semaphore, now_ns);
	found = holders_find(&semaphore->holders, token);
	if (found != NULL)
		unused = drop(semaphore, found, TRANSITION_SEMAPHORE_LOST);
	leave(semaphore);
	memory_free(unused);
}

bool semaphore_drop_oldest(struct semaphore *semaphore, void (*holder)(const struct hold *hold, void *arg), void *arg)
{
	struct holder *unused = NULL;
	bool is_none;

	co_spin_lock(&semaphore->object.lock);
	is_none = list_is_empty(&semaphore->holders.by_age);
	if (!is_none) {
		struct holder *oldest = container_of(semaphore->holders.by_age.next, struct holder, link);

		if (holder != NULL)
			holder(&oldest->hold, arg);
		unused = drop(semaphore, oldest, TRANSITION_SEMAPHORE_LOST);
	}
	co_spin_unlock(&semaphore->object.lock);
	memory_free(unused);
	return !is_none;
}

void semaphore_delete(struct semaphore *semaphore)
{
	co_spin_lock(&semaphore->object.lock);
	if (!semaphore->object.deleted)
		(void)transition_commit_one(TRANSITION_SEMAPHORE_DELETED, &semaphore->object);
	semaphore->object.deleted = true;
	leave(semaphore);
}

static void semaphore_admit(struct object *object, int64_t now_ns)
{
	struct semaphore *semaphore = semaphore_of(object);

	co_spin_lock(&object->lock);
	hear_time(semaphore, now_ns);
	leave(semaphore);
}

/* ---- as a case of a select --------------------------------------------------------------------------------------- */

int semaphore_prepare(struct semaphore *semaphore, struct seat *seat, uint64_t count)
{
	bool is_prepared;

	co_spin_lock(&semaphore->object.lock);
	is_prepared = prepare(semaphore, seat, count);
	co_spin_unlock(&semaphore->object.lock);
	return is_prepared ? OBJECT_OK : OBJECT_ENOMEM;
}

void semaphore_finish(struct semaphore *semaphore, struct seat *seat)
{
	struct holder *unused;

	co_spin_lock(&semaphore->object.lock);
	unused = holders_keep_record(&semaphore->holders, seat->slot);
	co_spin_unlock(&semaphore->object.lock);
	seat->slot = NULL;
	memory_free(unused);
}

static int attempt_case(struct object *object, struct seat *seat)
{
	return attempt(semaphore_of(object), seat);
}

static void join_case(struct object *object, struct seat *seat)
{
	co_waitq_push(&semaphore_of(object)->waiters, &seat->waiter, &seat->entry->wait);
}

static void leave_case(struct object *object, struct seat *seat, bool again)
{
	(void)again;
	co_waitq_remove(&semaphore_of(object)->waiters, &seat->waiter);
}

static void unlock_case(struct object *object)
{
	leave(semaphore_of(object));
}

const struct case_type semaphore_case = {attempt_case, join_case, leave_case, unlock_case};

/* ---- looking ----------------------------------------------------------------------------------------------------- */

bool semaphore_holds(struct semaphore *semaphore, uint64_t token)
{
	bool holds;

	co_spin_lock(&semaphore->object.lock);
	holds = holders_find(&semaphore->holders, token) != NULL;
	co_spin_unlock(&semaphore->object.lock);
	return holds;
}

static void semaphore_describe(struct object *object, struct object_description *ret)
{
	struct semaphore *semaphore = semaphore_of(object);

	*ret = (struct object_description){.capacity = semaphore->size};
	co_spin_lock(&object->lock);
	ret->holders = semaphore->holders.count;
	ret->waiters = (uint32_t)semaphore->waiters.length;
	ret->length = semaphore->used;
	(void)memccpy(ret->state, object->deleted ? "deleted" : "taken", '\0', sizeof(ret->state));
	co_spin_unlock(&object->lock);
}

static void semaphore_visit_parties(
	struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	struct semaphore *semaphore = semaphore_of(object);

	co_spin_lock(&object->lock);
	if (holders_visit(&semaphore->holders, "holder", visit, arg))
		(void)entry_visit_waiters(&semaphore->waiters, "waiter", visit, arg);
	co_spin_unlock(&object->lock);
}

static void semaphore_free(struct object *object)
{
	struct semaphore *semaphore = semaphore_of(object);

	while (semaphore_drop_oldest(semaphore, NULL, NULL))
		;
	holders_done(&semaphore->holders);
	object_done(object);
	memory_free(semaphore);
}

const struct object_type semaphore_type = {
	.kind = OBJECT_SEMAPHORE,
	.name = "sem",
	.release = semaphore_lose,
	.admit = semaphore_admit,
	.describe = semaphore_describe,
	.visit_parties = semaphore_visit_parties,
	.free = semaphore_free,
};
