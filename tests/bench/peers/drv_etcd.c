/* SPDX-License-Identifier: MIT
 *
 * drv_etcd.c - gRPC on HTTP/2 by hand, no TLS.
 * etcd      the v3lock service: Lock and Unlock, a lease a lane
 * etcd-txn  what clientv3's concurrency.Mutex does when the lock is free: a
 *           transaction that creates the key, then a DeleteRange
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/bench.h"

enum { F_DATA, F_HEADERS, F_RST = 3, F_SETTINGS, F_PING = 6, F_GOAWAY, F_WINDOW };

struct h2 {
	struct lane **stream; /* by id / 2 */
	size_t cap;
	uint32_t next;
	int64_t window;     /* what we may still send on the connection */
	int64_t eaten;      /* what we received and did not give back yet */
	struct lane **held; /* lanes that wait for the window */
	size_t nheld, hr, hcap;
};

static void frame(struct conn *c, size_t n, int type, int flags, uint32_t sid)
{
	unsigned char h[9] = {(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n, (unsigned char)type,
		(unsigned char)flags, (unsigned char)(sid >> 24), (unsigned char)(sid >> 16), (unsigned char)(sid >> 8),
		(unsigned char)sid};
	out(c, h, 9);
}

static void etcd_open(struct conn *c)
{
	struct h2 *h = calloc(1, sizeof(*h));

	c->priv = h;
	h->next = 1;
	h->window = 65535;
	out(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	frame(c, 0, F_SETTINGS, 0, 0);
	c->ready = 1;
}

static size_t vint(unsigned char *p, uint64_t v)
{
	size_t n = 0;

	while (v > 127) {
		p[n++] = (unsigned char)(v | 128);
		v >>= 7;
	}
	p[n++] = (unsigned char)v;
	return n;
}

static size_t field(unsigned char *p, int no, const void *s, size_t n)
{
	size_t k = vint(p, (uint64_t)no << 3 | 2);

	k += vint(p + k, n);
	memcpy(p + k, s, n);
	return k + n;
}

static void call(struct conn *c, struct lane *l, const char *path, const unsigned char *m, size_t n)
{
	struct h2 *h = c->priv;
	unsigned char b[256], g[5] = {0, 0, 0, (unsigned char)(n >> 8), (unsigned char)n};
	size_t k = 0, pl = strlen(path);

	b[k++] = 0x83; /* POST */
	b[k++] = 0x86; /* http */
	b[k++] = 0x04;
	b[k++] = (unsigned char)pl;
	memcpy(b + k, path, pl);
	k += pl;
	memcpy(b + k,
		"\x01\x09localhost\x0f\x10\x10"
		"application/grpc\x00\x02te\x08trailers",
		11 + 3 + 16 + 4 + 9);
	k += 11 + 3 + 16 + 4 + 9;
	frame(c, k, F_HEADERS, 4, h->next);
	out(c, b, k);
	frame(c, n + 5, F_DATA, 1, h->next);
	out(c, g, 5);
	out(c, m, n);
	h->window -= (int64_t)(n + 5);
	if (h->next / 2 >= h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 1024;
		h->stream = realloc(h->stream, cap * sizeof(*h->stream));
		memset(h->stream + h->cap, 0, (cap - h->cap) * sizeof(*h->stream));
		h->cap = cap;
	}
	h->stream[h->next / 2] = l;
	h->next += 2;
}

static int etcd_start(struct conn *c, struct lane *l, enum op op)
{
	unsigned char m[512], s[256], r[256], q[256];
	struct h2 *h = c->priv;
	size_t n = 0, sn = 0, rn = 0, qn = 0;

	if (h->window < 512) {
		if (h->nheld == h->hcap) {
			h->hcap = h->hcap ? h->hcap * 2 : 64;
			h->held = realloc(h->held, h->hcap * sizeof(*h->held));
		}
		h->held[h->nheld++] = l;
		return 0;
	}
	switch (op) {
	case OP_SETUP: /* LeaseGrant: ttl 120 */
		if (l->role == WAKER)
			return 1;
		m[n++] = 0x08;
		m[n++] = 120;
		l->u = 0;
		call(c, l, "/etcdserverpb.Lease/LeaseGrant", m, n);
		return 0;
	case OP_WAIT:
	case OP_LOCK:
		if (c->drv == &drv_etcd_txn) {
			if (!l->klen)
				l->klen =
					snprintf(l->key, sizeof(l->key), "%s/%llx", l->name, (unsigned long long)l->u);
			/* compare: create_revision of key == 0 */
			memcpy(s, "\x10\x01", 2);
			sn = 2;
			sn += field(s + sn, 3, l->key, (size_t)l->klen);
			memcpy(s + sn, "\x28\x00", 2);
			sn += 2;
			n += field(m + n, 1, s, sn);
			/* then put the key, and get the oldest of the prefix */
			rn = field(r, 1, l->key, (size_t)l->klen);
			r[rn++] = 0x18;
			rn += vint(r + rn, l->u);
			sn = field(s, 2, r, rn);
			n += field(m + n, 2, s, sn);
			qn = field(q, 1, l->name, (size_t)l->nlen);
			memcpy(r, l->name, (size_t)l->nlen);
			r[l->nlen - 1]++;
			qn += field(q + qn, 2, r, (size_t)l->nlen);
			/* limit 1, ascending by create revision */
			q[qn] = 0x18;
			q[qn + 1] = 1;
			q[qn + 2] = 0x28;
			q[qn + 3] = 1;
			q[qn + 4] = 0x30;
			q[qn + 5] = 2;
			qn += 6;
			sn = field(s, 1, q, qn);
			n += field(m + n, 2, s, sn);
			call(c, l, "/etcdserverpb.KV/Txn", m, n);
			return 0;
		}
		n = field(m, 1, l->name, (size_t)l->nlen);
		m[n++] = 0x10;
		n += vint(m + n, l->u);
		call(c, l, "/v3lockpb.Lock/Lock", m, n);
		return 0;
	case OP_UNLOCK:
		n = field(m, 1, l->key, (size_t)l->klen);
		call(c, l, c->drv == &drv_etcd_txn ? "/etcdserverpb.KV/DeleteRange" : "/v3lockpb.Lock/Unlock", m, n);
		return 0;
	case OP_WAKE: /* delete every waiter's key */
		n = field(m, 1, l->name, (size_t)l->nlen);
		memcpy(r, l->name, (size_t)l->nlen);
		r[l->nlen - 1]++;
		n += field(m + n, 2, r, (size_t)l->nlen);
		call(c, l, "/etcdserverpb.KV/DeleteRange", m, n);
		return 0;
	default:
		die("etcd: no channels");
	}
}

static uint64_t rd_vint(const unsigned char **p, const unsigned char *e)
{
	uint64_t v = 0;
	int s = 0;

	while (*p < e) {
		unsigned char b = *(*p)++;
		v |= (uint64_t)(b & 127) << s;
		if (b < 128)
			break;
		s += 7;
	}
	return v;
}

/* field 2 is all we read: the lease's id, or the lock's key */
static void message(struct lane *l, const unsigned char *p, size_t len)
{
	const unsigned char *e = p + len;

	p += 5;
	l->mlen = 1;
	while (p < e) {
		uint64_t t = rd_vint(&p, e), v = rd_vint(&p, e);

		if ((t & 7) == 0) {
			if (t >> 3 == 2 && l->op == OP_SETUP)
				l->u = v;
		} else {
			if (t >> 3 == 2 && l->op == OP_LOCK && l->c->drv == &drv_etcd && v < sizeof(l->key)) {
				memcpy(l->key, p, v);
				l->klen = (int)v;
			}
			p += v;
		}
	}
}

static int etcd_input(struct conn *c)
{
	struct h2 *h = c->priv;

	while (c->in.w - c->in.r >= 9) {
		const unsigned char *p = (unsigned char *)c->in.p + c->in.r;
		size_t n = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
		int type = p[3], flags = p[4];
		uint32_t sid = (uint32_t)(p[5] & 127) << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
		struct lane *l = NULL;

		if (c->in.w - c->in.r < n + 9)
			return 0;
		c->in.r += n + 9;
		p += 9;
		if (sid) {
			if (sid / 2 >= h->cap || !(l = h->stream[sid / 2]))
				continue; /* a stream window update after the end */
		}
		switch (type) {
		case F_DATA:
			h->eaten += (int64_t)n;
			if (h->eaten > 16384) {
				unsigned char w[4] = {0, 0, (unsigned char)(h->eaten >> 8), (unsigned char)h->eaten};
				w[1] = (unsigned char)(h->eaten >> 16);
				frame(c, 4, F_WINDOW, 0, 0);
				out(c, w, 4);
				h->eaten = 0;
			}
			if (n > 5)
				message(l, p, n);
			else
				l->mlen = 1;
			break;
		case F_HEADERS:
			if (flags & 1) { /* trailers: over */
				int ok = l->mlen;

				h->stream[sid / 2] = NULL;
				l->mlen = 0;
				if (!ok && l->op != OP_WAIT)
					die("etcd: call failed (op %d)", l->op);
				lane_done(l, 1);
			}
			break;
		case F_RST:
		case F_GOAWAY:
			die("etcd: frame %d", type);
		case F_SETTINGS:
			if (!(flags & 1))
				frame(c, 0, F_SETTINGS, 1, 0);
			break;
		case F_PING:
			if (!(flags & 1)) {
				frame(c, 8, F_PING, 1, 0);
				out(c, p, 8);
			}
			break;
		case F_WINDOW:
			if (!sid)
				h->window += (int64_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
						       (uint32_t)p[2] << 8 | p[3]);
			while (h->hr < h->nheld && h->window >= 512) {
				l = h->held[h->hr++];
				etcd_start(c, l, (enum op)l->op);
			}
			break;
		}
	}
	return 0;
}

const struct driver drv_etcd = {"etcd", etcd_open, etcd_start, etcd_input, .tick = NULL};
const struct driver drv_etcd_txn = {"etcd-txn", etcd_open, etcd_start, etcd_input, .tick = NULL};
