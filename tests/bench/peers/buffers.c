/* SPDX-License-Identifier: MIT
 *
 * buffers.c - what client and reference server share: growing buffers, the queue of awaited replies, time, death.
 *
 * A benchmark: it ends with a message where the machine gives it no memory.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/peers/bench.h"

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "peers: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

char *buf_room(struct buf *b, size_t n)
{
	if (b->r == b->w)
		b->r = b->w = 0;
	if (b->cap - b->w < n && b->r) {
		memmove(b->p, b->p + b->r, b->w - b->r);
		b->w -= b->r;
		b->r = 0;
	}
	if (b->cap - b->w < n) {
		size_t cap = b->cap ? b->cap : 512;

		while (cap - b->w < n)
			cap *= 2;
		if (!(b->p = realloc(b->p, cap)))
			die("no memory");
		b->cap = cap;
	}
	return b->p + b->w;
}

void out(struct conn *c, const void *p, size_t n)
{
	memcpy(buf_room(&c->out, n), p, n);
	c->out.w += n;
	conn_dirty(c);
}

void outf(struct conn *c, const char *fmt, ...)
{
	char *p = buf_room(&c->out, 1024);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(p, 1024, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= 1024)
		die("request too long");
	c->out.w += (size_t)n;
	conn_dirty(c);
}

void fifo_push(struct conn *c, struct lane *l)
{
	if (c->qw - c->qr == c->qcap) {
		unsigned cap = c->qcap ? c->qcap * 2 : 8, i;
		struct lane **q = malloc(cap * sizeof(*q));

		for (i = c->qr; i != c->qw; i++)
			q[i & (cap - 1)] = c->q[i & (c->qcap - 1)];
		free(c->q);
		c->q = q;
		c->qcap = cap;
	}
	c->q[c->qw++ & (c->qcap - 1)] = l;
}

struct lane *fifo_pop(struct conn *c)
{
	return c->qr == c->qw ? NULL : c->q[c->qr++ & (c->qcap - 1)];
}
