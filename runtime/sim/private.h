/* SPDX-License-Identifier: MIT
 *
 * private.h - what the files of the simulation share.
 */
#ifndef BATON_RUNTIME_SIM_PRIVATE_H
#define BATON_RUNTIME_SIM_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "runtime/sim/sim.h"

/* Something that is to happen at a time, in the owner's memory; HAPPENS runs on the thread's own stack, the event is
 * then in no list. Zeroed memory plus `happens`, and sim_event_init, is an event that is not planned. */
struct sim_event {
	struct list link;
	int64_t when;
	void (*happens)(struct sim_event *event);
};

void sim_event_init(struct sim_event *event, void (*happens)(struct sim_event *event));

/* Plans it, once, behind what is planned for the same time. */
void sim_event_plan(struct sim_event *event, int64_t when);
void sim_event_drop(struct sim_event *event);

/* When the first is due; CO_NEVER. */
int64_t sim_events_next(void);

/* Makes happen what is due. True if anything was. */
bool sim_events_run(void);

/* The clock. sim_clock_advance moves it to TIME if that is later. */
int64_t sim_now(void);
void sim_clock_advance(int64_t time);
void sim_clock_start(int64_t time_limit_ns);

void sim_chance_start(uint64_t seed);
void sim_trace_start(FILE *file);

/* Something happened to FD: EVENTS, as on_events takes them, are to be reported to who has registered it. */
void sim_poll_report(int fd, unsigned events);

/* What there is to be reported on FD as it is registered. */
unsigned sim_network_events(int fd);

/* Lets the coroutine that waits for a signal know. */
bool sim_has_failed(void);

#endif
