/* SPDX-License-Identifier: MIT
 *
 * token.c - the one series of fencing tokens, and the one of deliveries.
 *
 * Locking: series.lock is a leaf: it is taken under objects' locks, and nothing is taken under it.
 */
#include "daemon/objects/token.h"

#include "runtime/co.h"

static struct {
	struct co_spin lock;
	uint64_t next;
	uint64_t limit;
	uint64_t last;
	uint64_t last_delivery;
	bool shut;
} series;

static bool is_available(void)
{
	return !series.shut && series.next < series.limit;
}

void token_set_range(uint64_t next, uint64_t limit)
{
	co_spin_lock(&series.lock);
	if (next > series.next)
		series.next = next;
	if (next > series.last_delivery)
		series.last_delivery = next;
	series.limit = limit;
	co_spin_unlock(&series.lock);
}

void token_raise_limit(uint64_t limit)
{
	co_spin_lock(&series.lock);
	if (limit > series.limit)
		series.limit = limit;
	co_spin_unlock(&series.lock);
}

uint64_t token_remaining(void)
{
	uint64_t remaining;

	co_spin_lock(&series.lock);
	remaining = series.limit > series.next ? series.limit - series.next : 0;
	co_spin_unlock(&series.lock);
	return remaining;
}

uint64_t token_last(void)
{
	uint64_t last;

	co_spin_lock(&series.lock);
	last = series.last;
	co_spin_unlock(&series.lock);
	return last;
}

bool token_is_available(void)
{
	bool available;

	co_spin_lock(&series.lock);
	available = is_available();
	co_spin_unlock(&series.lock);
	return available;
}

bool token_take(uint64_t *ret)
{
	bool available;

	co_spin_lock(&series.lock);
	available = is_available();
	if (available)
		*ret = series.last = series.next++;
	co_spin_unlock(&series.lock);
	return available;
}

uint64_t token_take_delivery(void)
{
	uint64_t number;

	co_spin_lock(&series.lock);
	number = ++series.last_delivery;
	co_spin_unlock(&series.lock);
	return number;
}

void token_set_gate(bool open)
{
	co_spin_lock(&series.lock);
	series.shut = !open;
	co_spin_unlock(&series.lock);
}

void token_reset(void)
{
	co_spin_lock(&series.lock);
	series.next = series.limit = series.last = series.last_delivery = 0;
	series.shut = false;
	co_spin_unlock(&series.lock);
}
