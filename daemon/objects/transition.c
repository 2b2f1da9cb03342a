/* SPDX-License-Identifier: MIT
 *
 * transition.c - numbers transitions and tells those that hang on them.
 *
 * To hang something on transitions: a row in `observers`. It runs with the objects' locks held, so it does no I/O, does
 * not park and takes no object's lock.
 */
#include "daemon/objects/transition.h"

static _Atomic uint64_t last_number;
static _Atomic uint64_t counters[TRANSITION_KIND_COUNT];

static void count(const struct transition *transition, uint64_t number)
{
	(void)number;
	atomic_fetch_add_explicit(&counters[transition->kind], transition->object_count, memory_order_relaxed);
}

static void (*const observers[])(const struct transition *transition, uint64_t number) = {
	count,
};

uint64_t transition_commit(const struct transition *transition)
{
	const uint64_t number = atomic_fetch_add(&last_number, 1) + 1;

	for (size_t i = 0; i < sizeof(observers) / sizeof(observers[0]); i++)
		observers[i](transition, number);
	return number;
}

uint64_t transition_commit_one(enum transition_kind kind, struct object *object)
{
	return transition_commit(&(struct transition){.kind = kind, .object_count = 1, .objects = {object}});
}

uint64_t transition_last(void)
{
	return atomic_load(&last_number);
}

/* Which kinds take a lock, and which give one back. */
static const int locks[TRANSITION_KIND_COUNT] = {
	[TRANSITION_MUTEX_LOCKED] = 1,
	[TRANSITION_MUTEX_UNLOCKED] = -1,
	[TRANSITION_MUTEX_ABANDONED] = -1,
	[TRANSITION_RWMUTEX_LOCKED] = 1,
	[TRANSITION_RWMUTEX_RLOCKED] = 1,
	[TRANSITION_RWMUTEX_UNLOCKED] = -1,
	[TRANSITION_RWMUTEX_ABANDONED] = -1,
	[TRANSITION_SEMAPHORE_ACQUIRED] = 1,
	[TRANSITION_SEMAPHORE_RELEASED] = -1,
	[TRANSITION_SEMAPHORE_LOST] = -1,
};

/* What is left of BEGUN after its ENDED parts; they are read one by one, while others go on. */
static uint64_t still_out(uint64_t begun, uint64_t ended)
{
	return begun > ended ? begun - ended : 0;
}

void transition_counters(struct transition_counters *ret)
{
	const uint64_t *by_kind = ret->by_kind;
	uint64_t taken = 0;
	uint64_t given_back = 0;

	for (int kind = 0; kind < TRANSITION_KIND_COUNT; kind++)
		ret->by_kind[kind] = atomic_load_explicit(&counters[kind], memory_order_relaxed);
	for (int kind = 0; kind < TRANSITION_KIND_COUNT; kind++) {
		taken += locks[kind] > 0 ? by_kind[kind] : 0;
		given_back += locks[kind] < 0 ? by_kind[kind] : 0;
	}
	ret->locks_held = still_out(taken, given_back);
	ret->deliveries = still_out(by_kind[TRANSITION_CHANNEL_DELIVERED],
		by_kind[TRANSITION_CHANNEL_SETTLED] + by_kind[TRANSITION_CHANNEL_RETURNED]);
}
