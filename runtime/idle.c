/* SPDX-License-Identifier: MIT
 *
 * idle.c - Ms without work: looking for it, sleeping, being woken, and finding that none can ever come.
 *
 * No wake-up is lost (after the comment on worker threads in Go's runtime/proc.go): who makes a coroutine runnable puts
 * it into a queue first, and then looks whether an M is idle and none is searching; an M declares itself idle first,
 * ceases to search, and then looks at all queues once more. These steps are sequentially consistent. A searching M that
 * finds work lets the next one search if there is more. `next` is not looked at: what stands there is about to be run;
 * where it is not, the monitor sees to it.
 *
 * One M has the poller, and sleeps there; the others sleep on a futex each. Invariant: while all Ms are idle one of
 * them sleeps in the poller, for no M but one that has it (and comes by here before it sleeps) keeps another from it.
 * That M wakes in time for the timers of all Ps, a little late for those of busy ones, which look themselves.
 *
 * Lock: idle.lock guards the list; it is last, nothing is taken under it.
 */
#include "runtime/idle.h"

#include <sys/stat.h>

#include "runtime/blocking.h"
#include "runtime/dump.h"
#include "runtime/futex.h"
#include "runtime/monitor.h"
#include "runtime/poll.h"

enum { STEAL_PASSES = 4 };

#define FOREIGN_CHECK_NS (100 * CO_MILLISECOND)
#define STACK_RETRY_NS (1 * CO_MILLISECOND)

static struct {
	struct co_spin lock;
	struct list list;  /* Ms that are idle; the one in the poller is last, to be woken last */
	atomic_uint wakes; /* how often an M has ceased to be idle */
} idle;

/* ---- the list -------------------------------------------------------------------------------- */

static void enter(struct co_m *m)
{
	m->is_asleep = true;
	atomic_store(&m->woken, 0);
	atomic_store(&m->p->is_idle, true);
	co_spin_lock(&idle.lock);
	if (m->polls)
		list_add_tail(&idle.list, &m->idle_link);
	else
		list_add_head(&idle.list, &m->idle_link);
	atomic_fetch_add(&co_runtime.idle, 1);
	co_spin_unlock(&idle.lock);
}

/* Under the lock. */
static void count_wake(void)
{
	atomic_fetch_sub(&co_runtime.idle, 1);
	atomic_fetch_add(&idle.wakes, 1);
}

void co_idle_leave(struct co_m *m)
{
	bool was_woken;

	if (!m->is_asleep)
		return;
	m->is_asleep = false;
	if (m->polls)
		atomic_store(&co_runtime.sleeping, false);
	co_spin_lock(&idle.lock);
	was_woken = !list_is_linked(&m->idle_link);
	if (!was_woken) {
		list_remove(&m->idle_link);
		count_wake();
	}
	co_spin_unlock(&idle.lock);
	if (was_woken)
		m->is_searching = true; /* its waker has counted it */
	atomic_store(&m->p->is_idle, false);
	co_monitor_notice();
}

/* Wakes the first of the list; false if it is empty. */
static bool wake_first(void)
{
	struct co_m *m = NULL;
	struct list *link;
	bool polls = false;

	co_spin_lock(&idle.lock);
	link = list_pop_head(&idle.list);
	if (link != NULL) {
		m = container_of(link, struct co_m, idle_link);
		polls = m->polls;
		count_wake();
	}
	co_spin_unlock(&idle.lock);
	if (m == NULL)
		return false;
	atomic_store(&m->woken, 1);
	if (polls)
		co_poller_wake();
	else
		co_futex_wake(&m->woken);
	return true;
}

void co_idle_wake_one(void)
{
	do {
		unsigned none = 0;

		if (!atomic_compare_exchange_strong(&co_runtime.searching, &none, 1) || wake_first())
			return;
		atomic_fetch_sub(&co_runtime.searching, 1);
	} while (atomic_load(&co_runtime.idle) > 0); /* it saw one that searches, and went to sleep */
}

void co_idle_wake_all(void)
{
	for (unsigned i = 0; i < co_runtime.proc_count; i++) {
		atomic_store(&co_runtime.ms[i].woken, 1);
		co_futex_wake(&co_runtime.ms[i].woken);
	}
	co_poller_wake();
}

/* ---- searching ------------------------------------------------------------------------------- */

/* Xorshift (Marsaglia, "Xorshift RNGs", 2003). */
static unsigned draw(struct co_p *p, unsigned limit)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return (unsigned)((p->random >> 32) % limit);
}

static struct co *steal(struct co_p *p, bool with_next)
{
	unsigned count = co_runtime.proc_count;
	unsigned victim = draw(p, count);
	struct co *coroutine = NULL;

	for (unsigned i = 0; i < count && coroutine == NULL; i++) {
		if (victim != p->number)
			coroutine = co_queue_steal(p, &co_runtime.ps[victim], with_next);
		if (++victim == count)
			victim = 0;
	}
	if (coroutine != NULL)
		co_count(&p->steals);
	return coroutine;
}

/* A coroutine from another P; NULL: there is none. */
static struct co *search(struct co_m *m)
{
	struct co *coroutine = NULL;

	if (!m->is_searching) {
		m->is_searching = true;
		atomic_fetch_add(&co_runtime.searching, 1);
	}
	for (int pass = 1; pass <= STEAL_PASSES && coroutine == NULL; pass++)
		coroutine = steal(m->p, pass == STEAL_PASSES);
	return coroutine;
}

/* M has found work, or others may. */
static void end_search(struct co_m *m)
{
	m->is_searching = false;
	if (atomic_fetch_sub(&co_runtime.searching, 1) == 1 && co_queue_any())
		co_offer_work();
}

/* ---- sleeping -------------------------------------------------------------------------------- */

/* When the first timer of any P is due. */
static int64_t earliest_timer(void)
{
	int64_t earliest = CO_NEVER;

	for (unsigned i = 0; i < co_runtime.proc_count; i++) {
		struct co_p *p = &co_runtime.ps[i];
		int64_t next = atomic_load(&p->timers.next);

		if (!atomic_load(&p->is_idle))
			next = co_deadline_after(next, CO_TIMERS_GRACE_NS);
		if (next < earliest)
			earliest = next;
	}
	return earliest;
}

/* Lets all know until when the poller's M sleeps; a timer that was started meanwhile counts. */
static int64_t announce_sleep(void)
{
	int64_t until = earliest_timer();
	int64_t again = until;

	do {
		until = again;
		atomic_store(&co_runtime.sleeps_until, until);
		again = earliest_timer();
	} while (again < until);
	return until;
}

/* True if the process has threads that the runtime did not start: they may hand in a coroutine. */
static bool has_foreign_threads(void)
{
	/* The monitor is one more, and TSan has a thread of its own. */
	size_t known = co_runtime.proc_count + 1 + co_blocking_threads() + CO_TSAN;
	struct stat tasks;

	return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > known + 2; /* "." and ".." */
}

static bool is_quiet(void)
{
	if (atomic_load(&co_runtime.idle) < co_runtime.proc_count || atomic_load(&co_runtime.outside) != 0 ||
		atomic_load(&co_runtime.stackless) != 0 || co_queue_any())
		return false;
	for (unsigned i = 0; i < co_runtime.proc_count; i++)
		if (atomic_load(&co_runtime.ps[i].timers.next) != CO_NEVER ||
			atomic_load(&co_runtime.ps[i].next) != NULL)
			return false;
	return true;
}

/* True if all Ms are idle and nothing that the runtime knows of can wake one; no M has run while this looked. */
static bool is_dead(void)
{
	unsigned wakes = atomic_load(&idle.wakes);

	return is_quiet() && atomic_load(&idle.wakes) == wakes &&
	       atomic_load(&co_runtime.idle) == co_runtime.proc_count;
}

static void sleep_in_poller(struct co_m *m, int64_t latest)
{
	int64_t until = announce_sleep();

	if (latest < until)
		until = latest;
	else if (until == CO_NEVER && is_dead())
		until = has_foreign_threads() ? co_deadline_after(co_now(), FOREIGN_CHECK_NS) : co_fatal_deadlock();
	m->p->now = 0;
	co_poller_poll(until);
}

static void sleep_on_futex(struct co_m *m, int64_t latest)
{
	int64_t limit = latest == CO_NEVER ? CO_NEVER : latest - co_p_now(m->p);

	if (atomic_load(&m->p->timers.next) < atomic_load(&co_runtime.sleeps_until) || is_dead())
		co_poller_wake(); /* to sleep less, or to report the deadlock */
	while (atomic_load(&m->woken) == 0 && limit > 0) {
		co_futex_wait(&m->woken, 0, limit);
		if (limit != CO_NEVER)
			break;
	}
}

/* Until when M may sleep for its own sake. */
static int64_t latest_wake(struct co_p *p)
{
	if (co_stacks_trim())
		return 0;
	return p->stackless_first != NULL ? co_deadline_after(co_p_now(p), STACK_RETRY_NS) : CO_NEVER;
}

static void go_to_sleep(struct co_m *m)
{
	struct co_p *p = m->p;
	int64_t latest = latest_wake(p);

	m->polls = co_poller_take();
	if (m->polls)
		atomic_store(&co_runtime.sleeping, true);
	enter(m);
	if (m->is_searching) {
		m->is_searching = false;
		atomic_fetch_sub(&co_runtime.searching, 1);
	}
	if (co_queue_any() || atomic_load(&co_runtime.stopping))
		latest = 0;
	if (m->polls)
		sleep_in_poller(m, latest);
	else
		sleep_on_futex(m, latest);
	co_idle_leave(m);
	p->now = 0;
	p->last_check = co_p_now(p);
	p->checks_in = p->check_interval;
	if (m->polls) {
		p->last_poll = p->now;
		co_poller_release();
	}
	co_retry_stackless(p);
}

/* What P itself has left to do. True if something may be runnable now. */
static bool do_chores(struct co_p *p)
{
	bool any = co_deferred_run(p);

	if (!any && co_poller_has_changes() && co_poller_take()) {
		any = co_poller_carry_out();
		co_poller_release();
	}
	if (any)
		return true;
	p->now = co_now();
	return co_timers_fire(&p->timers, p->now);
}

/* One attempt. */
static struct co *find_or_sleep(struct co_m *m)
{
	struct co_p *p = m->p;
	struct co *coroutine = NULL;

	if (!do_chores(p)) {
		if (!p->is_alone)
			coroutine = search(m);
		if (coroutine == NULL && !co_timers_fire_others(p, p->now))
			go_to_sleep(m);
	}
	return coroutine != NULL ? coroutine : co_queue_pick(p);
}

struct co *co_find_work(struct co_m *m)
{
	struct co *coroutine = find_or_sleep(m);

	/* Once more for one that was woken to search. */
	if (coroutine == NULL && m->is_searching && !atomic_load(&co_runtime.stopping))
		coroutine = find_or_sleep(m);
	if (m->is_searching)
		end_search(m);
	return coroutine;
}

/* ---- opening --------------------------------------------------------------------------------- */

void co_idle_open(void)
{
	list_init(&idle.list);
	atomic_store(&co_runtime.idle, 0);
	atomic_store(&co_runtime.searching, 0);
	atomic_store(&co_runtime.polling, false);
	atomic_store(&co_runtime.sleeping, false);
	atomic_store(&co_runtime.stackless, 0);
	for (unsigned i = 1; i < co_runtime.proc_count; i++)
		enter(&co_runtime.ms[i]);
}

void co_idle_begin(struct co_m *m)
{
	if (!atomic_load(&co_runtime.stopping))
		sleep_on_futex(m, CO_NEVER);
	co_idle_leave(m);
	if (m->is_searching)
		end_search(m); /* it looks where it begins, but may find work without a search */
}
