/* SPDX-License-Identifier: MIT
 *
 * rawd.c - the limit: a single-threaded epoll server that moves length-prefixed frames and does nothing else.
 *
 * It has no names, no sessions, no codec: what a daemon costs over it is what the daemon does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/peers/bench.h"
#include "tests/bench/peers/raw.h"

struct rc {
	int fd, dirty, wantout, dead;
	struct buf in, out;
};
struct msg {
	struct msg *next;
	size_t n;
	char b[];
};
static struct {
	struct msg *mh, *mt;
	struct {
		struct rc *c;
		uint32_t tag;
	} * w; /* ring of waiting receivers */
	unsigned wr, ww, wcap;
} chans[16];
static struct rc *rdirty[65536];
static int nrdirty, rep;

static void rput(struct rc *c, const void *p, size_t n)
{
	memcpy(buf_room(&c->out, n), p, n);
	c->out.w += n;
	if (!c->dirty) {
		c->dirty = 1;
		rdirty[nrdirty++] = c;
	}
}

static void rmsg(struct rc *c, uint32_t tag, const char *b, size_t n)
{
	struct raw_hdr h = {(uint32_t)(sizeof(h) + n), RAW_RECV, 0, tag, 0};

	rput(c, &h, sizeof(h));
	rput(c, b, n);
}

static void rinput(struct rc *c)
{
	struct raw_hdr h;

	while (c->in.w - c->in.r >= sizeof(h)) {
		char *p = c->in.p + c->in.r;
		size_t n;
		unsigned ch;

		memcpy(&h, p, sizeof(h));
		if (c->in.w - c->in.r < h.len)
			break;
		c->in.r += h.len;
		n = h.len - sizeof(h);
		ch = h.ch & 15;
		if (h.op == RAW_ECHO) {
			rput(c, p, h.len);
		} else if (h.op == RAW_SEND) {
			if (chans[ch].wr != chans[ch].ww) {
				unsigned i = chans[ch].wr++ & (chans[ch].wcap - 1);
				rmsg(chans[ch].w[i].c, chans[ch].w[i].tag, p + sizeof(h), n);
			} else {
				struct msg *m = malloc(sizeof(*m) + n);

				m->next = NULL;
				m->n = n;
				memcpy(m->b, p + sizeof(h), n);
				if (chans[ch].mt)
					chans[ch].mt->next = m;
				else
					chans[ch].mh = m;
				chans[ch].mt = m;
			}
			h.len = sizeof(h);
			rput(c, &h, sizeof(h));
		} else if (h.op == RAW_CLEAR) {
			struct msg *m;

			while ((m = chans[ch].mh)) {
				chans[ch].mh = m->next;
				free(m);
			}
			chans[ch].mt = NULL;
			rput(c, &h, sizeof(h));
		} else {
			struct msg *m = chans[ch].mh;

			if (m) {
				rmsg(c, h.tag, m->b, m->n);
				if (!(chans[ch].mh = m->next))
					chans[ch].mt = NULL;
				free(m);
				continue;
			}
			if (chans[ch].ww - chans[ch].wr == chans[ch].wcap) {
				unsigned oc = chans[ch].wcap, nc = oc ? oc * 2 : 16, i;
				void *w = malloc(nc * sizeof(*chans[ch].w));
				__typeof__(chans[ch].w) nw = w;

				for (i = chans[ch].wr; i != chans[ch].ww; i++)
					nw[i & (nc - 1)] = chans[ch].w[i & (oc - 1)];
				free(chans[ch].w);
				chans[ch].w = nw;
				chans[ch].wcap = nc;
			}
			chans[ch].w[chans[ch].ww & (chans[ch].wcap - 1)].c = c;
			chans[ch].w[chans[ch].ww++ & (chans[ch].wcap - 1)].tag = h.tag;
		}
	}
}

static void rflush(void)
{
	while (nrdirty) {
		struct rc *c = rdirty[--nrdirty];

		c->dirty = 0;
		while (c->out.r < c->out.w && !c->dead) {
			ssize_t n = send(c->fd, c->out.p + c->out.r, c->out.w - c->out.r, MSG_NOSIGNAL);
			if (n < 0)
				break;
			c->out.r += (size_t)n;
		}
		if (c->out.r == c->out.w && c->out.cap > 4096 && c->out.cap > 1 << 20) {
			free(c->out.p);
			memset(&c->out, 0, sizeof(c->out));
		}
		if ((c->out.r < c->out.w) != c->wantout && !c->dead) {
			struct epoll_event e = {.data.ptr = c};

			c->wantout = !c->wantout;
			e.events = EPOLLIN | (c->wantout ? (uint32_t)EPOLLOUT : 0);
			epoll_ctl(rep, EPOLL_CTL_MOD, c->fd, &e);
		}
	}
}

static int listen_on(const char *a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd, one = 1;

	if (!strncmp(a, "unix:", 5)) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", a + 5);
		unlink(un.sun_path);
		if (bind(fd, (struct sockaddr *)&un, sizeof(un)))
			die("bind %s: %s", a, strerror(errno));
	} else {
		const char *p = strrchr(a, ':');

		fd = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		in.sin_port = htons((uint16_t)atoi(p ? p + 1 : a));
		if (bind(fd, (struct sockaddr *)&in, sizeof(in)))
			die("bind %s: %s", a, strerror(errno));
	}
	listen(fd, 4096);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

int rawd_main(int argc, char **argv)
{
	static struct rc ls[4];
	static char scratch[262144];
	struct epoll_event ev[256];
	int i, n, one = 1, wait = getenv("RAWD_SPIN") ? 0 : -1; /* 0: never sleeps */

	signal(SIGPIPE, SIG_IGN);
	rep = epoll_create1(0);
	for (i = 1; i < argc && i < 4; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &ls[i]};

		ls[i].fd = listen_on(argv[i]);
		epoll_ctl(rep, EPOLL_CTL_ADD, ls[i].fd, &e);
	}
	for (;;) {
		n = epoll_wait(rep, ev, 256, wait);
		for (i = 0; i < n; i++) {
			struct rc *c = ev[i].data.ptr;
			ssize_t k;

			if (c >= ls && c < ls + 4) {
				struct rc *d;
				int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK);
				struct epoll_event e = {.events = EPOLLIN};

				if (fd < 0)
					continue;
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
				d = calloc(1, sizeof(*d));
				d->fd = fd;
				e.data.ptr = d;
				epoll_ctl(rep, EPOLL_CTL_ADD, fd, &e);
				continue;
			}
			if (c->wantout && !c->dirty) {
				c->dirty = 1;
				rdirty[nrdirty++] = c;
			}
			if (ev[i].events & ~(uint32_t)EPOLLOUT) {
				k = recv(c->fd, scratch, sizeof(scratch), 0);
				if (k == 0 || (k < 0 && errno != EAGAIN)) {
					/* its waits stay behind: the run is over anyway */
					int q;
					unsigned w;

					for (q = 0; q < 16; q++) {
						unsigned to = chans[q].wr;
						for (w = chans[q].wr; w != chans[q].ww; w++)
							if (chans[q].w[w & (chans[q].wcap - 1)].c != c)
								chans[q].w[to++ & (chans[q].wcap - 1)] =
									chans[q].w[w & (chans[q].wcap - 1)];
						chans[q].ww = to;
					}
					c->dead = 1;
					close(c->fd);
					free(c->in.p);
					free(c->out.p);
					memset(&c->in, 0, sizeof(c->in));
					memset(&c->out, 0, sizeof(c->out));
					/* the struct itself is kept: it may be on rdirty */
				} else if (k > 0) {
					if (c->in.r == c->in.w) { /* parse in place */
						struct buf own = c->in;
						size_t left, at;

						c->in.p = scratch;
						c->in.r = 0;
						c->in.w = (size_t)k;
						c->in.cap = 0;
						rinput(c);
						left = c->in.w - c->in.r;
						at = c->in.r;
						c->in = own;
						c->in.r = c->in.w = 0;
						if (left) {
							memcpy(buf_room(&c->in, left), scratch + at, left);
							c->in.w = left;
						}
					} else {
						memcpy(buf_room(&c->in, (size_t)k), scratch, (size_t)k);
						c->in.w += (size_t)k;
						rinput(c);
					}
				}
			}
			rflush();
		}
	}
}
