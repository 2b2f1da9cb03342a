/* SPDX-License-Identifier: MIT
 *
 * dump.c - what the coroutines are doing: for people, and at the end of a program that cannot go on.
 *
 * Nothing here allocates. The coroutines go on meanwhile: a backtrace of one that ran while it was read is dropped.
 * co_fatal and co_fatal_overflow, which are for signal handlers, name no functions.
 */
#include "runtime/dump.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/backtrace.h"
#include "runtime/sched.h"
#include "runtime/snapshot.h"
#include "runtime/symbol.h"
#include "runtime/text.h"

static const char *const state_names[] = {
	[CO_STATE_FREE] = "free",
	[CO_STATE_READY] = "runnable",
	[CO_STATE_RUNNING] = "running",
	[CO_STATE_PARKED] = "waiting",
};

struct dump {
	struct co_text text;
	int64_t now;    /* 0: without times */
	bool asks_them; /* what runs was reported by its thread; its watch knows the number */
};

static void put_frames(struct co_text *text, const uintptr_t *frames, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		co_text_put(text, "\t");
		co_symbol_put(text, frames[i]);
		co_text_put(text, "\n");
	}
}

static void put_number_of(struct co_text *text, uint64_t id)
{
	co_text_put(text, "goroutine ");
	co_text_number(text, id, 1);
	co_text_put(text, " [");
}

static void put_site(struct co_text *text, const char *site)
{
	co_text_put(text, "]:\n\tstarted: ");
	co_text_put(text, site != NULL ? site : "?");
	co_text_put(text, "\n");
}

/* True if its thread has reported it. */
static bool is_reported(uint64_t id)
{
	for (unsigned i = 0; i < co_runtime.proc_count; i++)
		if (co_runtime.ps[i].watch.reported_id == id)
			return true;
	return false;
}

static void dump_one(struct co *coroutine, void *arg)
{
	struct dump *dump = arg;
	struct co_text *text = &dump->text;
	uint64_t id = atomic_load_explicit(&coroutine->id, memory_order_relaxed);
	int64_t since = atomic_load_explicit(&coroutine->since, memory_order_relaxed);
	enum co_state state = atomic_load(&coroutine->state);
	const char *reason = atomic_load_explicit(&coroutine->reason, memory_order_relaxed);
	uintptr_t frames[CO_FRAMES_MAX];
	size_t count = state == CO_STATE_RUNNING ? 0 : co_backtrace(coroutine, frames);

	if (state == CO_STATE_FREE || (dump->asks_them && is_reported(id)))
		return;
	if (atomic_load(&coroutine->state) != state || since != atomic_load(&coroutine->since))
		count = 0;
	put_number_of(text, id);
	if (state == CO_STATE_PARKED && reason != NULL) {
		co_text_put(text, reason);
		if (dump->now != 0) {
			co_text_put(text, ", ");
			co_text_duration(text, dump->now - since);
		}
	} else {
		co_text_put(text, state_names[state]);
	}
	put_site(text, atomic_load_explicit(&coroutine->site, memory_order_relaxed));
	put_frames(text, frames, count);
	co_text_put(text, "\n");
}

void co_dump(int fd)
{
	struct dump dump = {.text = {.fd = fd}, .now = co_now()};

	co_records_visit(dump_one, &dump);
	co_text_flush(&dump.text);
}

static void put_running(struct co_text *text, const struct co_snapshot *snapshot)
{
	if (snapshot->id != 0) {
		put_number_of(text, snapshot->id);
		co_text_put(text, "running");
		put_site(text, snapshot->site);
	} else {
		co_text_put(text, "a callback [running]:\n");
	}
	put_frames(text, snapshot->frames, snapshot->count);
	co_text_put(text, "\n");
}

void co_dump_at_quit(int fd)
{
	struct dump dump = {.text = {.fd = fd}, .now = co_now(), .asks_them = true};

	co_text_put(&dump.text, "SIGQUIT: quit\n\n");
	for (unsigned i = 0; i < co_runtime.proc_count; i++) {
		struct co_p *p = &co_runtime.ps[i];
		struct co_snapshot snapshot;

		p->watch.reported_id = 0;
		if (atomic_load(&p->is_idle) || !co_snapshot_take(&co_runtime.ms[i], &snapshot))
			continue;
		p->watch.reported_id = snapshot.id;
		put_running(&dump.text, &snapshot);
	}
	co_records_visit(dump_one, &dump);
	co_text_flush(&dump.text);
}

int64_t co_fatal_deadlock(void)
{
	struct dump dump = {.text = {.fd = STDERR_FILENO}};

	co_text_put(&dump.text, "fatal error: all goroutines are asleep - deadlock!\n\n");
	co_records_visit(dump_one, &dump);
	co_text_flush(&dump.text);
	if (co_runtime.fatal == NULL)
		exit(2);
	co_runtime.fatal();
	co_runtime.error = -EDEADLK;
	co_stop();
	return 0;
}

_Noreturn void co_fatal(const char *message)
{
	struct co_text text = {.fd = STDERR_FILENO};

	co_text_put(&text, message);
	co_text_flush(&text);
	abort();
}

void co_report_hog(const struct co_snapshot *snapshot)
{
	struct co_text text = {.fd = STDERR_FILENO};

	co_text_put(&text, "runtime: a thread has not switched coroutines for a second\n\n");
	put_running(&text, snapshot);
	co_text_flush(&text);
}

_Noreturn void co_fatal_overflow(const struct co *coroutine)
{
	struct co_text text = {.fd = STDERR_FILENO};

	co_text_put(&text, "fatal error: stack overflow\n\n");
	put_number_of(&text, atomic_load_explicit(&coroutine->id, memory_order_relaxed));
	co_text_put(&text, "running");
	put_site(&text, atomic_load_explicit(&coroutine->site, memory_order_relaxed));
	co_text_put(&text, "\tits stack of ");
	co_text_number(&text, co_runtime.stack_bytes, 1);
	co_text_put(&text, " bytes is used up\n");
	co_text_flush(&text);
	if (co_runtime.fatal != NULL)
		co_runtime.fatal();
	abort();
}
