/* SPDX-License-Identifier: MIT
 *
 * claimed.h - waits that were claimed under a lock, to be readied after it, in that order.
 */
#ifndef BATON_RUNTIME_CLAIMED_H
#define BATON_RUNTIME_CLAIMED_H

#include "runtime/co.h"

/* How many waits are claimed at most before a lock is let go for a moment. */
enum { CO_CLAIM_STEP = 256 };

/* Zero is empty. */
struct co_claimed {
	struct co_wait *first;
	struct co_wait *last;
};

/* Claims the wait of WAITER with RESULT and adds it. False where another has claimed it. */
static inline bool co_claimed_add(struct co_claimed *claimed, struct co_waiter *waiter, int result)
{
	struct co_wait *wait = waiter->wait;

	if (!co_wait_claim(wait, waiter, result))
		return false;
	wait->next_claimed = NULL;
	if (claimed->last != NULL)
		claimed->last->next_claimed = wait;
	else
		claimed->first = wait;
	claimed->last = wait;
	return true;
}

/* Readies all of them. Without the lock. */
static inline void co_claimed_ready(struct co_claimed *claimed)
{
	while (claimed->first != NULL) {
		struct co_wait *next = claimed->first->next_claimed;

		co_wait_ready(claimed->first);
		claimed->first = next;
	}
	claimed->last = NULL;
}

#endif
