/* SPDX-License-Identifier: MIT
 *
 * test_runtime_quit.c - what SIGQUIT makes a program say of its coroutines, and whether it goes on. Each case is a
 * child process, for the report may end it.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/sanitizer.h"
#include "tests/lib/child.h"
#include "tests/lib/co_test.h"

static struct test_child child;
static atomic_bool is_spinning;
static struct co_channel *empty;

/* In the child: runs MAIN under one P or more. */
struct scene {
	int (*main)(void *arg);
	unsigned procs;
	bool survives;
};

static int play(void *arg)
{
	const struct scene *scene = arg;
	const struct co_options options = {.procs = scene->procs, .survives_quit = scene->survives};
	int status = -1;
	const int r = co_run(&options, scene->main, NULL, &status);

	return r == 0 ? status : 100;
}

static void run_scene(int (*main)(void *arg), unsigned procs, bool survives)
{
	struct scene scene = {.main = main, .procs = procs, .survives = survives};

	test_child_run(&child, play, &scene);
}

/* ---- what is reported -------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) void wait_for_nobody(void)
{
	int value;

	(void)co_receive(NULL, empty, &value);
	__asm__ volatile("");
}

static void waiter(void *unused)
{
	(void)unused;
	wait_for_nobody();
	__asm__ volatile("");
}

static __attribute__((noinline)) void spin_for_ever(void)
{
	for (;;)
		atomic_store(&is_spinning, true);
}

static void spinner(void *unused)
{
	(void)unused;
	spin_for_ever();
	__asm__ volatile("");
}

/* Asks while one coroutine waits and one, where there is another P, spins. */
static int ask_among_others(void *unused)
{
	(void)unused;
	empty = co_channel_new(sizeof(int), 0);
	if (co_go(waiter, NULL) != 0 || co_sleep(NULL, CO_MILLISECOND) != 0)
		return 1;
	(void)kill(getpid(), SIGQUIT);
	(void)co_go(spinner, NULL);
	(void)co_sleep(NULL, 30 * CO_SECOND);
	return 1; /* it outlived the report */
}

static void test_shows_what_waits_and_what_runs_and_ends(void **state)
{
	(void)state;
	for (unsigned procs = 1; procs <= co_test_most_procs(); procs += 3) {
		run_scene(ask_among_others, procs, false);
		test_child_exited(&child, 2);
		test_child_said(&child, "SIGQUIT: quit\n");
		test_child_said(&child, "[chan receive, 0.0");
		test_child_said(&child, "\tstarted: waiter at tests/unit/test_runtime_quit.c:");
#if !defined(CO_SWITCH_UCONTEXT)
		test_child_said(&child, "\twait_for_nobody+0x");
		test_child_said(&child, "\twaiter+0x");
#endif
	}
}

/* The spinner keeps its P, so the thread must be interrupted to tell. */
static int ask_a_spinner(void *unused)
{
	(void)unused;
	if (co_go(spinner, NULL) != 0)
		return 1;
	while (!atomic_load(&is_spinning))
		co_yield();
	(void)kill(getpid(), SIGQUIT);
	(void)co_sleep(NULL, 30 * CO_SECOND);
	return 1;
}

static void test_interrupts_what_runs(void **state)
{
	(void)state;
	run_scene(ask_a_spinner, 2, false);
	test_child_exited(&child, 2);
	test_child_said(&child, "[running]:\n\tstarted: spinner at ");
	test_child_said(&child, "\tspin_for_ever+0x");
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

static int ask_and_go_on(void *unused)
{
	struct co_stats stats;

	(void)unused;
	empty = co_channel_new(sizeof(int), 0);
	if (co_go(waiter, NULL) != 0)
		return 1;
	for (int i = 0; i < 3; i++) {
		(void)kill(getpid(), SIGQUIT);
		(void)co_sleep(NULL, 20 * CO_MILLISECOND);
	}
	co_stats(&stats);
	return stats.live == 2 ? 0 : 1;
}

static void test_goes_on_where_it_is_to(void **state)
{
	(void)state;
	for (unsigned procs = 1; procs <= co_test_most_procs(); procs += 3) {
		run_scene(ask_and_go_on, procs, true);
		test_child_exited(&child, 0);
		test_child_said(&child, "\tstarted: waiter at ");
	}
}

static int wait_for_it(void *unused)
{
	sigset_t signals;
	pid_t from = 0;

	(void)unused;
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGQUIT);
	(void)sigaddset(&signals, SIGUSR1);
	(void)kill(getpid(), SIGUSR1);
	if (co_signal_wait(NULL, &signals, NULL) != SIGUSR1)
		return 1;
	for (int i = 0; i < 3; i++) {
		(void)kill(getpid(), SIGQUIT);
		if (co_signal_wait(NULL, &signals, &from) != SIGQUIT || from != getpid())
			return 2;
	}
	return 0;
}

/* ThreadSanitizer puts a handler off until the thread calls into libc, which the monitor may not do for ever. */
static void test_belongs_to_a_program_that_waits_for_it(void **state)
{
	(void)state;
	if (TEST_THREAD_SANITIZED)
		skip();
	run_scene(wait_for_it, 2, false);
	test_child_exited(&child, 0);
	assert_null(strstr(child.errors, "SIGQUIT: quit"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shows_what_waits_and_what_runs_and_ends),
		cmocka_unit_test(test_interrupts_what_runs),
		cmocka_unit_test(test_goes_on_where_it_is_to),
		cmocka_unit_test(test_belongs_to_a_program_that_waits_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
