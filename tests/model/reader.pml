/* SPDX-License-Identifier: MIT
 *
 * reader.pml - the word that starts and retires a connection's reader (daemon/reader.c): bytes that come while it reads,
 * output that stops and resumes it, and no memory for its coroutine.
 *
 * Stands for: on_events and reader_wake (poller), start, read_on with take_frames and receive, retire, pause_for_output
 * (reader), flush and reader_resume (flusher). That a call that parks passes the role on changes nothing here: the word
 * stays, and one coroutine at a time has the role.
 *
 * Checked: there is never a second reader; when nothing moves any more, all that came was read, and nobody is paused.
 */
#define IDLE 0
#define RUNNING 1
#define AGAIN 2
#define PAUSED 3
#define LIMIT 1 /* of output; half of it is nothing */

byte word = IDLE;
bool drained;       /* the reader's: the last read took all there was */
byte to_come = 3;   /* bytes that the peer will still send */
byte unread;        /* in the socket */
bool reported;      /* the kernel has an edge to report */
byte output;        /* replies that have not left */
bool flush_asked;
byte failures = 1;  /* how often there is no memory for a coroutine */
byte readers;

inline start()
{
	drained = false;
	if
	:: failures > 0 -> failures--; word = PAUSED; flush_asked = true
	:: run reader()
	fi
}

proctype reader()
{
	bool kept;

	atomic { readers++; assert(readers == 1) }
read_on:
	if
	:: output > LIMIT ->
		/* pause_for_output */
		drained = false;
		do
		:: atomic { /* retire */
				kept = word != RUNNING;
				if
				:: !kept -> word = PAUSED; readers--
				:: else
				fi
			}
			if
			:: !kept -> break
			:: else -> word = RUNNING; drained = false
			fi
		od;
		if
		:: output > LIMIT / 2 -> goto gone
		:: else
		fi;
		atomic {
			if
			:: word == PAUSED -> word = RUNNING; readers++; assert(readers == 1)
			:: else -> goto gone
			fi
		}
		goto read_on
	:: else
	fi;
	if
	:: !drained ->
		/* receive: a short read, or one that may have left something */
		if
		:: atomic { unread > 0 -> output = output + unread; unread = 0 }
			drained = true
		:: atomic { unread > 0 -> output++; unread-- }
			drained = false
		:: atomic { unread == 0 -> drained = true }
		fi;
		flush_asked = true; /* for the replies */
		goto read_on
	:: else
	fi;
	/* retire */
	atomic {
		kept = word != RUNNING;
		if
		:: !kept -> word = IDLE; readers--
		:: else
		fi
	}
	if
	:: kept -> word = RUNNING; drained = false; goto read_on
	:: else
	fi;
gone:	skip
}

proctype peer()
{
	do
	:: to_come > 0 ->
		to_come--;
		atomic { unread++; reported = true }
	:: else -> break
	od
}

proctype poller()
{
	byte state;

end_poller:
	do
	:: reported ->
		reported = false;
		do
		:: atomic { word == IDLE -> word = RUNNING }
			start();
			break
		:: atomic { word != IDLE -> state = word }
			if
			:: state != RUNNING -> break
			:: else ->
				atomic {
					if
					:: word == RUNNING -> word = AGAIN; state = AGAIN
					:: else
					fi
				}
				if
				:: state == AGAIN -> break
				:: else
				fi
			fi
		od
	od
}

proctype flusher()
{
end_flusher:
	do
	:: flush_asked ->
		flush_asked = false;
		output = 0;
		if
		:: word == PAUSED ->
			if
			:: output > LIMIT / 2
			:: else ->
				if
				:: atomic { word == PAUSED -> word = RUNNING }
					start()
				:: atomic { word != PAUSED -> skip }
				fi
			fi
		:: else
		fi
	od
}

init {
	atomic {
		run peer();
		run poller();
		run flusher()
	}
	timeout;
	assert(to_come == 0 && unread == 0 && output == 0);
	assert(word == IDLE && readers == 0)
}
