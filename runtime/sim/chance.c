/* SPDX-License-Identifier: MIT
 *
 * chance.c - every choice of a simulation, from its seed: SplitMix64, as runtime/chance.c.
 */
#include "runtime/co.h"
#include "runtime/sim/private.h"

static uint64_t state;

void sim_chance_start(uint64_t seed)
{
	state = seed;
}

uint64_t sim_bits(void)
{
	uint64_t z = (state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint64_t sim_below(uint64_t limit)
{
	return (uint64_t)(((unsigned __int128)sim_bits() * limit) >> 64);
}

bool sim_percent(unsigned percent)
{
	return sim_below(100) < percent;
}

int64_t sim_between(int64_t low, int64_t high)
{
	return high <= low ? low : low + (int64_t)sim_below((uint64_t)(high - low) + 1);
}

void co_random(void *bytes, size_t length)
{
	unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++)
		at[i] = (unsigned char)(sim_bits() >> 32);
}

uint32_t co_random_below(uint32_t limit)
{
	return (uint32_t)sim_below(limit);
}
