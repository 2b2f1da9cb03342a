/* SPDX-License-Identifier: MIT
 *
 * mutex_many.c - locking several mutexes in one step.
 *
 * The call stands in all queues, with one wait. A mutex that becomes free calls it when it is its turn there; while it
 * is called nobody comes between. It then locks all objects and looks whether it can have all mutexes: if so it takes
 * them, under one token; if not it waits on, and for its first second others may pass it at those that are free.
 *
 * Invariants
 *  1. Calls join all their queues in one step, so that those which meet at several stand in the same order there.
 *  2. Whoever was called looks, or leaves: and then lets others in.
 * Lock order: objects by id; `places` are sorted by it.
 */
#include "daemon/objects/mutex_many.h"

#include "daemon/objects/mutex_state.h"
#include "daemon/objects/token.h"
#include "daemon/objects/transition.h"

struct many {
	struct mutex_place *places;
	size_t count;
};

void mutex_sort_places(struct mutex_place *places, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct mutex *mutex = places[i].mutex;
		size_t at = i;

		for (; at > 0 && places[at - 1].mutex->object.id > mutex->object.id; at--)
			places[at].mutex = places[at - 1].mutex;
		places[at].mutex = mutex;
	}
}

static void lock_all(const struct many *many)
{
	for (size_t i = 0; i < many->count; i++)
		co_spin_lock(&many->places[i].mutex->object.lock);
}

/* Also the commit of a park. */
static void unlock_all(void *arg)
{
	const struct many *many = arg;

	for (size_t i = many->count; i-- > 0;)
		co_spin_unlock(&many->places[i].mutex->object.lock);
}

/* ---- locking ----------------------------------------------------------------------------------------------------- */

/* One record for all of them. */
static uint64_t record_grant(const struct many *many)
{
	struct transition transition = {.kind = TRANSITION_MUTEX_LOCKED};

	for (size_t i = 0; i < many->count; i++)
		transition.objects[transition.object_count++] = &many->places[i].mutex->object;
	return transition_commit(&transition);
}

/* Gives all, which are free, to the call. 0, OBJECT_EENDED, or OBJECT_EWOULDBLOCK when there is no token. */
static int grant_all(const struct many *many)
{
	uint64_t token;

	if (!token_take(&token))
		return OBJECT_EWOULDBLOCK;
	for (size_t i = 0; i < many->count; i++) {
		if (mutex_take(many->places[i].mutex, &many->places[i].seat, token) == OBJECT_OK)
			continue;
		while (i-- > 0)
			owner_drop(&many->places[i].mutex->hold);
		return OBJECT_EENDED;
	}
	many->places[0].seat.entry->sequence = record_grant(many);
	return OBJECT_OK;
}

static bool are_all_open(const struct many *many)
{
	for (size_t i = 0; i < many->count; i++)
		if (!mutex_is_open(many->places[i].mutex))
			return false;
	return true;
}

/* Whether the place's mutex is free for the call, which stands in its queue. */
static bool is_free(const struct mutex_place *place)
{
	const struct mutex *mutex = place->mutex;

	return !mutex_is_held(mutex) && mutex->called == NULL && !lock_past_delays(&mutex->past, mutex->now_ns) &&
	       !mutex_is_owed_to_other(mutex, &place->seat);
}

/* The call looks: it can have all, or notes what it could have had, or was cancelled since it was called. */
static int look(const struct many *many, struct entry *entry)
{
	const int refusal = entry_refusal(entry);
	bool are_free = refusal == OBJECT_OK;

	for (size_t i = 0; i < many->count; i++) {
		struct mutex_place *place = &many->places[i];

		if (place->mutex->called == &place->seat)
			place->mutex->called = NULL;
		are_free = are_free && is_free(place);
	}
	if (are_free)
		return grant_all(many);
	if (refusal != OBJECT_OK)
		return refusal;
	for (size_t i = 0; i < many->count; i++)
		if (is_free(&many->places[i]))
			many->places[i].seat.ticket = many->places[i].mutex->epoch;
	return OBJECT_EWOULDBLOCK;
}

static void join_all(const struct many *many, struct entry *entry)
{
	for (size_t i = 0; i < many->count; i++) {
		struct mutex_place *place = &many->places[i];

		place->seat.waits_for_all = true;
		co_waitq_push(&place->mutex->waiters, &place->seat.waiter, &entry->wait);
		place->mutex->many_waiting++;
	}
}

static void leave_all(const struct many *many)
{
	for (size_t i = 0; i < many->count; i++) {
		struct mutex_place *place = &many->places[i];

		co_waitq_remove(&place->mutex->waiters, &place->seat.waiter);
		place->mutex->many_waiting--;
		if (place->mutex->called == &place->seat)
			place->mutex->called = NULL;
		mutex_pass_on(place->mutex);
	}
}

/* Called and returns with all locked. */
static int wait_for_all(struct many *many, struct entry *entry)
{
	int r;

	join_all(many, entry);
	do {
		entry_begin(entry, "mutex lock (several)");
		for (size_t i = 0; i < many->count; i++)
			mutex_pass_on(many->places[i].mutex);
		r = entry_park_commit(entry, unlock_all, many);
		lock_all(many);
		if (r == SELECT_AGAIN)
			r = look(many, entry);
	} while (r == OBJECT_EWOULDBLOCK);
	leave_all(many);
	return r;
}

int mutex_lock_all(struct mutex_place *places, size_t count, struct entry *entry, bool no_wait, struct lock_grant *ret)
{
	struct many many = {.places = places, .count = count};
	bool is_abandoned = false;
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	lock_all(&many);
	for (size_t i = 0; i < count; i++) {
		seat_init(&places[i].seat, entry);
		mutex_hear_time(places[i].mutex, entry->since_ns);
	}
	r = are_all_open(&many) ? grant_all(&many) : OBJECT_EWOULDBLOCK;
	if (r == OBJECT_EWOULDBLOCK && !no_wait)
		r = wait_for_all(&many, entry);
	unlock_all(&many);
	for (size_t i = 0; i < count; i++)
		is_abandoned = is_abandoned || places[i].seat.detail != 0;
	if (r == OBJECT_OK)
		*ret = (struct lock_grant){.token = places[0].seat.token, .abandoned = is_abandoned};
	return r;
}

/* ---- unlocking --------------------------------------------------------------------------------------------------- */

int mutex_unlock_all(struct mutex_place *places, size_t count, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg, size_t *ret_failed)
{
	struct many many = {.places = places, .count = count};
	int r = OBJECT_OK;

	lock_all(&many);
	for (size_t i = 0; i < count && r == OBJECT_OK; i++) {
		const struct mutex *mutex = places[i].mutex;

		*ret_failed = i;
		if (!mutex_is_held(mutex))
			r = OBJECT_EUNLOCKED;
		else if (mutex->hold.token != token)
			r = OBJECT_ESTALE;
	}
	for (size_t i = 0; i < count && r == OBJECT_OK; i++)
		(void)mutex_unlock_locked(places[i].mutex, token, now_ns, i == 0 ? holder : NULL, arg);
	unlock_all(&many);
	return r;
}
