/* SPDX-License-Identifier: MIT
 *
 * locks.c - mutex, RWMutex, condition variable, map and once.
 */
#include "tests/bench/runtime/bench.h"

enum {
	CROWD = 8,
	KEYS = 1024,
};

static struct co_mutex mutex;
static struct co_rwmutex rwmutex;
static struct co_map *map;
static struct co_once once;
static volatile int64_t shared;

/* ---- mutex ----------------------------------------------------------------------------------- */

static void lock_alone(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		must(co_mutex_lock(NULL, &mutex), "lock");
		must(co_mutex_unlock(&mutex), "unlock");
	}
}

static void add_under_lock(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		must(co_mutex_lock(NULL, &mutex), "lock");
		shared = shared + 1;
		must(co_mutex_unlock(&mutex), "unlock");
	}
}

static void yield_under_lock(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		must(co_mutex_lock(NULL, &mutex), "lock");
		shared = shared + 1;
		co_yield();
		must(co_mutex_unlock(&mutex), "unlock");
	}
}

static void lock_8(size_t n)
{
	fan_out(CROWD, n, add_under_lock);
}

static void lock_8_yielding(size_t n)
{
	fan_out(CROWD, n, yield_under_lock);
}

/* ---- RWMutex --------------------------------------------------------------------------------- */

static void read_lock_alone(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		must(co_rwmutex_read_lock(NULL, &rwmutex), "read lock");
		must(co_rwmutex_read_unlock(&rwmutex), "read unlock");
	}
}

static void read_lock_8(size_t n)
{
	fan_out(CROWD, n, read_lock_alone);
}

/* ---- condition variable ---------------------------------------------------------------------- */

struct game {
	struct co_mutex mutex;
	struct co_cond cond;
	int turn;
	int players;
	size_t each;
	struct co_waitgroup group;
};

/* Signals the other, and waits for its signal. */
static void play(void *arg)
{
	struct game *game = arg;
	int me;

	must(co_mutex_lock(NULL, &game->mutex), "lock");
	me = game->players++;
	for (size_t i = 0; i < game->each; i++) {
		while (game->turn != me)
			must(co_cond_wait(NULL, &game->cond, &game->mutex), "cond wait");
		game->turn = 1 - me;
		co_cond_signal(&game->cond);
	}
	must(co_mutex_unlock(&game->mutex), "unlock");
	(void)co_waitgroup_done(&game->group);
}

static void cond_hop(size_t n)
{
	struct game game = {.each = n / 2 + 1};

	must(co_waitgroup_add(&game.group, 2), "add");
	must(co_go(play, &game), "go");
	must(co_go(play, &game), "go");
	must(co_waitgroup_wait(NULL, &game.group), "wait");
}

/* ---- map and once ---------------------------------------------------------------------------- */

static void fill_map(void)
{
	map = co_map_new();
	must(map != NULL ? 0 : CO_ENOMEM, "map");
	for (int64_t key = 0; key < KEYS; key++)
		must(co_map_store(map, &key, sizeof(key), &map), "store");
}

static void load(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t key = (int64_t)(i % KEYS);
		void *value;

		must(co_map_load(map, &key, sizeof(key), &value) ? 0 : CO_EINVAL, "load");
	}
}

static void nothing(void *arg)
{
	(void)arg;
}

static void once_done(size_t n)
{
	for (size_t i = 0; i < n; i++)
		must(co_once_do(NULL, &once, nothing, NULL), "once");
}

const struct work lock_works[] = {
	{.name = "mutex", .run = lock_alone},
	{.name = "mutex-8", .run = lock_8},
	{.name = "mutex-8-yielding", .run = lock_8_yielding},
	{.name = "read-lock", .run = read_lock_alone},
	{.name = "read-lock-8", .run = read_lock_8},
	{.name = "cond-hop", .run = cond_hop},
	{.name = "map-load", .prepare = fill_map, .run = load},
	{.name = "once", .run = once_done},
	{.name = NULL},
};
