/* SPDX-License-Identifier: MIT
 *
 * engine.h - the client process: its options, its connections, its loop, and what it measures. One thread.
 */
#ifndef BATON_TESTS_BENCH_PEERS_ENGINE_H
#define BATON_TESTS_BENCH_PEERS_ENGINE_H

#include "tests/bench/peers/bench.h"

/* What the command line asked for. */
struct options {
	const struct driver *drv;
	const char *addr, *work;
	int conns, depth, size, prod, cons, waits, reps;
	int before; /* "block": calls made on each connection before it is idle */
	int server; /* its process id; 0: unknown */
	double warm, secs;
};

enum phase { CONNECT, SETUP, RUN };

#define NONE (-1) /* no further operation */

struct engine {
	enum phase phase;
	int ep;
	struct conn **conns;
	int nconns;
	int pending;  /* setups not over yet */
	int pingside; /* this is the second client of "ping" ... */
	int kid;      /* ... and this its process id, in the first */
	uint64_t ops, woken;
	int rested; /* connections that have made their calls before */
};

extern struct options options;
extern struct engine engine;

/* engine.c */
struct conn *conn_new(int nlanes, int role, const char *name, int first);
void begin(struct lane *l, int op); /* starts op, and what follows it while that is complete at once */
int next_op(struct lane *l);        /* what the lane does after what is over */
void flush_all(void);
int loop(uint64_t maxns); /* runs the loop once, waiting for at most so long; returns how many events came */
void loop_for(double s);
void until(int (*cond)(void), double limit, const char *what);
void setup(void); /* OP_SETUP on every lane of every connection, waited for */
int all_ready(void);
void engine_init(int nconns);

/* measure.c */
void hist_add(uint64_t ns);
double cpu_of(int pid); /* seconds of CPU that a process has used */
long rss_of(int pid);   /* KB resident */
void measure(void);     /* warms up, measures, prints the row */
const char *transport(void);

#endif
