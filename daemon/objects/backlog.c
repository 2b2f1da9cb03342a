/* SPDX-License-Identifier: MIT
 *
 * backlog.c - a queue, and before it a pairing heap of what came back (Fredman, Sedgewick, Sleator, Tarjan: "The
 * pairing heap: a new form of self-adjusting heap", Algorithmica 1, 1986): insertion in constant time, removal of the
 * lowest in logarithmic, amortised, and no memory of its own.
 */
#include "daemon/objects/backlog.h"

void backlog_init(struct backlog *backlog)
{
	*backlog = (struct backlog){0};
	list_init(&backlog->fresh);
}

void backlog_add(struct backlog *backlog, struct parcel *parcel)
{
	list_add_tail(&backlog->fresh, &parcel->link);
	backlog->length++;
}

/* Joins two heaps; either may be empty. */
static struct parcel *merge(struct parcel *a, struct parcel *b)
{
	struct parcel *root;
	struct parcel *child;

	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	root = a->number < b->number ? a : b;
	child = root == a ? b : a;
	child->heap.sibling = root->heap.child;
	root->heap.child = child;
	return root;
}

/* Joins the heaps of a list of siblings: in pairs, then the pairs from the last to the first. */
static struct parcel *merge_siblings(struct parcel *first)
{
	struct parcel *pairs = NULL;
	struct parcel *root = NULL;

	while (first != NULL) {
		struct parcel *a = first;
		struct parcel *b = a->heap.sibling;
		struct parcel *pair;

		first = b != NULL ? b->heap.sibling : NULL;
		a->heap.sibling = NULL;
		if (b != NULL)
			b->heap.sibling = NULL;
		pair = merge(a, b);
		pair->heap.sibling = pairs;
		pairs = pair;
	}
	while (pairs != NULL) {
		struct parcel *pair = pairs;

		pairs = pair->heap.sibling;
		pair->heap.sibling = NULL;
		root = merge(root, pair);
	}
	return root;
}

void backlog_put_back(struct backlog *backlog, struct parcel *parcel)
{
	parcel->heap.child = NULL;
	parcel->heap.sibling = NULL;
	backlog->returned = merge(backlog->returned, parcel);
	backlog->length++;
}

struct parcel *backlog_first(const struct backlog *backlog)
{
	if (backlog->returned != NULL || list_is_empty(&backlog->fresh))
		return backlog->returned;
	return container_of(backlog->fresh.next, struct parcel, link);
}

struct parcel *backlog_take(struct backlog *backlog)
{
	struct parcel *parcel = backlog->returned;

	if (parcel != NULL)
		backlog->returned = merge_siblings(parcel->heap.child);
	else if (!list_is_empty(&backlog->fresh))
		parcel = container_of(list_pop_head(&backlog->fresh), struct parcel, link);
	if (parcel != NULL)
		backlog->length--;
	return parcel;
}
