/* SPDX-License-Identifier: MIT
 *
 * co_singleton.c - an instance that is made when it is first asked for, once, however many ask at the same time.
 */
#include "tests/examples/example.h"

#define ASKERS 10

struct singleton {
	int number;
};

static struct singleton the_only;
static struct singleton *instance;
static struct co_once once;
static struct co_waitgroup askers;
static atomic_int same;

static void make_instance(void *unused)
{
	(void)unused;
	printf("made\n");
	co_sleep(NULL, CO_MILLISECOND); /* the others come meanwhile */
	the_only.number = 42;
	instance = &the_only;
}

static struct singleton *get_instance(void)
{
	co_once_do(NULL, &once, make_instance, NULL);
	return instance;
}

static void ask(void *unused)
{
	(void)unused;
	if (get_instance() == &the_only && get_instance()->number == 42)
		atomic_fetch_add(&same, 1);
	co_waitgroup_done(&askers);
}

static int main_coroutine(void *unused)
{
	(void)unused;
	for (int i = 0; i < ASKERS; i++) {
		co_waitgroup_add(&askers, 1);
		if (co_go(ask, NULL) != 0)
			return 1;
	}
	co_waitgroup_wait(NULL, &askers);
	printf("%d have the same\n", atomic_load(&same));
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
