/* SPDX-License-Identifier: MIT
 *
 * deadlines.c - a binary heap (Williams, "Algorithm 232", 1964) whose nodes know their place, from 1.
 */
#include "clientlib/deadlines.h"

#include "base/memory.h"

bool deadlines_reserve(struct deadlines *deadlines, size_t count)
{
	size_t size = deadlines->size > 0 ? deadlines->size : 16;
	struct deadline **nodes;

	if (count <= deadlines->size)
		return true;
	if (count > SIZE_MAX / sizeof(*nodes) / 4)
		return false;
	while (size < count)
		size *= 2;
	nodes = memory_realloc(deadlines->nodes, size * sizeof(struct deadline *));
	if (nodes == NULL)
		return false;
	deadlines->nodes = nodes;
	deadlines->size = size;
	return true;
}

static struct deadline *at_place(const struct deadlines *deadlines, size_t place)
{
	return deadlines->nodes[place - 1];
}

static void put(struct deadlines *deadlines, struct deadline *node, size_t place)
{
	deadlines->nodes[place - 1] = node;
	node->place = place;
}

static void rise(struct deadlines *deadlines, struct deadline *node)
{
	size_t place = node->place;

	while (place > 1 && at_place(deadlines, place / 2)->at > node->at) {
		put(deadlines, at_place(deadlines, place / 2), place);
		place /= 2;
	}
	put(deadlines, node, place);
}

static void sink(struct deadlines *deadlines, struct deadline *node)
{
	size_t place = node->place;

	while (place * 2 <= deadlines->count) {
		size_t child = place * 2;

		if (child < deadlines->count && at_place(deadlines, child + 1)->at < at_place(deadlines, child)->at)
			child++;
		if (at_place(deadlines, child)->at >= node->at)
			break;
		put(deadlines, at_place(deadlines, child), place);
		place = child;
	}
	put(deadlines, node, place);
}

void deadlines_set(struct deadlines *deadlines, struct deadline *node, int64_t at)
{
	node->at = at;
	if (node->place == 0)
		put(deadlines, node, ++deadlines->count);
	rise(deadlines, node);
	sink(deadlines, node);
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *node)
{
	const size_t place = node->place;
	struct deadline *last;

	if (place == 0)
		return;
	last = at_place(deadlines, deadlines->count--);
	node->place = 0;
	if (last == node)
		return;
	put(deadlines, last, place);
	rise(deadlines, last);
	sink(deadlines, last);
}

struct deadline *deadlines_first(const struct deadlines *deadlines)
{
	return deadlines->count > 0 ? deadlines->nodes[0] : NULL;
}

void deadlines_done(struct deadlines *deadlines)
{
	memory_free(deadlines->nodes);
	*deadlines = (struct deadlines){0};
}
