/* SPDX-License-Identifier: MIT
 *
 * co_television.c - one deadline for all: watching television and playing end at the same moment.
 */
#include "tests/examples/example.h"

#define ROUND (20 * CO_MILLISECOND)

static struct co_channel *ended;

static void enjoy(struct co_context *context, const char *pastime)
{
	int rounds = 0;

	do
		rounds++;
	while (co_sleep(context, ROUND) == 0);
	printf("%s: %s, %s\n", pastime, rounds > 1 ? "long enough" : "hardly begun", co_context_cause(context));
	co_send(NULL, ended, "");
}

static void watch_television(void *context)
{
	enjoy(context, "television");
}

static void play(void *context)
{
	enjoy(context, "game");
}

static int main_coroutine(void *unused)
{
	struct co_context *evening;

	(void)unused;
	ended = co_channel_new(1, 0);
	if (ended == NULL || co_with_deadline(NULL, co_now() + 5 * ROUND, &evening) != 0)
		return 1;
	if (co_go(watch_television, evening) != 0 || co_go(play, evening) != 0)
		return 1;
	for (int i = 0; i < 2; i++)
		co_receive(NULL, ended, NULL);
	printf("good night\n");
	co_context_unref(evening);
	co_channel_free(ended);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
