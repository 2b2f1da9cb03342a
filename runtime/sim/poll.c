/* SPDX-License-Identifier: MIT
 *
 * poll.c - the poller of a simulation: in place of runtime/poll.c.
 *
 * Edge-triggered as that one: what happens to a descriptor is reported once. In which order, and whether in this poll
 * or in a later one, is drawn. Where nothing is left to be run, polling turns the clock to what happens next.
 *
 * One thread: a record is changed at once, but let go of only outside of reports.
 */
#include "runtime/poll.h"

#include <errno.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "runtime/co.h"
#include "runtime/idle.h"
#include "runtime/local.h"
#include "runtime/sched.h"
#include "runtime/sim/private.h"

enum { LATER_PERCENT = 10 }; /* of reports wait for another poll */

/* What stands behind a registered struct co_poll. */
struct record {
	struct co_poll *poll;
	struct list link; /* in poller.records */
	unsigned pending; /* to be reported */
	bool is_system;
	bool wants_write;
	bool asked_removal;
};

static struct {
	struct list records;
	unsigned removals; /* that were asked for */
	uint64_t polls;
} poller = {.records = {&poller.records, &poller.records}};

/* ---- what there is to report ----------------------------------------------------------------- */

void sim_poll_report(int fd, unsigned events)
{
	list_for_each (at, &poller.records) {
		struct record *record = container_of(at, struct record, link);

		if (record->poll->fd != fd || record->asked_removal)
			continue;
		if (!record->wants_write)
			events &= ~(unsigned)CO_POLL_WRITE;
		record->pending |= events;
	}
}

static bool has_pending(void)
{
	list_for_each (at, &poller.records)
		if (container_of(at, struct record, link)->pending != 0)
			return true;
	return false;
}

/* Reports what RECORD has pending. */
static void report(struct record *record)
{
	unsigned events = record->pending;

	record->pending = 0;
	if ((events & CO_POLL_WRITE) != 0)
		record->wants_write = false;
	sim_trace("poll %d %u", record->poll->fd, events);
	co_idle_leave(co_m_self());
	record->poll->on_events(record->poll, events);
}

/* The record with pending reports that is NTH, from 0. */
static struct record *nth_pending(uint64_t nth)
{
	list_for_each (at, &poller.records) {
		struct record *record = container_of(at, struct record, link);

		if (record->pending != 0 && nth-- == 0)
			return record;
	}
	return NULL;
}

static uint64_t count_pending(void)
{
	uint64_t count = 0;

	list_for_each (at, &poller.records)
		count += container_of(at, struct record, link)->pending != 0;
	return count;
}

static void report_all(void)
{
	uint64_t count = count_pending();

	while (count > 0 && !sim_has_failed()) {
		report(nth_pending(sim_below(count)));
		count = count_pending();
		if (count > 0 && sim_percent(LATER_PERCENT))
			break;
	}
}

/* ---- registering ----------------------------------------------------------------------------- */

int co_poll_add(struct co_poll *poll, bool system)
{
	struct record *record = memory_zalloc(sizeof(*record));

	if (record == NULL)
		return CO_ENOMEM;
	record->poll = poll;
	record->is_system = system;
	record->pending = sim_network_events(poll->fd) & ~(unsigned)CO_POLL_WRITE;
	poll->private = record;
	list_add_tail(&poller.records, &record->link);
	if (!system)
		co_outside_add(1);
	return 0;
}

int co_poller_ask_write(struct co_poll *poll)
{
	struct record *record = poll->private;

	if (record == NULL)
		return CO_EINVAL;
	record->wants_write = true;
	record->pending |= sim_network_events(poll->fd) & CO_POLL_WRITE;
	return 0;
}

int co_poll_want_write(struct co_poll *poll)
{
	return co_poller_ask_write(poll);
}

void co_poll_remove(struct co_poll *poll)
{
	struct record *record = poll->private;

	if (record == NULL || record->asked_removal)
		return;
	record->asked_removal = true;
	record->pending = 0;
	poller.removals++;
}

static void let_go(struct record *record)
{
	struct co_poll *poll = record->poll;

	list_remove(&record->link);
	if (!record->is_system)
		co_outside_add(-1);
	memory_free(record);
	poll->private = NULL;
	if (poll->on_removed != NULL)
		poll->on_removed(poll);
}

/* Of the records to be let go of one; NULL: there is none. */
static struct record *next_removal(void)
{
	list_for_each (at, &poller.records)
		if (container_of(at, struct record, link)->asked_removal)
			return container_of(at, struct record, link);
	return NULL;
}

bool co_poller_carry_out(void)
{
	struct record *record;
	bool any = false;

	while ((record = next_removal()) != NULL) {
		poller.removals--;
		let_go(record);
		any = true;
	}
	return any;
}

bool co_poller_has_changes(void)
{
	return poller.removals > 0;
}

/* ---- polling --------------------------------------------------------------------------------- */

/* Turns the clock to what is next, UNTIL at the latest. */
static void sleep_until(int64_t until)
{
	int64_t next = sim_events_next();

	if (next < until)
		until = next;
	if (until == CO_NEVER) {
		co_dump(STDERR_FILENO);
		sim_fail("nothing is left that could ever happen");
		return;
	}
	sim_clock_advance(until);
}

void co_poller_poll(int64_t until)
{
	poller.polls++;
	(void)co_poller_carry_out();
	(void)sim_events_run();
	if (!has_pending() && until != 0 && !sim_has_failed()) {
		sleep_until(until);
		(void)sim_events_run();
	}
	report_all();
	(void)co_poller_carry_out();
}

void co_poller_wake(void)
{
}

uint64_t co_poller_polls(void)
{
	return poller.polls;
}

int co_poller_open(void)
{
	return 0;
}

void co_poller_close(void)
{
	struct list *link;

	(void)co_poller_carry_out();
	while ((link = list_pop_head(&poller.records)) != NULL) {
		struct record *record = container_of(link, struct record, link);

		record->poll->private = NULL;
		memory_free(record);
	}
}
