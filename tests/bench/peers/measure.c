/* SPDX-License-Identifier: MIT
 *
 * measure.c - latencies, what the server and the client spend, and windows of time over which rates are taken.
 *
 * A window in which other processes used over a tenth of a core is noisy; the quietest are kept.
 */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/peers/engine.h"

/* ---- latencies: 64 steps an octave, about 1.5 % ---- */

static uint64_t hist[64 * 64];

void hist_add(uint64_t ns)
{
	int e = ns < 64 ? 0 : 63 - __builtin_clzll(ns) - 6;

	hist[e == 0 && ns < 64 ? ns : (uint64_t)(e + 1) * 64 + ((ns >> e) & 63)]++;
}

static double hist_us(double q)
{
	uint64_t n = 0, want;
	size_t i;

	for (i = 0; i < 64 * 64; i++)
		n += hist[i];
	want = (uint64_t)((double)n * q);
	for (i = 0, n = 0; i < 64 * 64; i++)
		if ((n += hist[i]) > want)
			break;
	if (i < 64)
		return (double)i / 1000;
	return (double)((64 + i % 64) << (i / 64 - 1)) / 1000;
}

/* ---- what the server spends ---- */

/* The first field of a thread's schedstat is the nanoseconds it ran; threads that ended meanwhile are not counted. */
double cpu_of(int pid)
{
	char path[64], file[400];
	unsigned long long ns, sum = 0;
	struct dirent *entry;
	DIR *tasks;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	if (pid == 0 || !(tasks = opendir(path)))
		return 0;
	while ((entry = readdir(tasks))) {
		snprintf(file, sizeof(file), "%s/%s/schedstat", path, entry->d_name);
		if (entry->d_name[0] == '.' || !(f = fopen(file, "r")))
			continue;
		if (fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		fclose(f);
	}
	closedir(tasks);
	return (double)sum / 1e9;
}

/* CPU seconds that everything has used, on our CPU if we are bound to one */
static double cpu_all(void)
{
	char want[16] = "cpu ", line[512];
	unsigned long t[8] = {0}; /* user nice system idle iowait irq softirq steal */
	cpu_set_t set;
	FILE *f = fopen("/proc/stat", "r");

	if (!f)
		return 0;
	if (!sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 1)
		snprintf(want, sizeof(want), "cpu%d ", sched_getcpu());
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, want, strlen(want)))
			sscanf(line, "%*s %lu %lu %lu %lu %lu %lu %lu %lu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
				&t[6], &t[7]);
	fclose(f);
	return (double)(t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) / (double)sysconf(_SC_CLK_TCK);
}

long rss_of(int pid)
{
	char path[64];
	long t, r = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if (!pid || !(f = fopen(path, "r")))
		return 0;
	if (fscanf(f, "%ld %ld", &t, &r) != 2)
		r = 0;
	fclose(f);
	return r * (sysconf(_SC_PAGESIZE) / 1024);
}

static double cpu_self(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static int cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), cmp);
	return v[n / 2];
}

const char *transport(void)
{
	return strncmp(options.addr, "unix:", 5) ? "tcp" : "unix";
}

struct window {
	double rate, p50, p99, p999, sc, cc, noise;
};

static int by_noise(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	return x->noise < y->noise ? -1 : x->noise > y->noise;
}

/* One window. */
static void measure_window(struct window *w)
{
	uint64_t t0 = now_ns();
	double a0 = cpu_all(), s0 = cpu_of(options.server), c0 = cpu_self(), k0 = cpu_of(engine.kid), el, m, s, c;

	memset(hist, 0, sizeof(hist));
	engine.ops = 0;
	loop_for(options.secs);
	m = engine.ops ? (double)engine.ops : 1;
	el = (double)(now_ns() - t0) / 1e9;
	s = cpu_of(options.server) - s0;
	c = cpu_self() - c0 + cpu_of(engine.kid) - k0;
	*w = (struct window){.rate = (double)engine.ops / el,
		.p50 = hist_us(.5),
		.p99 = hist_us(.99),
		.p999 = hist_us(.999),
		.sc = s / m * 1e6,
		.cc = c / m * 1e6,
		.noise = (cpu_all() - a0 - s - c) / el};
}

/* The fewest acquisitions of a lane by the most. */
static double fairness(void)
{
	uint64_t lo = UINT64_MAX, hi = 0;

	for (int i = 0; i < engine.nconns; i++)
		for (int j = 0; j < engine.conns[i]->nlanes; j++) {
			const struct lane *l = &engine.conns[i]->lanes[j];

			if (l->role == LOCKER && l->acq < lo)
				lo = l->acq;
			if (l->role == LOCKER && l->acq > hi)
				hi = l->acq;
		}
	return hi ? (double)lo / (double)hi : 0;
}

/* Columns: work, driver, via, connections, depth, bytes; operations a second (median, lowest, highest); latency in us
 * (p50, p99, p99.9); CPU in us an operation of server and client; server KB; fairness; noise, in cores. */
static void print_row(struct window *w, int n)
{
	const int conns = !strcmp(options.work, "chan") ? options.prod : options.conns;
	double v[16], med[6], lo = 0, hi = 0;

	for (int j = 0; j < 6; j++) {
		for (int i = 0; i < n; i++)
			v[i] = (&w[i].rate)[j];
		med[j] = median(v, n);
		lo = j == 0 ? v[0] : lo;
		hi = j == 0 ? v[n - 1] : hi;
	}
	printf("%s\t%s\t%s\t%d\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\t%.3f\t%.3f\t%ld\t%.3f\t%.2f\n",
		options.work, options.drv->name, transport(), conns, options.depth, options.size, med[0], lo, hi,
		med[1], med[2], med[3], med[4], med[5], rss_of(options.server), fairness(), w[n - 1].noise);
}

/* Measures options.reps windows, and up to as many more while some were noisy; keeps the quietest. */
void measure(void)
{
	struct window w[32];
	int n = 0, quiet = 0;

	loop_for(options.warm);
	for (int i = 0; i < engine.nconns; i++)
		for (int j = 0; j < engine.conns[i]->nlanes; j++)
			engine.conns[i]->lanes[j].acq = 0;
	while (quiet < options.reps && n < 2 * options.reps) {
		measure_window(&w[n]);
		quiet += w[n++].noise < .1;
	}
	qsort(w, (size_t)n, sizeof(*w), by_noise);
	print_row(w, options.reps);
}
