/* SPDX-License-Identifier: MIT
 *
 * co_range.c - a closed channel: it takes nothing more, gives what it holds, and then the zero value for ever.
 */
#include "tests/examples/example.h"

static int main_coroutine(void *unused)
{
	struct co_channel *channel = co_channel_new(sizeof(int), 2);
	int value;
	int r;

	(void)unused;
	if (channel == NULL)
		return 1;
	for (value = 1; value <= 2; value++)
		co_send(NULL, channel, &value);
	co_channel_close(channel);
	while (co_receive(NULL, channel, &value) == 0)
		printf("%d\n", value);
	r = co_receive(NULL, channel, &value);
	printf("%d, %s\n", value, r == 0 ? "received" : "closed and drained");
	printf("%s\n", co_strerror(co_send(NULL, channel, &value)));
	printf("%s\n", co_strerror(co_channel_close(channel)));
	co_channel_free(channel);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
