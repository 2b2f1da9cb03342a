/* SPDX-License-Identifier: MIT
 *
 * clock.c - clocks that turn when the simulation says so, and what is planned for a time.
 */
#include <unistd.h>

#include "runtime/co.h"
#include "runtime/sim/private.h"

#define START_NS (1000 * CO_SECOND)                     /* of CLOCK_MONOTONIC; 0 would hide errors */
#define BOOT_AHEAD_NS (77 * CO_SECOND)                  /* the machine has slept before */
#define WALL_AHEAD_NS (INT64_C(1700000000) * CO_SECOND) /* November 2023 */
#define TIME_LIMIT_NS (3600 * CO_SECOND)

static struct {
	int64_t now;
	int64_t limit;
	int64_t boot_ahead;
	int64_t wall_ahead;
	int64_t stalled;
	struct list planned; /* in the order in which it happens */
} turned;

/* ---- the clocks ------------------------------------------------------------------------------ */

void sim_clock_start(int64_t time_limit_ns)
{
	turned.now = START_NS;
	turned.limit = START_NS + (time_limit_ns > 0 ? time_limit_ns : TIME_LIMIT_NS);
	turned.boot_ahead = BOOT_AHEAD_NS;
	turned.wall_ahead = WALL_AHEAD_NS;
	list_init(&turned.planned);
}

int64_t sim_now(void)
{
	return turned.now;
}

void sim_clock_advance(int64_t time)
{
	if (time <= turned.now)
		return;
	turned.now = time;
	if (turned.now > turned.limit && !sim_has_failed()) {
		co_dump(STDERR_FILENO);
		sim_fail("the run has come to its limit of time");
	}
}

int64_t co_now(void)
{
	return turned.now;
}

int64_t co_boottime(void)
{
	return turned.now + turned.boot_ahead;
}

int64_t co_realtime(void)
{
	return turned.now + turned.wall_ahead;
}

void sim_stall_process(int64_t ns)
{
	sim_trace("stall %lld", (long long)ns);
	turned.stalled += ns;
	sim_clock_advance(turned.now + ns);
}

int64_t sim_process_time(void)
{
	return turned.now - turned.stalled;
}

void sim_suspend(int64_t ns)
{
	sim_trace("suspend %lld", (long long)ns);
	turned.boot_ahead += ns;
	turned.wall_ahead += ns;
}

void sim_set_wall_clock(int64_t by_ns)
{
	sim_trace("wall clock %lld", (long long)by_ns);
	turned.wall_ahead += by_ns;
}

/* ---- what is planned ------------------------------------------------------------------------- */

void sim_event_init(struct sim_event *event, void (*happens)(struct sim_event *event))
{
	list_init(&event->link);
	event->happens = happens;
}

void sim_event_plan(struct sim_event *event, int64_t when)
{
	struct list *before = turned.planned.prev;

	while (before != &turned.planned && container_of(before, struct sim_event, link)->when > when)
		before = before->prev;
	event->when = when;
	list_add_head(before, &event->link); /* as if BEFORE were the list */
}

void sim_event_drop(struct sim_event *event)
{
	list_remove(&event->link);
}

int64_t sim_events_next(void)
{
	if (list_is_empty(&turned.planned))
		return CO_NEVER;
	return container_of(turned.planned.next, struct sim_event, link)->when;
}

bool sim_events_run(void)
{
	bool any = false;

	while (sim_events_next() <= turned.now) {
		struct sim_event *event = container_of(list_pop_head(&turned.planned), struct sim_event, link);

		event->happens(event);
		any = true;
	}
	return any;
}
