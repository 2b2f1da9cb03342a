/* SPDX-License-Identifier: MIT
 *
 * co_unbuffered_deadlock.c - sending on an unbuffered channel with nobody to receive.
 *
 * A send on an unbuffered channel waits for a receiver. Here there is none and there never will be, which the runtime
 * reports: "fatal error: all goroutines are asleep - deadlock!" and what each waits for. The exit status is 2.
 */
#include "tests/examples/example.h"

static int main_coroutine(void *unused)
{
	static struct co_channel *channel;
	const int ten = 10;

	(void)unused;
	channel = co_channel_new(sizeof(int), 0);
	if (channel == NULL)
		return 1;
	co_send(NULL, channel, &ten);
	printf("sent\n");
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
