/* SPDX-License-Identifier: MIT
 *
 * sched.h - processors (P), threads that run them (M), and what all of them share.
 *
 * An M runs its P's loop on the thread's own stack, and switches from there to a coroutine and back. A coroutine that
 * leaves its stack names what is to be done once it has: `after`, called on the thread's own stack.
 *
 * Each P has an M of its own for the whole run: what blocks goes through co_blocking, whose jobs run on threads without
 * a P. So an idle P is a sleeping M.
 *
 * A P's fields are its M's alone but for the run queue, `next`, the timers (which have a lock) and what is atomic.
 */
#ifndef BATON_RUNTIME_SCHED_H
#define BATON_RUNTIME_SCHED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "runtime/co.h"
#include "runtime/coroutine.h"
#include "runtime/fault.h"
#include "runtime/fiber.h"
#include "runtime/run_queue.h"
#include "runtime/stack.h"
#include "runtime/timer.h"

/* The work put off to the end of a round; the owner's P alone touches it. */
struct co_deferred_queue {
	struct co_deferred *first;
	struct co_deferred *last;
	int64_t since;     /* when the first came, ns of the P's clock */
	uint64_t switches; /* the P's switches then */
};

/* What the monitor remembers of a P; the monitor's alone. */
struct co_watch {
	uint64_t switches; /* the P's count when it was seen to change last */
	int64_t since;     /* when that was; 0: the P was idle */
	bool was_reported;
	uint64_t reported_id; /* what its thread said that it runs, at the last dump; 0: nothing */
};

/* Memory of ended contexts, kept for new ones; the owner's P alone touches it. */
struct co_context_cache {
	struct co_context *first;
	size_t count;
};

struct co_p {
	unsigned number;
	bool is_alone;           /* there is no other P, so nobody takes from this one's queue */
	struct co *_Atomic next; /* made ready by the running coroutine: runs before the queue */
	unsigned next_streak;    /* how many in a row ran from `next` */
	unsigned checks_in;      /* switches until the clock is read */
	unsigned check_interval;
	int64_t now; /* the clock as read in this round; 0: not yet. See co_p_now() */
	int64_t last_check;
	int64_t last_poll;
	uint64_t random;  /* state of the generator that chooses victims */
	uint64_t next_id; /* a range of numbers for new coroutines */
	uint64_t end_id;
	struct co_stack_cache stacks;
	struct co_record_cache records;
	struct co_context_cache contexts;
	struct co *stackless_first; /* to be run once there is memory for a stack */
	struct co *stackless_last;
	struct co_deferred_queue deferred;
	struct co_timers timers;
	atomic_ullong switches; /* counters: written by the owner alone */
	atomic_ullong spawned;
	atomic_ullong ended;
	atomic_ullong steals;
	atomic_ullong stack_high_pages;
	atomic_long stacks_in_use;
	atomic_bool is_idle; /* its M sleeps, or is about to */
	struct co_watch watch;
	struct co_run_queue queue;
};

/* Where a coroutine that parks has left what is to be done after its switch. */
struct co_parking {
	struct co_wait *wait;
	struct co_spin *unlock;
	void (*commit)(void *arg);
	void *commit_arg;
	bool wake_poller; /* its deadline is earlier than the end of the sleep in the poller */
};

struct co_m {
	struct co_p *p;
	struct co *current; /* NULL while the thread's own stack runs */
	/* What to do now that COROUTINE has left its stack; true: go on with it at once. */
	bool (*after)(struct co_m *m, struct co *coroutine);
	struct co_parking parking;
	void (*call)(void *arg); /* for co_on_thread_stack */
	void *call_arg;
	struct co_fiber fiber;
	bool is_searching;     /* looks for work, and is counted in co_runtime.searching */
	bool is_asleep;        /* has declared itself idle; see idle.c */
	bool polls;            /* it sleeps in the poller */
	struct list idle_link; /* under the lock of idle.c */
	atomic_uint woken;     /* the futex that it sleeps on */
	pthread_t thread;
	struct co_signal_stack signal_stack;
};

struct co_runtime {
	struct co_p *ps;
	struct co_m *ms;     /* one for each P */
	unsigned proc_count; /* 0 between runs */
	bool is_alone;       /* there is one P */
	unsigned cpus;       /* that the process may use */
	uint32_t run_number;
	size_t stack_bytes;
	void (*fatal)(void);
	bool survives_quit; /* SIGQUIT's report is not the end */
	int (*main)(void *arg);
	void *main_arg;
	int main_status;
	int error;                  /* why the run ended without main's return, 0 if it did not */
	atomic_bool stopping;       /* main has returned */
	atomic_bool signal_waiting; /* a coroutine is in co_signal_wait */
	atomic_bool polling;        /* an M has the poller: the token */
	atomic_bool sleeping;       /* the M that has it may be blocked in the kernel */
	_Atomic int64_t sleeps_until;
	atomic_uint idle;      /* Ms that are declared idle and that nobody has woken yet */
	atomic_uint searching; /* Ms that look for work */
	atomic_long stackless; /* coroutines that wait for memory for a stack */
	atomic_long outside;   /* what might wake the program from outside: jobs, waits for descriptors, descriptors */
	atomic_ullong next_id;
	struct co_spin lock;
	bool is_open;            /* under lock: other threads may hand in coroutines */
	unsigned handing_in;     /* under lock: threads that are about it */
	atomic_ullong handed_in; /* coroutines that came so */
	struct co *global_first; /* under lock */
	struct co *global_last;
	atomic_size_t global_count; /* written under lock */
};

extern struct co_runtime co_runtime;

/* Prepares P; it owns nothing yet. */
void co_p_init(struct co_p *p, unsigned number);

/* The loop of M: runs coroutines until the run is stopping. */
void co_m_run(struct co_m *m);

/* Lets the oldest coroutine of P that waits for memory for a stack try again. */
void co_retry_stackless(struct co_p *p);

/* Ends the loops of all Ms, as soon as the coroutine that each runs leaves its stack. From any thread. */
void co_stop(void);

/* A new coroutine, ready and not in any queue; P may be NULL on a thread that is none. NULL: no memory. */
struct co *co_spawn(struct co_p *p, void (*function)(void *arg), void *arg, const char *site);

/* Leaves the running coroutine's stack; AFTER is called on the thread's own. Returns when it is run again. */
static inline void co_leave(struct co_m *m, bool (*after)(struct co_m *m, struct co *coroutine))
{
	m->after = after;
	co_fiber_switch(&m->current->fiber, &m->fiber, false);
}

/* Counts what might wake the program from outside, for the deadlock report. */
static inline void co_outside_add(long n)
{
	atomic_fetch_add_explicit(&co_runtime.outside, n, memory_order_relaxed);
}

/* Calls the work that was put off on P. True if there was any. */
bool co_deferred_run(struct co_p *p);

/* Forgets it. */
void co_deferred_drop(struct co_p *p);

/* The clock, read at most once per round. */
static inline int64_t co_p_now(struct co_p *p)
{
	if (p->now == 0)
		p->now = co_now();
	return p->now;
}

static inline void co_count(atomic_ullong *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_release);
}

#endif
