/* SPDX-License-Identifier: MIT
 *
 * chaos.c - what a worker of test_chaos.c does, and what it checks while it does it.
 */
#include "tests/lib/chaos.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clientlib/clock.h"

#define MS INT64_C(1000000)
#define STAY_US 300
#define PATIENCE_MS 400

void chaos_wrong(struct chaos *chaos, const char *format, ...)
{
	char text[sizeof(chaos->first_wrong)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (atomic_fetch_add(&chaos->wrong, 1) == 0)
		memcpy(chaos->first_wrong, text, sizeof(text));
}

/* A context for one call; the caller's to give back. */
static baton_context *limited(struct worker *worker)
{
	baton_context *context;

	if (baton_with_timeout(NULL, (int64_t)test_random_below(&worker->random, PATIENCE_MS) * MS, &context) !=
		BATON_OK)
		chaos_wrong(worker->chaos, "no memory for a context");
	return context;
}

/* ---- locks ------------------------------------------------------------------------------------------------------- */

/* Whether what WORKER holds is certainly still held. Asked after what it would contradict was read: a worker may be
 * stopped between any two instructions, for longer than its session lives. */
static bool is_safe(const struct worker *worker)
{
	return clock_boottime() < baton_guaranteed_until(worker->client);
}

/* Fails if somebody is in SECTION beside the hold of TOKEN, who may be there. */
static void check_empty(struct worker *worker, const struct chaos_section *section, const char *what, uint64_t token)
{
	const uint64_t other = atomic_load(&section->token);
	const int64_t until = atomic_load(&section->guaranteed_until);

	if (other == 0 || until <= clock_boottime() || atomic_load(&section->token) != other || !is_safe(worker))
		return;
	chaos_wrong(worker->chaos, "%s: token %llu was granted while %llu holds it for %lld ms more", what,
		(unsigned long long)token, (unsigned long long)other, (long long)((until - clock_boottime()) / MS));
}

static void enter(struct worker *worker, struct chaos_section *section, uint64_t token)
{
	const uint64_t before = atomic_load(&section->token);

	if (before >= token && is_safe(worker))
		chaos_wrong(worker->chaos, "a token does not rise: %llu after %llu", (unsigned long long)token,
			(unsigned long long)before);
	atomic_store(&section->token, 0);
	atomic_store(&section->guaranteed_until, baton_guaranteed_until(worker->client));
	atomic_store(&section->token, token);
}

static void stay(struct worker *worker)
{
	if (test_random_below(&worker->random, 4) == 0)
		usleep((useconds_t)test_random_below(&worker->random, STAY_US));
}

static void leave_section(struct chaos_section *section, uint64_t token)
{
	uint64_t mine = token;

	atomic_compare_exchange_strong(&section->token, &mine, 0);
}

static int hold_mutex(struct worker *worker)
{
	const unsigned which = (unsigned)test_random_below(&worker->random, CHAOS_LOCKS);
	struct chaos_section *section = &worker->chaos->mutexes[which];
	baton_context *context = limited(worker);
	uint64_t token;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "mutex-%u", which);
	r = baton_mutex_lock(worker->client, context, name, &token, NULL);
	baton_context_unref(context);
	if (r != BATON_OK)
		return r;
	check_empty(worker, section, name, token);
	enter(worker, section, token);
	stay(worker);
	leave_section(section, token);
	return baton_mutex_unlock(worker->client, name, token);
}

static void check_no_readers(struct worker *worker, unsigned which, const char *name, uint64_t token)
{
	for (unsigned i = 0; i < CHAOS_WORKERS; i++)
		check_empty(worker, &worker->chaos->readers[which][i], name, token);
}

static int hold_rwmutex(struct worker *worker)
{
	const unsigned which = (unsigned)test_random_below(&worker->random, CHAOS_LOCKS);
	const bool writes = test_random_below(&worker->random, 3) == 0;
	struct chaos *chaos = worker->chaos;
	struct chaos_section *section = writes ? &chaos->writers[which] : &chaos->readers[which][worker->number];
	baton_context *context = limited(worker);
	uint64_t token;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "rwmutex-%u", which);
	if (writes)
		r = baton_rwmutex_lock(worker->client, context, name, &token, NULL);
	else
		r = baton_rwmutex_rlock(worker->client, context, name, &token, NULL);
	baton_context_unref(context);
	if (r != BATON_OK)
		return r;
	check_empty(worker, &chaos->writers[which], name, token);
	if (writes)
		check_no_readers(worker, which, name, token);
	enter(worker, section, token);
	stay(worker);
	leave_section(section, token);
	return baton_rwmutex_unlock(worker->client, name, token);
}

/* ---- channels ---------------------------------------------------------------------------------------------------- */

static bool had_no_effect(int error)
{
	return error == BATON_ECANCELED || error == BATON_EDEADLINE || error == BATON_EWOULDBLOCK;
}

static void name_channel(struct worker *worker, char name[16])
{
	snprintf(name, 16, "chan-%u", (unsigned)test_random_below(&worker->random, CHAOS_CHANNELS));
}

static int send_message(struct worker *worker)
{
	const uint32_t number = atomic_fetch_add(&worker->chaos->next_message[worker->number], 1);
	const uint32_t value[2] = {worker->number, number};
	struct chaos_message *message;
	baton_context *context;
	char name[16];
	int r;

	if (number >= CHAOS_MESSAGES)
		return BATON_OK;
	message = &worker->chaos->messages[worker->number][number];
	name_channel(worker, name);
	context = limited(worker);
	atomic_store(&message->sent, CHAOS_MAYBE);
	r = baton_chan_send(worker->client, context, name, value, sizeof(value));
	baton_context_unref(context);
	if (r == BATON_OK)
		atomic_store(&message->sent, CHAOS_SENT);
	else if (had_no_effect(r))
		atomic_store(&message->sent, CHAOS_NEVER);
	return r;
}

static struct chaos_message *find_message(struct chaos *chaos, const void *value, size_t length)
{
	uint32_t id[2];

	if (length == sizeof(id))
		memcpy(id, value, sizeof(id));
	if (length != sizeof(id) || id[0] >= CHAOS_WORKERS || id[1] >= CHAOS_MESSAGES) {
		chaos_wrong(chaos, "a message of %zu bytes that nobody sent", length);
		return NULL;
	}
	return &chaos->messages[id[0]][id[1]];
}

void chaos_see(struct chaos *chaos, const void *value, size_t length)
{
	struct chaos_message *message = find_message(chaos, value, length);

	if (message != NULL)
		atomic_fetch_add(&message->seen, 1);
}

/* As chaos_see, and acknowledges it. What is acknowledged never comes again. */
static int settle(struct worker *worker, const char *name, const void *value, size_t length, uint64_t token)
{
	struct chaos_message *message = find_message(worker->chaos, value, length);
	int r;

	if (message == NULL)
		return BATON_OK;
	if (atomic_load(&message->acknowledged) != 0 && is_safe(worker))
		chaos_wrong(worker->chaos, "%s: a message came again though it was acknowledged", name);
	atomic_fetch_add(&message->seen, 1);
	if (test_random_below(&worker->random, 8) == 0)
		return baton_chan_nack(worker->client, name, token);
	r = baton_chan_ack(worker->client, name, token);
	if (r == BATON_OK)
		atomic_store(&message->acknowledged, 1);
	return r;
}

static int take_message(struct worker *worker)
{
	baton_context *context = limited(worker);
	uint64_t token;
	size_t length;
	void *value;
	char name[16];
	int r;

	name_channel(worker, name);
	r = baton_chan_take(worker->client, context, name, &value, &length, &token, NULL);
	baton_context_unref(context);
	if (r != BATON_OK)
		return r;
	r = settle(worker, name, value, length, token);
	baton_free(value);
	return r;
}

static int select_message(struct worker *worker)
{
	char names[2][16];
	struct baton_case cases[3] = {
		{.kind = BATON_CASE_RECEIVE, .name = names[0], .manual_ack = true},
		{.kind = BATON_CASE_RECEIVE, .name = names[1], .manual_ack = true},
		{.kind = BATON_CASE_TIMER, .after_ns = (int64_t)test_random_below(&worker->random, PATIENCE_MS) * MS},
	};
	struct baton_selected selected;
	int r;

	name_channel(worker, names[0]);
	name_channel(worker, names[1]);
	r = baton_select(worker->client, NULL, cases, 3, false, &selected);
	if (r != BATON_OK)
		return r;
	if (selected.index < 2)
		r = settle(worker, names[selected.index], selected.value, selected.length, selected.token);
	baton_free(selected.value);
	return r;
}

/* ---- wait groups and onces --------------------------------------------------------------------------------------- */

/* What it does not do itself its session's end does. */
static int work_in_group(struct worker *worker)
{
	char name[16];
	int r;

	snprintf(name, sizeof(name), "group-%u", (unsigned)test_random_below(&worker->random, CHAOS_GROUPS));
	r = baton_wg_add_bound(worker->client, name, 1);
	if (r != BATON_OK)
		return r;
	stay(worker);
	return test_random_below(&worker->random, 10) == 0 ? BATON_OK : baton_wg_done(worker->client, name);
}

static int run_once(struct worker *worker, unsigned which, const char *name, uint64_t token)
{
	const uint64_t value = token;
	int r;

	stay(worker);
	if (test_random_below(&worker->random, 5) == 0)
		return baton_once_fail(worker->client, name, token);
	r = baton_once_complete(worker->client, name, token, &value, sizeof(value), 0);
	if (r == BATON_OK && atomic_fetch_add(&worker->chaos->onces[which].completed, 1) != 0)
		chaos_wrong(worker->chaos, "%s was completed twice", name);
	return r;
}

static int do_once(struct worker *worker)
{
	const unsigned newest = atomic_load(&worker->chaos->next_once);
	const unsigned which = (newest + (unsigned)test_random_below(&worker->random, 2)) % CHAOS_ONCES;
	struct baton_once_run run;
	baton_context *context = limited(worker);
	uint64_t expected = 0;
	uint64_t got;
	size_t length;
	void *value;
	char name[16];
	int r;

	if (test_random_below(&worker->random, 4) == 0)
		atomic_fetch_add(&worker->chaos->next_once, 1);
	snprintf(name, sizeof(name), "once-%u", which);
	r = baton_once_do(worker->client, context, name, &run, &value, &length);
	baton_context_unref(context);
	if (r == BATON_ONCE_RUN)
		return run_once(worker, which, name, run.token);
	if (r != BATON_OK)
		return r;
	memcpy(&got, value, sizeof(got));
	baton_free(value);
	if (!atomic_compare_exchange_strong(&worker->chaos->onces[which].value, &expected, got) && expected != got)
		chaos_wrong(worker->chaos, "%s has two values", name);
	return BATON_OK;
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

int chaos_step(struct worker *worker)
{
	static int (*const steps[])(struct worker * worker) = {
		hold_mutex,
		hold_rwmutex,
		send_message,
		send_message,
		take_message,
		select_message,
		work_in_group,
		do_once,
	};
	const size_t count = sizeof(steps) / sizeof(steps[0]);
	const int r = steps[test_random_below(&worker->random, count)](worker);

	atomic_fetch_add(r == BATON_OK ? &worker->chaos->done : &worker->chaos->failed, 1);
	return r;
}
