/* SPDX-License-Identifier: MIT
 *
 * run.c - a simulated run: its start, its failure, its trace; and which coroutine is next.
 *
 * The scheduler asks co_queue_pick() for the next coroutine; the linker leads it here instead (--wrap). All that the
 * scheduler has ready is taken from it, and one is drawn. How they are drawn is a choice of the seed too: in some runs
 * mostly the one that was ready first, in some mostly the last, in some any.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/co.h"
#include "runtime/coroutine.h"
#include "runtime/sched.h"
#include "runtime/sim/private.h"

enum {
	READY_MAX = 1 << 16,
	STEP_NS = 2000, /* the most that one turn of a coroutine takes */
};

static struct {
	bool is_running;
	unsigned first_percent; /* how often the first, and the last, are taken; else any */
	unsigned last_percent;
	struct co *ready[READY_MAX];
	size_t count;
	FILE *trace;
	uint64_t hash;
	uint64_t lines;
	bool has_failed;
	char failure[512];
} run;

/* ---- the trace ------------------------------------------------------------------------------- */

void sim_trace_start(FILE *file)
{
	run.trace = file;
	run.hash = UINT64_C(0xCBF29CE484222325);
}

/* FNV-1a (Fowler, Noll, Vo). */
static void hash_in(const char *bytes)
{
	for (; *bytes != '\0'; bytes++)
		run.hash = (run.hash ^ (unsigned char)*bytes) * UINT64_C(0x100000001B3);
}

struct line {
	const char *format;
	va_list arguments;
};

/* On the thread's own stack: printf may need much. */
static void write_line(void *arg)
{
	struct line *line = arg;
	char text[512];
	int length = snprintf(text, sizeof(text), "%lld ", (long long)sim_now());

	(void)vsnprintf(text + length, sizeof(text) - (size_t)length, line->format, line->arguments);
	hash_in(text);
	run.lines++;
	if (run.trace != NULL)
		(void)fprintf(run.trace, "%s\n", text);
}

void sim_trace(const char *format, ...)
{
	struct line line = {.format = format};

	va_start(line.arguments, format);
	co_on_thread_stack(write_line, &line);
	va_end(line.arguments);
}

uint64_t sim_trace_hash(void)
{
	return run.hash;
}

uint64_t sim_trace_lines(void)
{
	return run.lines;
}

/* ---- failing --------------------------------------------------------------------------------- */

bool sim_has_failed(void)
{
	return run.has_failed;
}

const char *sim_failure(void)
{
	return run.has_failed ? run.failure : NULL;
}

static void write_failure(void *arg)
{
	struct line *line = arg;

	(void)vsnprintf(run.failure, sizeof(run.failure), line->format, line->arguments);
}

void sim_fail(const char *format, ...)
{
	struct line line = {.format = format};

	if (run.has_failed)
		return;
	run.has_failed = true;
	va_start(line.arguments, format);
	co_on_thread_stack(write_failure, &line);
	va_end(line.arguments);
	sim_trace("FAILED: %s", run.failure);
	if (run.is_running)
		co_stop();
}

static void deadlocked(void)
{
	sim_fail("all coroutines are asleep");
}

/* ---- which is next --------------------------------------------------------------------------- */

struct co *__real_co_queue_pick(struct co_p *p); // NOLINT(*reserved-identifier*): the linker's names
struct co *__wrap_co_queue_pick(struct co_p *p); // NOLINT(*reserved-identifier*)

static size_t draw_index(void)
{
	uint64_t percent = sim_below(100);

	if (percent < run.first_percent)
		return 0;
	if (percent < run.first_percent + run.last_percent)
		return run.count - 1;
	return (size_t)sim_below(run.count);
}

struct co *__wrap_co_queue_pick(struct co_p *p) // NOLINT(*reserved-identifier*)
{
	struct co *coroutine;
	size_t index;

	while (run.count < READY_MAX && (coroutine = __real_co_queue_pick(p)) != NULL)
		run.ready[run.count++] = coroutine;
	if (run.count == 0)
		return NULL;
	index = run.count > 1 ? draw_index() : 0;
	coroutine = run.ready[index];
	run.count--;
	memmove(&run.ready[index], &run.ready[index + 1], (run.count - index) * sizeof(run.ready[0]));
	sim_clock_advance(sim_now() + (int64_t)sim_below(STEP_NS));
	p->now = 0; /* the clock has moved */
	sim_trace("run %llu", (unsigned long long)atomic_load_explicit(&coroutine->id, memory_order_relaxed));
	return coroutine;
}

/* ---- the run --------------------------------------------------------------------------------- */

int sim_run(const struct sim_options *options, int (*main)(void *arg), void *arg)
{
	const struct co_options runtime = {.procs = 1, .fatal = deadlocked};
	int status = -1;
	int r;

	sim_chance_start(options->seed);
	sim_trace_start(options->trace);
	sim_clock_start(options->time_limit_ns);
	run.first_percent = (unsigned)sim_below(100);
	run.last_percent = (unsigned)sim_below(100 - run.first_percent);
	run.is_running = true;
	r = co_run(&runtime, main, arg, &status);
	run.is_running = false;
	if (r != 0 && !run.has_failed)
		sim_fail("the run could not start: %s", co_strerror(r));
	return run.has_failed ? -1 : status;
}
