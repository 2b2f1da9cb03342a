/* SPDX-License-Identifier: MIT
 *
 * part_once.c - onces: one caller runs at a time, and when one has completed all get its value and nobody runs again.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sim/workload.h"

#define ONCES 64
#define TEXT_BYTES 32
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct once {
	char name[TEXT_BYTES];
	char value[TEXT_BYTES]; /* "": nobody is known to have completed it */
	struct sim_client *runner;
	uint64_t token;
} onces[ONCES];

static size_t latest; /* those after it were never used */

static const int begin_errors[] = {BATON_EWOULDBLOCK, BATON_EDEADLINE, BATON_ECANCELED};
static const int end_errors[] = {BATON_ESTALE};

static bool is_value(const struct once *once, const struct baton_result *result)
{
	return result->value_length == strlen(once->value) &&
	       memcmp(result->value, once->value, result->value_length) == 0;
}

/* WORKER runs: completes or fails. */
static void run(struct worker *worker, struct once *once, uint64_t token)
{
	bool completes = sim_percent(50);
	char value[TEXT_BYTES];
	struct baton_call call = {
		.operation = completes ? BATON_ONCE_COMPLETE : BATON_ONCE_FAIL, .name = once->name, .token = token};
	bool was_certain = sim_client_is_certain(worker->client);

	if (was_certain && once->runner != NULL && sim_client_is_certain(once->runner))
		sim_fail("%s: clients %u and %u both run", once->name, sim_client_pid(once->runner),
			sim_client_pid(worker->client));
	once->runner = worker->client;
	once->token = token;
	(void)co_sleep(NULL, sim_between(0, 3 * CO_MILLISECOND));
	if (sim_percent(5)) {
		sim_client_kill(worker->client);
		return;
	}
	was_certain = sim_client_is_certain(worker->client);
	if (completes) {
		(void)snprintf(
			value, sizeof value, "%u by %llu", sim_client_pid(worker->client), (unsigned long long)token);
		call.value = value;
		call.value_length = strlen(value);
	}
	if (once->token == token)
		once->runner = NULL; /* the verdict may come after the next one's */
	if (expect_outcome(worker, "end of a run", make_plain_call(worker, &call), end_errors,
		    was_certain ? 0 : COUNT(end_errors)) &&
		completes)
		memcpy(once->value, value, sizeof value);
}

static void do_once(struct worker *worker)
{
	struct once *once = &onces[latest];
	struct baton_call call = {.operation = BATON_ONCE_BEGIN, .name = once->name};
	struct patience patience = draw_patience_for_lock();
	struct baton_result *result;
	bool was_done;
	int r;

	if (once->name[0] == '\0')
		(void)snprintf(once->name, sizeof once->name, "init/%zu", latest);
	was_done = once->value[0] != '\0';
	r = make_call(worker, &call, &patience, &result);
	if (expect_outcome(worker, "begin", r, begin_errors, COUNT(begin_errors))) {
		uint64_t token = result->token;
		bool runs = result->run;

		if (was_done && (runs || !is_value(once, result)))
			sim_fail("%s was done, and client %u %s", once->name, sim_client_pid(worker->client),
				runs ? "is to run it" : "got another value");
		baton_result_free(result);
		if (runs)
			run(worker, once, token);
		else if (once == &onces[latest] && latest + 1 < ONCES)
			latest++;
		return;
	}
	if (r == BATON_EDEADLINE && patience.timeout_ns == PATIENT_NS)
		sim_fail("%s: a waiter was forgotten", once->name);
	baton_result_free(result);
}

static void finish(struct sim_client *client)
{
	struct worker worker = {.client = client, .task = 1};

	for (size_t i = 0; i < ONCES && onces[i].name[0] != '\0'; i++) {
		struct baton_call begin = {.operation = BATON_ONCE_BEGIN, .name = onces[i].name};
		struct baton_call reset = {.operation = BATON_ONCE_RESET, .name = onces[i].name};
		const struct patience patience = {.timeout_ns = PATIENT_NS, .cancel_after_ns = -1};
		struct baton_result *result;

		/* Nobody else is there, so a run that was left undone is ours; its end is what forgets its mark. */
		if (expect_outcome(&worker, "last begin", make_call(&worker, &begin, &patience, &result), NULL, 0) &&
			result->run) {
			struct baton_call complete = {.operation = BATON_ONCE_COMPLETE,
				.name = onces[i].name,
				.token = result->token,
				.value = "last",
				.value_length = 4};

			(void)expect_outcome(&worker, "last complete", make_plain_call(&worker, &complete), NULL, 0);
		}
		baton_result_free(result);
		(void)expect_outcome(&worker, "reset", make_plain_call(&worker, &reset), NULL, 0);
	}
}

static const struct operation operations[] = {
	{"once", 8, do_once},
	{NULL, 0, NULL},
};

const struct part part_once = {.name = "once", .operations = operations, .finish = finish};
