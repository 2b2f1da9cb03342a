/* SPDX-License-Identifier: MIT
 *
 * deadlines.h - which of many deadlines comes first: a binary heap of nodes that live in the structures they are for.
 *
 * Nothing is locked. A node stands in at most one heap; zeroed it stands in none.
 */
#ifndef BATON_CLIENTLIB_DEADLINES_H
#define BATON_CLIENTLIB_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
	int64_t at;
	size_t place; /* from 1; 0: in no heap */
};

/* Zero is empty. */
struct deadlines {
	struct deadline **nodes;
	size_t count;
	size_t size;
};

/* Makes room for COUNT nodes in all. False: no memory. */
bool deadlines_reserve(struct deadlines *deadlines, size_t count);

/* Puts NODE at AT, or moves it there. Room for it was reserved. */
void deadlines_set(struct deadlines *deadlines, struct deadline *node, int64_t at);

/* Takes NODE out, if it is in. */
void deadlines_remove(struct deadlines *deadlines, struct deadline *node);

/* The node that comes first; NULL: none. */
struct deadline *deadlines_first(const struct deadlines *deadlines);

/* Gives the memory back; nodes in it are forgotten. */
void deadlines_done(struct deadlines *deadlines);

#endif
