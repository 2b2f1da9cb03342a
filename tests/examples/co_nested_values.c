/* SPDX-License-Identifier: MIT
 *
 * co_nested_values.c - values in contexts, nested like Russian dolls: each doll sees what it and the dolls around it
 * carry.
 *
 * A value is looked up from the inside to the outside. Keys are addresses: nobody else's can be the same.
 */
#include "tests/examples/example.h"

static const char keys[4];

static void look_into(const char *doll, struct co_context *context)
{
	for (int i = 0; i < 4; i++) {
		const char *value = co_context_value(context, &keys[i]);

		printf("%s, %d: %s\n", doll, i + 1, value != NULL ? value : "nothing");
	}
}

static int main_coroutine(void *unused)
{
	static char purses[3][20] = {"purse", "second purse", "third purse"};
	struct co_context *outer;
	struct co_context *middle;
	struct co_context *inner;

	(void)unused;
	if (co_with_value(NULL, &keys[0], purses[0], &outer) != 0 ||
		co_with_value(outer, &keys[1], purses[1], &middle) != 0 ||
		co_with_value(middle, &keys[2], purses[2], &inner) != 0)
		return 1;
	look_into("outer", outer);
	look_into("inner", inner);
	co_context_unref(inner);
	co_context_unref(middle);
	co_context_unref(outer);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
