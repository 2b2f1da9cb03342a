/* SPDX-License-Identifier: MIT
 *
 * test_runtime_parallel.c - coroutines that run at the same time, and those that move between threads; after Go's
 * runtime/proc_test.go, whose names are kept.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "tests/lib/co_stress.h"
#include "tests/lib/sockets.h"

/* ---- as many at once as there are Ps ----------------------------------------------------------------------------- */

#define TURNS 10

static struct {
	atomic_int turn;
	int players;
} round_table;

/* Waits for its turn without parking, TURNS times: it comes only if all the others run, too. */
static void keep_turn(void *number)
{
	const int own = *(const int *)number;

	for (int i = 0; i < TURNS; i++) {
		CHECK_KEEPING_THE_P((sched_yield(), atomic_load(&round_table.turn) == i * round_table.players + own));
		atomic_fetch_add(&round_table.turn, 1);
	}
}

static void play_a_round(size_t players)
{
	struct co_test_group group = {0};

	round_table.players = (int)players;
	atomic_store(&round_table.turn, 0);
	co_test_go_each(&group, players, keep_turn);
	co_test_wait(&group);
	CHECK_EQUAL(atomic_load(&round_table.turn), players * TURNS);
}

static void two_players(void)
{
	for (int round = 0; round < 10; round++)
		play_a_round(2);
}

static void most_players(void)
{
	for (int round = 0; round < 10; round++)
		play_a_round(co_test_procs());
}

/* TestGoroutineParallelism: as many coroutines as there are Ps run at the same time. */
static void goroutine_parallelism(void **state)
{
	(void)state;
	co_test_run(__func__, two_players, &(struct co_options){.procs = 2});
	co_test_run(__func__, most_players, &(struct co_options){.procs = co_test_most_procs()});
}

/* What else goes on: a timer that fires all the time, a descriptor that is waited for, a pair that wakes each other. */
static struct {
	struct co_context *context;
	struct co_channel *channels[2];
	struct co_fd *fd;
} noise;

static void tick(void *unused)
{
	(void)unused;
	while (co_sleep(noise.context, 50 * CO_MICROSECOND) == 0)
		;
}

static void wait_for_bytes(void *unused)
{
	char byte;

	(void)unused;
	while (co_read(noise.context, noise.fd, &byte, 1) == 1)
		;
}

static void pass_to_and_fro(void *number)
{
	const int own = *(const int *)number;

	while (co_receive(noise.context, noise.channels[own], NULL) == 0)
		if (co_send(noise.context, noise.channels[1 - own], "") != 0)
			return;
}

static void players_amid_noise(void)
{
	struct co_test_group group = {0};
	int pair[2];

	CHECK_EQUAL(co_with_cancel(NULL, &noise.context), 0);
	CHECK_EQUAL(sockets_pair(SOCKETS_UNIX, pair), 0);
	CHECK_EQUAL(co_fd_open(pair[0], &noise.fd), 0);
	for (int i = 0; i < 2; i++) {
		noise.channels[i] = co_channel_new(1, 1);
		CHECK(noise.channels[i] != NULL);
	}
	co_test_go(&group, tick, NULL);
	co_test_go(&group, wait_for_bytes, NULL);
	co_test_go_each(&group, 2, pass_to_and_fro);
	CHECK_EQUAL(co_send(NULL, noise.channels[0], ""), 0);
	for (int round = 0; round < 5; round++) {
		CHECK_EQUAL(write(pair[1], "x", 1), 1);
		play_a_round(2);
		play_a_round(co_test_procs() - 1);
	}
	co_cancel(noise.context, NULL);
	co_test_wait(&group);
	co_fd_close(noise.fd);
	close(pair[1]);
	for (int i = 0; i < 2; i++)
		co_channel_free(noise.channels[i]);
	co_context_unref(noise.context);
}

/* TestGoroutineParallelism2: also amid timers, descriptors and others that park all the time. */
static void goroutine_parallelism_2(void **state)
{
	(void)state;
	co_test_run(__func__, players_amid_noise, &(struct co_options){.procs = co_test_most_procs()});
}

/* ---- from thread to thread --------------------------------------------------------------------------------------- */

/* A function of its own, so that no compiler keeps what it returns over a call that parks. */
__attribute__((noinline)) static pthread_t this_thread(void)
{
	__asm__ volatile("");
	return pthread_self();
}

static atomic_size_t moves;

/* Goes on yielding until it has been on another thread a few times: its number and its variables come with it. */
static void wander(void *number)
{
	const uint64_t id = co_id();
	const int64_t limit = co_now() + 2 * CO_SECOND;
	const int own = *(const int *)number;
	size_t seen = 0;

	for (size_t i = 0; seen < 5 && co_now() < limit; i++) {
		const pthread_t before = this_thread();

		if (i % 16 == 0)
			co_sleep(NULL, 20 * CO_MICROSECOND);
		else
			co_yield();
		CHECK_EQUAL(co_id(), id);
		CHECK_EQUAL(*(const int *)number, own);
		seen += pthread_equal(before, this_thread()) == 0;
	}
	atomic_fetch_add(&moves, seen);
}

/* TestGetgThreadSwitch: a coroutine that is on another thread after a park is still itself. */
SEVERAL_PS_TEST(getg_thread_switch)
{
	struct co_test_group group = {0};
	uint64_t id = co_id();

	CHECK(id > 0);
	atomic_store(&moves, 0);
	co_test_go_each(&group, 16, wander);
	co_test_wait(&group);
	CHECK(atomic_load(&moves) > 0);
	CHECK_EQUAL(co_id(), id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goroutine_parallelism),
		cmocka_unit_test(goroutine_parallelism_2),
		cmocka_unit_test(getg_thread_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
