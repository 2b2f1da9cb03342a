/* SPDX-License-Identifier: MIT
 *
 * drv_beanstalk.c - channel: put; reserve, and the delete rides along with the
 * next request.  Lock: one job in a tube is the token, reserve takes it and
 * release gives it back (a lane a connection only, as reserve blocks it).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/bench.h"

static struct lane ghost; /* takes replies that nobody waits for */

static void bs_open(struct conn *c)
{
	c->ready = 1;
}

static int bs_start(struct conn *c, struct lane *l, enum op op)
{
	int i;

	switch (op) {
	case OP_SETUP:
		l->step = 0;
		if (l->role != CONSUMER && l->role != WAITER) {
			outf(c, "use %s\r\n", l->name);
			fifo_push(c, l);
			l->step++;
		}
		if (l->role == LOCKER && l->creator) {
			outf(c, "put 0 0 60 1\r\nt\r\n");
			fifo_push(c, l);
			l->step++;
		}
		if (l->role != PRODUCER && l->role != WAKER) {
			outf(c, "watch %s\r\nignore default\r\n", l->name);
			fifo_push(c, l);
			fifo_push(c, l);
			l->step += 2;
		}
		return 0;
	case OP_LOCK:
	case OP_RECV:
	case OP_WAIT:
		out(c, "reserve\r\n", 9);
		break;
	case OP_UNLOCK:
		outf(c, "release %llu 0 0\r\n", (unsigned long long)l->u);
		break;
	case OP_SEND:
		outf(c, "put 0 0 60 %d\r\n", l->size);
		out(c, l->data, (size_t)l->size);
		out(c, "\r\n", 2);
		break;
	case OP_WAKE:
		for (i = 0; i < l->count; i++) {
			out(c, "put 0 0 60 1\r\nx\r\n", 17);
			fifo_push(c, i ? &ghost : l);
		}
		return 0;
	}
	fifo_push(c, l);
	return 0;
}

static int bs_input(struct conn *c)
{
	char *p, *e;

	while (p = c->in.p + c->in.r, (e = memchr(p, '\n', c->in.w - c->in.r))) {
		size_t used = (size_t)(e - p + 1);
		struct lane *l;

		if (!strncmp(p, "RESERVED ", 9)) {
			char *q;
			unsigned long long id = strtoull(p + 9, &q, 10);
			size_t n = strtoul(q, NULL, 10);

			if (c->in.w - c->in.r < used + n + 2)
				return 0;
			c->in.r += used + n + 2;
			if (!(l = fifo_pop(c)))
				return -1;
			l->u = id;
			l->msg = p + used;
			l->mlen = (int)n;
			if (l->op != OP_LOCK) {
				outf(c, "delete %llu\r\n", id);
				fifo_push(c, &ghost);
			}
			lane_done(l, 1);
			continue;
		}
		c->in.r += used;
		if (strncmp(p, "DELETED", 7) && strncmp(p, "INSERTED", 8) && strncmp(p, "USING", 5) &&
			strncmp(p, "WATCHING", 8) && strncmp(p, "RELEASED", 8))
			die("beanstalkd: %.*s", (int)used, p);
		if (!(l = fifo_pop(c)))
			return -1;
		if (l == &ghost || (l->op == OP_SETUP && --l->step > 0))
			continue;
		lane_done(l, 1);
	}
	return 0;
}

const struct driver drv_beanstalk = {"beanstalkd", bs_open, bs_start, bs_input, .tick = NULL};
