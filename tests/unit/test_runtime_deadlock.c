/* SPDX-License-Identifier: MIT
 *
 * test_runtime_deadlock.c - the report when all coroutines are asleep: when it comes and when not, what it says. Each
 * case is a child process, for the report ends it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/child.h"
#include "tests/lib/co_test.h"
#include "tests/lib/sockets.h"

#define REPORT "fatal error: all goroutines are asleep - deadlock!"

static struct test_child child;

/* In the child: runs MAIN under one P or more. */
struct scene {
	int (*main)(void *arg);
	unsigned procs;
	void (*fatal)(void);
};

static int play(void *arg)
{
	const struct scene *scene = arg;
	const struct co_options options = {.procs = scene->procs, .fatal = scene->fatal};
	int status = -1;
	const int r = co_run(&options, scene->main, NULL, &status);

	return r == 0 ? status : 100;
}

static void expect_report(int (*main)(void *arg), const char *reason)
{
	for (unsigned procs = 1; procs <= co_test_most_procs(); procs += 3) {
		struct scene scene = {.main = main, .procs = procs};

		test_child_run(&child, play, &scene);
		test_child_exited(&child, 2);
		test_child_said(&child, REPORT);
		test_child_said(&child, reason);
	}
}

static void expect_no_report(int (*main)(void *arg))
{
	for (unsigned procs = 1; procs <= co_test_most_procs(); procs += 3) {
		struct scene scene = {.main = main, .procs = procs};

		test_child_run(&child, play, &scene);
		test_child_exited(&child, 0);
		assert_null(strstr(child.errors, REPORT));
	}
}

/* ---- reported ---------------------------------------------------------------------------------------------------- */

static int send_to_nobody(void *unused)
{
	(void)unused;
	return co_send(NULL, co_channel_new(sizeof(int), 0), &(int){10});
}

static int receive_from_nobody(void *unused)
{
	int value;

	(void)unused;
	return co_receive(NULL, co_channel_new(sizeof(int), 3), &value);
}

static int send_to_nil(void *unused)
{
	(void)unused;
	return co_send(NULL, NULL, &(int){10});
}

static int lock_twice(void *unused)
{
	static struct co_mutex mutex;

	(void)unused;
	co_mutex_lock(NULL, &mutex);
	return co_mutex_lock(NULL, &mutex);
}

static int wait_for_a_context(void *unused)
{
	struct co_context *context;

	(void)unused;
	if (co_with_cancel(NULL, &context) != 0)
		return 101;
	return co_context_done(context, NULL);
}

static int park_for_ever(void *unused)
{
	struct co_wait wait;

	(void)unused;
	co_wait_init(&wait, "waiting for godot");
	return co_wait_park(&wait, NULL, CO_NEVER, NULL);
}

static struct co_channel *crossed[2];

static void receive_crossed(void *unused)
{
	(void)unused;
	co_receive(NULL, crossed[0], NULL);
	co_send(NULL, crossed[1], "x");
}

static int wait_crosswise(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		crossed[i] = co_channel_new(1, 0);
	co_go(receive_crossed, NULL);
	co_sleep(NULL, 2 * CO_MILLISECOND);
	return co_receive(NULL, crossed[1], NULL);
}

static void never(struct co_poll *poll, unsigned events)
{
	(void)poll;
	(void)events;
}

static int only_a_system_descriptor(void *unused)
{
	static struct co_poll poll = {.on_events = never};
	int pair[2];

	(void)unused;
	if (sockets_pair(SOCKETS_UNIX, pair) != 0)
		return 101;
	poll.fd = sockets_nonblocking(pair[0]);
	if (co_poll_add(&poll, true) != 0)
		return 102;
	return park_for_ever(NULL);
}

static void removed(struct co_poll *poll)
{
	close(poll->fd);
}

static int a_removed_descriptor(void *unused)
{
	static struct co_poll poll = {.on_events = never, .on_removed = removed};
	int pair[2];

	(void)unused;
	if (sockets_pair(SOCKETS_UNIX, pair) != 0)
		return 101;
	poll.fd = sockets_nonblocking(pair[0]);
	if (co_poll_add(&poll, false) != 0)
		return 102;
	co_sleep(NULL, CO_MILLISECOND);
	co_poll_remove(&poll);
	return park_for_ever(NULL);
}

static int a_stopped_timer(void *unused)
{
	struct co_context *context;
	struct co_channel *channel = co_channel_new(1, 0);

	(void)unused;
	if (co_with_timeout(NULL, 3600 * CO_SECOND, &context) != 0)
		return 101;
	co_cancel(context, NULL);
	co_context_unref(context);
	return co_receive(NULL, channel, NULL);
}

static void each_kind_of_wait_is_reported(void **state)
{
	(void)state;
	expect_report(send_to_nobody, "chan send");
	expect_report(receive_from_nobody, "chan receive");
	expect_report(send_to_nil, "chan send");
	expect_report(lock_twice, "deadlock");
	expect_report(wait_for_a_context, "deadlock");
	expect_report(park_for_ever, "waiting for godot");
}

/* Descriptors that do not count, timers that are stopped: nothing of that can wake the program. */
static void what_cannot_wake_does_not_count(void **state)
{
	(void)state;
	expect_report(only_a_system_descriptor, "waiting for godot");
	expect_report(a_removed_descriptor, "waiting for godot");
	expect_report(a_stopped_timer, "chan receive");
}

/* The report has a line for each coroutine: its number, its wait, where it was started. */
static void report_lists_the_coroutines(void **state)
{
	(void)state;
	expect_report(wait_crosswise, "receive_crossed");
	test_child_said(&child, "goroutine 1 ");
	test_child_said(&child, "goroutine 2 ");
	test_child_said(&child, "test_runtime_deadlock.c:");
	assert_non_null(strstr(strstr(child.errors, "chan receive") + 1, "chan receive"));
}

static void say_goodbye(void)
{
	fprintf(stderr, "goodbye\n");
	fflush(NULL);
	_exit(7);
}

/* The program's own hook runs after the report, in place of the exit. */
static void hook_replaces_the_exit(void **state)
{
	struct scene scene = {.main = send_to_nobody, .procs = 1, .fatal = say_goodbye};

	(void)state;
	test_child_run(&child, play, &scene);
	test_child_exited(&child, 7);
	test_child_said(&child, REPORT);
	test_child_said(&child, "goodbye");
	assert_true(strstr(child.errors, REPORT) < strstr(child.errors, "goodbye"));
}

/* ---- not reported ------------------------------------------------------------------------------------------------ */

static int sleep_a_while(void *unused)
{
	(void)unused;
	return co_sleep(NULL, 20 * CO_MILLISECOND);
}

static int wait_with_a_deadline(void *unused)
{
	struct co_context *context;
	int r;

	(void)unused;
	if (co_with_timeout(NULL, 20 * CO_MILLISECOND, &context) != 0)
		return 101;
	r = co_receive(context, NULL, NULL) == CO_EDEADLINE ? 0 : 102;
	co_context_unref(context);
	return r;
}

static void send_later(void *channel)
{
	co_sleep(NULL, 20 * CO_MILLISECOND);
	co_send(NULL, channel, "x");
}

static int wait_for_a_sleeper(void *unused)
{
	struct co_channel *channel = co_channel_new(1, 0);
	int r;

	(void)unused;
	co_go(send_later, channel);
	r = co_receive(NULL, channel, NULL);
	co_channel_free(channel);
	return r;
}

static struct co_wait woken;

static void wake(struct co_poll *poll, unsigned events)
{
	char byte;

	(void)events;
	if (read(poll->fd, &byte, 1) == 1)
		co_wait_cancel(&woken, 0);
}

/* A descriptor that the program registered can wake it, whoever writes to it. */
static int wait_for_a_descriptor(void *unused)
{
	static struct co_poll poll = {.on_events = wake};
	int pair[2];
	int r;

	(void)unused;
	if (sockets_pair(SOCKETS_UNIX, pair) != 0)
		return 101;
	poll.fd = sockets_nonblocking(pair[0]);
	co_wait_init(&woken, "descriptor");
	if (co_poll_add(&poll, false) != 0)
		return 102;
	if (fork() == 0) {
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		_exit(write(pair[1], "x", 1) != 1);
	}
	r = co_wait_park(&woken, NULL, CO_NEVER, NULL);
	wait(NULL);
	return r;
}

static int wait_for_a_signal(void *unused)
{
	const pid_t parent = getpid();
	sigset_t set;
	int r;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (fork() == 0) {
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		_exit(kill(parent, SIGUSR1) != 0);
	}
	r = co_signal_wait(NULL, &set, NULL) == SIGUSR1 ? 0 : 103;
	wait(NULL);
	return r;
}

static void take_a_while(void *unused)
{
	(void)unused;
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static int wait_for_a_blocking_job(void *unused)
{
	(void)unused;
	return co_blocking(take_a_while, NULL);
}

static int wait_for_a_read(void *unused)
{
	struct co_fd *fd;
	char byte;
	int pair[2];
	int r;

	(void)unused;
	if (sockets_pair(SOCKETS_UNIX, pair) != 0 || co_fd_open(pair[0], &fd) != 0)
		return 101;
	if (fork() == 0) {
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		_exit(write(pair[1], "x", 1) != 1);
	}
	r = co_read(NULL, fd, &byte, 1) == 1 ? 0 : 102;
	wait(NULL);
	co_fd_close(fd);
	return r;
}

static void *hand_in_later(void *channel)
{
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	return (void *)(intptr_t)co_go_from_thread(send_later, channel);
}

static int wait_for_a_foreign_thread(void *unused)
{
	struct co_channel *channel = co_channel_new(1, 0);
	pthread_t thread;
	int r;

	(void)unused;
	if (channel == NULL || pthread_create(&thread, NULL, hand_in_later, channel) != 0)
		return 101;
	r = co_receive(NULL, channel, NULL);
	pthread_join(thread, NULL);
	co_channel_free(channel);
	return r;
}

static void what_can_wake_is_no_deadlock(void **state)
{
	(void)state;
	expect_no_report(sleep_a_while);
	expect_no_report(wait_with_a_deadline);
	expect_no_report(wait_for_a_sleeper);
	expect_no_report(wait_for_a_descriptor);
	expect_no_report(wait_for_a_signal);
	expect_no_report(wait_for_a_read);
	expect_no_report(wait_for_a_blocking_job);
	expect_no_report(wait_for_a_foreign_thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_wait_is_reported),
		cmocka_unit_test(what_cannot_wake_does_not_count),
		cmocka_unit_test(report_lists_the_coroutines),
		cmocka_unit_test(hook_replaces_the_exit),
		cmocka_unit_test(what_can_wake_is_no_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
