/* SPDX-License-Identifier: MIT
 *
 * co_stress.c - what the stress tests of the runtime share.
 */
#include "tests/lib/co_stress.h"

#include <pthread.h>

#include "base/memory.h"

/* ---- numbered workers -------------------------------------------------------------------------------------------- */

static int numbers[5000];
static pthread_once_t numbered = PTHREAD_ONCE_INIT;

static void fill_in(void)
{
	for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
		numbers[i] = i;
}

void co_test_go_each_from(struct co_test_group *group, size_t count, void (*function)(void *number), const char *site)
{
	CHECK(count <= sizeof(numbers) / sizeof(numbers[0]));
	pthread_once(&numbered, fill_in);
	for (size_t i = 0; i < count; i++)
		co_test_go_from(group, function, &numbers[i], site);
}

/* ---- contexts that end at a random moment ------------------------------------------------------------------------ */

struct killer {
	struct co_context *context;
	unsigned yields;
};

static void kill_after_yields(void *arg)
{
	const struct killer killer = *(struct killer *)arg;

	memory_free(arg);
	for (unsigned i = 0; i < killer.yields; i++)
		co_yield();
	co_cancel(killer.context, NULL);
	co_context_unref(killer.context);
}

struct co_context *co_test_doomed(struct test_random *random, struct co_test_group *killers, int64_t longest_ns)
{
	struct co_context *context = NULL;
	struct killer *killer;

	switch (test_random_below(random, 4)) {
	case 0:
		return NULL;
	case 1:
		co_with_timeout(NULL, (int64_t)test_random_below(random, (uint64_t)longest_ns), &context);
		return context;
	default:
		killer = memory_alloc(sizeof(*killer));
		if (killer == NULL || co_with_cancel(NULL, &context) != 0) {
			memory_free(killer);
			return NULL;
		}
		*killer = (struct killer){co_context_ref(context), (unsigned)test_random_below(random, 4)};
		co_test_go(killers, kill_after_yields, killer);
		return context;
	}
}

bool co_test_is_end(int r)
{
	return r == CO_ECANCELED || r == CO_EDEADLINE;
}

void co_test_dawdle(struct test_random *random)
{
	while (test_random_below(random, 3) == 0)
		co_yield();
}
