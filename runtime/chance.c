/* SPDX-License-Identifier: MIT
 *
 * chance.c - one generator for all Ps: SplitMix64, whose state only counts up, so that a draw is one atomic addition
 * (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). Seeded from co_random at first use.
 */
#include <stdatomic.h>
#include <stdbool.h>

#include "runtime/co.h"

#define STEP UINT64_C(0x9E3779B97F4A7C15)

static atomic_ullong state;
static atomic_bool is_seeded;

static void seed(void)
{
	uint64_t bits;

	co_random(&bits, sizeof(bits));
	atomic_fetch_add_explicit(&state, bits, memory_order_relaxed);
	atomic_store_explicit(&is_seeded, true, memory_order_relaxed);
}

static uint64_t draw(void)
{
	uint64_t z;

	if (!atomic_load_explicit(&is_seeded, memory_order_relaxed))
		seed();
	z = atomic_fetch_add_explicit(&state, STEP, memory_order_relaxed) + STEP;
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint32_t co_random_below(uint32_t limit)
{
	return (uint32_t)(((draw() >> 32) * limit) >> 32);
}
