/* SPDX-License-Identifier: MIT
 *
 * co_map_writers.c - twenty coroutines store into one map at the same time, each under a key of its own, and load it.
 */
#include "tests/examples/example.h"

#define WRITERS 20

static struct co_map *map;
static struct co_waitgroup writers;

static void write_one(void *arg)
{
	const int *number = arg;
	char key[12];
	const size_t length = (size_t)snprintf(key, sizeof(key), "%d", *number);
	void *value;

	if (co_map_store(map, key, length, arg) == 0 && co_map_load(map, key, length, &value))
		printf("k=%s, v=%d\n", key, *(const int *)value);
	co_waitgroup_done(&writers);
}

static int main_coroutine(void *unused)
{
	static int numbers[WRITERS];

	(void)unused;
	map = co_map_new();
	if (map == NULL)
		return 1;
	for (int i = 0; i < WRITERS; i++) {
		numbers[i] = i;
		co_waitgroup_add(&writers, 1);
		if (co_go(write_one, &numbers[i]) != 0)
			return 1;
	}
	co_waitgroup_wait(NULL, &writers);
	printf("%zu keys\n", co_map_length(map));
	co_map_free(map);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
