/* SPDX-License-Identifier: MIT
 *
 * park.pml - park and ready (runtime/wait.c): one coroutine that parks, two that would end its wait.
 *
 * Stands for: co_wait_claim and co_wait_ready (claim_and_ready), switch_away and after_park (the parker),
 * co_make_runnable (run_queue).
 *
 * Checked: the wait has one claimer; the coroutine is put into a run queue at most once, never while it stands on its
 * stack, and goes on in the end; the lock is free then.
 */
#define CLAIMED 1
#define READY 2
#define PARKED 4

byte state;
byte claimers;
byte queued;         /* times it was put into a run queue */
bool on_stack = true;
bool locked = true;  /* the parker's lock, released after it left its stack */
bool went_on;

inline make_runnable()
{
	atomic {
		assert(!on_stack);
		queued++;
		assert(queued == 1);
	}
}

proctype ender()
{
	byte seen;

	!locked || (state & CLAIMED) == 0; /* some claim under the lock, some (a context's end) do not */
	if
	:: (state & CLAIMED) != 0 -> goto done
	:: else
	fi;
	atomic { /* fetch_or */
		seen = state;
		state = state | CLAIMED
	}
	if
	:: (seen & CLAIMED) != 0 -> goto done
	:: else
	fi;
	claimers++;
	if
	:: (state & PARKED) != 0 -> make_runnable()
	:: else ->
		atomic { /* fetch_add */
			seen = state;
			assert((state & READY) == 0);
			state = state + READY
		}
		if
		:: (seen & PARKED) != 0 -> make_runnable()
		:: else
		fi
	fi;
done:	skip
}

proctype parker()
{
	byte seen;

	if
	:: (state & READY) != 0 -> /* it stays */
		locked = false;
		went_on = true
	:: else ->
		on_stack = false;
		locked = false;
		atomic { /* fetch_add */
			seen = state;
			state = state + PARKED
		}
		if
		:: (seen & READY) != 0 -> /* at once, by the same thread */
			assert(queued == 0);
			on_stack = true;
			went_on = true
		:: else ->
			queued == 1;
			on_stack = true;
			went_on = true
		fi
	fi
}

init {
	atomic {
		run parker();
		run ender();
		run ender()
	}
	timeout;
	assert(went_on && !locked && claimers == 1)
}
