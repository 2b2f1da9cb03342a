/* SPDX-License-Identifier: MIT
 *
 * scheduler.pml - work and idle Ms (runtime/idle.c, run_queue.c): three Ms, one of which meets a coroutine that never
 * leaves its P, and a thread that is none of the runtime's.
 *
 * Stands for: co_queue_put and co_queue_put_global (put), co_offer_work, co_idle_wake_one and wake_first (offer),
 * co_queue_any (look_at_all), co_queue_pick, co_queue_steal, co_find_work, search, end_search, go_to_sleep and
 * co_idle_leave (machine). `next` and the monitor are left out: without them too, what is queued must be run while an M
 * is idle. That one M sleeps in the poller, not on a futex, makes no difference here: see poller.pml.
 *
 * A search may miss what there is: what counts is the look at all queues that follows.
 *
 * Checked: when nothing moves any more no coroutine stands in a queue, though one M is kept for ever; all that was put
 * into a queue was run once; the counts are right.
 */
#define MS 3
#define NOBODY 99

byte queue[MS];
byte global;
byte to_start = 1; /* coroutines that running ones, or a thread outside, may still start */
byte to_run;       /* put into queues, and not begun to run */
bool kept;         /* an M runs one that never leaves */

byte idle;
byte searching;
bool listed[MS];
bool woken[MS];

/* co_queue_any: one queue after the other. */
inline look_at_all(at, any)
{
	any = global > 0;
	at = 0;
	do
	:: atomic { !any && at < MS -> any = queue[at] > 0; at++ }
	:: else -> break
	od
}

inline wake_first(m)
{
	atomic {
		if
		:: listed[0] -> m = 0
		:: listed[1] -> m = 1
		:: listed[2] -> m = 2
		:: else -> m = NOBODY
		fi;
		if
		:: m != NOBODY -> listed[m] = false; idle--
		:: else
		fi
	}
	if
	:: m != NOBODY -> woken[m] = true
	:: else
	fi
}

inline offer(m)
{
	if
	:: idle > 0 ->
		if
		:: searching == 0 ->
			do
			:: atomic { searching == 0 -> searching = 1 };
				wake_first(m);
				if
				:: m != NOBODY -> m = 0; break
				:: else -> m = 0
				fi;
				searching--;
				if
				:: idle > 0
				:: else -> break
				fi
			:: atomic { searching > 0 -> break }
			od
		:: else
		fi
	:: else
	fi
}

/* co_queue_steal: half of it, the first to be run. */
inline steal(from)
{
	atomic {
		me != from && queue[from] > 0 ->
		queue[me] = queue[me] + (queue[from] + 1) / 2 - 1;
		queue[from] = queue[from] / 2;
		found = true
	}
}

proctype machine(byte me)
{
	byte other;
	byte victim;
	bool found;
	bool is_searching;

again:
	atomic { found = false; victim = 0; other = 0 }
	/* co_queue_pick */
	atomic {
		if
		:: queue[me] > 0 -> queue[me]--; found = true
		:: else ->
			if
			:: global > 0 -> global--; found = true
			:: else
			fi
		fi
	}
	if
	:: found -> goto have
	:: else
	fi;
	/* search */
	if
	:: !is_searching -> is_searching = true; searching++
	:: else
	fi;
	if
	:: steal(0)
	:: steal(1)
	:: steal(2)
	:: true /* it misses what there is, or there is nothing */
	fi;
	if
	:: found -> goto have
	:: else
	fi;
	/* go_to_sleep */
	woken[me] = false;
	atomic { listed[me] = true; idle++; assert(idle <= MS) }
	if
	:: is_searching -> is_searching = false; searching--
	:: else
	fi;
	look_at_all(victim, found);
	victim = 0;
	if
	:: found -> found = false; goto awake
	:: else
	fi;
end_asleep:
	woken[me];
awake:
	/* co_idle_leave */
	atomic {
		if
		:: listed[me] -> listed[me] = false; idle--
		:: else -> is_searching = true
		fi
	}
	goto again;

have:
	assert(to_run > 0);
	to_run--;
	atomic { victim = 0; found = false }
	/* end_search */
	if
	:: is_searching ->
		atomic {
			is_searching = false;
			searching--;
			other = searching
		}
		if
		:: other == 0 ->
			look_at_all(victim, found);
			victim = 0;
			if
			:: found -> found = false; offer(other)
			:: else
			fi
		:: else
		fi;
		other = 0
	:: else
	fi;
	/* the coroutine runs: it starts others, ends, or keeps its P for ever */
	do
	:: atomic { to_start > 0 -> to_start--; to_run++; queue[me]++ }
		offer(other)
	:: atomic { !kept && to_start == 0 -> kept = true }
end_kept:	false
	:: goto again
	od
}

/* Hands in a coroutine, if the others have left one to start. */
proctype foreign()
{
	byte other;

	if
	:: atomic { to_start > 0 -> to_start--; global++; to_run++ }
		offer(other)
	:: to_start == 0
	fi
}

init {
	atomic {
		queue[0] = 1;
		to_run = 1;
		run machine(0);
		run machine(1);
		run machine(2);
		run foreign()
	}
	timeout;
	assert(global == 0 && queue[0] == 0 && queue[1] == 0 && queue[2] == 0);
	assert(to_run == 0);
	assert(searching == 0);
	assert(idle == MS || (kept && idle == MS - 1))
}
