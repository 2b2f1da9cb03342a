/* SPDX-License-Identifier: MIT
 *
 * waitgroup.c - Go's sync.WaitGroup for coroutines.
 *
 * `state` is the counter, shifted by one, and CONTENDED, which is set while anyone waits, and stays set until a wait
 * finds nobody else waiting. While it is set the counter comes to 0 under the lock alone. That begins a new generation,
 * and all waiters of those before go on, however many steps that takes; who waits later belongs to the new one.
 *
 * A wait returns only after the last one that saw CONTENDED has released the lock: so the memory may go then.
 * Lock: group->lock guards all fields but `state`. Waits are readied after it.
 */
#include "base/memory.h"
#include "runtime/claimed.h"
#include "runtime/co.h"
#include "runtime/wait.h"

enum {
	CONTENDED = 1,
	COUNT_SHIFT = 1,
};

struct party {
	struct co_waiter waiter;
	uint64_t generation;
};

static int64_t count_of(unsigned long long state)
{
	return (int64_t)(state >> COUNT_SHIFT);
}

/* True where the oldest waiter is of a generation that is over. The lock is held. */
static bool oldest_may_go(const struct co_waitgroup *group)
{
	struct co_waiter *oldest = co_waitq_first(&group->waiters);

	return oldest != NULL && container_of(oldest, struct party, waiter)->generation < group->generation;
}

/* Lets all waiters go whose generation is over, and releases the lock. */
static void release(struct co_waitgroup *group)
{
	bool more = true;

	while (more) {
		struct co_claimed claimed = {NULL, NULL};

		for (int i = 0; i < CO_CLAIM_STEP && oldest_may_go(group); i++)
			(void)co_claimed_add(&claimed, co_waitq_pop(&group->waiters), 0);
		more = oldest_may_go(group);
		co_spin_unlock(&group->lock);
		co_claimed_ready(&claimed);
		if (more)
			co_spin_lock(&group->lock);
	}
}

/* Adds DELTA if that is possible: 0 or CO_ENEGATIVE. CO_EWOULDBLOCK, unless IS_LOCKED, where the lock is needed.
 * *RET_ENDED: the counter came to 0 with CONTENDED set. */
static int add(struct co_waitgroup *group, int32_t delta, bool is_locked, bool *ret_ended)
{
	unsigned long long state = atomic_load_explicit(&group->state, memory_order_relaxed);
	int64_t count;

	do {
		count = count_of(state) + delta;
		*ret_ended = count == 0 && delta != 0 && (state & CONTENDED) != 0;
		if (count < 0 || count > INT32_MAX)
			return CO_ENEGATIVE;
		if (*ret_ended && !is_locked)
			return CO_EWOULDBLOCK;
	} while (!atomic_compare_exchange_weak_explicit(&group->state, &state,
		(unsigned long long)count << COUNT_SHIFT | (state & CONTENDED), memory_order_acq_rel,
		memory_order_relaxed));
	return 0;
}

int co_waitgroup_add(struct co_waitgroup *group, int32_t delta)
{
	bool ended;
	int r = add(group, delta, false, &ended);

	if (r != CO_EWOULDBLOCK)
		return r;
	co_spin_lock(&group->lock);
	r = add(group, delta, true, &ended);
	if (r == 0 && ended)
		group->generation++;
	release(group);
	return r;
}

int co_waitgroup_done(struct co_waitgroup *group)
{
	return co_waitgroup_add(group, -1);
}

/* Sets CONTENDED if there is something to wait for; else, and if nobody waits, clears it. The lock is held. */
static bool must_wait(struct co_waitgroup *group)
{
	unsigned long long state = atomic_load(&group->state);
	unsigned long long wanted;

	do {
		wanted = state | CONTENDED;
		if (count_of(state) == 0 && co_waitq_first(&group->waiters) == NULL)
			wanted = 0;
	} while (!atomic_compare_exchange_weak(&group->state, &state, wanted));
	return count_of(state) > 0;
}

int co_waitgroup_wait(struct co_context *context, struct co_waitgroup *group)
{
	struct party party;
	struct co_wait wait;
	int r = context != NULL ? co_context_error(context) : 0;

	if (r != 0 || atomic_load_explicit(&group->state, memory_order_acquire) == 0)
		return r;
	co_spin_lock(&group->lock);
	if (!must_wait(group)) {
		co_spin_unlock(&group->lock);
		return 0;
	}
	party.generation = group->generation;
	co_wait_init_under(&wait, "sync.WaitGroup.Wait", context);
	co_waitq_push(&group->waiters, &party.waiter, &wait);
	r = co_wait_park_under(&wait, context, &group->lock);
	if (r != 0) {
		co_spin_lock(&group->lock);
		co_waitq_remove(&group->waiters, &party.waiter);
		co_spin_unlock(&group->lock);
	}
	return r;
}

/* ---- Go -------------------------------------------------------------------------------------- */

struct task {
	struct co_waitgroup *group;
	void (*function)(void *arg);
	void *arg;
};

static void run_task(void *arg)
{
	const struct task task = *(struct task *)arg;

	memory_free(arg);
	task.function(task.arg);
	(void)co_waitgroup_done(task.group);
}

int co_waitgroup_go_from(struct co_waitgroup *group, void (*function)(void *arg), void *arg, const char *site)
{
	struct task *task = memory_alloc(sizeof(*task));
	int r;

	if (task == NULL)
		return CO_ENOMEM;
	*task = (struct task){group, function, arg};
	r = co_waitgroup_add(group, 1);
	if (r != 0)
		goto fail;
	r = co_go_from(run_task, task, site);
	if (r == 0)
		return 0;
	(void)co_waitgroup_done(group);

fail:
	memory_free(task);
	return r;
}
