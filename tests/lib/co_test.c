/* SPDX-License-Identifier: MIT
 *
 * co_test.c - the fixture of tests that run in coroutines.
 *
 * The main coroutine of a run is the fixture's: it starts the body and parks until the body returns or a check fails,
 * whichever is first, so that a failure in any coroutine ends the run. Its state is static: coroutines that are dropped
 * where they stand must not find it gone.
 */
#include "tests/lib/co_test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define FAILURES_KEPT 8

struct failure {
	const char *file;
	int line;
	char text[300];
};

static struct {
	const char *name;
	void (*body)(void);
	unsigned procs;
	atomic_uint failures;
	struct failure kept[FAILURES_KEPT];

	struct co_spin lock; /* guards what follows */
	bool over;
	bool waiting;
	struct co_wait ended;
} run;

/* ---- ending ------------------------------------------------------------------------------------------------------ */

static void end_run(void)
{
	co_spin_lock(&run.lock);
	run.over = true;
	if (run.waiting)
		co_wait_cancel(&run.ended, 0);
	run.waiting = false;
	co_spin_unlock(&run.lock);
}

void co_test_fail(const char *file, int line, const char *format, ...)
{
	const unsigned number = atomic_fetch_add(&run.failures, 1);
	va_list arguments;

	if (number < FAILURES_KEPT) {
		struct failure *failure = &run.kept[number];

		va_start(arguments, format);
		vsnprintf(failure->text, sizeof(failure->text), format, arguments);
		va_end(arguments);
		failure->line = line;
		failure->file = file;
	}
	end_run();
	if (co_id() != 0) {
		struct co_wait never;

		co_wait_init(&never, "failed check");
		co_wait_park(&never, NULL, CO_NEVER, NULL);
	}
}

static void print_failures(void)
{
	unsigned failures = atomic_load(&run.failures);

	for (unsigned i = 0; i < failures && i < FAILURES_KEPT; i++)
		fprintf(stderr, "%s:%d: %s\n", run.kept[i].file, run.kept[i].line, run.kept[i].text);
	fprintf(stderr, "%s with %u Ps, TEST_SEED=%llu\n", run.name, run.procs, (unsigned long long)test_seed());
}

/* The runtime has reported that nothing can go on. */
static void fatal(void)
{
	print_failures();
	fflush(NULL);
	_exit(1);
}

/* ---- the watchdog ------------------------------------------------------------------------------------------------ */

/* A timer that aborts the process, and no thread: the runtime counts on foreign threads to hand in coroutines, and
 * would not report a deadlock. */
static struct {
	timer_t timer;
	struct sigaction former;
} watchdog;

static long patience(void)
{
	const char *text = getenv("TEST_PATIENCE");
	const long seconds = text != NULL ? atol(text) : 60;

	return TEST_SANITIZED ? 4 * seconds : seconds;
}

/* Says what it can before the process ends; an abort that is not the watchdog's has nothing added to it. */
static void on_abort(int number, siginfo_t *info, void *machine)
{
	(void)machine;
	if (info->si_code == SI_TIMER) {
		fprintf(stderr, "test hangs:\n");
		print_failures();
		co_dump(STDERR_FILENO);
	}
	raise(number);
}

static void start_watchdog(void)
{
	const int flags = (int)(SA_SIGINFO | SA_RESETHAND | SA_ONSTACK);
	const struct sigaction action = {.sa_sigaction = on_abort, .sa_flags = flags};
	const struct itimerspec limit = {.it_value.tv_sec = patience()};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGABRT};

	assert_int_equal(sigaction(SIGABRT, &action, &watchdog.former), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &watchdog.timer), 0);
	assert_int_equal(timer_settime(watchdog.timer, 0, &limit, NULL), 0);
}

static void stop_watchdog(void)
{
	timer_delete(watchdog.timer);
	sigaction(SIGABRT, &watchdog.former, NULL);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void run_body(void *unused)
{
	(void)unused;
	run.body();
	end_run();
}

static int supervise(void *unused)
{
	int r;

	(void)unused;
	r = co_go_from(run_body, NULL, run.name);
	if (r != 0)
		return r;
	co_spin_lock(&run.lock);
	if (run.over) {
		co_spin_unlock(&run.lock);
		return 0;
	}
	co_wait_init(&run.ended, "end of test");
	run.waiting = true;
	return co_wait_park(&run.ended, NULL, CO_NEVER, &run.lock);
}

static void run_once(const char *name, void (*body)(void), const struct co_options *options)
{
	struct co_options own = *options;
	int status = -1;
	int r;

	if (own.fatal == NULL)
		own.fatal = fatal;
	run.name = name;
	run.body = body;
	run.procs = own.procs;
	run.over = false;
	run.waiting = false;
	atomic_store(&run.lock.held, 0);
	atomic_store(&run.failures, 0);
	start_watchdog();
	r = co_run(&own, supervise, NULL, &status);
	stop_watchdog();
	if (atomic_load(&run.failures) > 0) {
		print_failures();
		_fail(run.kept[0].file, run.kept[0].line);
	}
	assert_int_equal(r, 0);
	assert_int_equal(status, 0);
}

void co_test_run(const char *name, void (*body)(void), const struct co_options *options)
{
	const char *procs = getenv("TEST_PROCS");

	if (options != NULL) {
		run_once(name, body, options);
	} else if (procs != NULL) {
		run_once(name, body, &(struct co_options){.procs = (unsigned)atoi(procs)});
	} else {
		for (unsigned count = 1; count <= co_test_most_procs(); count *= 2)
			run_once(name, body, &(struct co_options){.procs = count});
	}
}

void co_test_run_on_several(const char *name, void (*body)(void))
{
	for (unsigned procs = 2; procs <= co_test_most_procs(); procs *= 2)
		run_once(name, body, &(struct co_options){.procs = procs});
}

unsigned co_test_procs(void)
{
	return run.procs;
}

static int return_at_once(void *unused)
{
	(void)unused;
	return 0;
}

unsigned co_test_most_procs(void)
{
	static unsigned most;
	int status;

	if (most == 0)
		most = co_run(&(struct co_options){.procs = 4}, return_at_once, NULL, &status) == CO_EINVAL ? 1 : 4;
	return most;
}

void co_test_pause(void)
{
	co_yield();
	co_sleep(NULL, 50 * CO_MICROSECOND);
}

size_t co_test_parked(void)
{
	struct co_stats stats;

	co_stats(&stats);
	return stats.parked > 0 ? (size_t)stats.parked - 1 : 0;
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

struct member {
	struct co_test_group *group;
	void (*function)(void *arg);
	void *arg;
};

static void leave_group(struct co_test_group *group)
{
	struct co_waiter *waiter;

	co_spin_lock(&group->lock);
	if (--group->running == 0) {
		waiter = co_waitq_pop(&group->waiters);
		if (waiter != NULL && co_wait_claim(waiter->wait, waiter, 0))
			co_wait_ready(waiter->wait);
	}
	co_spin_unlock(&group->lock);
}

static void run_member(void *arg)
{
	const struct member member = *(struct member *)arg;

	memory_free(arg);
	member.function(member.arg);
	leave_group(member.group);
}

void co_test_go_from(struct co_test_group *group, void (*function)(void *arg), void *arg, const char *site)
{
	struct member *member = memory_alloc(sizeof(*member));
	int r = CO_ENOMEM;

	if (member != NULL) {
		*member = (struct member){.group = group, .function = function, .arg = arg};
		co_spin_lock(&group->lock);
		group->running++;
		co_spin_unlock(&group->lock);
		r = co_go_from(run_member, member, site);
	}
	if (r != 0)
		co_test_fail(site, 0, "cannot start: %s", co_strerror(r));
}

void co_test_wait(struct co_test_group *group)
{
	struct co_wait wait;
	struct co_waiter waiter = {0};

	co_wait_init(&wait, "group");
	co_spin_lock(&group->lock);
	if (group->running > 0) {
		co_waitq_push(&group->waiters, &waiter, &wait);
		co_wait_park(&wait, NULL, CO_NEVER, &group->lock);
		co_spin_lock(&group->lock); /* the last member has let go of it */
	}
	co_spin_unlock(&group->lock);
}

/* ---- counts and chance ------------------------------------------------------------------------------------------- */

static size_t scaled(size_t count, double factor)
{
	const char *text = getenv("TEST_SCALE");
	const double product = (double)count * factor * (text != NULL ? atof(text) : 1.0);

	return product < 1.0 ? 1 : (size_t)product;
}

size_t test_scale(size_t count)
{
	return scaled(count, TEST_SANITIZED ? 0.1 : 1.0);
}

size_t test_crowd(size_t count)
{
	const size_t crowd = scaled(count, 1.0);
	const size_t most = TEST_THREAD_SANITIZED ? 2000 : TEST_SANITIZED ? 10000 : SIZE_MAX;

	return crowd < most ? crowd : most;
}

uint64_t test_seed(void)
{
	static atomic_ullong seed;
	unsigned long long none = 0;
	const char *text = getenv("TEST_SEED");

	if (text != NULL)
		return strtoull(text, NULL, 0);
	if (atomic_load(&seed) == 0) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		atomic_compare_exchange_strong(&seed, &none,
			1 + (unsigned long long)now.tv_nsec + 1000000007ULL * (unsigned long long)now.tv_sec);
	}
	return atomic_load(&seed);
}

struct test_random test_random_stream(uint64_t stream)
{
	struct test_random random = {.state = test_seed() ^ (stream * UINT64_C(0xD1342543DE82EF95))};

	test_random_next(&random);
	return random;
}

uint64_t test_random_next(struct test_random *random)
{
	uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint64_t test_random_below(struct test_random *random, uint64_t limit)
{
	return test_random_next(random) % limit;
}

/* ---- what a run leaves behind ------------------------------------------------------------------------------------ */

size_t test_count_entries(const char *folder)
{
	DIR *stream = opendir(folder);
	size_t count = 0;

	assert_non_null(stream);
	while (readdir(stream) != NULL)
		count++;
	closedir(stream);
	return count;
}

struct pages {
	size_t mapped;
	size_t resident;
};

static struct pages count_pages(void)
{
	FILE *stream = fopen("/proc/self/statm", "re");
	struct pages pages = {0, 0};

	assert_non_null(stream);
	assert_int_equal(fscanf(stream, "%zu %zu", &pages.mapped, &pages.resident), 2);
	fclose(stream);
	return pages;
}

size_t test_mapped_pages(void)
{
	return count_pages().mapped;
}

size_t test_resident_pages(void)
{
	return count_pages().resident;
}

size_t test_count_lines(const char *file)
{
	FILE *stream = fopen(file, "re");
	size_t count = 0;
	int c;

	assert_non_null(stream);
	while ((c = getc(stream)) != EOF)
		if (c == '\n')
			count++;
	fclose(stream);
	return count;
}
