/* SPDX-License-Identifier: MIT
 *
 * co_buffered.c - a channel with room for one element: the first send does not wait, and a second would.
 */
#include "tests/examples/example.h"

static int main_coroutine(void *unused)
{
	struct co_channel *channel = co_channel_new(sizeof(int), 1);
	const int ten = 10;

	(void)unused;
	if (channel == NULL)
		return 1;
	co_send(NULL, channel, &ten);
	printf("sent, %zu of %zu in it\n", co_channel_length(channel), co_channel_capacity(channel));
	printf("another: %s\n", co_try_send(channel, &ten) == CO_EWOULDBLOCK ? "would block" : "sent");
	co_channel_free(channel);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
