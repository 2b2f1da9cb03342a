/* SPDX-License-Identifier: MIT
 *
 * co_hello_too_late.c - main returns at once, and the program ends with it.
 *
 * A coroutine that was started has not run yet when co_go() returns. This one never gets to say hello.
 */
#include "tests/examples/example.h"

static void hello(void *unused)
{
	(void)unused;
	co_sleep(NULL, CO_MILLISECOND);
	printf("hello\n");
}

static int main_coroutine(void *unused)
{
	(void)unused;
	if (co_go(hello, NULL) != 0)
		return 1;
	printf("hello from main\n");
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
