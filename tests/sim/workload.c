/* SPDX-License-Identifier: MIT
 *
 * workload.c - the parts of the workload, and what their operations share.
 */
#include "tests/sim/workload.h"

const struct part *const parts[] = {
	&part_mutex, &part_channel, &part_select, &part_waitgroup, &part_once, &part_daemon, NULL};

void workload_run_one(struct worker *worker)
{
	uint64_t total = 0;
	uint64_t drawn;

	for (const struct part *const *part = parts; *part != NULL; part++)
		for (const struct operation *at = (*part)->operations; at->name != NULL; at++)
			total += at->weight;
	drawn = sim_below(total);
	for (const struct part *const *part = parts; *part != NULL; part++)
		for (const struct operation *at = (*part)->operations; at->name != NULL; at++) {
			if (drawn < at->weight) {
				sim_trace("client %u task %u: %s", sim_client_pid(worker->client), worker->task,
					at->name);
				at->run(worker);
				return;
			}
			drawn -= at->weight;
		}
}

struct patience draw_patience(void)
{
	struct patience patience = {.timeout_ns = -1, .cancel_after_ns = -1};

	switch (sim_below(6)) {
	case 0:
		patience.no_wait = true;
		break;
	case 1:
		patience.timeout_ns = sim_between(0, 20 * CO_MILLISECOND);
		break;
	case 2:
		patience.timeout_ns = sim_between(0, CO_SECOND);
		break;
	case 3:
		patience.cancel_after_ns = sim_between(0, 10 * CO_MILLISECOND);
		break;
	default:
		patience.timeout_ns = 10 * CO_SECOND;
		break;
	}
	return patience;
}

struct patience draw_patience_for_lock(void)
{
	struct patience patience = draw_patience();

	if (patience.timeout_ns > CO_SECOND)
		patience.timeout_ns = PATIENT_NS;
	return patience;
}

int make_call(
	struct worker *worker, struct baton_call *call, const struct patience *patience, struct baton_result **ret)
{
	int r;

	call->size = sizeof *call;
	call->task = worker->task;
	call->no_wait = patience->no_wait;
	r = sim_client_call(worker->client, call, patience->timeout_ns, patience->cancel_after_ns, ret);
	sim_trace("client %u task %u: %d", sim_client_pid(worker->client), worker->task, r);
	return r;
}

int make_plain_call(struct worker *worker, struct baton_call *call)
{
	const struct patience patient = {.timeout_ns = -1, .cancel_after_ns = -1};
	struct baton_result *result;
	int r = make_call(worker, call, &patient, &result);

	baton_result_free(result);
	if (r == BATON_EUNKNOWN && sim_client_has_ttl(worker->client) &&
		sim_client_broken_at(worker->client) == INT64_MAX)
		sim_fail("client %u has a session, and no verdict", sim_client_pid(worker->client));
	return r;
}

bool is_outcome_unknown(int error)
{
	return error == BATON_EUNKNOWN || error == BATON_ECLIENTCLOSED || error == BATON_ESESSION ||
	       error == BATON_EUNREACHABLE || error == BATON_EUNAVAILABLE || error == BATON_ERESTARTED;
}

bool expect_outcome(struct worker *worker, const char *what, int error, const int *allowed, size_t count)
{
	if (error == BATON_OK)
		return true;
	for (size_t i = 0; i < count; i++)
		if (allowed[i] == error)
			return false;
	if (is_outcome_unknown(error) && sim_client_broken_at(worker->client) != INT64_MAX)
		return false;
	if (error == BATON_EUNKNOWN) /* the verdict was not waited for any longer */
		return false;
	sim_fail("%s of client %u, task %u: %d %s", what, sim_client_pid(worker->client), worker->task, error,
		baton_strerror(error));
	return false;
}
