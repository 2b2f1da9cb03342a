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
#include "runtime/check.h"
#include "runtime/fault.h"
#include "runtime/fd.h"
#include "runtime/local.h"
#include "runtime/machine.h"
#include "runtime/monitor.h"
#include "runtime/poll.h"
#include "runtime/sched.h"
#include "runtime/wait.h"

enum {
	PROCS_MAX = 1024,
	STACK_BYTES_DEFAULT = 64 << 10,
	STACK_BYTES_UNIT = 16 << 10,
};

#define STACK_BYTES_MAX ((size_t)1 << 30)

static atomic_flag is_running = ATOMIC_FLAG_INIT;

/* On the thread's own stack, once main has returned. */
static bool after_main(struct co_m *m, struct co *coroutine)
{
	(void)m;
	co_check_stack(coroutine);
	co_stop();
	return false;
}

/* Calls main below some room: what ends the run is called there, and does not write over main's variables, which
 * coroutines that still run on other threads may use. */
static __attribute__((noinline)) void call_main(void)
{
	char room[CO_ASAN || CO_TSAN ? 8192 : 1024];

	__asm__ volatile("" : : "r"(room) : "memory");
	co_runtime.main_status = co_runtime.main(co_runtime.main_arg);
	__asm__ volatile("" : : "r"(room) : "memory");
}

/* Does not return either, so that its stack is nobody else's while the run lasts. */
static void main_coroutine(void *arg)
{
	(void)arg;
	call_main();
	co_leave(co_m_self(), after_main);
}

/* All signals but those that report the thread's own fault, and the monitor's. */
static void block_signals(sigset_t *ret_former)
{
	static const int unblocked[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGURG};
	sigset_t signals;

	(void)sigfillset(&signals);
	for (size_t i = 0; i < sizeof(unblocked) / sizeof(unblocked[0]); i++)
		(void)sigdelset(&signals, unblocked[i]);
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
	if (options->procs > PROCS_MAX || options->stack_bytes > STACK_BYTES_MAX ||
		(unsigned)options->guard > CO_GUARD_SLAB)
		return CO_EINVAL;
	bytes = options->stack_bytes == 0 ? STACK_BYTES_DEFAULT : options->stack_bytes;
	bytes = (bytes + STACK_BYTES_UNIT - 1) / STACK_BYTES_UNIT * STACK_BYTES_UNIT;
	co_runtime.stack_bytes = bytes;
	co_runtime.cpus = co_machines_cpus();
	co_runtime.proc_count = options->procs;
	if (co_runtime.proc_count == 0)
		co_runtime.proc_count = co_runtime.cpus < PROCS_MAX ? co_runtime.cpus : PROCS_MAX;
	co_runtime.is_alone = co_runtime.proc_count == 1;
	co_runtime.fatal = options->fatal;
	co_runtime.survives_quit = options->survives_quit;
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

/* Runs the main coroutine and all others, on all threads, until the run is stopping. The caller is the first M. */
static int run_coroutines(struct co_p *p)
{
	struct co *coroutine = NULL;
	int r;

	if (has_first_stack(p))
		coroutine = co_spawn(p, main_coroutine, NULL, "main");
	if (coroutine == NULL)
		return CO_ENOMEM;
	r = co_monitor_open();
	if (r != 0)
		return r;
	r = co_machines_start();
	if (r == 0) {
		co_count(&p->spawned);
		set_open(true);
		co_make_runnable(coroutine);
		co_m_run(&co_runtime.ms[0]);
		set_open(false);
	}
	co_monitor_close(); /* it sends signals to the threads */
	if (r == 0) {
		co_machines_join();
		co_blocking_close();
		for (unsigned i = 0; i < co_runtime.proc_count; i++)
			co_deferred_drop(&co_runtime.ps[i]);
		r = co_runtime.error;
	}
	return r;
}

static int run_with_signals_blocked(void)
{
	int r = co_poller_open();

	if (r != 0)
		return r;
	r = co_fault_open();
	if (r != 0)
		goto out_poller;
	r = co_machines_open();
	if (r != 0)
		goto out_fault;
	r = run_coroutines(co_runtime.ps);
	co_poller_close(); /* calls back, so there must be an M */
	co_fds_close();
	co_machines_close();
	co_fault_close();
	return r;

out_fault:
	co_fault_close();
out_poller:
	co_poller_close();
	return r;
}

static int open_procs(void)
{
	co_runtime.ps = memory_alloc(co_runtime.proc_count * sizeof(*co_runtime.ps));
	if (co_runtime.ps == NULL)
		return CO_ENOMEM;
	for (unsigned i = 0; i < co_runtime.proc_count; i++)
		co_p_init(&co_runtime.ps[i], i);
	return 0;
}

static void close_procs(void)
{
	for (unsigned i = 0; i < co_runtime.proc_count; i++) {
		co_timers_done(&co_runtime.ps[i].timers);
		co_contexts_forget(&co_runtime.ps[i]);
	}
	co_records_visit(drop_coroutine, NULL);
	co_records_close();
	co_stacks_close();
	memory_free(co_runtime.ps);
	co_runtime.ps = NULL;
}

int co_run(const struct co_options *options, int (*main)(void *arg), void *arg, int *ret_status)
{
	sigset_t former;
	int r;

	if (atomic_flag_test_and_set(&is_running))
		return CO_EINVAL;
	reset(main, arg);
	r = take_options(options);
	if (r == 0)
		r = open_procs();
	if (r == 0) {
		block_signals(&former);
		r = run_with_signals_blocked();
		close_procs();
		let_signals_through(&former);
	}
	co_runtime.proc_count = 0;
	co_runtime.is_alone = false;
	if (r == 0 && ret_status != NULL)
		*ret_status = co_runtime.main_status;
	atomic_flag_clear(&is_running);
	return r;
}
