/* SPDX-License-Identifier: MIT
 *
 * test_runtime_examples.c - what the example programs on the runtime print, and how they end: on one P and on four.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/child.h"
#include "tests/lib/co_test.h"

static struct test_child child;

/* Runs the example NAME, which lies beside this program's folder, and expects it to exit with CODE. */
static void run_example(const char *name, int code)
{
	char path[PATH_MAX];
	char folder[PATH_MAX - 100];
	const ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	assert_true(length > 0);
	folder[length] = '\0';
	*strrchr(folder, '/') = '\0';
	snprintf(path, sizeof(path), "%s/../examples/%s", folder, name);
	test_child_exec(&child, path);
	test_child_exited(&child, code);
}

/* Takes the line TEXT out of the output; fails where it is not in it. For lines whose order is open. */
static void take_line(const char *text)
{
	char line[200];
	char *at;

	snprintf(line, sizeof(line), "%s\n", text);
	at = strstr(child.output, line);
	if (at == NULL)
		fail_msg("not printed: %s", text);
	else
		memmove(at, at + strlen(line), strlen(at + strlen(line)) + 1);
}

static void hello(void **state)
{
	(void)state;
	run_example("co_hello", 0);
	take_line("hello from main");
	assert_string_equal(child.output, "hello\n");
}

static void hello_too_late(void **state)
{
	(void)state;
	run_example("co_hello_too_late", 0);
	assert_string_equal(child.output, "hello from main\n");
}

static void unbuffered_deadlock(void **state)
{
	(void)state;
	run_example("co_unbuffered_deadlock", 2);
	assert_string_equal(child.output, "");
	test_child_said(&child, "fatal error: all goroutines are asleep - deadlock!\n");
	test_child_said(&child, "goroutine 1 [chan send]:");
}

static void unbuffered(void **state)
{
	(void)state;
	run_example("co_unbuffered", 0);
	assert_string_equal(child.output, "received 10\nsent\n");
}

static void buffered(void **state)
{
	(void)state;
	run_example("co_buffered", 0);
	assert_string_equal(child.output, "sent, 1 of 1 in it\nanother: would block\n");
}

static void range(void **state)
{
	(void)state;
	run_example("co_range", 0);
	assert_string_equal(
		child.output, "1\n2\n0, closed and drained\nsend on closed channel\nclose of closed channel\n");
}

static void close_texts(void **state)
{
	(void)state;
	run_example("co_close", 0);
	assert_string_equal(child.output, "you\nnothing, false\n");
}

static void producer_consumer(void **state)
{
	(void)state;
	run_example("co_producer_consumer", 0);
	assert_string_equal(child.output, "25\n");
}

static void word_count(void **state)
{
	(void)state;
	run_example("co_word_count", 0);
	assert_string_equal(
		child.output, "with the mutex: 10000 words\nwith an atomic: 10000 words\nwithout: words are lost\n");
}

static void egg_tarts(void **state)
{
	(void)state;
	run_example("co_egg_tarts", 0);
	take_line("let us bake egg tarts");
	take_line("off to buy oil");
	take_line("off to buy eggs");
	take_line("off to buy small eggs");
	take_line("no oil: power cut");
	take_line("no eggs: power cut");
	take_line("no small eggs: power cut");
	assert_string_equal(child.output, "all are home\n");
}

static void deploy_timeout(void **state)
{
	(void)state;
	run_example("co_deploy_timeout", 0);
	take_line("deploying");
	take_line("time is up");
	assert_string_equal(child.output, "deployment: context deadline exceeded\n");
}

static void nested_values(void **state)
{
	(void)state;
	run_example("co_nested_values", 0);
	assert_string_equal(child.output, "outer, 1: purse\nouter, 2: nothing\nouter, 3: nothing\nouter, 4: nothing\n"
					  "inner, 1: purse\ninner, 2: second purse\ninner, 3: third purse\n"
					  "inner, 4: nothing\n");
}

static void television(void **state)
{
	(void)state;
	run_example("co_television", 0);
	take_line("television: long enough, context deadline exceeded");
	take_line("game: long enough, context deadline exceeded");
	assert_string_equal(child.output, "good night\n");
}

static void select_odd(void **state)
{
	(void)state;
	run_example("co_select_odd", 0);
	assert_string_equal(child.output, "1\n3\n5\n7\n9\n");
}

static void ten_waitgroup(void **state)
{
	char line[20];

	(void)state;
	run_example("co_ten_waitgroup", 0);
	for (int i = 0; i < 10; i++) {
		snprintf(line, sizeof(line), "hello %d", i);
		take_line(line);
	}
	assert_string_equal(child.output, "all have greeted\n");
}

static void singleton(void **state)
{
	(void)state;
	run_example("co_singleton", 0);
	assert_string_equal(child.output, "made\n10 have the same\n");
}

static void factory_store(void **state)
{
	(void)state;
	run_example("co_factory_store", 0);
	assert_string_equal(child.output, "producers waited, consumers waited\nnever too full, never less than empty\n"
					  "0 left\n");
}

static void map_writers(void **state)
{
	char line[20];

	(void)state;
	run_example("co_map_writers", 0);
	for (int i = 0; i < 20; i++) {
		snprintf(line, sizeof(line), "k=%d, v=%d", i, i);
		take_line(line);
	}
	assert_string_equal(child.output, "20 keys\n");
}

static void one_way(void **state)
{
	(void)state;
	run_example("co_one_way", 0);
	assert_string_equal(child.output, "10\n25\n");
}

static void slow_server(void **state)
{
	(void)state;
	run_example("co_slow_server", 0);
	assert_string_equal(child.output, "call given up: context deadline exceeded\ncall succeeded: quick response\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello),
		cmocka_unit_test(hello_too_late),
		cmocka_unit_test(unbuffered_deadlock),
		cmocka_unit_test(unbuffered),
		cmocka_unit_test(buffered),
		cmocka_unit_test(range),
		cmocka_unit_test(close_texts),
		cmocka_unit_test(producer_consumer),
		cmocka_unit_test(word_count),
		cmocka_unit_test(egg_tarts),
		cmocka_unit_test(deploy_timeout),
		cmocka_unit_test(nested_values),
		cmocka_unit_test(television),
		cmocka_unit_test(select_odd),
		cmocka_unit_test(ten_waitgroup),
		cmocka_unit_test(singleton),
		cmocka_unit_test(factory_store),
		cmocka_unit_test(map_writers),
		cmocka_unit_test(one_way),
		cmocka_unit_test(slow_server),
	};

	int failures;

	setenv("EXAMPLE_PROCS", "1", 1);
	failures = cmocka_run_group_tests_name("on one P", tests, NULL, NULL);
	setenv("EXAMPLE_PROCS", "4", 1);
	return failures + cmocka_run_group_tests_name("on four Ps", tests, NULL, NULL);
}
