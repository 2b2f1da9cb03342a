/* SPDX-License-Identifier: MIT
 *
 * sched.c - the scheduler's loop: how coroutines begin, leave their stacks, go on, and end.
 *
 * Every few switches, fewer the longer a switch takes, the clock is read, and what is due is done: deferred work,
 * timers, the poller. So no coroutine that yields or is made ready in a loop starves the others or the kernel.
 *
 * Lock order: co_runtime.lock is last; nothing is taken under it.
 */
#include "runtime/sched.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/idle.h"
#include "runtime/local.h"
#include "runtime/poll.h"

enum {
	CHECK_INTERVAL_MAX = 16,
	DEFERRED_SWITCHES_MAX = 64 - CHECK_INTERVAL_MAX,
	ID_BLOCK = 64,
};

#define CHECK_NS (50 * CO_MICROSECOND)
#define DEFERRED_NS (100 * CO_MICROSECOND)
#define POLL_NS (200 * CO_MICROSECOND)

struct co_runtime co_runtime;

/* ---- coroutines that begin and end ----------------------------------------------------------- */

static uint64_t new_id(struct co_p *p)
{
	if (p == NULL)
		return atomic_fetch_add_explicit(&co_runtime.next_id, 1, memory_order_relaxed);
	if (p->next_id == p->end_id) {
		p->next_id = atomic_fetch_add_explicit(&co_runtime.next_id, ID_BLOCK, memory_order_relaxed);
		p->end_id = p->next_id + ID_BLOCK;
	}
	return p->next_id++;
}

struct co *co_spawn(struct co_p *p, void (*function)(void *arg), void *arg, const char *site)
{
	struct co *coroutine = co_record_get(p != NULL ? &p->records : NULL);

	if (coroutine == NULL)
		return NULL;
	coroutine->stack = NULL;
	coroutine->function = function;
	coroutine->arg = arg;
	atomic_store_explicit(&coroutine->site, site, memory_order_relaxed);
	atomic_store_explicit(&coroutine->reason, NULL, memory_order_relaxed);
	atomic_store_explicit(&coroutine->id, new_id(p), memory_order_relaxed);
	atomic_store_explicit(&coroutine->state, CO_STATE_READY, memory_order_release);
	return coroutine;
}

int co_go_from(void (*function)(void *arg), void *arg, const char *site)
{
	struct co_m *m = co_m_self();
	struct co *coroutine;

	if (m == NULL)
		return CO_EINVAL;
	coroutine = co_spawn(m->p, function, arg, site);
	if (coroutine == NULL)
		return CO_ENOMEM;
	co_count(&m->p->spawned);
	co_queue_put(m->p, coroutine, m->current != NULL ? 0 : 1);
	return 0;
}

int co_go_from_thread(void (*function)(void *arg), void *arg)
{
	struct co *coroutine;
	bool is_open;

	co_spin_lock(&co_runtime.lock);
	is_open = co_runtime.is_open;
	if (is_open)
		co_runtime.handing_in++;
	co_spin_unlock(&co_runtime.lock);
	if (!is_open)
		return CO_EINVAL;
	coroutine = co_spawn(NULL, function, arg, "co_go_from_thread");
	if (coroutine != NULL) {
		atomic_fetch_add_explicit(&co_runtime.handed_in, 1, memory_order_relaxed);
		co_queue_put_global(coroutine);
	}
	co_spin_lock(&co_runtime.lock);
	co_runtime.handing_in--;
	co_spin_unlock(&co_runtime.lock);
	return coroutine != NULL ? 0 : CO_ENOMEM;
}

static bool after_end(struct co_m *m, struct co *coroutine)
{
	struct co_p *p = m->p;

	co_check_stack(coroutine);
	co_check_stack_use(p, coroutine->stack);
	co_fiber_done(&coroutine->fiber);
	co_stack_put(&p->stacks, coroutine->stack);
	p->stacks_in_use--;
	co_count(&p->ended);
	co_record_put(&p->records, coroutine);
	return false;
}

/* The first function on every coroutine's stack. */
static void enter(void)
{
	struct co_m *m = co_m_self();
	struct co *coroutine = m->current;

	co_fiber_entered(&m->fiber);
	coroutine->function(coroutine->arg);
	m = co_m_self(); /* it may have moved */
	m->after = after_end;
	co_fiber_switch(&coroutine->fiber, &m->fiber, true);
	abort(); /* an ended coroutine is never run again */
}

static bool bind_stack(struct co_p *p, struct co *coroutine)
{
	struct co_stack *stack = co_stack_get(&p->stacks);

	if (stack == NULL)
		return false;
	coroutine->stack = stack;
	p->stacks_in_use++;
	if (p->stackless_first != NULL)
		co_retry_stackless(p);
	co_fiber_init(&coroutine->fiber, co_stack_low(stack), co_stack_bytes(stack) - co_stack_colour(stack), enter);
	return true;
}

/* ---- leaving a stack ------------------------------------------------------------------------- */

static bool after_yield(struct co_m *m, struct co *coroutine)
{
	atomic_store_explicit(&coroutine->state, CO_STATE_READY, memory_order_release);
	co_queue_put_last(m->p, coroutine);
	return false;
}

void co_yield(void)
{
	struct co_m *m = co_m_self();

	if (m != NULL && m->current != NULL)
		co_leave(m, after_yield);
}

static bool after_call(struct co_m *m, struct co *coroutine)
{
	(void)coroutine;
	m->call(m->call_arg);
	return true;
}

void co_on_thread_stack(void (*function)(void *arg), void *arg)
{
	struct co_m *m = co_m_self();

	if (m == NULL || m->current == NULL) {
		function(arg);
		return;
	}
	m->call = function;
	m->call_arg = arg;
	co_leave(m, after_call);
}

uint64_t co_id(void)
{
	struct co_m *m = co_m_self();

	if (m == NULL || m->current == NULL)
		return 0;
	return atomic_load_explicit(&m->current->id, memory_order_relaxed);
}

int64_t co_now_cached(void)
{
	struct co_m *m = co_m_self();

	return m != NULL ? co_p_now(m->p) : co_now();
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void run_coroutine(struct co_m *m, struct co *coroutine)
{
	bool again;

	do {
		m->current = coroutine;
		atomic_store_explicit(&coroutine->state, CO_STATE_RUNNING, memory_order_relaxed);
		co_fiber_switch(&m->fiber, &coroutine->fiber, false);
		m->current = NULL;
		again = m->after(m, coroutine);
		if (again) /* what was made ready as `about to be run` is not */
			co_queue_offer(m->p);
	} while (again);
}

/* Puts COROUTINE aside until there is memory for its stack. */
static void set_aside(struct co_p *p, struct co *coroutine)
{
	coroutine->next = NULL;
	if (p->stackless_last != NULL)
		p->stackless_last->next = coroutine;
	else
		p->stackless_first = coroutine;
	p->stackless_last = coroutine;
	atomic_fetch_add(&co_runtime.stackless, 1);
}

void co_retry_stackless(struct co_p *p)
{
	struct co *coroutine = p->stackless_first;

	if (coroutine == NULL)
		return;
	p->stackless_first = coroutine->next;
	if (p->stackless_first == NULL)
		p->stackless_last = NULL;
	co_queue_put(p, coroutine, 1);
	atomic_fetch_sub(&co_runtime.stackless, 1);
}

/* Reads the clock and does what is due. Reads it again after about CHECK_NS, if switches go on as they did. */
static void check(struct co_p *p)
{
	int64_t each;

	p->now = co_now();
	each = (p->now - p->last_check) / p->check_interval + 1;
	p->last_check = p->now;
	p->check_interval = each * CHECK_INTERVAL_MAX < CHECK_NS ? CHECK_INTERVAL_MAX
			    : each < CHECK_NS                    ? (unsigned)(CHECK_NS / each)
								 : 1;
	p->checks_in = p->check_interval;
	if (p->deferred.first != NULL &&
		(p->now - p->deferred.since >= DEFERRED_NS ||
			atomic_load_explicit(&p->switches, memory_order_relaxed) - p->deferred.switches >=
				DEFERRED_SWITCHES_MAX))
		(void)co_deferred_run(p);
	if (co_timers_next(&p->timers) <= p->now)
		(void)co_timers_fire(&p->timers, p->now);
	if (p->now - p->last_poll >= POLL_NS) {
		p->last_poll = p->now;
		co_retry_stackless(p);
		if (!p->is_alone)
			(void)co_timers_fire_others(p, p->now);
		if (co_poller_take()) {
			co_poller_poll(0);
			co_poller_release();
		}
	}
}

void co_m_run(struct co_m *m)
{
	struct co_p *p = m->p;

	while (!atomic_load_explicit(&co_runtime.stopping, memory_order_relaxed)) {
		struct co *coroutine;

		if (--p->checks_in == 0)
			check(p);
		coroutine = co_queue_pick(p);
		if (coroutine == NULL)
			coroutine = co_find_work(m);
		if (coroutine == NULL)
			continue;
		co_count(&p->switches);
		if (coroutine->stack != NULL || bind_stack(p, coroutine))
			run_coroutine(m, coroutine);
		else
			set_aside(p, coroutine);
	}
}

void co_stop(void)
{
	atomic_store(&co_runtime.stopping, true);
	co_idle_wake_all();
}

void co_p_init(struct co_p *p, unsigned number)
{
	*p = (struct co_p){.number = number, .check_interval = CHECK_INTERVAL_MAX, .checks_in = CHECK_INTERVAL_MAX};
	p->is_alone = co_runtime.proc_count == 1;
	p->random = 1 + number + ((uint64_t)co_runtime.run_number << 32);
	co_timers_init(&p->timers, number);
	p->last_check = co_p_now(p);
	p->last_poll = p->last_check;
}
