/* SPDX-License-Identifier: MIT
 *
 * owner.c - what a session has, and the step in which its end refuses to have more.
 *
 * Invariants
 *  1. Nothing is linked into an ended owner.
 *  2. A hold's `owner` is set and cleared under its object's lock, its link under the owner's. An ended owner's holds
 *     are unlinked before their objects are told, so a hold may have an owner in whose list it stands no more.
 */
#include "base/list.h"
#include "daemon/objects/object.h"

#define HOLDS_PER_STEP 256u
#define HOLDS_PER_LOCK 16u

void owner_init(struct owner *owner)
{
	*owner = (struct owner){0};
	for (size_t step = 0; step < RELEASE_STEP_COUNT; step++)
		list_init(&owner->holds[step]);
}

bool owner_take(struct owner *owner, struct hold *hold)
{
	bool taken;

	co_spin_lock(&owner->lock);
	taken = !owner->ended;
	if (taken) {
		hold->owner = owner;
		list_add_tail(&owner->holds[hold->step], &hold->link);
		owner->hold_count++;
	}
	co_spin_unlock(&owner->lock);
	return taken;
}

/* Under the owner's lock. */
static void unlink_hold(struct owner *owner, struct hold *hold)
{
	if (list_is_linked(&hold->link)) {
		list_remove(&hold->link);
		owner->hold_count--;
	}
}

void owner_drop(struct hold *hold)
{
	struct owner *owner = hold->owner;

	co_spin_lock(&owner->lock);
	unlink_hold(owner, hold);
	co_spin_unlock(&owner->lock);
	hold->owner = NULL;
}

void owner_end(struct owner *owner)
{
	co_spin_lock(&owner->lock);
	owner->ended = true;
	co_spin_unlock(&owner->lock);
}

bool owner_has_ended(struct owner *owner)
{
	bool ended;

	co_spin_lock(&owner->lock);
	ended = owner->ended;
	co_spin_unlock(&owner->lock);
	return ended;
}

/* The oldest hold of the first step that has any; NULL: none is left. Under the owner's lock. */
static struct hold *first_hold(const struct owner *owner)
{
	for (size_t step = 0; step < RELEASE_STEP_COUNT; step++)
		if (!list_is_empty(&owner->holds[step]))
			return container_of(owner->holds[step].next, struct hold, link);
	return NULL;
}

struct detached {
	struct object *object;
	enum release_step step;
	uint64_t token;
};

/* Takes up to HOLDS_PER_LOCK of the oldest holds out of the list, with a reference to each one's object. An object
 * whose last reference is going lets its holds go itself. */
static size_t detach_some(struct owner *owner, struct detached detached[HOLDS_PER_LOCK])
{
	struct hold *hold;
	size_t count = 0;

	co_spin_lock(&owner->lock);
	while (count < HOLDS_PER_LOCK && (hold = first_hold(owner)) != NULL) {
		unlink_hold(owner, hold);
		if (object_try_ref(hold->object))
			detached[count++] =
				(struct detached){.object = hold->object, .step = hold->step, .token = hold->token};
	}
	co_spin_unlock(&owner->lock);
	return count;
}

bool owner_release_some(struct owner *owner, int64_t now_ns)
{
	struct detached detached[HOLDS_PER_LOCK];
	bool more;

	for (unsigned released = 0; released < HOLDS_PER_STEP; released += HOLDS_PER_LOCK) {
		const size_t count = detach_some(owner, detached);

		for (size_t i = 0; i < count; i++) {
			detached[i].object->type->release(
				detached[i].object, detached[i].step, detached[i].token, now_ns);
			object_unref(detached[i].object);
		}
	}
	co_spin_lock(&owner->lock);
	more = first_hold(owner) != NULL;
	co_spin_unlock(&owner->lock);
	return more;
}
