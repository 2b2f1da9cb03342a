/* SPDX-License-Identifier: MIT
 *
 * co_factory_store.c - a factory's store with room for ten: producers wait on one condition while it is full, consumers
 * on another while it is empty, each in a loop, and each wakes one of the other side.
 */
#include "tests/examples/example.h"

enum {
	ROOM = 10,
	PRODUCERS = 20,
	CONSUMERS = 20,
	GOODS_EACH = 50,
};

static struct {
	struct co_mutex mutex;
	struct co_cond not_full;
	struct co_cond not_empty;
	int count;
	int most;
	int least;
	int producers_waited;
	int consumers_waited;
} store;

static struct co_waitgroup workers;

static void produce(void)
{
	co_mutex_lock(NULL, &store.mutex);
	while (store.count == ROOM) {
		store.producers_waited++;
		co_cond_wait(NULL, &store.not_full, &store.mutex);
	}
	store.count++;
	if (store.count > store.most)
		store.most = store.count;
	co_cond_signal(&store.not_empty);
	co_mutex_unlock(&store.mutex);
}

static void consume(void)
{
	co_mutex_lock(NULL, &store.mutex);
	while (store.count == 0) {
		store.consumers_waited++;
		co_cond_wait(NULL, &store.not_empty, &store.mutex);
	}
	store.count--;
	if (store.count < store.least)
		store.least = store.count;
	co_cond_signal(&store.not_full);
	co_mutex_unlock(&store.mutex);
}

static void run_producer(void *unused)
{
	(void)unused;
	for (int i = 0; i < GOODS_EACH; i++)
		produce();
	co_waitgroup_done(&workers);
}

static void run_consumer(void *unused)
{
	(void)unused;
	for (int i = 0; i < GOODS_EACH; i++)
		consume();
	co_waitgroup_done(&workers);
}

static int start(void (*worker)(void *), int count)
{
	int r = 0;

	co_waitgroup_add(&workers, count);
	for (int i = 0; i < count && r == 0; i++)
		r = co_go(worker, NULL);
	return r;
}

static int main_coroutine(void *unused)
{
	(void)unused;
	if (start(run_consumer, CONSUMERS) != 0 || start(run_producer, PRODUCERS) != 0)
		return 1;
	co_waitgroup_wait(NULL, &workers);
	printf("producers %s, consumers %s\n", store.producers_waited > 0 ? "waited" : "never waited",
		store.consumers_waited > 0 ? "waited" : "never waited");
	printf("%s, %s\n", store.most <= ROOM ? "never too full" : "too full",
		store.least >= 0 ? "never less than empty" : "less than empty");
	printf("%d left\n", store.count);
	return 0;
}

int main(void)
{
	return run_example(main_coroutine);
}
