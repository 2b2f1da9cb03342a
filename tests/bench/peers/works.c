/* SPDX-License-Identifier: MIT
 *
 * works.c - the workloads, and the command line:
 *
 *   peers bench -d DRIVER -a unix:PATH|HOST:PORT -w lock|contend|chan|ping|block
 *         [-c connections] [-q depth] [-z bytes] [-p producers] [-k consumers]
 *         [-n waits a connection] [-b calls before] [-W warm-up s] [-t seconds] [-r windows] [-s pid of the server]
 *   peers rawd ADDRESS...
 *   peers spawn NAME SECONDS COMMAND [ARGUMENT...] [+ COMMAND...]
 *
 * bench prints one line of tab-separated fields: see print_row() and work_block(). "ping" forks a second client, so
 * that two processes pass the ball.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/peers/engine.h"

static const struct driver *const drivers[] = {&drv_raw, &drv_raw_token, &drv_redis, &drv_redis_slow, &drv_redis_del,
	&drv_redis_blpop, &drv_memcached, &drv_beanstalk, &drv_nats, &drv_nats_verbose, &drv_etcd, &drv_etcd_txn,
	&drv_baton, &drv_baton_manual, &drv_libbaton};

/* ---- the workloads ---- */

static void work_lock(int shared)
{
	char name[48];
	int i, j;

	for (i = 0; i < options.conns; i++) {
		struct conn *c;

		snprintf(name, sizeof(name), "%s%d", shared ? "hot" : "lk", (int)getpid());
		c = conn_new(options.depth, LOCKER, name, !shared || i == 0);
		for (j = 0; j < options.depth && !shared; j++)
			c->lanes[j].nlen = snprintf(
				c->lanes[j].name, sizeof(c->lanes[j].name), "lk%d-%d-%d.", (int)getpid(), i, j);
	}
	setup();
	for (i = 0; i < options.conns; i++)
		for (j = 0; j < options.depth; j++)
			begin(&engine.conns[i]->lanes[j], OP_LOCK);
	measure();
}

static void work_chan(void)
{
	char name[48];
	int i, j;

	snprintf(name, sizeof(name), "ch%d-1", (int)getpid());
	for (i = 0; i < options.cons; i++) {
		struct conn *c = conn_new(options.depth, CONSUMER, name, 0);
		c->lanes[0].creator = 1;
	}
	for (i = 0; i < options.prod; i++)
		conn_new(options.depth, PRODUCER, name, 0);
	setup();
	for (i = 0; i < engine.nconns; i++)
		for (j = 0; j < options.depth; j++) {
			struct lane *l = &engine.conns[i]->lanes[j];
			begin(l, l->role == CONSUMER ? OP_RECV : next_op(l));
		}
	measure();
}

/* lane 0 receives, lane 1 sends, on one connection; two such processes */
static struct conn *ping_conn(const char *in, const char *outq)
{
	struct conn *c = conn_new(2, CONSUMER, in, 1);
	struct lane *s = &c->lanes[1];

	s->role = PRODUCER;
	s->creator = 0;
	s->nlen = snprintf(s->name, sizeof(s->name), "%s", outq);
	s->size = options.size;
	s->data = calloc(1, (size_t)options.size);
	setup();
	return c;
}

static void work_ping(void)
{
	char qa[48], qb[48], b = 0;
	struct conn *c;
	int fd[2];

	snprintf(qa, sizeof(qa), "pa%d-1", (int)getpid());
	snprintf(qb, sizeof(qb), "pb%d-2", (int)getpid());
	if (pipe(fd) || (engine.kid = fork()) < 0)
		die("fork");
	if (engine.kid == 0) {
		engine.ep = epoll_create1(0);
		engine.pingside = 1;
		c = ping_conn(qa, qb);
		begin(&c->lanes[0], OP_RECV);
		flush_all();
		if (write(fd[1], "r", 1) != 1)
			_exit(1);
		alarm((unsigned)(options.warm + options.secs * options.reps + 20));
		for (;;)
			loop(1000000000);
	}
	c = ping_conn(qb, qa);
	if (read(fd[0], &b, 1) != 1)
		die("the second client failed");
	c->lanes[1].op = OP_SEND;
	c->lanes[1].t0 = now_ns();
	c->drv->start(c, &c->lanes[1], OP_SEND);
	begin(&c->lanes[0], OP_RECV);
	measure();
	kill(engine.kid, SIGKILL);
	waitpid(engine.kid, NULL, 0);
}

static int all_woken(void)
{
	return engine.woken >= (uint64_t)options.conns * (uint64_t)options.waits;
}

/* Locks and unlocks on the first lane of each connection, so that each is one that was used. */
static void use_connections(void)
{
	engine.phase = RUN;
	for (int i = 0; i < options.conns; i++) {
		struct lane *l = &engine.conns[i]->lanes[0];
		const struct lane kept = *l;

		l->role = LOCKER;
		l->nlen = snprintf(l->name, sizeof(l->name), "lk%d-%d-0.", (int)getpid(), i);
		begin(l, OP_LOCK);
		engine.rested = 0;
		while (engine.rested == 0)
			loop(100000000);
		*l = kept;
	}
}

static void work_block(void)
{
	int i, j, n = options.conns * options.waits, started = 0;
	long r0 = rss_of(options.server), r1, r2;
	struct conn *k;
	uint64_t t0;
	char name[48];
	double ms, s0;

	snprintf(name, sizeof(name), "wt%d-1", (int)getpid());
	for (i = 0; i < options.conns; i++) {
		conn_new(options.waits, WAITER, name, i == 0);
		if (i % 64 == 63)
			loop(0);
	}
	k = conn_new(1, WAKER, name, 0);
	k->lanes[0].count = n;
	until(all_ready, 60, "connecting");
	if (options.before > 0)
		use_connections();
	loop_for(1);
	r1 = rss_of(options.server);
	setup();
	for (i = 0; i < options.conns; i++) {
		for (j = 0; j < options.waits; j++) {
			begin(&engine.conns[i]->lanes[j], OP_WAIT);
			if (++started % 64 == 0)
				loop_for(options.drv == &drv_etcd ? .05 : 0);
		}
		loop(0);
	}
	loop_for(1);
	for (i = 0; i < 60; i++) { /* until the server is idle */
		s0 = cpu_of(options.server);
		loop_for(.5);
		if (cpu_of(options.server) - s0 < .06)
			break;
	}
	r2 = rss_of(options.server);
	if (engine.woken > 1) /* the first of a lock's waiters gets it */
		die("%s: %llu woke by themselves", options.drv->name, (unsigned long long)engine.woken);
	s0 = cpu_of(options.server);
	t0 = now_ns();
	begin(&k->lanes[0], OP_WAKE);
	until(all_woken, 60, "waking");
	ms = (double)(now_ns() - t0) / 1e6;
	printf("block\t%s\t%s\t%d\t%d\t%ld\t%.2f\t%.2f\t%.1f\t%.2f\n", options.drv->name, transport(), options.conns,
		options.waits, r0, (double)(r1 - r0) / options.conns, (double)(r2 - r0) / n, ms,
		cpu_of(options.server) - s0);
}

static int bench_main(int argc, char **argv)
{
	size_t i;
	int ch;

	while ((ch = getopt(argc, argv, "d:a:w:c:q:z:p:k:n:b:W:t:r:s:")) != -1)
		switch (ch) {
		case 'd':
			for (i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
				if (!strcmp(optarg, drivers[i]->name))
					options.drv = drivers[i];
			break;
		case 'a':
			options.addr = optarg;
			break;
		case 'w':
			options.work = optarg;
			break;
		case 'c':
			options.conns = atoi(optarg);
			break;
		case 'q':
			options.depth = atoi(optarg);
			break;
		case 'z':
			options.size = atoi(optarg);
			break;
		case 'p':
			options.prod = atoi(optarg);
			break;
		case 'k':
			options.cons = atoi(optarg);
			break;
		case 'n':
			options.waits = atoi(optarg);
			break;
		case 'b':
			options.before = atoi(optarg);
			break;
		case 'W':
			options.warm = atof(optarg);
			break;
		case 't':
			options.secs = atof(optarg);
			break;
		case 'r':
			options.reps = atoi(optarg) < 16 ? atoi(optarg) : 15;
			break;
		case 's':
			options.server = atoi(optarg);
			break;
		default:
			die("see the head of works.c");
		}
	if (!options.drv || !options.addr || !options.work)
		die("-d, -a and -w are needed");
	if (options.size < 8)
		options.size = 8;
	signal(SIGPIPE, SIG_IGN);
	srand((unsigned)getpid());
	engine_init(options.conns + options.prod + options.cons + 4);
	if (!strcmp(options.work, "lock"))
		work_lock(0);
	else if (!strcmp(options.work, "contend"))
		work_lock(1);
	else if (!strcmp(options.work, "chan"))
		work_chan();
	else if (!strcmp(options.work, "ping"))
		work_ping();
	else if (!strcmp(options.work, "block"))
		work_block();
	else
		die("no such work");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "bench"))
		return bench_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "rawd"))
		return rawd_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "spawn"))
		return spawn_main(argc - 1, argv + 1);
	die("usage: peers bench|rawd|spawn ...");
}
