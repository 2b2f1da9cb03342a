/* SPDX-License-Identifier: MIT
 *
 * bench.h - shared parts of the peer benchmark: buffers, lanes, connections,
 * and the driver interface that each measured system implements.
 *
 * A connection carries one or more lanes.  A lane is one closed-loop user: it
 * has at most one operation under way, so depth 1 is one lane a connection and
 * depth 32 is 32 lanes a connection.  The engine calls drv->start() to queue
 * the bytes of an operation, and the driver calls lane_done() once the whole
 * operation is over, however many round trips the recipe needed.
 */
#ifndef BATON_TESTS_BENCH_PEERS_BENCH_H
#define BATON_TESTS_BENCH_PEERS_BENCH_H

#include <stddef.h>
#include <stdint.h>

enum op {
	OP_SETUP,  /* make what the lane needs: token, tube, lease, subscription */
	OP_LOCK,   /* acquire l->name */
	OP_UNLOCK, /* release l->name */
	OP_SEND,   /* put l->size bytes at l->data into channel l->name */
	OP_RECV,   /* take one message from channel l->name: l->msg, l->mlen */
	OP_WAIT,   /* block on l->name until OP_WAKE */
	OP_WAKE    /* wake the l->count waiters of l->name */
};
enum role { LOCKER, PRODUCER, CONSUMER, WAITER, WAKER };

struct buf {
	char *p;
	size_t r, w, cap; /* the live bytes are p[r..w) */
};

struct conn;
struct lane {
	struct conn *c;
	int id, role, op, step;
	int creator; /* first lane of its name: makes shared tokens */
	int count;
	char name[48];
	int nlen;
	char *data; /* what OP_SEND sends */
	int size;
	char *msg; /* what OP_RECV took; valid inside lane_done() only */
	int mlen;
	uint64_t t0;   /* when the operation started */
	uint64_t acq;  /* lock acquisitions, in the measured time */
	uint64_t wake; /* retry timer, 0 for none */
	uint64_t u;    /* driver's own: lease, job, backoff, ... */
	char key[160]; /* driver's own: lock key */
	int klen;
};

struct driver {
	const char *name;
	/* queue the handshake; c->ready is set here or in input() */
	void (*open)(struct conn *c);
	/* queue an operation; 1: it is complete already, 0: lane_done() follows */
	int (*start)(struct conn *c, struct lane *l, enum op op);
	/* consume c->in; -1 on a protocol error */
	int (*input)(struct conn *c);
	/* keep the session alive, called every second or so; may be NULL */
	void (*tick)(struct conn *c);
	/* for a driver that does its own input and output, else NULL: connects and returns what to wait for ... */
	int (*connect)(struct conn *c, const char *address);
	/* ... and reads and writes what can be; tells the poll(2) events it waits for next */
	short (*process)(struct conn *c);
};

struct conn {
	const struct driver *drv;
	int fd, ready, dirty, wantout, nlanes;
	struct buf in, out;
	struct lane **q; /* ring of lanes that await a reply, in order */
	unsigned qr, qw, qcap;
	struct lane *lanes;
	uint64_t u[4]; /* driver's own */
	void *priv;
};

extern const struct driver drv_raw, drv_raw_token, drv_redis, drv_redis_del, drv_redis_blpop, drv_redis_slow,
	drv_memcached, drv_beanstalk, drv_nats, drv_nats_verbose, drv_etcd, drv_etcd_txn, drv_baton, drv_baton_manual,
	drv_libbaton;

/* engine.c */
void lane_done(struct lane *l, int ok);       /* l's operation is over: the next one begins, maybe at once */
void lane_retry(struct lane *l, uint64_t ns); /* start the same operation again, so much later */
void conn_dirty(struct conn *c);              /* c has bytes to send */

/* buffers.c. Nothing here returns on an error: it says what failed and ends the program. */
uint64_t now_ns(void);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *buf_room(struct buf *b, size_t n); /* where the next n bytes of b go; moves what is in it */
void out(struct conn *c, const void *p, size_t n);
void outf(struct conn *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fifo_push(struct conn *c, struct lane *l); /* the queue of lanes that await replies in order */
struct lane *fifo_pop(struct conn *c);

/* rawd.c, spawn.c */
int rawd_main(int argc, char **argv);
int spawn_main(int argc, char **argv);

#endif
