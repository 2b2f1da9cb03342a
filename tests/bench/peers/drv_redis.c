/* SPDX-License-Identifier: MIT
 *
 * drv_redis.c - RESP2 by hand, so the client costs as little as it can.
 * redis        SET NX PX + compare-and-delete script (EVALSHA), retry 0.5-1.5 ms
 * redis-slow   the same with the 100 ms retry that redis-py's Lock sleeps
 * redis-del    SET NX PX + plain DEL
 * redis-blpop  a token in a list: BLPOP takes it, LPUSH gives it back
 * channels     LPUSH + BRPOP
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/bench.h"

#define UNLOCK_LUA                                                                                                     \
	"if redis.call('get',KEYS[1])==ARGV[1] then "                                                                  \
	"return redis.call('del',KEYS[1]) else return 0 end"

static char sha[41];

static void redis_open(struct conn *c)
{
	outf(c, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$%zu\r\n%s\r\n", strlen(UNLOCK_LUA), UNLOCK_LUA);
}

static int redis_start(struct conn *c, struct lane *l, enum op op)
{
	const struct driver *d = c->drv;
	int i, blpop = d == &drv_redis_blpop;

	switch (op) {
	case OP_SETUP:
		if (!l->creator)
			return 1;
		outf(c, "*2\r\n$3\r\nDEL\r\n$%d\r\n%s\r\n", l->nlen, l->name);
		fifo_push(c, l);
		if (blpop && l->role == LOCKER) {
			l->step = 1; /* two replies */
			outf(c, "*3\r\n$5\r\nLPUSH\r\n$%d\r\n%s\r\n$1\r\nt\r\n", l->nlen, l->name);
			fifo_push(c, l);
		} else {
			l->step = 0;
		}
		return 0;
	case OP_LOCK:
		if (blpop) {
			outf(c, "*3\r\n$5\r\nBLPOP\r\n$%d\r\n%s\r\n$1\r\n0\r\n", l->nlen, l->name);
		} else {
			if (!l->klen)
				l->klen = snprintf(l->key, sizeof(l->key), "tok-%08x-%08x", l->id, (unsigned)rand());
			outf(c,
				"*6\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n"
				"$2\r\nNX\r\n$2\r\nPX\r\n$5\r\n30000\r\n",
				l->nlen, l->name, l->klen, l->key);
		}
		break;
	case OP_UNLOCK:
		if (blpop)
			outf(c, "*3\r\n$5\r\nLPUSH\r\n$%d\r\n%s\r\n$1\r\nt\r\n", l->nlen, l->name);
		else if (d == &drv_redis_del)
			outf(c, "*2\r\n$3\r\nDEL\r\n$%d\r\n%s\r\n", l->nlen, l->name);
		else
			outf(c,
				"*5\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n1\r\n"
				"$%d\r\n%s\r\n$%d\r\n%s\r\n",
				sha, l->nlen, l->name, l->klen, l->key);
		break;
	case OP_SEND:
		outf(c, "*3\r\n$5\r\nLPUSH\r\n$%d\r\n%s\r\n$%d\r\n", l->nlen, l->name, l->size);
		out(c, l->data, (size_t)l->size);
		out(c, "\r\n", 2);
		break;
	case OP_RECV:
	case OP_WAIT:
		outf(c, "*3\r\n$5\r\nBRPOP\r\n$%d\r\n%s\r\n$1\r\n0\r\n", l->nlen, l->name);
		break;
	case OP_WAKE: /* one LPUSH of as many values as there are waiters */
		outf(c, "*%d\r\n$5\r\nLPUSH\r\n$%d\r\n%s\r\n", l->count + 2, l->nlen, l->name);
		for (i = 0; i < l->count; i++)
			out(c, "$1\r\nx\r\n", 7);
		break;
	}
	fifo_push(c, l);
	return 0;
}

/* one reply from p[0..n): bytes used, 0 for more needed, -1 for nonsense.
 * *t is its type ('_' for nil), and s, sn the last bulk string in it. */
static long reply(char *p, size_t n, char *t, char **s, int *sn)
{
	char *e = memchr(p, '\n', n);
	long used, k, i;

	if (!e)
		return 0;
	used = e - p + 1;
	*t = *p;
	*s = p + 1;
	*sn = (int)(used - 3);
	switch (*p) {
	case '+':
	case '-':
	case ':':
		return used;
	case '$':
		k = strtol(p + 1, NULL, 10);
		if (k < 0) {
			*t = '_';
			return used;
		}
		if ((size_t)(used + k + 2) > n)
			return 0;
		*s = p + used;
		*sn = (int)k;
		return used + k + 2;
	case '*':
		k = strtol(p + 1, NULL, 10);
		if (k < 0) {
			*t = '_';
			return used;
		}
		for (i = 0; i < k; i++) {
			char tt;
			long m = reply(p + used, n - (size_t)used, &tt, s, sn);
			if (m <= 0)
				return m;
			used += m;
		}
		return used;
	}
	return -1;
}

static int redis_input(struct conn *c)
{
	while (c->in.w > c->in.r) {
		char t, *s;
		int sn;
		long m = reply(c->in.p + c->in.r, c->in.w - c->in.r, &t, &s, &sn);
		struct lane *l;

		if (m <= 0)
			return (int)m;
		c->in.r += (size_t)m;
		if (t == '-')
			die("redis: %.*s", sn, s);
		if (!c->ready) {
			if (sn != 40)
				return -1;
			memcpy(sha, s, 40);
			c->ready = 1;
			continue;
		}
		if (!(l = fifo_pop(c)))
			return -1;
		if (l->op == OP_SETUP && l->step-- > 0)
			continue;
		if (l->op == OP_LOCK && t == '_') { /* taken: back off */
			lane_retry(
				l, c->drv == &drv_redis_slow ? 100000000ull : 500000ull + (uint64_t)rand() % 1000000);
			continue;
		}
		if (l->op == OP_UNLOCK && t == ':' && *s == '0')
			die("redis: unlock of a lock not held");
		l->msg = s;
		l->mlen = sn;
		lane_done(l, 1);
	}
	return 0;
}

const struct driver drv_redis = {"redis", redis_open, redis_start, redis_input, .tick = NULL};
const struct driver drv_redis_slow = {"redis-slow", redis_open, redis_start, redis_input, .tick = NULL};
const struct driver drv_redis_del = {"redis-del", redis_open, redis_start, redis_input, .tick = NULL};
const struct driver drv_redis_blpop = {"redis-blpop", redis_open, redis_start, redis_input, .tick = NULL};
