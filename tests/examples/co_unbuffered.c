/* SPDX-License-Identifier: MIT
 *
 * co_unbuffered.c - an unbuffered channel with a receiver.
 *
 * Sender and receiver meet: whoever comes first waits for the other, so the channel synchronizes them.
 */
#include "tests/examples/example.h"

static struct co_channel *channel;
static struct co_channel *printed;

static void receive(void *unused)
{
	int value;

	(void)unused;
	co_receive(NULL, channel, &value);
	printf("received %d\n", value);
	co_send(NULL, printed, "");
}

static int main_coroutine(void *unused)
{
	const int ten = 10;

	(void)unused;
	channel = co_channel_new(sizeof(int), 0);
	printed = co_channel_new(1, 0);
	if (channel == NULL || printed == NULL || co_go(receive, NULL) != 0)
		return 1;
	co_send(NULL, channel, &ten);
	co_receive(NULL, printed, NULL);
	printf("sent\n");
	co_channel_free(channel);
	co_channel_free(printed);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
