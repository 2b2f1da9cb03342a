/* SPDX-License-Identifier: MIT
 *
 * main.c - measures one work on this runtime, as go/main.go does on Go's.
 *
 * usage: runtime WORK PROCS SECONDS        times WINDOWS windows that together take about SECONDS: the median of each
 *        runtime WORK PROCS SECONDS COUNT  as above; COUNT is for works that measure themselves: how many coroutines
 *        runtime echo-server PROCS ADDRESS
 *        runtime echo-client ADDRESS PID SECONDS CONNECTIONS
 *
 * Prints lines of a figure's name and its value: wall and cpu are ns per operation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/runtime/bench.h"

enum { WINDOWS = 5 };

static const struct work *const tables[] = {switching_works, channel_works, lock_works, context_works, many_works};

static struct {
	const struct work *work;
	double seconds;
	size_t count;
} asked;

/* ---- for the works --------------------------------------------------------------------------- */

void tell(const char *figure, double value)
{
	printf("%s\t%.3f\n", figure, value);
}

int64_t cpu_now(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * CO_SECOND + now.tv_nsec;
}

void fail(int r, const char *what)
{
	fprintf(stderr, "runtime: %s: %s\n", what, co_strerror(r));
	exit(1);
}

struct crowd {
	struct co_waitgroup group;
	void (*body)(size_t n);
	size_t each;
};

static void member(void *arg)
{
	struct crowd *crowd = arg;

	crowd->body(crowd->each);
	(void)co_waitgroup_done(&crowd->group);
}

void fan_out(unsigned count, size_t n, void (*body)(size_t n))
{
	struct crowd crowd = {.body = body, .each = n / count + 1};

	must(co_waitgroup_add(&crowd.group, (int32_t)count), "add");
	for (unsigned i = 0; i < count; i++)
		must(co_go(member, &crowd), "go");
	must(co_waitgroup_wait(NULL, &crowd.group), "wait");
}

/* ---- measuring ------------------------------------------------------------------------------- */

struct window {
	double wall;
	double cpu;
};

static struct window measure(size_t n)
{
	const int64_t cpu = cpu_now();
	const int64_t began = co_now();

	asked.work->run(n);
	return (struct window){(double)(co_now() - began), (double)(cpu_now() - cpu)};
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, WINDOWS, sizeof(*values), compare);
	return values[WINDOWS / 2];
}

/* How many operations a window takes. */
static size_t calibrate(double ns)
{
	size_t n = 1;
	double wall = measure(n).wall;

	while (wall < ns / 2 && n < SIZE_MAX / 16) {
		double wanted = wall > 0 ? (double)n * ns / wall : (double)n * 8;

		n = wanted > (double)n * 8 ? n * 8 : (size_t)wanted + 1;
		wall = measure(n).wall;
	}
	return n;
}

static int run(void *arg)
{
	double wall[WINDOWS];
	double cpu[WINDOWS];
	size_t n;

	(void)arg;
	if (asked.work->prepare != NULL)
		asked.work->prepare();
	if (asked.work->report != NULL) {
		asked.work->report(asked.count);
		return 0;
	}
	n = calibrate(asked.seconds * CO_SECOND / WINDOWS);
	for (int i = 0; i < WINDOWS; i++) {
		struct window window = measure(n);

		wall[i] = window.wall / (double)n;
		cpu[i] = window.cpu / (double)n;
	}
	tell("wall", median(wall));
	tell("cpu", median(cpu));
	return 0;
}

static const struct work *find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct work *work = tables[i]; work->name != NULL; work++)
			if (strcmp(work->name, name) == 0)
				return work;
	return NULL;
}

int main(int argc, char **argv)
{
	struct co_options options = {0};

	if (argc == 4 && strcmp(argv[1], "echo-server") == 0)
		return echo_server((unsigned)atoi(argv[2]), argv[3]);
	if (argc == 6 && strcmp(argv[1], "echo-client") == 0)
		return echo_client(argv[2], atoi(argv[3]), atof(argv[4]), atoi(argv[5]));
	asked.work = argc >= 4 ? find(argv[1]) : NULL;
	if (asked.work == NULL) {
		fprintf(stderr, "usage: runtime WORK PROCS SECONDS [COUNT]\n");
		return 2;
	}
	options.procs = (unsigned)atoi(argv[2]);
	asked.seconds = atof(argv[3]);
	asked.count = argc > 4 ? (size_t)atoll(argv[4]) : 1000000;
	must(co_run(&options, run, NULL, NULL), "run");
	return 0;
}
