/* SPDX-License-Identifier: MIT
 *
 * contexts.c - contexts, and timers that are started and stopped.
 */
#include "tests/bench/runtime/bench.h"

enum {
	BRANCHES = 8,
	NODES = 1 + BRANCHES + BRANCHES * BRANCHES,
};

#define HOUR (3600 * CO_SECOND)

/* A root, 8 children, 8 leaves of each: made, cancelled at the root, dropped. */
static void cancel_tree(size_t n)
{
	struct co_context *nodes[NODES];

	for (size_t i = 0; i < n; i++) {
		must(co_with_cancel(NULL, &nodes[0]), "context");
		for (int k = 1; k < NODES; k++)
			must(co_with_cancel(nodes[(k - 1) / BRANCHES], &nodes[k]), "context");
		co_cancel(nodes[0], NULL);
		for (int k = NODES; k-- > 0;)
			co_context_unref(nodes[k]);
	}
}

static void timeout_and_cancel(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct co_context *context;

		must(co_with_timeout(NULL, HOUR, &context), "context");
		co_cancel(context, NULL);
		co_context_unref(context);
	}
}

static void fired(struct co_timer *timer)
{
	(void)timer;
}

static void start_and_stop(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct co_timer timer = {.fired = fired};

		must(co_timer_start(&timer, co_deadline_after(co_now(), HOUR)), "timer");
		(void)co_timer_stop(&timer);
	}
}

const struct work context_works[] = {
	{.name = "cancel-tree", .run = cancel_tree},
	{.name = "timeout-cancel", .run = timeout_and_cancel},
	{.name = "timer", .run = start_and_stop},
	{.name = NULL},
};
