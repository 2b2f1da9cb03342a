/* SPDX-License-Identifier: MIT
 *
 * co_one_way.c - one-way channels: the producer hands out an end that can only be received from, and a channel that
 * goes both ways is assigned to one that goes one way. The reverse does not compile.
 */
#include "runtime/co_typed.h"
#include "tests/examples/example.h"

CO_CHANNEL(ints, int);

static void send_odd(void *arg)
{
	const ints_sender out = *(ints_sender *)arg;

	for (int i = 0; i < 10; i++)
		if (i % 2 == 1)
			ints_send(NULL, out, i);
	ints_close(out);
}

/* CHANNEL's receiving end; a coroutine of its own sends into it, and closes it. */
static int produce(ints channel, ints_receiver *ret)
{
	static ints_sender out;

	out = ints_to(channel);
	*ret = ints_from(channel);
	return co_go(send_odd, &out);
}

static int consume(ints_receiver in)
{
	int sum = 0;
	int value;

	while (ints_receive(NULL, in, &value) == 0)
		sum += value;
	return sum;
}

static int main_coroutine(void *unused)
{
	ints both;
	ints numbers;
	ints_receiver one_way;
	ints_receiver odd;
	int value = 0;

	(void)unused;
	if (ints_make(1, &both) != 0 || ints_make(2, &numbers) != 0 || produce(numbers, &odd) != 0)
		return 1;
	ints_send(NULL, both, 10);
	one_way = ints_from(both);
	ints_receive(NULL, one_way, &value);
	printf("%d\n", value);
	printf("%d\n", consume(odd));
	ints_free(both);
	ints_free(numbers);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
