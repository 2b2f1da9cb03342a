/* SPDX-License-Identifier: MIT
 *
 * drv_nats.c - core NATS, at most once: publish, and queue-group subscriptions
 * as receivers.  "nats" does not wait for publishes, "nats-verbose" takes the
 * server's +OK for each, which is its depth-1 form.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/bench.h"

static void nats_open(struct conn *c)
{
	outf(c, "CONNECT {\"verbose\":%s,\"pedantic\":false}\r\nPING\r\n",
		c->drv == &drv_nats_verbose ? "true" : "false");
}

static int nats_start(struct conn *c, struct lane *l, enum op op)
{
	int verbose = c->drv == &drv_nats_verbose;

	switch (op) {
	case OP_SETUP:
		if (l->role == CONSUMER && l->creator) {
			outf(c, "SUB %s g %d\r\nPING\r\n", l->name, l->id);
			c->u[1] = 1; /* a PONG answers a lane */
			fifo_push(c, l);
			return 0;
		}
		return 1;
	case OP_WAIT: /* the subscription itself is the wait */
		outf(c, "SUB %s %d\r\n", l->name, l->id);
		return 0;
	case OP_RECV: /* messages are pushed: only note who wants the next one */
		fifo_push(c, l);
		return 0;
	case OP_WAKE:
	case OP_SEND:
		outf(c, "PUB %s %d\r\n", l->name, l->size);
		out(c, l->data, (size_t)l->size);
		out(c, "\r\n", 2);
		if (!verbose)
			return 1;
		fifo_push(c, l);
		return 0;
	default:
		die("nats: no locks");
	}
}

static int nats_input(struct conn *c)
{
	char *p, *e;

	while (p = c->in.p + c->in.r, (e = memchr(p, '\n', c->in.w - c->in.r))) {
		size_t used = (size_t)(e - p + 1);
		struct lane *l;

		if (!strncmp(p, "MSG ", 4)) { /* MSG subject sid size */
			char *q = p + 4;
			unsigned long sid, n;

			q += strcspn(q, " ");
			sid = strtoul(q, &q, 10);
			n = strtoul(q, NULL, 10);
			if (c->in.w - c->in.r < used + n + 2)
				return 0;
			c->in.r += used + n + 2;
			if (sid < (unsigned)c->nlanes && c->lanes[sid].op == OP_WAIT)
				l = &c->lanes[sid];
			else if (!(l = fifo_pop(c)))
				return -1;
			l->msg = p + used;
			l->mlen = (int)n;
			lane_done(l, 1);
			continue;
		}
		c->in.r += used;
		if (!strncmp(p, "PONG", 4)) {
			if (!c->ready) {
				c->ready = 1;
			} else if (c->u[1] && (l = fifo_pop(c))) {
				c->u[1] = 0;
				lane_done(l, 1);
			}
		} else if (!strncmp(p, "PING", 4)) {
			out(c, "PONG\r\n", 6);
		} else if (!strncmp(p, "+OK", 3)) {
			if (c->qr != c->qw && c->q[c->qr & (c->qcap - 1)]->op == OP_SEND)
				lane_done(fifo_pop(c), 1);
			else if (c->qr != c->qw && c->q[c->qr & (c->qcap - 1)]->op == OP_WAKE)
				lane_done(fifo_pop(c), 1);
		} else if (strncmp(p, "INFO", 4)) {
			die("nats: %.*s", (int)used, p);
		}
	}
	return 0;
}

const struct driver drv_nats = {"nats", nats_open, nats_start, nats_input, .tick = NULL};
const struct driver drv_nats_verbose = {"nats-verbose", nats_open, nats_start, nats_input, .tick = NULL};
