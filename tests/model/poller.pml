/* SPDX-License-Identifier: MIT
 *
 * poller.pml - the one poller (runtime/idle.c, poll.c, timer.c): three Ms that go to sleep and are woken, and that start
 * and stop a timer and ask for a change while they run.
 *
 * Stands for: co_poller_take, co_poller_release, co_poller_wake, go_to_sleep, sleep_in_poller with announce_sleep,
 * sleep_on_futex, co_timer_arm (start_timer), change, co_poller_poll and co_poller_carry_out, whose on_removed makes a
 * coroutine runnable. A time is a number; a sleep until it ends when nothing else can happen, as time passes.
 *
 * Checked: one M at most has the poller; when nothing moves any more, one M sleeps in it, has carried out what was asked
 * for and run what that made runnable, and sleeps no longer than until the first timer.
 */
#define MS 3
#define NEVER 9

bool polling;  /* the token */
bool sleeping; /* its holder may be in the kernel */
bool written;  /* the eventfd */
byte sleeps_until = NEVER;
byte next[MS] = NEVER; /* the first timer of each P; the last has none */
byte changes;
bool queued[MS]; /* a coroutine that a removal made runnable, on the P of who carried it out */
byte holders;
byte asleep;
byte asks_left = 1;
byte stops_left = 1; /* timers that are stopped: the sleep was announced for them all the same */
byte runs_left = 1; /* how often an M that sleeps on its futex is woken */

inline wake_poller()
{
	if
	:: sleeping ->
		atomic {
			if
			:: sleeping -> sleeping = false; written = true
			:: else
			fi
		}
	:: else
	fi
}

inline carry_out()
{
	atomic {
		if
		:: changes > 0 -> changes = 0; queued[me] = true
		:: else
		fi
	}
}

inline earliest(time)
{
	time = next[0];
	if
	:: next[1] < time -> time = next[1]
	:: else
	fi
}

proctype machine(byte me)
{
	bool polls;
	byte until;
	byte again;

running:
	queued[me] = false;
	/* a coroutine: starts or stops a timer, asks for a change, polls without sleeping, or nothing */
	if
	:: me < MS - 1 && next[me] == NEVER ->
		next[me] = 3 + me;
		if
		:: sleeping ->
			if
			:: next[me] < sleeps_until -> wake_poller()
			:: else
			fi
		:: else
		fi
	:: atomic { stops_left > 0 && next[me] != NEVER -> stops_left--; next[me] = NEVER }
	:: atomic { asks_left > 0 -> asks_left--; changes++ }
		wake_poller()
	:: atomic { !polling -> polling = true; holders++; assert(holders == 1) }
		carry_out();
		atomic { holders--; polling = false }
		if
		:: queued[me] -> goto running
		:: else
		fi
	:: true
	fi;
	/* do_chores */
	if
	:: changes > 0 ->
		if
		:: atomic { !polling -> polling = true; holders++; assert(holders == 1) }
			carry_out();
			atomic { holders--; polling = false }
			goto running
		:: atomic { polling -> skip }
		fi
	:: else
	fi;
	/* go_to_sleep */
	atomic {
		polls = !polling;
		if
		:: polls -> polling = true; holders++; assert(holders == 1)
		:: else
		fi
	}
	if
	:: polls ->
		sleeping = true;
		earliest(again);
		do
		:: until = again;
			sleeps_until = until;
			earliest(again);
			if
			:: again < until
			:: else -> break
			fi
		od;
		atomic { until = 0; again = 0 }
		carry_out(); /* co_poller_poll */
		if
		:: !queued[me] ->
			asleep++;
end_poller:		written;
			atomic { written = false; asleep-- }
		:: else
		fi;
		sleeping = false;
		carry_out();
		atomic { holders--; polling = false }
		goto running
	:: else ->
		if
		:: next[me] < sleeps_until -> wake_poller()
		:: else
		fi;
end_futex:	atomic { runs_left > 0 -> runs_left-- }
		goto running
	fi
}

init {
	atomic {
		run machine(0);
		run machine(1);
		run machine(2)
	}
	timeout;
	assert(holders == 1 && asleep == 1);
	assert(changes == 0);
	assert(!queued[0] && !queued[1] && !queued[2]);
	assert(sleeps_until <= next[0] && sleeps_until <= next[1] && sleeps_until <= next[2])
}
