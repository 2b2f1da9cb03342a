/* SPDX-License-Identifier: MIT
 *
 * waitgroup.c - Go's sync.WaitGroup, with shares that belong to sessions.
 *
 * Two things may take many steps: releasing the waiters of a round that has ended, and taking shares away that were
 * paid for by others (`owed`). What they mean holds from their beginning: the counter is lowered, the round is over.
 * Every call finishes them first (enter), so that at most one of each is under way.
 *
 * Invariants, whenever the lock is free:
 *  1. The counter is the unbound count plus all shares minus what is owed.
 *  2. A waiter's seat has the number of its round. Those of rounds before the present one stand first, and are being
 *     released; while the counter is zero there are no others.
 *  3. A session has at most one share record; none is empty.
 * Locking: everything is under object.lock, which a share's grant holds over its owner's.
 */
#include "daemon/objects/waitgroup.h"

#include <string.h>

#include "base/memory.h"
#include "daemon/objects/transition.h"

#define PER_STEP 256u
#define LOSS_KEPT_NS (3600 * CO_SECOND)

/* What one session owes. */
struct share {
	struct hold hold;        /* its token is the owner's address: see share_key() */
	struct list link;        /* in group->shares, or group->dropped */
	UT_hash_handle by_owner; /* by the hold's token */
	uint64_t count;
};

struct waitgroup {
	struct object object;
	uint64_t count;
	uint64_t unbound;
	uint64_t owed;
	struct list shares;     /* those first that have been there longest */
	struct share *by_owner; /* the same, as a table */
	struct list dropped;    /* to be freed without the lock */
	struct co_waitq waiters;
	uint64_t round;
	uint64_t lost;     /* of the present round; at zero, of the one before */
	int64_t lost_ns;   /* when the latest was */
	uint64_t sequence; /* of the latest transition */
};

int waitgroup_make(const char *name, void *unused, struct object **ret)
{
	struct waitgroup *group = memory_zalloc(sizeof(*group));
	int r;

	(void)unused;
	if (group == NULL)
		return OBJECT_ENOMEM;
	r = object_init(&group->object, &waitgroup_type, name);
	if (r != OBJECT_OK) {
		memory_free(group);
		return r;
	}
	list_init(&group->shares);
	list_init(&group->dropped);
	*ret = &group->object;
	return OBJECT_OK;
}

struct waitgroup *waitgroup_of(struct object *object)
{
	return container_of(object, struct waitgroup, object);
}

/* ---- shares ------------------------------------------------------------------------------------------------------ */

/* An owner that has a share is there until its release, and one that has ended takes none: so no two meet under one
 * address. */
static uint64_t share_key(const struct owner *owner)
{
	return (uint64_t)(uintptr_t)owner;
}

static struct share *find_share(struct waitgroup *group, uint64_t key)
{
	struct share *share;

	HASH_FIND(by_owner, group->by_owner, &key, sizeof(key), share);
	return share;
}

/* Takes COUNT off a share; the last takes the record along. */
static void lower_share(struct waitgroup *group, struct share *share, uint64_t count)
{
	share->count -= count;
	if (share->count > 0)
		return;
	HASH_DELETE(by_owner, group->by_owner, share);
	list_remove(&share->link);
	owner_drop(&share->hold);
	list_add_tail(&group->dropped, &share->link);
}

/* The share of ENTRY's owner, which is *SPARE where it had none: that is NULL then. 0, OBJECT_EENDED, OBJECT_ENOMEM. */
static int open_share(struct waitgroup *group, const struct entry *entry, struct share **spare, struct share **ret)
{
	struct share *share = find_share(group, share_key(entry->owner));

	*ret = share;
	if (share != NULL)
		return OBJECT_OK;
	share = *spare;
	*share = (struct share){.hold = {
					.object = &group->object,
					.step = RELEASE_SHARES,
					.token = share_key(entry->owner),
					.since_ns = entry->since_ns,
					.task = entry->task,
				}};
	list_init(&share->hold.link);
	HASH_ADD(by_owner, group->by_owner, hold.token, sizeof(share->hold.token), share);
	if (!hash_was_added(share->by_owner))
		return OBJECT_ENOMEM;
	if (!owner_take(entry->owner, &share->hold)) {
		HASH_DELETE(by_owner, group->by_owner, share);
		return OBJECT_EENDED;
	}
	list_add_tail(&group->shares, &share->link);
	*spare = NULL;
	*ret = share;
	return OBJECT_OK;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Takes shares away for what is owed. */
static void settle_some(struct waitgroup *group)
{
	for (unsigned i = 0; i < PER_STEP && group->owed > 0 && group->by_owner != NULL; i++) {
		struct share *oldest = container_of(group->shares.next, struct share, link);
		const uint64_t taken = least(oldest->count, group->owed);

		group->owed -= taken;
		lower_share(group, oldest, taken);
	}
}

static bool has_ended_waiters(const struct waitgroup *group)
{
	struct co_waiter *oldest = co_waitq_first(&group->waiters);

	return oldest != NULL && seat_of(oldest)->token < group->round;
}

static void release_some_waiters(struct waitgroup *group)
{
	for (unsigned i = 0; i < PER_STEP && has_ended_waiters(group); i++) {
		struct co_waiter *waiter = co_waitq_pop(&group->waiters);

		if (!co_wait_claim(waiter->wait, waiter, OBJECT_OK))
			continue;
		seat_of(waiter)->token = group->lost;
		seat_of(waiter)->entry->sequence = group->sequence;
		co_wait_ready(waiter->wait);
	}
}

/* Does a step of what is under way. True if there is more. */
static bool step(struct waitgroup *group)
{
	settle_some(group);
	release_some_waiters(group);
	return group->owed > 0 || has_ended_waiters(group);
}

/* Gives the lock back, with the memory that was let go under it. */
static void unlock(struct waitgroup *group)
{
	struct list dropped;
	struct list *at;

	list_init(&dropped);
	list_splice_tail(&dropped, &group->dropped);
	co_spin_unlock(&group->object.lock);
	while ((at = list_pop_head(&dropped)) != NULL)
		memory_free(container_of(at, struct share, link));
}

/* With the lock held: finishes what is under way. */
static void finish(struct waitgroup *group)
{
	while (step(group)) {
		unlock(group);
		co_spin_lock(&group->object.lock);
	}
}

static void enter(struct waitgroup *group)
{
	co_spin_lock(&group->object.lock);
	finish(group);
}

static void leave(struct waitgroup *group)
{
	finish(group);
	unlock(group);
}

/* ---- the counter ------------------------------------------------------------------------------------------------- */

static void note(struct waitgroup *group, enum transition_kind kind)
{
	group->sequence = transition_commit_one(kind, &group->object);
}

static void lower_count(struct waitgroup *group, uint64_t n, enum transition_kind kind)
{
	group->count -= n;
	note(group, kind);
	if (group->count == 0)
		group->round++;
}

static void raise_count(struct waitgroup *group, uint64_t n)
{
	if (group->count == 0)
		group->lost = 0;
	group->count += n;
	note(group, TRANSITION_WAITGROUP_ADDED);
}

static int take_off(struct waitgroup *group, const struct entry *entry, uint64_t n)
{
	struct share *own = find_share(group, share_key(entry->owner));
	uint64_t left = n;

	if (n > group->count)
		return OBJECT_ENEGATIVE;
	if (own != NULL) {
		const uint64_t taken = least(own->count, left);

		left -= taken;
		lower_share(group, own, taken);
	}
	group->owed = left - least(left, group->unbound);
	group->unbound -= left - group->owed;
	lower_count(group, n, TRANSITION_WAITGROUP_DONE);
	return OBJECT_OK;
}

/* SPARE: as open_share; NULL: unbound. */
static int put_on(struct waitgroup *group, const struct entry *entry, uint64_t n, struct share **spare)
{
	struct share *share;
	int r;

	if (n > WAITGROUP_COUNT_MAX - group->count)
		return OBJECT_ENEGATIVE;
	if (n == 0)
		return OBJECT_OK;
	if (spare != NULL) {
		r = open_share(group, entry, spare, &share);
		if (r != OBJECT_OK)
			return r;
		share->count += n;
	} else {
		group->unbound += n;
	}
	raise_count(group, n);
	return OBJECT_OK;
}

int waitgroup_add(struct waitgroup *group, struct entry *entry, int64_t n, bool bound)
{
	struct share *spare = NULL;
	int r;

	if (n < -(int64_t)WAITGROUP_COUNT_MAX || n > WAITGROUP_COUNT_MAX)
		return OBJECT_ENEGATIVE;
	if (bound)
		spare = memory_alloc(sizeof(*spare));
	if (bound && spare == NULL)
		return OBJECT_ENOMEM;
	enter(group);
	r = n < 0 ? take_off(group, entry, (uint64_t)-n) : put_on(group, entry, (uint64_t)n, bound ? &spare : NULL);
	entry->sequence = group->sequence;
	leave(group);
	memory_free(spare);
	return r;
}

static int adopt(struct waitgroup *group, const struct entry *entry, uint64_t n, struct share **spare)
{
	struct share *own = find_share(group, share_key(entry->owner));
	int r;

	if (n > group->count - (own != NULL ? own->count : 0))
		return OBJECT_ENEGATIVE;
	r = open_share(group, entry, spare, &own);
	if (r != OBJECT_OK)
		return r;
	list_remove(&own->link); /* the youngest now: what is owed is not taken from here */
	list_add_tail(&group->shares, &own->link);
	own->count += n;
	group->owed = n - least(n, group->unbound);
	group->unbound -= n - group->owed;
	note(group, TRANSITION_WAITGROUP_ADOPTED);
	return OBJECT_OK;
}

int waitgroup_adopt(struct waitgroup *group, struct entry *entry, int64_t n)
{
	struct share *spare;
	int r;

	if (n > WAITGROUP_COUNT_MAX)
		return OBJECT_ENEGATIVE;
	spare = memory_alloc(sizeof(*spare));
	if (spare == NULL)
		return OBJECT_ENOMEM;
	enter(group);
	r = adopt(group, entry, (uint64_t)n, &spare);
	entry->sequence = group->sequence;
	leave(group);
	memory_free(spare);
	return r;
}

static void waitgroup_release(struct object *object, enum release_step release_step, uint64_t token, int64_t now_ns)
{
	struct waitgroup *group = waitgroup_of(object);
	struct share *share;

	(void)release_step;
	enter(group);
	share = find_share(group, token);
	if (share != NULL) {
		const uint64_t lost = share->count;

		lower_share(group, share, lost);
		group->lost += lost;
		group->lost_ns = now_ns;
		lower_count(group, lost, TRANSITION_WAITGROUP_LOST);
	}
	leave(group);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static int attempt(struct object *object, struct seat *seat)
{
	struct waitgroup *group = waitgroup_of(object);

	if (group->count > 0)
		return OBJECT_EWOULDBLOCK;
	seat->token = group->lost;
	seat->entry->sequence = group->sequence;
	return OBJECT_OK;
}

static void join(struct object *object, struct seat *seat)
{
	struct waitgroup *group = waitgroup_of(object);

	seat->token = group->round;
	co_waitq_push(&group->waiters, &seat->waiter, &seat->entry->wait);
}

static void leave_queue(struct object *object, struct seat *seat, bool again)
{
	(void)again;
	co_waitq_remove(&waitgroup_of(object)->waiters, &seat->waiter);
}

const struct case_type waitgroup_case_zero = {.attempt = attempt, .join = join, .leave = leave_queue};

int waitgroup_wait(struct waitgroup *group, struct entry *entry, bool no_wait, uint64_t *ret_lost)
{
	struct seat *seat = &entry->seat;
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	enter(group);
	r = attempt(&group->object, seat);
	if (r == OBJECT_EWOULDBLOCK && !no_wait) {
		entry_begin(entry, "wait group wait");
		join(&group->object, seat);
		r = entry_park(entry, &group->object.lock);
		co_spin_lock(&group->object.lock);
		leave_queue(&group->object, seat, false);
	}
	co_spin_unlock(&group->object.lock);
	if (r == OBJECT_OK)
		*ret_lost = seat->token;
	return r;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

/* Who comes late is told of what was lost. */
static bool keeps_loss(const struct waitgroup *group, int64_t now_ns)
{
	return group->lost > 0 && now_ns - group->lost_ns < LOSS_KEPT_NS;
}

static bool waitgroup_is_idle(const struct object *object, int64_t now_ns)
{
	const struct waitgroup *group = container_of(object, const struct waitgroup, object);

	return group->count == 0 && !keeps_loss(group, now_ns);
}

static void waitgroup_describe(struct object *object, struct object_description *ret)
{
	struct waitgroup *group = waitgroup_of(object);

	*ret = (struct object_description){0};
	enter(group);
	ret->holders = HASH_CNT(by_owner, group->by_owner);
	ret->waiters = (uint32_t)group->waiters.length;
	ret->length = group->count;
	(void)memccpy(ret->state, group->count > 0 ? "counting" : "zero", '\0', sizeof(ret->state));
	leave(group);
}

static void waitgroup_visit_parties(
	struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	struct waitgroup *group = waitgroup_of(object);
	bool more = true;

	enter(group);
	list_for_each (at, &group->shares) {
		const struct share *share = container_of(at, struct share, link);

		more = visit(&(struct object_party){.role = "holder",
				     .owner = share->hold.owner,
				     .task = share->hold.task,
				     .since_ns = share->hold.since_ns,
				     .count = share->count},
			arg);
		if (!more)
			break;
	}
	if (more)
		(void)entry_visit_waiters(&group->waiters, "waiter", visit, arg);
	leave(group);
}

static void waitgroup_free(struct object *object)
{
	struct waitgroup *group = waitgroup_of(object);
	struct list *at;

	HASH_CLEAR(by_owner, group->by_owner);
	while ((at = list_pop_head(&group->shares)) != NULL) {
		struct share *share = container_of(at, struct share, link);

		owner_drop(&share->hold);
		memory_free(share);
	}
	object_done(object);
	memory_free(group);
}

const struct object_type waitgroup_type = {
	.kind = OBJECT_WAITGROUP,
	.name = "wg",
	.is_idle = waitgroup_is_idle,
	.release = waitgroup_release,
	.describe = waitgroup_describe,
	.visit_parties = waitgroup_visit_parties,
	.free = waitgroup_free,
};
