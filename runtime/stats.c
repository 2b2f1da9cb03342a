/* SPDX-License-Identifier: MIT
 *
 * stats.c - the runtime's counters, added up over the Ps.
 */
#include <string.h>

#include "runtime/poll.h"
#include "runtime/sched.h"

static uint64_t read_counter(const atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_acquire);
}

static void count_parked(struct co *coroutine, void *arg)
{
	uint64_t *parked = arg;

	if (atomic_load_explicit(&coroutine->state, memory_order_relaxed) == CO_STATE_PARKED)
		(*parked)++;
}

void co_stats(struct co_stats *ret)
{
	uint64_t ended = 0;

	memset(ret, 0, sizeof(*ret));
	ret->spawned = read_counter(&co_runtime.handed_in);
	for (unsigned i = 0; i < co_runtime.proc_count; i++) {
		struct co_p *p = &co_runtime.ps[i];
		uint64_t pages = read_counter(&p->stack_high_pages);

		ret->spawned += read_counter(&p->spawned);
		ended += read_counter(&p->ended);
		ret->switches += read_counter(&p->switches);
		ret->steals += read_counter(&p->steals);
		ret->timers_fired += read_counter(&p->timers.fired);
		ret->stacks_in_use += (uint64_t)atomic_load_explicit(&p->stacks_in_use, memory_order_relaxed);
		if (pages > ret->stack_high_pages)
			ret->stack_high_pages = pages;
	}
	ret->live = ret->spawned - ended;
	ret->polls = co_poller_polls();
	ret->stacks_mapped = co_stacks_mapped();
	co_records_visit(count_parked, &ret->parked);
}

struct tally {
	struct co_parked *rows;
	size_t length;
	size_t used;
};

static void tally_parked(struct co *coroutine, void *arg)
{
	const char *reason = atomic_load_explicit(&coroutine->reason, memory_order_relaxed);
	struct tally *tally = arg;
	size_t row = 0;

	if (atomic_load_explicit(&coroutine->state, memory_order_relaxed) != CO_STATE_PARKED || reason == NULL)
		return;
	while (row < tally->used && strcmp(tally->rows[row].reason, reason) != 0)
		row++;
	if (row == tally->length)
		return;
	if (row == tally->used)
		tally->rows[tally->used++] = (struct co_parked){.reason = reason};
	tally->rows[row].count++;
}

size_t co_parked_by_reason(struct co_parked *ret, size_t length)
{
	struct tally tally = {.rows = ret, .length = length};

	co_records_visit(tally_parked, &tally);
	return tally.used;
}
