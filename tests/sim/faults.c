/* SPDX-License-Identifier: MIT
 *
 * faults.c - the faults, a table; each run draws which of them it has, and how often.
 */
#include "tests/sim/faults.h"

#include "runtime/co.h"

#define FAULTS_MAX 400 /* then there is peace: whoever still waits for a lock is to get it */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct {
	faults_victim *victim;
	unsigned kinds; /* a bit per row of the table */
	int64_t pause_ns;
	unsigned descriptor_percent;
	bool is_ending;
	bool has_ended;
	struct co_wait *stopping;
} faults;

static void cut(void)
{
	struct sim_client *client = faults.victim();

	if (client != NULL)
		sim_client_cut(client);
}

static void kill_one(void)
{
	struct sim_client *client = faults.victim();

	if (client != NULL)
		sim_client_kill(client);
}

static void pause_one(void)
{
	struct sim_client *client = faults.victim();

	if (client != NULL)
		sim_client_pause(client, sim_between(0, 4 * CO_SECOND));
}

static void hold(void)
{
	struct sim_client *client = faults.victim();

	if (client != NULL)
		sim_client_hold(client, sim_between(0, 4 * CO_SECOND));
}

/* The way to the daemon is gone without a word: only a session with a ttl finds out. */
static void lose(void)
{
	struct sim_client *client = faults.victim();

	if (client != NULL && sim_client_has_ttl(client))
		sim_client_lose(client);
}

static void stall(void)
{
	sim_stall_process(sim_between(0, 3 * CO_SECOND));
}

static void suspend(void)
{
	sim_suspend(sim_between(0, 10 * CO_SECOND));
}

static void set_wall_clock(void)
{
	sim_set_wall_clock(sim_between(-3600, 3600) * CO_SECOND);
}

static bool has_no_descriptor(void)
{
	return sim_percent(faults.descriptor_percent);
}

static void run_out_of_descriptors(void)
{
	faults.descriptor_percent = (unsigned)sim_below(100);
}

static void (*const table[])(void) = {
	cut, cut, kill_one, pause_one, hold, hold, lose, stall, suspend, set_wall_clock, run_out_of_descriptors};

static void play(void *unused)
{
	(void)unused;
	for (uint64_t left = sim_below(FAULTS_MAX); left > 0 && !faults.is_ending; left--) {
		size_t row = (size_t)sim_below(COUNT(table));

		(void)co_sleep(NULL, sim_between(0, faults.pause_ns));
		if (!faults.is_ending && (faults.kinds >> row & 1) != 0)
			table[row]();
	}
	faults.has_ended = true;
	if (faults.stopping != NULL)
		(void)co_wait_cancel(faults.stopping, 0);
}

void faults_start(faults_victim *victim)
{
	faults.victim = victim;
	faults.kinds = sim_percent(10) ? 0 : (unsigned)sim_bits();
	faults.pause_ns = sim_between(CO_MILLISECOND, CO_SECOND);
	sim_set_descriptor_fault(has_no_descriptor);
	if (co_go(play, NULL) != 0)
		sim_fail("no memory for the faults");
}

void faults_stop(void)
{
	struct co_wait wait;

	faults.is_ending = true;
	if (!faults.has_ended) {
		co_wait_init(&wait, "faults");
		faults.stopping = &wait;
		(void)co_wait_park(&wait, NULL, CO_NEVER, NULL);
	}
	faults.descriptor_percent = 0;
}
