/* SPDX-License-Identifier: MIT
 *
 * co_egg_tarts.c - cancelling a context: the oven has no power, so all who went shopping for the tarts turn round.
 *
 * Cancelling ends the context and all that are derived from it, and with them every call that waits under one of them.
 */
#include "tests/examples/example.h"

static struct co_channel *home;

/* Each shopper has a reference of its own to the context, and drops it at home. */
static void go_shopping(struct co_context *context, const char *what)
{
	printf("off to buy %s\n", what);
	if (co_sleep(context, 3600 * CO_SECOND) != 0)
		printf("no %s: %s\n", what, co_context_cause(context));
	co_context_unref(context);
	co_send(NULL, home, "");
}

static void buy_oil(void *context)
{
	go_shopping(context, "oil");
}

static void buy_small_eggs(void *context)
{
	go_shopping(context, "small eggs");
}

/* Sends another for the small eggs, under a context derived from its own. */
static void buy_eggs(void *context)
{
	struct co_context *errand;

	if (co_with_cancel(context, &errand) == 0)
		co_go(buy_small_eggs, errand);
	go_shopping(context, "eggs");
}

static int main_coroutine(void *unused)
{
	struct co_context *baking;

	(void)unused;
	home = co_channel_new(1, 0);
	if (home == NULL || co_with_cancel(NULL, &baking) != 0)
		return 1;
	printf("let us bake egg tarts\n");
	if (co_go(buy_oil, co_context_ref(baking)) != 0 || co_go(buy_eggs, co_context_ref(baking)) != 0)
		return 1;
	co_sleep(NULL, 5 * CO_MILLISECOND);
	co_cancel(baking, "power cut");
	for (int i = 0; i < 3; i++)
		co_receive(NULL, home, NULL);
	printf("all are home\n");
	co_context_unref(baking);
	co_channel_free(home);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
