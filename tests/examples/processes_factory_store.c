/* SPDX-License-Identifier: MIT
 *
 * processes_factory_store.c - Go's store with twenty producers and twenty consumers, each a process of its own, over a
 * mutex and two conds of a daemon. What is in the store is memory that they share; they touch it under the mutex alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/clients.h"
#include "tests/lib/daemon_fixture.h"

#define MAX 10
#define WORKERS 20
#define ROUNDS 20

struct store {
	int count;
	int lowest;
	int highest;
	int produced;
	int consumed;
	int waits;
};

static struct store *store;

static void require(int r)
{
	if (r == BATON_OK)
		return;
	fprintf(stderr, "%d %s\n", r, baton_last_error());
	exit(1);
}

static void note_count(int change)
{
	store->count += change;
	store->lowest = store->count < store->lowest ? store->count : store->lowest;
	store->highest = store->count > store->highest ? store->count : store->highest;
}

/* A signal is for one who may have gone away, or find another there first: so in a loop. */
static void produce(baton_client *client)
{
	uint64_t token;

	require(baton_mutex_lock(client, NULL, "store", &token, NULL));
	while (store->count == MAX) {
		store->waits++;
		require(baton_cond_wait(client, NULL, "not-full", "store", &token, -1, NULL));
	}
	note_count(1);
	store->produced++;
	require(baton_cond_signal(client, "not-empty", NULL));
	require(baton_mutex_unlock(client, "store", token));
}

static void consume(baton_client *client)
{
	uint64_t token;

	require(baton_mutex_lock(client, NULL, "store", &token, NULL));
	while (store->count == 0) {
		store->waits++;
		require(baton_cond_wait(client, NULL, "not-empty", "store", &token, -1, NULL));
	}
	note_count(-1);
	store->consumed++;
	require(baton_cond_signal(client, "not-full", NULL));
	require(baton_mutex_unlock(client, "store", token));
}

static pid_t start(const char *address, void (*work)(baton_client *client))
{
	const pid_t pid = fork();
	baton_client *client = NULL;

	if (pid != 0)
		return pid;
	require(baton_open(address, NULL, &client));
	for (int i = 0; i < ROUNDS; i++)
		work(client);
	baton_close(client);
	_exit(0);
}

static void twenty_producers_and_twenty_consumers_share_a_store_of_ten(void **state)
{
	struct daemon_fixture daemon;
	pid_t workers[2 * WORKERS];

	(void)state;
	store = mmap(NULL, sizeof(*store), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(store != MAP_FAILED);
	daemon_fixture_start(&daemon);
	for (int i = 0; i < 2 * WORKERS; i++)
		workers[i] = start(daemon.address, i < WORKERS ? produce : consume);
	for (int i = 0; i < 2 * WORKERS; i++) {
		int status = 0;

		assert_int_equal(waitpid(workers[i], &status, 0), workers[i]);
		assert_int_equal(status, 0);
	}
	printf("%d waits, from %d to %d in the store\n", store->waits, store->lowest, store->highest);
	assert_int_equal(store->produced, WORKERS * ROUNDS);
	assert_int_equal(store->consumed, WORKERS * ROUNDS);
	assert_int_equal(store->count, 0);
	assert_true(store->lowest >= 0 && store->highest <= MAX);
	daemon_fixture_stop(&daemon);
	munmap(store, sizeof(*store));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twenty_producers_and_twenty_consumers_share_a_store_of_ten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
