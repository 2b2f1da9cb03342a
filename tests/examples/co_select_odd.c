/* SPDX-License-Identifier: MIT
 *
 * co_select_odd.c - a select that sends and receives on one channel with room for one: each number that it could send
 * it receives the next time, so it prints every other one.
 */
#include "tests/examples/example.h"

static int main_coroutine(void *unused)
{
	struct co_channel *numbers = co_channel_new(sizeof(int), 1);

	(void)unused;
	if (numbers == NULL)
		return 1;
	for (int i = 1; i <= 10; i++) {
		int received;
		struct co_case cases[] = {co_case_receive(numbers, &received), co_case_send(numbers, &i)};

		if (co_select(NULL, cases, 2) == 0)
			printf("%d\n", received);
	}
	co_channel_free(numbers);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
