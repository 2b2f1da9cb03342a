/* SPDX-License-Identifier: MIT
 *
 * part_mutex.c - locks: of those who are sure to hold one there is one at a time, and tokens only rise.
 *
 * Who holds a lock writes to a resource that knows the highest token. A client whose connection broke, or whose ttl ran
 * out, may believe that it still holds: its write is refused by its token, or comes before the next holder's.
 */
#include "tests/sim/workload.h"

#define MUTEXES 3
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct {
	struct sim_client *holder; /* who is in the section; NULL: nobody */
	uint64_t holder_token;
	uint64_t highest;
	unsigned grants;
} mutexes[MUTEXES];

static const char *const names[MUTEXES] = {"db", "cron/backup", "x"};

static const int wait_errors[] = {BATON_EWOULDBLOCK, BATON_EDEADLINE, BATON_ECANCELED};
static const int unlock_errors[] = {BATON_ESTALE, BATON_EUNLOCKED};

/* WORKER was granted mutex I under TOKEN. False: what it believes to hold it may not touch any more. */
static bool enter(struct worker *worker, size_t i, uint64_t token)
{
	mutexes[i].grants++;
	if (!sim_client_is_certain(worker->client))
		return token > mutexes[i].highest;
	if (mutexes[i].holder != NULL && sim_client_is_certain(mutexes[i].holder))
		sim_fail("%s is held twice: by client %u under %llu, by client %u under %llu", names[i],
			sim_client_pid(mutexes[i].holder), (unsigned long long)mutexes[i].holder_token,
			sim_client_pid(worker->client), (unsigned long long)token);
	if (token <= mutexes[i].highest)
		sim_fail("%s: token %llu after %llu", names[i], (unsigned long long)token,
			(unsigned long long)mutexes[i].highest);
	return true;
}

/* The section: the resource refuses what a later holder has overtaken. */
static void work(struct worker *worker, size_t i, uint64_t token)
{
	mutexes[i].holder = worker->client;
	mutexes[i].holder_token = token;
	mutexes[i].highest = token;
	(void)co_sleep(NULL, sim_between(0, 3 * CO_MILLISECOND));
	if (mutexes[i].highest != token && sim_client_is_certain(worker->client))
		sim_fail("%s: client %u was overtaken under its lock", names[i], sim_client_pid(worker->client));
	if (mutexes[i].holder_token == token)
		mutexes[i].holder = NULL;
}

static void unlock(struct worker *worker, size_t i, uint64_t token)
{
	struct baton_call call = {.operation = BATON_MUTEX_UNLOCK, .name = names[i], .token = token};
	bool was_certain = sim_client_is_certain(worker->client);
	int r = make_plain_call(worker, &call);

	(void)expect_outcome(worker, "unlock", r, unlock_errors, was_certain ? 0 : COUNT(unlock_errors));
}

static size_t index_of(const char *name)
{
	size_t i = 0;

	while (names[i] != name)
		i++;
	return i;
}

const char *draw_mutex(void)
{
	return names[sim_below(MUTEXES)];
}

void use_lock(struct worker *worker, const char *name, uint64_t token)
{
	size_t i = index_of(name);

	if (enter(worker, i, token))
		work(worker, i, token);
	if (sim_percent(95)) /* else its session's end gives it back */
		unlock(worker, i, token);
	else
		sim_client_kill(worker->client);
}

static void lock(struct worker *worker)
{
	struct baton_call call = {.operation = BATON_MUTEX_LOCK, .name = draw_mutex()};
	struct patience patience = draw_patience_for_lock();
	struct baton_result *result;
	uint64_t token;
	int r = make_call(worker, &call, &patience, &result);

	token = result != NULL ? result->token : 0;
	baton_result_free(result);
	if (r == BATON_EDEADLINE && patience.timeout_ns == PATIENT_NS)
		sim_fail("%s: a waiter was forgotten", call.name);
	if (expect_outcome(worker, "lock", r, wait_errors, COUNT(wait_errors)))
		use_lock(worker, call.name, token);
}

static void check_token(struct worker *worker)
{
	size_t i = (size_t)sim_below(MUTEXES);
	uint64_t token = mutexes[i].highest;
	struct baton_call call = {.operation = BATON_MUTEX_CHECK, .name = names[i], .token = token};

	(void)expect_outcome(worker, "check", make_plain_call(worker, &call), NULL, 0);
}

static void unlock_stale(struct worker *worker)
{
	size_t i = (size_t)sim_below(MUTEXES);
	struct baton_call call = {.operation = BATON_MUTEX_UNLOCK, .name = names[i], .token = 1 + sim_below(1000)};

	if (expect_outcome(worker, "stale unlock", make_plain_call(worker, &call), unlock_errors, COUNT(unlock_errors)))
		sim_fail("%s: unlocked under a token that never was", names[i]);
}

/* The mark of a holder that died keeps a mutex until somebody was told of it. */
static void finish(struct sim_client *client)
{
	struct worker worker = {.client = client, .task = 1};
	const struct patience patience = {.timeout_ns = 10 * CO_SECOND, .cancel_after_ns = -1};

	for (size_t i = 0; i < MUTEXES; i++) {
		struct baton_call call = {.operation = BATON_MUTEX_LOCK, .name = names[i]};
		struct baton_result *result;
		uint64_t token;
		int r = make_call(&worker, &call, &patience, &result);

		token = result != NULL ? result->token : 0;
		baton_result_free(result);
		if (!expect_outcome(&worker, "last lock", r, NULL, 0))
			continue;
		if (token <= mutexes[i].highest)
			sim_fail("%s: the last token is %llu after %llu", names[i], (unsigned long long)token,
				(unsigned long long)mutexes[i].highest);
		unlock(&worker, i, token);
	}
}

static void check(void)
{
	for (size_t i = 0; i < MUTEXES; i++)
		sim_trace("%s: %u grants", names[i], mutexes[i].grants);
}

static const struct operation operations[] = {
	{"lock", 40, lock},
	{"check", 3, check_token},
	{"stale unlock", 2, unlock_stale},
	{NULL, 0, NULL},
};

const struct part part_mutex = {.name = "mutex", .operations = operations, .finish = finish, .check = check};
