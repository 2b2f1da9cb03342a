/* SPDX-License-Identifier: MIT
 *
 * co_word_count.c - a hundred workers add what they counted to one total, with a mutex around it and without.
 *
 * Reading the total, counting on and writing it back is no single step: other workers run in between, and what they
 * added is lost. Under the mutex nobody does.
 */
#include <stdio.h>

#include "runtime/co.h"

#define WORKERS 100
#define WORDS_EACH 100

static struct co_channel *done;
static struct co_mutex mutex;
static int total;

static void add_words(void)
{
	const int before = total;

	co_yield();
	total = before + WORDS_EACH;
}

static void count_alone(void *unused)
{
	(void)unused;
	co_mutex_lock(NULL, &mutex);
	add_words();
	co_mutex_unlock(&mutex);
	co_send(NULL, done, "");
}

static void count_carelessly(void *unused)
{
	(void)unused;
	add_words();
	co_send(NULL, done, "");
}

static int count_words(void (*worker)(void *))
{
	total = 0;
	for (int i = 0; i < WORKERS; i++)
		if (co_go(worker, NULL) != 0)
			return -1;
	for (int i = 0; i < WORKERS; i++)
		co_receive(NULL, done, NULL);
	return total;
}

static int main_coroutine(void *unused)
{
	(void)unused;
	done = co_channel_new(1, WORKERS);
	if (done == NULL)
		return 1;
	printf("with the mutex: %d words\n", count_words(count_alone));
	printf("without: %s\n", count_words(count_carelessly) < WORKERS * WORDS_EACH ? "words are lost" : "lucky");
	co_channel_free(done);
	return 0;
}

int main(void)
{
	int status = 1;

	/* One P: that the careless lose words is then certain, and no data race. */
	return co_run(&(struct co_options){.procs = 1}, main_coroutine, NULL, &status) == 0 ? status : 1;
}
