/* SPDX-License-Identifier: MIT
 *
 * engine.c - one client process, one thread, epoll: lanes that begin an operation when the last is over.
 *
 * Bytes that drivers queue are sent once a turn of the loop has handled a connection's input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/peers/engine.h"

struct options options = {
	.conns = 1, .depth = 1, .size = 64, .prod = 1, .cons = 1, .waits = 1, .reps = 3, .warm = 1, .secs = 3};
struct engine engine;

static struct conn **dirty;
static int ndirty;
static uint64_t sent, recvd;
static struct lane *parked[4096]; /* producers that wait for messages to be taken */
static int nparked;
static struct lane *timers[4096];
static int ntimers;

void conn_dirty(struct conn *c)
{
	if (!c->dirty) {
		c->dirty = 1;
		dirty[ndirty++] = c;
	}
}

/* ---- workloads: what a lane does after an operation is over ---- */

int next_op(struct lane *l)
{
	uint64_t t = now_ns(), ts;

	switch (l->role) {
	case LOCKER:
		engine.ops++;
		if (l->op == OP_LOCK) {
			hist_add(t - l->t0);
			l->acq++;
			return OP_UNLOCK;
		}
		if (options.work[0] != 'b' || l->acq < (uint64_t)options.before / 2)
			return OP_LOCK;
		engine.rested++;
		return NONE;
	case PRODUCER:
		if (options.work[0] == 'p')
			return NONE; /* started by the receiver */
		if (sent - recvd >= 1024) {
			parked[nparked++] = l;
			return NONE;
		}
		sent++;
		memcpy(l->data, &t, sizeof(t));
		return OP_SEND;
	case CONSUMER:
		if (l->mlen != options.size)
			die("message of %d bytes, not %d", l->mlen, options.size);
		engine.ops++;
		recvd++;
		if (options.work[0] == 'p') {
			struct lane *s = &l->c->lanes[1];

			if (!engine.pingside)
				hist_add(t - s->t0);
			s->op = OP_SEND;
			s->t0 = t;
			s->c->drv->start(s->c, s, OP_SEND);
			return OP_RECV;
		}
		memcpy(&ts, l->msg, sizeof(ts));
		hist_add(t - ts);
		return OP_RECV;
	case WAITER:
		engine.woken++;
		return NONE;
	}
	return NONE;
}

void begin(struct lane *l, int op)
{
	while (op != NONE) {
		l->op = op;
		l->t0 = now_ns();
		if (!l->c->drv->start(l->c, l, (enum op)op))
			return;
		op = next_op(l);
	}
}

void lane_done(struct lane *l, int ok)
{
	if (!ok)
		die("%s: an operation failed", l->c->drv->name);
	if (l->op == OP_SETUP) {
		engine.pending--;
		return;
	}
	if (engine.phase != RUN)
		return;
	begin(l, next_op(l));
	if (l->role == CONSUMER)
		while (nparked && sent - recvd < 1024) {
			struct lane *s = parked[--nparked];
			begin(s, next_op(s));
		}
}

void lane_retry(struct lane *l, uint64_t ns)
{
	l->wake = now_ns() + ns;
	timers[ntimers++] = l;
}

/* ---- connections ---- */

static int dial(const char *a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd, one = 1;

	if (!strncmp(a, "unix:", 5)) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", a + 5);
		if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)))
			die("connect %s: %s", a, strerror(errno));
	} else {
		const char *p = strrchr(a, ':');
		char host[64];

		if (!p)
			die("address %s", a);
		snprintf(host, sizeof(host), "%.*s", (int)(p - a), a);
		inet_pton(AF_INET, host, &in.sin_addr);
		in.sin_port = htons((uint16_t)atoi(p + 1));
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof(in)))
			die("connect %s: %s", a, strerror(errno));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

struct conn *conn_new(int nlanes, int role, const char *name, int first)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	int i;

	c->drv = options.drv;
	c->fd = c->drv->connect != NULL ? c->drv->connect(c, options.addr) : dial(options.addr);
	c->nlanes = nlanes;
	c->lanes = calloc((size_t)nlanes, sizeof(*c->lanes));
	for (i = 0; i < nlanes; i++) {
		struct lane *l = &c->lanes[i];

		l->c = c;
		l->id = i;
		l->role = role;
		l->creator = first;
		l->nlen = snprintf(l->name, sizeof(l->name), "%s", name);
		if (role == PRODUCER || role == WAKER) {
			l->size = role == WAKER ? 1 : options.size;
			l->data = calloc(1, (size_t)l->size + 1);
			if (role == WAKER)
				l->data[0] = 'x';
		}
	}
	engine.conns[engine.nconns++] = c;
	epoll_ctl(engine.ep, EPOLL_CTL_ADD, c->fd, &e);
	c->drv->open(c);
	return c;
}

static void want_out(struct conn *c, int wanted)
{
	struct epoll_event e = {.data.ptr = c, .events = EPOLLIN | (wanted ? (uint32_t)EPOLLOUT : 0)};

	if (wanted == c->wantout)
		return;
	c->wantout = wanted;
	epoll_ctl(engine.ep, EPOLL_CTL_MOD, c->fd, &e);
}

static void flush(struct conn *c)
{
	if (c->drv->process != NULL) {
		c->dirty = 1; /* what is started meanwhile it writes itself */
		want_out(c, (c->drv->process(c) & POLLOUT) != 0);
		c->dirty = 0;
		return;
	}
	while (c->out.r < c->out.w) {
		ssize_t n = send(c->fd, c->out.p + c->out.r, c->out.w - c->out.r, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			die("%s: send: %s", c->drv->name, strerror(errno));
		c->out.r += (size_t)n;
	}
	want_out(c, c->out.r < c->out.w);
}

void flush_all(void)
{
	while (ndirty) {
		struct conn *c = dirty[--ndirty];

		c->dirty = 0;
		flush(c);
	}
}

/* Starts again what waited for its time; returns how long the loop may sleep, at most maxns. */
static uint64_t run_timers(uint64_t maxns)
{
	uint64_t t = ntimers ? now_ns() : 0;

	for (int i = 0; i < ntimers; i++) {
		struct lane *l = timers[i];

		if (l->wake <= t) {
			timers[i--] = timers[--ntimers];
			l->wake = 0;
			l->c->drv->start(l->c, l, (enum op)l->op);
		} else if (l->wake - t < maxns) {
			maxns = l->wake - t;
		}
	}
	return maxns;
}

static size_t room_for_input(const struct conn *c)
{
	if (c->in.cap - c->in.w > 65536)
		return c->in.cap - c->in.w;
	return options.work[0] == 'b' && engine.nconns > 64 ? 1024 : 65536;
}

static void take_input(struct conn *c)
{
	char *p = buf_room(&c->in, room_for_input(c));
	ssize_t k = recv(c->fd, p, c->in.cap - c->in.w, 0);

	if (k == 0 || (k < 0 && errno != EAGAIN))
		die("%s: the server closed", c->drv->name);
	if (k < 0)
		return;
	c->in.w += (size_t)k;
	if (c->drv->input(c) < 0)
		die("%s: protocol error: %.*s", c->drv->name, (int)(c->in.w - c->in.r > 80 ? 80 : c->in.w - c->in.r),
			c->in.p + c->in.r);
}

int loop(uint64_t maxns)
{
	struct epoll_event ev[256];
	struct timespec ts;
	int i, n;

	maxns = run_timers(maxns);
	flush_all();
	ts.tv_sec = (time_t)(maxns / 1000000000);
	ts.tv_nsec = (long)(maxns % 1000000000);
	n = epoll_pwait2(engine.ep, ev, 256, &ts, NULL);
	for (i = 0; i < n; i++) {
		struct conn *c = ev[i].data.ptr;

		if (c->drv->process != NULL)
			conn_dirty(c);
		else if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			take_input(c);
		if (c->wantout)
			conn_dirty(c);
		flush_all();
	}
	return n;
}

static void tick(void)
{
	int i;

	if (options.drv->tick)
		for (i = 0; i < engine.nconns; i++)
			options.drv->tick(engine.conns[i]);
}

void loop_for(double s)
{
	uint64_t end = now_ns() + (uint64_t)(s * 1e9), t, tk = now_ns();

	while ((t = now_ns()) < end) {
		loop(end - t < 1000000000 ? end - t : 1000000000);
		if (t - tk > 1000000000) {
			tick();
			tk = t;
		}
	}
}

void until(int (*cond)(void), double limit, const char *what)
{
	uint64_t t0 = now_ns();

	while (!cond()) {
		loop(100000000);
		if ((double)(now_ns() - t0) > limit * 1e9)
			die("%s: %s took over %.0f s", options.drv->name, what, limit);
	}
}

int all_ready(void)
{
	static int i;

	while (i < engine.nconns && engine.conns[i]->ready)
		i++;
	return i == engine.nconns;
}

static int all_setup(void)
{
	return engine.pending <= 0;
}

void setup(void)
{
	int i, j;

	until(all_ready, 60, "connecting");
	engine.phase = SETUP;
	for (i = 0; i < engine.nconns; i++)
		for (j = 0; j < engine.conns[i]->nlanes; j++) {
			struct lane *l = &engine.conns[i]->lanes[j];

			l->op = OP_SETUP;
			engine.pending++;
			if (engine.conns[i]->drv->start(engine.conns[i], l, OP_SETUP))
				engine.pending--;
			while (engine.pending > 256) /* etcd refuses more than 5000 at once */
				loop(100000000);
		}
	until(all_setup, 120, "setup");
	engine.phase = RUN;
}

void engine_init(int nconns)
{
	engine.ep = epoll_create1(0);
	engine.conns = calloc((size_t)nconns, sizeof(*engine.conns));
	dirty = calloc((size_t)nconns, sizeof(*dirty));
	if (engine.ep < 0 || engine.conns == NULL || dirty == NULL)
		die("no memory");
}
