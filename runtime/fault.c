/* SPDX-License-Identifier: MIT
 *
 * fault.c - handlers for SIGSEGV and SIGBUS, the only ones of the runtime.
 *
 * A fault in a stack's guard is an overflow: report, abort. Any other fault goes to the handler that was there before:
 * it is put back, and the instruction faults again.
 */
#include "runtime/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#include "runtime/dump.h"
#include "runtime/local.h"
#include "runtime/sched.h"

enum {
	SIGNAL_STACK_BYTES = 64 << 10,
	FAULTS = 2,
};

static const int fault_signals[FAULTS] = {SIGSEGV, SIGBUS};

static struct {
	struct sigaction former[FAULTS];
	int installed;
} fault;

struct owner {
	const struct co_stack *stack;
	const struct co *coroutine;
};

static void find_owner(struct co *coroutine, void *arg)
{
	struct owner *owner = arg;

	if (coroutine->stack == owner->stack)
		owner->coroutine = coroutine;
}

static void put_back(int signal)
{
	for (int i = 0; i < FAULTS; i++)
		if (fault_signals[i] == signal)
			(void)sigaction(signal, &fault.former[i], NULL);
}

static void on_fault(int signal, siginfo_t *info, void *machine)
{
	bool is_slab_guard = false;
	struct owner owner = {.stack = co_stack_of_guard(info->si_addr, &is_slab_guard)};
	struct co_m *m = co_m_self();

	(void)machine;
	if (m != NULL && m->current != NULL && (is_slab_guard || m->current->stack == owner.stack))
		owner.coroutine = m->current;
	else if (owner.stack != NULL && !is_slab_guard)
		co_records_visit(find_owner, &owner);
	if (owner.coroutine != NULL)
		co_fatal_overflow(owner.coroutine);
	put_back(signal);
}

int co_fault_open(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	(void)sigfillset(&action.sa_mask);
	for (fault.installed = 0; fault.installed < FAULTS; fault.installed++)
		if (sigaction(fault_signals[fault.installed], &action, &fault.former[fault.installed]) != 0) {
			int r = -errno;

			co_fault_close();
			return r;
		}
	return 0;
}

void co_fault_close(void)
{
	while (fault.installed > 0) {
		fault.installed--;
		(void)sigaction(fault_signals[fault.installed], &fault.former[fault.installed], NULL);
	}
}

int co_signal_stack_open(struct co_signal_stack *signal_stack)
{
	stack_t stack = {.ss_size = SIGNAL_STACK_BYTES};
	int r;

	stack.ss_sp =
		mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack.ss_sp == MAP_FAILED)
		return -errno;
	if (sigaltstack(&stack, &signal_stack->former) != 0) {
		r = -errno;
		(void)munmap(stack.ss_sp, SIGNAL_STACK_BYTES);
		return r;
	}
	signal_stack->memory = stack.ss_sp;
	return 0;
}

void co_signal_stack_close(struct co_signal_stack *signal_stack)
{
	if (signal_stack->memory == NULL)
		return;
	(void)sigaltstack(&signal_stack->former, NULL);
	(void)munmap(signal_stack->memory, SIGNAL_STACK_BYTES);
	signal_stack->memory = NULL;
}
