/* SPDX-License-Identifier: MIT
 *
 * machine.c - the threads (M) of a run: the caller's, and one for each further P.
 *
 * All are started before the main coroutine, and sleep until there is work for them. They inherit the signal mask of
 * the run, and have a stack each for signal handlers.
 */
#include "runtime/machine.h"

#include <errno.h>
#include <sched.h>

#include "base/memory.h"
#include "runtime/idle.h"
#include "runtime/local.h"
#include "runtime/sched.h"

enum {
	CPU_SET_BYTES = 8192, /* 65,536 processors, more than the kernel takes */
	STACK_BYTES = 1 << 20,
};

static struct {
	unsigned started; /* threads, the caller's not counted */
} machines;

unsigned co_machines_cpus(void)
{
	cpu_set_t *set = memory_zalloc(CPU_SET_BYTES);
	unsigned count = 1;

	if (set != NULL && sched_getaffinity(0, CPU_SET_BYTES, set) == 0)
		count = (unsigned)CPU_COUNT_S(CPU_SET_BYTES, set);
	memory_free(set);
	return count;
}

int co_machines_open(void)
{
	struct co_m *first;
	int r;

	co_runtime.ms = memory_zalloc(co_runtime.proc_count * sizeof(*co_runtime.ms));
	if (co_runtime.ms == NULL)
		return CO_ENOMEM;
	for (unsigned i = 0; i < co_runtime.proc_count; i++) {
		co_runtime.ms[i].p = &co_runtime.ps[i];
		list_init(&co_runtime.ms[i].idle_link);
	}
	co_idle_open();
	first = &co_runtime.ms[0];
	r = co_signal_stack_open(&first->signal_stack);
	if (r != 0) {
		memory_free(co_runtime.ms);
		co_runtime.ms = NULL;
		return r;
	}
	first->thread = pthread_self();
	co_fiber_init_thread(&first->fiber);
	co_m_set_self(first);
	return 0;
}

void co_machines_close(void)
{
	co_m_set_self(NULL);
	co_signal_stack_close(&co_runtime.ms[0].signal_stack);
	memory_free(co_runtime.ms);
	co_runtime.ms = NULL;
}

static void *run_machine(void *arg)
{
	struct co_m *m = arg;

	/* Without a stack for handlers an overflow kills the process all the same, but says nothing. */
	(void)co_signal_stack_open(&m->signal_stack);
	co_fiber_init_thread(&m->fiber);
	co_m_set_self(m);
	co_idle_begin(m);
	co_m_run(m);
	co_m_set_self(NULL);
	co_signal_stack_close(&m->signal_stack);
	return NULL;
}

static int start(struct co_m *m)
{
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	if (CO_ASAN + CO_TSAN == 0) /* they need more */
		(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&m->thread, &attributes, run_machine, m);
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

int co_machines_start(void)
{
	machines.started = 0;
	while (machines.started + 1 < co_runtime.proc_count) {
		int r = start(&co_runtime.ms[machines.started + 1]);

		if (r != 0) {
			co_stop();
			co_machines_join();
			return r;
		}
		machines.started++;
	}
	return 0;
}

void co_machines_join(void)
{
	for (; machines.started > 0; machines.started--)
		(void)pthread_join(co_runtime.ms[machines.started].thread, NULL);
}
