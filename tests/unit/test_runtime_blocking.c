/* SPDX-License-Identifier: MIT
 *
 * test_runtime_blocking.c - other stacks and other threads: blocking work, the thread's own stack, coroutines started
 * from foreign threads, signals.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/lib/co_test.h"

/* ---- blocking work ----------------------------------------------------------------------------------------------- */

struct job {
	pthread_t thread;
	uint64_t id;
	atomic_bool started;
	atomic_bool may_end;
	int result;
};

static void take_long(void *arg)
{
	struct job *job = arg;

	job->thread = pthread_self();
	job->id = co_id();
	atomic_store(&job->started, true);
	while (!atomic_load(&job->may_end))
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

static void run_job(void *arg)
{
	struct job *job = arg;

	job->result = co_blocking(take_long, job);
}

/* A blocking job runs elsewhere, while the coroutines go on; the caller waits for its end. */
COROUTINE_TEST(blocking_work_runs_elsewhere)
{
	struct co_test_group group = {0};
	struct job jobs[2] = {0};

	for (int i = 0; i < 2; i++) {
		jobs[i].id = 99;
		co_test_go(&group, run_job, &jobs[i]);
	}
	for (int i = 0; i < 2; i++)
		CHECK_EVENTUALLY(atomic_load(&jobs[i].started));
	CHECK_EVENTUALLY(co_test_parked() == 2);
	for (int i = 0; i < 2; i++) {
		CHECK(!pthread_equal(jobs[i].thread, pthread_self()));
		atomic_store(&jobs[i].may_end, true);
	}
	co_test_wait(&group);
	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(jobs[i].result, 0);
		CHECK_EQUAL(jobs[i].id, 0);
	}
}

static void add_one(void *number)
{
	(*(int *)number)++;
}

static void call_blocking(void *number)
{
	for (int i = 0; i < 20; i++)
		CHECK_EQUAL(co_blocking(add_one, number), 0);
}

/* Each of many jobs is done once, and its writes are seen when the call returns. */
COROUTINE_TEST(many_blocking_jobs)
{
	struct co_test_group group = {0};
	int numbers[50] = {0};

	for (int i = 0; i < 50; i++)
		co_test_go(&group, call_blocking, &numbers[i]);
	co_test_wait(&group);
	for (int i = 0; i < 50; i++)
		CHECK_EQUAL(numbers[i], 20);
}

static void sleep_30_ms(void *unused)
{
	(void)unused;
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
}

/* A job in flight is something that can wake the program: no deadlock is reported. */
COROUTINE_TEST(a_blocking_job_is_no_deadlock)
{
	CHECK_EQUAL(co_blocking(sleep_30_ms, NULL), 0);
}

static bool fails_always(size_t bytes)
{
	(void)bytes;
	return true;
}

/* Without memory the job is done or refused, not both. */
SINGLE_P_TEST(no_memory_for_a_blocking_job)
{
	for (int i = 0; i < 10; i++) {
		int number = 0;
		int r;

		memory_set_fault(fails_always);
		r = co_blocking(add_one, &number);
		memory_set_fault(NULL);
		CHECK(r == 0 || r == CO_ENOMEM);
		CHECK_EQUAL(number, r == 0);
	}
}

static struct {
	struct co_spin lock;
	long counter;
} contended;

static void count_spinning(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20000; i++) {
		co_spin_lock(&contended.lock);
		contended.counter++;
		co_spin_unlock(&contended.lock);
	}
}

static void count_elsewhere(void *unused)
{
	(void)unused;
	CHECK_EQUAL(co_blocking(count_spinning, NULL), 0);
}

/* The spin lock holds between threads. */
COROUTINE_TEST(spin_lock_excludes_threads)
{
	struct co_test_group group = {0};

	contended.counter = 0;
	for (int i = 0; i < 3; i++) {
		co_test_go(&group, count_elsewhere, NULL);
		co_test_go(&group, count_spinning, NULL);
	}
	co_test_wait(&group);
	CHECK_EQUAL(contended.counter, 6 * 20000);
}

/* ---- the thread's own stack -------------------------------------------------------------------------------------- */

static unsigned deep(unsigned depth)
{
	volatile unsigned char frame[1000];

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (unsigned char)depth;
	return depth == 0 ? 0 : deep(depth - 1) + (frame[depth % sizeof(frame)] == (unsigned char)depth);
}

struct descent {
	unsigned depth;
	unsigned result;
	uint64_t id;
};

static void descend(void *arg)
{
	struct descent *descent = arg;

	descent->id = co_id();
	descent->result = deep(descent->depth);
}

static void descend_again(void *arg)
{
	co_on_thread_stack(descend, arg);
}

/* Deep code has room there that the coroutine's stack does not have; a call from there is made directly. */
COROUTINE_TEST(thread_stack_is_large)
{
	for (int i = 0; i < 100; i++) {
		struct descent descent = {.depth = 250, .id = 99};

		co_on_thread_stack(i % 2 == 0 ? descend : descend_again, &descent);
		CHECK_EQUAL(descent.result, 250);
		CHECK_EQUAL(descent.id, 0);
		CHECK(co_id() != 0);
		if (i % 5 == 0)
			co_yield();
	}
}

/* ---- foreign threads --------------------------------------------------------------------------------------------- */

static atomic_int started_here;

static void count_start(void *unused)
{
	(void)unused;
	if (co_id() != 0)
		atomic_fetch_add(&started_here, 1);
}

static void *start_some(void *count)
{
	for (size_t i = 0; i < *(size_t *)count; i++) {
		if (co_go_from_thread(count_start, NULL) != 0)
			abort();
		if (i % 16 == 0)
			nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
	}
	return NULL;
}

/* TestNetpollBreak: a foreign thread's coroutine starts at once although every thread sleeps in the poller; no break is
 * lost, whenever it comes. */
COROUTINE_TEST(netpoll_break)
{
	size_t count = test_scale(2000);
	pthread_t threads[3];

	atomic_store(&started_here, 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQUAL(pthread_create(&threads[i], NULL, start_some, &count), 0);
	CHECK_EVENTUALLY(atomic_load(&started_here) == (int)(3 * count));
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

struct doorbell {
	struct co_wait wait;
	struct co_spin lock;
};

static void ring(void *arg)
{
	struct doorbell *bell = arg;

	co_spin_lock(&bell->lock);
	co_wait_cancel(&bell->wait, 7);
	co_spin_unlock(&bell->lock);
}

static void *ring_from_thread(void *bell)
{
	nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
	if (co_go_from_thread(ring, bell) != 0)
		abort();
	return NULL;
}

/* The same with nothing else to wake the sleeper for an hour. */
COROUTINE_TEST(break_wakes_a_long_sleep)
{
	for (int i = 0; i < 20; i++) {
		struct doorbell bell = {0};
		pthread_t thread;

		co_wait_init(&bell.wait, "doorbell");
		co_spin_lock(&bell.lock);
		if (pthread_create(&thread, NULL, ring_from_thread, &bell) != 0)
			abort();
		CHECK_EQUAL(co_wait_park(&bell.wait, NULL, co_now() + 3600 * CO_SECOND, &bell.lock), 7);
		pthread_join(thread, NULL);
	}
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static sigset_t signals_of(int first, int second)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, first);
	sigaddset(&set, second);
	return set;
}

struct signalled {
	int number;
	pid_t pid;
};

static void wait_for_signal(void *arg)
{
	struct signalled *signalled = arg;
	const sigset_t set = signals_of(SIGUSR1, SIGUSR2);

	signalled->number = co_signal_wait(NULL, &set, &signalled->pid);
}

/* A signal to the process wakes the coroutine that waits for it, which learns who sent it. */
COROUTINE_TEST(signal_wakes_its_waiter)
{
	for (int i = 0; i < 20; i++) {
		struct co_test_group group = {0};
		struct signalled signalled = {0};
		const int number = i % 2 == 0 ? SIGUSR1 : SIGUSR2;

		co_test_go(&group, wait_for_signal, &signalled);
		if (i % 3 != 0)
			CHECK_EVENTUALLY(co_test_parked() == 1);
		CHECK_EQUAL(kill(getpid(), number), 0);
		co_test_wait(&group);
		CHECK_EQUAL(signalled.number, number);
		CHECK_EQUAL(signalled.pid, getpid());
	}
}

/* A context ends the wait; a signal that nobody waited for is kept for the next who does. */
COROUTINE_TEST(signal_wait_ends_with_its_context)
{
	const sigset_t set = signals_of(SIGUSR1, SIGUSR2);
	struct co_context *limit;
	pid_t child;
	pid_t sender = 0;

	CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &limit), 0);
	CHECK_EQUAL(co_signal_wait(limit, &set, NULL), CO_EDEADLINE);
	co_context_unref(limit);
	child = fork();
	if (child == 0) {
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	CHECK(child > 0);
	CHECK_EQUAL(waitpid(child, NULL, 0), child);
	CHECK_EQUAL(co_signal_wait(NULL, &set, &sender), SIGUSR2);
	CHECK_EQUAL(sender, child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocking_work_runs_elsewhere),
		cmocka_unit_test(many_blocking_jobs),
		cmocka_unit_test(a_blocking_job_is_no_deadlock),
		cmocka_unit_test(no_memory_for_a_blocking_job),
		cmocka_unit_test(spin_lock_excludes_threads),
		cmocka_unit_test(thread_stack_is_large),
		cmocka_unit_test(netpoll_break),
		cmocka_unit_test(break_wakes_a_long_sleep),
		cmocka_unit_test(signal_wakes_its_waiter),
		cmocka_unit_test(signal_wait_ends_with_its_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
