/* SPDX-License-Identifier: MIT
 *
 * co_test.h - tests whose bodies run in coroutines.
 *
 * cmocka's assertions jump back to the runner's stack, which a coroutine must not do. So a body uses the checks below:
 * the first that fails records file, line and values and ends the run, its coroutines dropped where they stand; then
 * the fixture fails the cmocka test, on the main stack. A check may stand in any coroutine of the run and in its
 * callbacks. A run that neither ends nor fails within TEST_PATIENCE seconds is dumped and aborted.
 *
 * Environment: TEST_SCALE (a factor for all counts), TEST_SEED (replays random choices), TEST_PROCS (one number of Ps
 * instead of the usual ones), TEST_PATIENCE (seconds, 60).
 */
#ifndef BATON_TESTS_LIB_CO_TEST_H
#define BATON_TESTS_LIB_CO_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/co.h"

/* Built with a sanitizer; with ThreadSanitizer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(BATON_SANITIZE)
#define TEST_SANITIZED 1
#else
#define TEST_SANITIZED 0
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_THREAD_SANITIZED 1
#endif
#endif
#ifndef TEST_THREAD_SANITIZED
#define TEST_THREAD_SANITIZED 0
#endif

/* ---- tests ------------------------------------------------------------------------------------------------------- */

/* Defines the cmocka test NAME, whose body follows in braces. It runs with one P, with two, and with
 * co_test_most_procs(). */
#define COROUTINE_TEST(name)                                                                                           \
	static void name##_body(void);                                                                                 \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		co_test_run(#name, name##_body, NULL);                                                                 \
	}                                                                                                              \
	static void name##_body(void)

/* As COROUTINE_TEST, with one P only: for what is said about the order in which coroutines run. */
#define SINGLE_P_TEST(name)                                                                                            \
	static void name##_body(void);                                                                                 \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		co_test_run(#name, name##_body, &(struct co_options){.procs = 1});                                     \
	}                                                                                                              \
	static void name##_body(void)

/* As COROUTINE_TEST, with two Ps and with the most: for coroutines that wait for each other without parking. */
#define SEVERAL_PS_TEST(name)                                                                                          \
	static void name##_body(void);                                                                                 \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		co_test_run_on_several(#name, name##_body);                                                            \
	}                                                                                                              \
	static void name##_body(void)

/* Four, so that coroutines also meet on more Ps than there are processors; one as long as the runtime takes no more. */
unsigned co_test_most_procs(void);

/* Runs BODY as a coroutine under OPTIONS (NULL: with one P, then two, then the most) and fails the current cmocka test
 * when a check failed, here, on the caller's stack. NAME is for reports. */
void co_test_run(const char *name, void (*body)(void), const struct co_options *options);

/* The number of Ps of the present run, as it was asked for. */
unsigned co_test_procs(void);

/* As co_test_run, with two Ps, then the most. */
void co_test_run_on_several(const char *name, void (*body)(void));

/* ---- checks ------------------------------------------------------------------------------------------------------ */

/* Fails unless CONDITION holds. The calling function must be void. No spin lock may be held. */
#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			co_test_fail(__FILE__, __LINE__, "%s", #condition);                                            \
			return;                                                                                        \
		}                                                                                                      \
	} while (0)

/* As CHECK, for two integers; both are evaluated once and reported. */
#define CHECK_EQUAL(actual, expected)                                                                                  \
	do {                                                                                                           \
		const int64_t check_actual = (int64_t)(actual);                                                        \
		const int64_t check_expected = (int64_t)(expected);                                                    \
		if (check_actual != check_expected) {                                                                  \
			co_test_fail(__FILE__, __LINE__, "%s is %lld, not %s (%lld)", #actual,                         \
				(long long)check_actual, #expected, (long long)check_expected);                        \
			return;                                                                                        \
		}                                                                                                      \
	} while (0)

/* As CHECK, for a condition that others bring about: evaluated again and again, with pauses in which they run, for 20 s
 * at most. */
#define CHECK_EVENTUALLY(condition)                                                                                    \
	do {                                                                                                           \
		const int64_t check_limit = co_now() + 20 * CO_SECOND;                                                 \
		while (!(condition)) {                                                                                 \
			if (co_now() > check_limit) {                                                                  \
				co_test_fail(__FILE__, __LINE__, "never became true: %s", #condition);                 \
				return;                                                                                \
			}                                                                                              \
			co_test_pause();                                                                               \
		}                                                                                                      \
	} while (0)

/* As CHECK_EVENTUALLY, keeping the P: no other coroutine runs on it meanwhile. */
#define CHECK_KEEPING_THE_P(condition)                                                                                 \
	do {                                                                                                           \
		const int64_t keep_limit = co_now() + 20 * CO_SECOND;                                                  \
		while (!(condition))                                                                                   \
			CHECK(co_now() < keep_limit);                                                                  \
	} while (0)

/* Records a failure and ends the run. Does not return to a coroutine; a callback on a thread's own stack, to which it
 * does, returns too. */
void co_test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Lets others run: a yield, then a sleep of 50 us. */
void co_test_pause(void);

/* How many coroutines of the test are parked now, the fixture's own not counted. */
size_t co_test_parked(void);

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* Coroutines to wait for, as Go's WaitGroup. Zero is empty. In the starter's memory until co_test_wait() returned. */
struct co_test_group {
	struct co_spin lock;
	size_t running;
	struct co_waitq waiters;
};

/* Starts FUNCTION(ARG) as a member of GROUP. A failure to start is a failed check. */
#define co_test_go(group, function, arg)                                                                               \
	co_test_go_from((group), (function), (arg), #function " at " __FILE__ ":" CO_LINE_TEXT(__LINE__))
void co_test_go_from(struct co_test_group *group, void (*function)(void *arg), void *arg, const char *site);

/* Parks until every member has returned. One waiter at a time. */
void co_test_wait(struct co_test_group *group);

/* ---- counts and chance ------------------------------------------------------------------------------------------- */

/* How often to do something: COUNT times TEST_SCALE; a tenth of that in sanitizer builds. At least 1. */
size_t test_scale(size_t count);

/* How many coroutines may be alive at once: COUNT times TEST_SCALE, but no more than 10,000 under AddressSanitizer and
 * 2,000 under ThreadSanitizer, which keep much for each. At least 1. */
size_t test_crowd(size_t count);

/* A seeded generator: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). One per
 * coroutine; equal seeds and streams give equal numbers. The seed is printed when a check fails. */
struct test_random {
	uint64_t state;
};
struct test_random test_random_stream(uint64_t stream);
uint64_t test_random_next(struct test_random *random);
uint64_t test_random_below(struct test_random *random, uint64_t limit);

/* TEST_SEED, or a number drawn once per process. */
uint64_t test_seed(void);

/* ---- what a run leaves behind ------------------------------------------------------------------------------------ */

/* The number of entries of a /proc folder ("/proc/self/fd"), or of lines of a /proc file ("/proc/self/maps"). */
size_t test_count_entries(const char *folder);
size_t test_count_lines(const char *file);

/* How many pages of address space the process has, and of memory. */
size_t test_mapped_pages(void);
size_t test_resident_pages(void);

#endif
