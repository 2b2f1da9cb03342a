/* SPDX-License-Identifier: MIT
 *
 * drv_raw.c - the client of rawd (ref.c): what a server costs that only moves
 * frames.
 * raw        lock and unlock are 64-byte echoes
 * raw-token  lock takes a token from a channel, unlock puts it back
 */
#include <string.h>

#include "tests/bench/peers/bench.h"
#include "tests/bench/peers/raw.h"

static void raw_open(struct conn *c)
{
	c->ready = 1;
}

static int raw_start(struct conn *c, struct lane *l, enum op op)
{
	static const char zero[64];
	struct raw_hdr h = {sizeof(h), RAW_ECHO, (uint16_t)(l->name[l->nlen - 1] & 15), (uint32_t)l->id, 0};
	int i, token = c->drv == &drv_raw_token;

	switch (op) {
	case OP_SETUP: /* empty the channel of what an earlier run left */
		if (!l->creator || (l->role == LOCKER && !token))
			return 1;
		h.op = RAW_CLEAR;
		out(c, &h, sizeof(h));
		if ((l->step = token)) {
			h.op = RAW_SEND;
			out(c, &h, sizeof(h));
		}
		return 0;
	case OP_SEND:
		h.len = (uint32_t)(sizeof(h) + (size_t)l->size);
		h.op = RAW_SEND;
		out(c, &h, sizeof(h));
		out(c, l->data, (size_t)l->size);
		return 0;
	case OP_RECV:
	case OP_WAIT:
		h.op = RAW_RECV;
		out(c, &h, sizeof(h));
		return 0;
	case OP_WAKE:
		h.op = RAW_SEND;
		l->step = l->count;
		for (i = 0; i < l->count; i++)
			out(c, &h, sizeof(h));
		return 0;
	default:
		if (token) {
			h.op = op == OP_LOCK ? RAW_RECV : RAW_SEND;
			out(c, &h, sizeof(h));
			return 0;
		}
		h.len = 64;
		out(c, &h, sizeof(h));
		out(c, zero, 64 - sizeof(h));
		return 0;
	}
}

static int raw_input(struct conn *c)
{
	struct raw_hdr h;

	while (c->in.w - c->in.r >= sizeof(h)) {
		struct lane *l;

		memcpy(&h, c->in.p + c->in.r, sizeof(h));
		if (c->in.w - c->in.r < h.len)
			break;
		if (h.tag >= (unsigned)c->nlanes)
			return -1;
		l = &c->lanes[h.tag];
		l->msg = c->in.p + c->in.r + sizeof(h);
		l->mlen = (int)(h.len - sizeof(h));
		c->in.r += h.len;
		if (l->op == OP_WAKE && --l->step > 0)
			continue;
		if (l->op == OP_SETUP && l->step-- > 0)
			continue;
		lane_done(l, 1);
	}
	return 0;
}

const struct driver drv_raw = {"raw", raw_open, raw_start, raw_input, .tick = NULL};
const struct driver drv_raw_token = {"raw-token", raw_open, raw_start, raw_input, .tick = NULL};
