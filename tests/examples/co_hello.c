/* SPDX-License-Identifier: MIT
 *
 * co_hello.c - starting coroutines, and waiting for them.
 *
 * The program ends when its main coroutine returns, whatever the others were about to do. So main waits: here each
 * coroutine says that it is done on a channel, and main receives as often as it has started one.
 */
#include <stdio.h>

#include "runtime/co.h"

static struct co_channel *done;

static void hello(void *arg)
{
	printf("hello %d\n", *(const int *)arg);
	co_send(NULL, done, "");
}

static int main_coroutine(void *unused)
{
	static const int numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

	(void)unused;
	done = co_channel_new(1, 0);
	if (done == NULL)
		return 1;
	for (int i = 0; i < 10; i++)
		if (co_go(hello, (void *)&numbers[i]) != 0)
			return 1;
	printf("hello from main\n");
	for (int i = 0; i < 10; i++)
		co_receive(NULL, done, NULL);
	co_channel_free(done);
	return 0;
}

int main(void)
{
	int status = 1;

	return co_run(NULL, main_coroutine, NULL, &status) == 0 ? status : 1;
}
