/* SPDX-License-Identifier: MIT
 *
 * co_ten_waitgroup.c - ten coroutines greet, in any order; a WaitGroup tells main when all have.
 */
#include "tests/examples/example.h"

static struct co_waitgroup greetings;

static void hello(void *arg)
{
	printf("hello %d\n", *(const int *)arg);
	co_waitgroup_done(&greetings);
}

static int main_coroutine(void *unused)
{
	static const int numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

	(void)unused;
	for (int i = 0; i < 10; i++) {
		co_waitgroup_add(&greetings, 1);
		if (co_go(hello, (void *)&numbers[i]) != 0)
			return 1;
	}
	co_waitgroup_wait(NULL, &greetings);
	printf("all have greeted\n");
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
