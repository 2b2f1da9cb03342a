/* SPDX-License-Identifier: MIT
 *
 * co_hello.c - starting a coroutine, and waiting for it.
 *
 * The program ends when its main coroutine returns, whatever the others were about to do. So main waits: the WaitGroup
 * counts one that is under way, and the coroutine takes itself off when it is done.
 */
#include "tests/examples/example.h"

static struct co_waitgroup greetings;

static void hello(void *unused)
{
	(void)unused;
	printf("hello\n");
	co_waitgroup_done(&greetings);
}

static int main_coroutine(void *unused)
{
	(void)unused;
	co_waitgroup_add(&greetings, 1);
	if (co_go(hello, NULL) != 0)
		return 1;
	printf("hello from main\n");
	return co_waitgroup_wait(NULL, &greetings);
}

int main(void)
{
	return run_example(main_coroutine);
}
