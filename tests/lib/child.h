/* SPDX-License-Identifier: MIT
 *
 * child.h - tests of what ends a process: its exit status and what it wrote.
 *
 * Call from the main thread, outside of a run, so that the child has one thread and no coroutine of its parent's.
 */
#ifndef BATON_TESTS_LIB_CHILD_H
#define BATON_TESTS_LIB_CHILD_H

#include <stdbool.h>
#include <stddef.h>

/* How a child ended. OUTPUT is what it wrote to standard output, ERRORS to standard error: NUL-terminated, the rest
 * cut off. */
struct test_child {
	int status; /* wait(2)'s */
	char output[16384];
	char errors[65536];
};

/* Forks; the child runs BODY(ARG), flushes stdio and exits with what it returned, unless it ended before. Waits for it,
 * at most 60 s, then it is killed. Fails the cmocka test when there is no child. */
void test_child_run(struct test_child *child, int (*body)(void *arg), void *arg);

/* As test_child_run, for the program PATH without arguments. */
void test_child_exec(struct test_child *child, const char *path);

/* Fail the cmocka test, showing what the child wrote, unless it exited with CODE / was ended by SIGNAL / wrote TEXT to
 * standard error. */
void test_child_exited(const struct test_child *child, int code);
void test_child_signalled(const struct test_child *child, int number);
void test_child_said(const struct test_child *child, const char *text);

#endif
