/* SPDX-License-Identifier: MIT
 *
 * run.c - co_run: setting up, the main coroutine, and leaving nothing behind.
 *
 * What a run opens it closes in the opposite order: threads first, the poller, the timers, and the memory of dropped
 * coroutines last, since all of the former may point into it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "runtime/blocking.h"
#include "runtime/fault.h"
#include "runtime/fd.h"
#include "runtime/local.h"
#include "runtime/poll.h"
#include "runtime/sched.h"

enum {
	STACK_BYTES_DEFAULT = 64 << 10,
	STACK_BYTES_UNIT = 16 << 10,
};

#define STACK_BYTES_MAX ((size_t)1 << 30)

static atomic_flag is_running = ATOMIC_FLAG_INIT;

static void main_coroutine(void *arg)
{
	(void)arg;
	co_runtime.main_status = co_runtime.main(co_runtime.main_arg);
	atomic_store(&co_runtime.stopping, true);
}

/* All signals but those that report the thread's own fault. */
static void block_signals(sigset_t *ret_former)
{
	static const int own_faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t signals;

	(void)sigfillset(&signals);
	for (size_t i = 0; i < sizeof(own_faults) / sizeof(own_faults[0]); i++)
		(void)sigdelset(&signals, own_faults[i]);
	(void)pthread_sigmask(SIG_SETMASK, &signals, ret_former);
}

/* A write in the run may have raised SIGPIPE, which must not strike once signals are let through again. */
static void let_signals_through(const sigset_t *former)
{
	static const struct timespec at_once;
	sigset_t pipe;

	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	if (!sigismember(former, SIGPIPE))
		(void)sigtimedwait(&pipe, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, former, NULL);
}

/* Everything but the lock and what it guards, which other threads may be at even now. */
static void reset(int (*main)(void *arg), void *arg)
{
	co_runtime.run_number++;
	co_runtime.main = main;
	co_runtime.main_arg = arg;
	co_runtime.main_status = 0;
	co_runtime.error = 0;
	atomic_store(&co_runtime.stopping, false);
	atomic_store(&co_runtime.signal_waiting, false);
	atomic_store(&co_runtime.sleeping, false);
	atomic_store(&co_runtime.outside, 0);
	atomic_store(&co_runtime.next_id, 1);
	atomic_store(&co_runtime.handed_in, 0);
}

static int take_options(const struct co_options *options)
{
	static const struct co_options defaults;
	size_t bytes;

	if (options == NULL)
		options = &defaults;
	if (options->procs > 1 || options->stack_bytes > STACK_BYTES_MAX || (unsigned)options->guard > CO_GUARD_SLAB)
		return CO_EINVAL;
	bytes = options->stack_bytes == 0 ? STACK_BYTES_DEFAULT : options->stack_bytes;
	bytes = (bytes + STACK_BYTES_UNIT - 1) / STACK_BYTES_UNIT * STACK_BYTES_UNIT;
	co_runtime.stack_bytes = bytes;
	co_runtime.proc_count = 1;
	co_runtime.fatal = options->fatal;
	return co_stacks_open(bytes, options->guard);
}

/* Lets other threads hand in coroutines; or no more, and then waits for those that are about it. */
static void set_open(bool is_open)
{
	bool is_quiet;

	do {
		co_spin_lock(&co_runtime.lock);
		co_runtime.is_open = is_open;
		if (is_open) { /* nothing is left of the run before */
			co_runtime.global_first = NULL;
			co_runtime.global_last = NULL;
			atomic_store(&co_runtime.global_count, 0);
		}
		is_quiet = co_runtime.handing_in == 0;
		co_spin_unlock(&co_runtime.lock);
	} while (!is_quiet && !is_open);
}

static void drop_coroutine(struct co *coroutine, void *arg)
{
	(void)arg;
	co_tool_remember(&coroutine->arg, sizeof(coroutine->arg));
	if (coroutine->stack != NULL)
		co_fiber_drop(&coroutine->fiber);
}

/* Makes sure that there is a stack for the main coroutine: it must not wait for memory. */
static bool has_first_stack(struct co_p *p)
{
	struct co_stack *stack = co_stack_get(&p->stacks);

	if (stack != NULL)
		co_stack_put(&p->stacks, stack);
	return stack != NULL;
}

static int run_main(struct co_p *p)
{
	struct co_m m = {.p = p};
	struct co *coroutine = NULL;

	co_fiber_init_thread(&m.fiber);
	co_m_set_self(&m);
	if (has_first_stack(p))
		coroutine = co_spawn(p, main_coroutine, NULL, "main");
	if (coroutine != NULL) {
		co_count(&p->spawned);
		set_open(true);
		co_make_runnable(coroutine);
		co_m_run(&m);
		set_open(false);
		co_blocking_close();
		co_deferred_drop(p);
	}
	co_poller_close();
	co_fds_close();
	co_m_set_self(NULL);
	return coroutine != NULL ? co_runtime.error : CO_ENOMEM;
}

int co_run(const struct co_options *options, int (*main)(void *arg), void *arg, int *ret_status)
{
	sigset_t former;
	int r;

	if (atomic_flag_test_and_set(&is_running))
		return CO_EINVAL;
	reset(main, arg);
	r = take_options(options);
	if (r != 0)
		goto out;
	co_runtime.ps = memory_alloc(sizeof(*co_runtime.ps));
	if (co_runtime.ps == NULL) {
		r = CO_ENOMEM;
		goto out;
	}
	co_p_init(co_runtime.ps, 0);
	block_signals(&former);
	r = co_poller_open();
	if (r != 0)
		goto out_signals;
	r = co_fault_open();
	if (r == 0) {
		r = run_main(co_runtime.ps);
		co_fault_close();
	} else {
		co_poller_close();
	}
	co_timers_done(&co_runtime.ps->timers);
	co_records_visit(drop_coroutine, NULL);
	co_records_close();
	co_stacks_close();
out_signals:
	let_signals_through(&former);
	memory_free(co_runtime.ps);
	co_runtime.ps = NULL;
	co_runtime.proc_count = 0;
out:
	if (r == 0 && ret_status != NULL)
		*ret_status = co_runtime.main_status;
	atomic_flag_clear(&is_running);
	return r;
}
