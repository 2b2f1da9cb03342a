/* SPDX-License-Identifier: MIT
 *
 * select.c - one call at several objects.
 *
 * All objects are locked, by their ids and each once. The cases are tried in a random order. If none is ready, the call
 * takes a seat at every object, all on its one wait, and parks; who claims the wait through one of the seats has
 * carried that case out. Then all are locked again, and it leaves the other seats.
 *
 * Invariants
 *  1. While a select attempts its cases none of its seats stands in a queue: it never meets itself.
 *  2. When it returns none of its seats stands in a queue, and whoever found one there is done with it.
 * Lock order: objects by id.
 */
#include "daemon/objects/select.h"

/* ---- the order of locks ------------------------------------------------------------------------------------------ */

/* Merges two lists that are in order. */
static struct select_case *merge(struct select_case *a, struct select_case *b)
{
	struct select_case *merged = NULL;
	struct select_case **last = &merged;

	while (a != NULL && b != NULL) {
		struct select_case **highest = b->object->id > a->object->id ? &b : &a;

		*last = *highest;
		last = &(*highest)->next_locked;
		*highest = *last;
	}
	*last = a != NULL ? a : b;
	return merged;
}

/* The cases that have an object, as a list from the highest id down. */
static struct select_case *in_order(struct select_case *cases, size_t count)
{
	if (count > 1)
		return merge(in_order(cases, count / 2), in_order(cases + count / 2, count - count / 2));
	if (count == 0 || cases->object == NULL)
		return NULL;
	cases->next_locked = NULL;
	return cases;
}

/* From the end of the list, where the lowest id is. */
static void lock_all(struct select_case *highest)
{
	struct select_case *reversed = NULL;
	struct select_case *next;

	for (struct select_case *at = highest; at != NULL; at = next) {
		next = at->next_locked;
		at->next_locked = reversed;
		reversed = at;
	}
	for (struct select_case *at = reversed, *before = NULL; at != NULL; at = next) {
		next = at->next_locked;
		if (before == NULL || before->object != at->object)
			co_spin_lock(&at->object->lock);
		at->next_locked = before;
		before = at;
	}
}

/* The first case behind AT that has another object; NULL: none has. */
static struct select_case *next_object(struct select_case *at)
{
	const struct object *object = at->object;

	while (at != NULL && at->object == object)
		at = at->next_locked;
	return at;
}

static void unlock(struct select_case *at)
{
	if (at->type->unlock != NULL)
		at->type->unlock(at->object);
	else
		co_spin_unlock(&at->object->lock);
}

/* Also the commit of a park: the coroutine, and with it the cases, stays until it has returned. What a kind does at the
 * unlock may take long, so that no other object is to be locked then. */
static void unlock_all(void *highest)
{
	struct select_case *first = highest;

	if (first != NULL && next_object(first) == NULL) {
		unlock(first);
		return;
	}
	for (struct select_case *at = first; at != NULL; at = next_object(at))
		co_spin_unlock(&at->object->lock);
	for (struct select_case *at = first; at != NULL; at = next_object(at)) {
		if (at->type->unlock == NULL)
			continue;
		co_spin_lock(&at->object->lock);
		unlock(at);
	}
}

/* ---- trying ------------------------------------------------------------------------------------------------------ */

/* Draws a random order of the cases into their `drawn` (Fisher and Yates, as Durstenfeld has it). */
static void shuffle(struct select_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const size_t other = i > 0 ? co_random_below((uint32_t)i + 1) : 0;

		cases[i].drawn = cases[other].drawn;
		cases[other].drawn = (uint32_t)i;
	}
}

/* Carries out a case that is ready; NULL if none is. */
static struct select_case *attempt_all(struct select_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct select_case *drawn = &cases[cases[i].drawn];

		if (drawn->object == NULL)
			continue;
		drawn->result = drawn->type->attempt(drawn->object, &drawn->seat);
		if (drawn->result != OBJECT_EWOULDBLOCK)
			return drawn;
	}
	return NULL;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* In the order drawn: where cases stand for the same thing, who comes takes the first. */
static void join_all(struct select_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct select_case *drawn = &cases[cases[i].drawn];

		if (drawn->object != NULL)
			drawn->type->join(drawn->object, &drawn->seat);
	}
}

static void leave_all(struct select_case *highest, const struct select_case *winner, bool again)
{
	for (struct select_case *at = highest; at != NULL; at = at->next_locked)
		if (at != winner || again)
			at->type->leave(at->object, &at->seat, at == winner);
}

/* Parks until a case was carried out, and leaves all seats. Called and returns with all locked. As select_wait, and
 * SELECT_AGAIN. */
static int wait_for_one(struct entry *entry, struct select_case *cases, size_t count, struct select_case *highest,
	struct select_case **ret)
{
	struct select_case *winner = NULL;
	int r;

	entry_begin(entry, highest != NULL ? "select" : "select (no cases)");
	join_all(cases, count);
	r = entry_park_commit(entry, unlock_all, highest);
	lock_all(highest);
	if (entry->wait.winner != NULL && entry->is_begun)
		winner = container_of(seat_of(entry->wait.winner), struct select_case, seat);
	leave_all(highest, winner, r == SELECT_AGAIN);
	if (winner == NULL || r == SELECT_AGAIN)
		return r;
	winner->result = r;
	*ret = winner;
	return OBJECT_OK;
}

int select_wait(struct entry *entry, struct select_case *cases, size_t count, bool no_wait, struct select_case **ret)
{
	struct select_case *highest = in_order(cases, count);
	int r;

	lock_all(highest);
	do {
		r = entry_refusal(entry); /* anew each time: it may have been cancelled since it was woken */
		if (r != OBJECT_OK)
			break;
		shuffle(cases, count);
		*ret = attempt_all(cases, count);
		if (*ret == NULL)
			r = no_wait ? OBJECT_EWOULDBLOCK : wait_for_one(entry, cases, count, highest, ret);
	} while (r == SELECT_AGAIN);
	unlock_all(highest);
	return r;
}
