/* SPDX-License-Identifier: MIT
 *
 * co_producer_consumer.c - a producer sends the odd numbers below ten and closes the channel; the consumer adds up what
 * it receives until then.
 */
#include "tests/examples/example.h"

static void produce(void *arg)
{
	struct co_channel *numbers = arg;

	for (int i = 0; i < 10; i++)
		if (i % 2 == 1)
			co_send(NULL, numbers, &i);
	co_channel_close(numbers);
}

static int consume(struct co_channel *numbers)
{
	int sum = 0;
	int value;

	while (co_receive(NULL, numbers, &value) == 0)
		sum += value;
	return sum;
}

static int main_coroutine(void *unused)
{
	struct co_channel *numbers = co_channel_new(sizeof(int), 2);

	(void)unused;
	if (numbers == NULL || co_go(produce, numbers) != 0)
		return 1;
	printf("%d\n", consume(numbers));
	co_channel_free(numbers);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
