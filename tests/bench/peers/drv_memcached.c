/* SPDX-License-Identifier: MIT
 *
 * drv_memcached.c - ASCII protocol: add with a time limit is lock, delete is
 * unlock (no owner check, so it is a reference more than a lock).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/bench.h"

static void mc_open(struct conn *c)
{
	c->ready = 1;
}

static int mc_start(struct conn *c, struct lane *l, enum op op)
{
	if (op == OP_LOCK)
		outf(c, "add %s 0 30 1\r\n1\r\n", l->name);
	else if (op == OP_UNLOCK || (op == OP_SETUP && l->creator))
		outf(c, "delete %s\r\n", l->name);
	else
		return 1;
	fifo_push(c, l);
	return 0;
}

static int mc_input(struct conn *c)
{
	char *p, *e;

	while (p = c->in.p + c->in.r, (e = memchr(p, '\n', c->in.w - c->in.r))) {
		struct lane *l = fifo_pop(c);

		c->in.r += (size_t)(e - p + 1);
		if (!l)
			return -1;
		if (l->op == OP_LOCK && !strncmp(p, "NOT_STORED", 10))
			lane_retry(l, 500000ull + (uint64_t)rand() % 1000000);
		else if (l->op == OP_LOCK && strncmp(p, "STORED", 6))
			return -1;
		else
			lane_done(l, 1);
	}
	return 0;
}

const struct driver drv_memcached = {"memcached", mc_open, mc_start, mc_input, .tick = NULL};
