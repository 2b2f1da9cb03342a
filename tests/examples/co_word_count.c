/* SPDX-License-Identifier: MIT
 *
 * co_word_count.c - a hundred workers add what they counted to one total: with a mutex around it, with an atomic
 * addition, and with neither.
 *
 * Reading the total, counting on and writing it back is no single step: other workers run in between, and what they
 * added is lost. Under the mutex nobody does; the atomic addition is a single step.
 */
#include "runtime/co_atomic.h"
#include "tests/examples/example.h"

#define WORKERS 100
#define WORDS_EACH 100

static struct co_waitgroup workers;
static struct co_mutex mutex;
static co_int32 total;

static void add_words(void)
{
	const int32_t before = co_int32_load(&total);

	co_yield(); /* others run */
	co_int32_store(&total, before + WORDS_EACH);
}

static void count_alone(void *unused)
{
	(void)unused;
	co_mutex_lock(NULL, &mutex);
	add_words();
	co_mutex_unlock(&mutex);
}

static void count_in_one_step(void *unused)
{
	(void)unused;
	co_int32_add(&total, WORDS_EACH);
}

static void count_carelessly(void *unused)
{
	(void)unused;
	add_words();
}

static int count_words(void (*worker)(void *))
{
	co_int32_store(&total, 0);
	for (int i = 0; i < WORKERS; i++)
		if (co_waitgroup_go(&workers, worker, NULL) != 0)
			return -1;
	co_waitgroup_wait(NULL, &workers);
	return co_int32_load(&total);
}

static int main_coroutine(void *unused)
{
	(void)unused;
	printf("with the mutex: %d words\n", count_words(count_alone));
	printf("with an atomic: %d words\n", count_words(count_in_one_step));
	printf("without: %s\n", count_words(count_carelessly) < WORKERS * WORDS_EACH ? "words are lost" : "lucky");
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
