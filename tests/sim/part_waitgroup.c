/* SPDX-License-Identifier: MIT
 *
 * part_waitgroup.c - wait groups: no wait ends while a share that was there before it began is sure to be there still.
 *
 * All shares are bound to their sessions, so that what a client leaves undone comes off when it ends.
 */
#include "tests/sim/workload.h"

#define GROUPS 2
#define SHARES 8192
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A share that somebody added. */
struct share {
	size_t group;
	struct sim_client *client;
	bool is_there; /* from the verdict on its add until its done is asked for */
	int64_t since;
};

static const char *const names[GROUPS] = {"build", "deploy"};
static struct share shares[SHARES];
static unsigned share_count;

static const int wait_errors[] = {BATON_EWOULDBLOCK, BATON_EDEADLINE, BATON_ECANCELED};

/* Adds one, works, and is done with it. */
static void work(struct worker *worker)
{
	size_t group = (size_t)sim_below(GROUPS);
	struct baton_call add = {.operation = BATON_WG_ADD, .name = names[group], .number = 1, .bound = true};
	struct baton_call done = {.operation = BATON_WG_DONE, .name = names[group]};
	struct share *share;
	int r = make_plain_call(worker, &add);

	if (!expect_outcome(worker, "add", r, NULL, 0) || share_count == SHARES)
		return;
	share = &shares[share_count++];
	*share = (struct share){.group = group, .client = worker->client, .is_there = true, .since = co_now()};
	(void)co_sleep(NULL, sim_between(0, 5 * CO_MILLISECOND));
	if (sim_percent(3)) {
		sim_client_kill(worker->client);
		return;
	}
	share->is_there = false;
	(void)expect_outcome(worker, "done", make_plain_call(worker, &done), NULL, 0);
}

static void wait(struct worker *worker)
{
	size_t group = (size_t)sim_below(GROUPS);
	struct baton_call call = {.operation = BATON_WG_WAIT, .name = names[group]};
	struct patience patience = draw_patience();
	int64_t began = co_now();
	struct baton_result *result;
	int r = make_call(worker, &call, &patience, &result);

	baton_result_free(result);
	if (!expect_outcome(worker, "wait", r, wait_errors, COUNT(wait_errors)))
		return;
	for (unsigned i = 0; i < share_count; i++) {
		const struct share *share = &shares[i];

		/* Its add was answered before the wait was asked for. */
		if (share->group == group && share->is_there && share->since < began &&
			sim_client_is_certain(share->client))
			sim_fail("%s: a wait ended, and client %u is not done", names[group],
				sim_client_pid(share->client));
	}
}

/* What a round lost is remembered until the next one. */
static void finish(struct sim_client *client)
{
	struct worker worker = {.client = client, .task = 1};

	for (size_t i = 0; i < GROUPS; i++) {
		struct baton_call add = {.operation = BATON_WG_ADD, .name = names[i], .number = 1};
		struct baton_call done = {.operation = BATON_WG_DONE, .name = names[i]};

		(void)expect_outcome(&worker, "last add", make_plain_call(&worker, &add), NULL, 0);
		(void)expect_outcome(&worker, "last done", make_plain_call(&worker, &done), NULL, 0);
	}
}

static const struct operation operations[] = {
	{"add and done", 10, work},
	{"wait", 5, wait},
	{NULL, 0, NULL},
};

const struct part part_waitgroup = {.name = "waitgroup", .operations = operations, .finish = finish};
