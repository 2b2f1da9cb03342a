/* SPDX-License-Identifier: MIT
 *
 * drv_baton.c - batond's wire (docs/protocol.md) by hand, so the client costs as little as the peers' do.
 * baton         HELLO and Session.Open in one write; Mutex.Lock and Unlock with its token; Channel.Send, and
 *               Channel.Receive, acknowledged by the last reply's number that every later frame carries
 * baton-manual  the same with manual_ack: an Ack by token rides along with the next request
 *
 * A call's id is a number that rises, times 65536, plus its lane: a reply names its lane.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/engine.h"

enum {
	HELLO = 1,
	REQUEST = 2, /* REPLY in the other direction */
	PING = 5,
	GOAWAY = 6,
	NOTICE = 7,
	OPEN = 0x0101,
	MAKE = 0x0301,
	SEND = 0x0302,
	RECEIVE = 0x0303,
	ACK = 0x0304,
	LOCK = 0x0401,
	UNLOCK = 0x0402,
};

#define REQUEST_HEADER_BYTES 40
#define REPLY_HEADER_BYTES 24
#define GHOST 0xffffu /* the lane of calls whose answer nobody waits for */
#define TTL_US 10000000u
#define CAPACITY 1024u /* what the harness lets be in the queue */

/* c->u[]: the last call's number, the last reply read */
enum { LAST_CALL, LAST_REPLY };

struct request_header {
	uint32_t length;
	uint8_t kind, flags;
	uint16_t method;
	uint64_t call, last_reply, timeout;
	uint32_t task, context;
};

struct reply_header {
	uint32_t length;
	uint8_t kind, flags;
	uint16_t status;
	uint64_t call, number;
};

_Static_assert(sizeof(struct request_header) == REQUEST_HEADER_BYTES, "no padding");
_Static_assert(sizeof(struct reply_header) == REPLY_HEADER_BYTES, "no padding");

static unsigned char *put_varint(unsigned char *p, uint64_t value)
{
	for (; value > 127; value >>= 7)
		*p++ = (unsigned char)(value | 128);
	*p++ = (unsigned char)value;
	return p;
}

static unsigned char *put_number(unsigned char *p, int field, uint64_t value)
{
	*p++ = (unsigned char)(field << 3);
	return put_varint(p, value);
}

static unsigned char *put_name(unsigned char *p, const struct lane *l)
{
	*p++ = 1 << 3 | 2;
	*p++ = (unsigned char)l->nlen; /* names here are shorter than 48 */
	memcpy(p, l->name, (size_t)l->nlen);
	return p + l->nlen;
}

/* A frame whose body is the n bytes at b, and z more bytes at v. */
static void put_frame(
	struct conn *c, int kind, int method, unsigned lane, const void *b, size_t n, const void *v, size_t z)
{
	struct request_header h = {.length = (uint32_t)(sizeof(h) + n + z),
		.kind = (uint8_t)kind,
		.method = (uint16_t)method,
		.call = kind == REQUEST ? ++c->u[LAST_CALL] << 16 | lane : 0,
		.last_reply = c->u[LAST_REPLY]};
	char *p = buf_room(&c->out, sizeof(h) + n + z);

	memcpy(p, &h, sizeof(h));
	memcpy(p + sizeof(h), b, n);
	if (z > 0)
		memcpy(p + sizeof(h) + n, v, z);
	c->out.w += sizeof(h) + n + z;
	conn_dirty(c);
}

static void baton_open(struct conn *c)
{
	unsigned char hello[2] = {1 << 3, 1}, open[8], *p = open;

	put_frame(c, HELLO, 0, 0, hello, sizeof(hello), NULL, 0);
	if (!strcmp(transport(), "tcp"))
		p = put_number(p, 1, TTL_US);
	put_frame(c, REQUEST, OPEN, GHOST, open, (size_t)(p - open), NULL, 0);
}

static int setup_lane(struct conn *c, struct lane *l)
{
	unsigned char b[64], *p = put_name(b, l);

	if (!l->creator || l->role == LOCKER)
		return 1;
	p = put_number(p, 2, CAPACITY);
	put_frame(c, REQUEST, MAKE, (unsigned)l->id, b, (size_t)(p - b), NULL, 0);
	return 0;
}

static void put_send(struct conn *c, struct lane *l)
{
	unsigned char b[80], *p = put_name(b, l);

	*p++ = 2 << 3 | 2;
	p = put_varint(p, (uint64_t)l->size);
	put_frame(c, REQUEST, SEND, (unsigned)l->id, b, (size_t)(p - b), l->data, (size_t)l->size);
}

static int baton_start(struct conn *c, struct lane *l, enum op op)
{
	unsigned char b[80], *p = put_name(b, l);
	int method = RECEIVE;

	switch (op) {
	case OP_SETUP:
		return setup_lane(c, l);
	case OP_LOCK:
		method = LOCK;
		break;
	case OP_UNLOCK:
		method = UNLOCK;
		p = put_number(p, 2, l->u);
		break;
	case OP_WAIT:
	case OP_RECV:
		if (c->drv == &drv_baton_manual)
			p = put_number(p, 3, 1);
		break;
	case OP_SEND:
		put_send(c, l);
		return 0;
	case OP_WAKE:
		l->step = l->count;
		for (int i = 0; i < l->count; i++)
			put_send(c, l);
		return 0;
	}
	put_frame(c, REQUEST, method, (unsigned)l->id, b, (size_t)(p - b), NULL, 0);
	return 0;
}

static const unsigned char *get_varint(const unsigned char *p, const unsigned char *end, uint64_t *ret)
{
	*ret = 0;
	for (int shift = 0; p < end && shift < 64; shift += 7) {
		*ret |= (uint64_t)(*p & 127) << shift;
		if (*p++ < 128)
			return p;
	}
	return NULL;
}

/* Reads a response: its token (field 2 of a lock's, 4 of a message's) into l->u, its value (field 3) into l->msg. */
static int get_body(struct lane *l, const unsigned char *p, const unsigned char *end)
{
	uint64_t key, value;

	l->mlen = 0;
	while (p < end) {
		if (!(p = get_varint(p, end, &key)) || !(p = get_varint(p, end, &value)))
			return -1;
		if ((key & 7) == 2) {
			if (value > (uint64_t)(end - p))
				return -1;
			if (key >> 3 == 3) {
				l->msg = (char *)(uintptr_t)p;
				l->mlen = (int)value;
			}
			p += value;
		} else if ((key & 7) != 0) {
			return -1;
		} else if (key >> 3 == (l->op == OP_LOCK ? 2 : 4)) {
			l->u = value;
		}
	}
	return 0;
}

static void acknowledge(struct conn *c, struct lane *l)
{
	unsigned char b[64], *p = put_number(put_name(b, l), 2, l->u);

	put_frame(c, REQUEST, ACK, GHOST, b, (size_t)(p - b), NULL, 0);
}

static int take_reply(struct conn *c, const struct reply_header *h, const unsigned char *body)
{
	const unsigned lane = (unsigned)(h->call & 0xffff);
	const unsigned char *end = body + h->length - sizeof(*h);
	struct lane *l;

	if (h->status != 0)
		die("baton: status %d: %.*s", h->status, (int)(end - body), (const char *)body);
	if (h->number > 0)
		c->u[LAST_REPLY] = h->number;
	if (lane == GHOST) {
		c->ready = 1;
		return 0;
	}
	if (lane >= (unsigned)c->nlanes)
		return -1;
	l = &c->lanes[lane];
	if (l->op == OP_WAKE && --l->step > 0)
		return 0;
	if ((l->op == OP_LOCK || l->op == OP_RECV || l->op == OP_WAIT) && get_body(l, body, end) < 0)
		return -1;
	if (l->op == OP_RECV && c->drv == &drv_baton_manual)
		acknowledge(c, l);
	lane_done(l, 1);
	return 0;
}

static int baton_input(struct conn *c)
{
	struct reply_header h;

	while (c->in.w - c->in.r >= sizeof(h)) {
		const unsigned char *body = (unsigned char *)c->in.p + c->in.r + sizeof(h);

		memcpy(&h, c->in.p + c->in.r, sizeof(h));
		if (h.length < sizeof(h))
			return -1;
		if (c->in.w - c->in.r < h.length)
			break;
		c->in.r += h.length;
		if (h.kind == GOAWAY || h.kind == NOTICE)
			die("baton: %.*s", (int)(h.length - sizeof(h)), (const char *)body);
		if (h.kind == REQUEST && take_reply(c, &h, body) < 0)
			return -1;
	}
	return 0;
}

static void baton_tick(struct conn *c)
{
	put_frame(c, PING, 0, 0, NULL, 0, NULL, 0);
}

const struct driver drv_baton = {"baton", baton_open, baton_start, baton_input, .tick = baton_tick};
const struct driver drv_baton_manual = {"baton-manual", baton_open, baton_start, baton_input, .tick = baton_tick};
