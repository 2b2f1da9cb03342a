/* SPDX-License-Identifier: MIT
 *
 * monitor.c - a thread that watches the Ps: for coroutines that keep theirs, and for work that only the idle could do.
 *
 * A P whose count of switches has stood still for a second has a hog on it, whose backtrace is reported. SIGQUIT comes
 * to this thread too, and all coroutines are reported. Where a P has stood still for a moment, what is queued on it,
 * `next` too, is offered to an idle M; so is the poller if nobody has come by it.
 *
 * While all Ps are idle the monitor sleeps on its futex; the first M that has work again wakes it.
 */
#include "runtime/monitor.h"

#include <pthread.h>
#include <unistd.h>

#include "runtime/dump.h"
#include "runtime/futex.h"
#include "runtime/idle.h"
#include "runtime/poll.h"
#include "runtime/quit.h"
#include "runtime/sched.h"
#include "runtime/snapshot.h"

#define HOG_NS (1 * CO_SECOND)
#define TICK_NS (10 * CO_MILLISECOND)        /* with several Ps, of which one may have work that another could do */
#define TICK_ALONE_NS (250 * CO_MILLISECOND) /* with one */

atomic_bool co_monitor_sleeps;

static struct {
	pthread_t thread;
	atomic_bool ending;
	atomic_uint woken; /* the futex */
	uint64_t polls;    /* as counted at the last look */
} monitor;

void co_monitor_wake(void)
{
	atomic_store(&co_monitor_sleeps, false);
	atomic_store(&monitor.woken, 1);
	co_futex_wake(&monitor.woken);
}

/* ---- watching -------------------------------------------------------------------------------- */

/* True if P has stood still since the last look, idle Ps not counted. */
static bool stands_still(struct co_p *p, int64_t now)
{
	uint64_t switches = atomic_load_explicit(&p->switches, memory_order_relaxed);
	struct co_watch *watch = &p->watch;

	if (atomic_load(&p->is_idle)) {
		watch->since = 0;
		return false;
	}
	if (watch->since == 0 || watch->switches != switches) {
		*watch = (struct co_watch){.switches = switches, .since = now};
		return false;
	}
	return true;
}

static void report_hog(struct co_p *p, int64_t now)
{
	struct co_snapshot snapshot;

	if (p->watch.was_reported || now - p->watch.since < HOG_NS)
		return;
	p->watch.was_reported = true;
	if (co_snapshot_take(&co_runtime.ms[p->number], &snapshot))
		co_report_hog(&snapshot);
}

/* True if nobody has polled since the last look, and nobody is about to. */
static bool poller_is_forgotten(void)
{
	uint64_t polls = co_poller_polls();
	bool is_forgotten = polls == monitor.polls && !atomic_load(&co_runtime.polling);

	monitor.polls = polls;
	return is_forgotten;
}

/* Reports all coroutines if SIGQUIT has asked for it, and ends the program unless it is to go on. */
static void heed_quit(void)
{
	if (!co_quit_take())
		return;
	co_dump_at_quit(STDERR_FILENO);
	if (!co_runtime.survives_quit)
		_exit(2);
}

/* Looks at every P once. True if all are idle. */
static bool look(void)
{
	int64_t now = co_now();
	bool is_offer = poller_is_forgotten();
	unsigned idle = 0;

	for (unsigned i = 0; i < co_runtime.proc_count; i++) {
		struct co_p *p = &co_runtime.ps[i];

		if (atomic_load(&p->is_idle))
			idle++;
		if (!stands_still(p, now))
			continue;
		report_hog(p, now);
		is_offer |= atomic_load(&p->next) != NULL || !co_run_queue_is_empty(&p->queue);
	}
	if (is_offer)
		co_offer_work();
	return idle == co_runtime.proc_count;
}

static bool all_are_idle(void)
{
	for (unsigned i = 0; i < co_runtime.proc_count; i++)
		if (!atomic_load(&co_runtime.ps[i].is_idle))
			return false;
	return true;
}

/* Sleeps until an M has work again, unless one has it already. */
static void sleep_with_them(void)
{
	atomic_store(&monitor.woken, 0);
	atomic_store(&co_monitor_sleeps, true);
	if (!all_are_idle() || atomic_load(&monitor.ending) || co_quit_is_asked())
		atomic_store(&co_monitor_sleeps, false);
	while (atomic_load(&co_monitor_sleeps))
		co_futex_wait(&monitor.woken, 0, CO_NEVER);
}

static void *watch(void *arg)
{
	int64_t tick = co_runtime.proc_count > 1 ? TICK_NS : TICK_ALONE_NS;
	unsigned idle_ticks = 0;

	(void)arg;
	co_quit_listen();
	while (!atomic_load(&monitor.ending)) {
		atomic_store(&monitor.woken, 0);
		if (!atomic_load(&monitor.ending) && !co_quit_is_asked())
			co_futex_wait(&monitor.woken, 0, tick);
		heed_quit();
		idle_ticks = look() ? idle_ticks + 1 : 0;
		if (idle_ticks > 1)
			sleep_with_them();
	}
	return NULL;
}

/* ---- opening and closing --------------------------------------------------------------------- */

int co_monitor_open(void)
{
	int r = co_snapshot_open();

	if (r != 0)
		return r;
	r = co_quit_open(co_monitor_wake);
	if (r != 0)
		goto out_snapshot;
	atomic_store(&monitor.ending, false);
	atomic_store(&co_monitor_sleeps, false);
	monitor.polls = 0;
	r = -pthread_create(&monitor.thread, NULL, watch, NULL);
	if (r == 0)
		return 0;
	co_quit_close();
out_snapshot:
	co_snapshot_close();
	return r;
}

void co_monitor_close(void)
{
	atomic_store(&monitor.ending, true);
	co_monitor_wake();
	(void)pthread_join(monitor.thread, NULL);
	co_quit_close();
	co_snapshot_close();
}
