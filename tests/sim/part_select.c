/* SPDX-License-Identifier: MIT
 *
 * part_select.c - selects over sends, receives, a lock and a timer: of all cases exactly one happens.
 */
#include "tests/sim/workload.h"

#define CASES_MAX 5
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int errors[] = {BATON_EWOULDBLOCK, BATON_EDEADLINE, BATON_ECANCELED};

static char texts[CASES_MAX][MESSAGE_BYTES]; /* the call copies them */

/* The cases of one select, and the messages of those that send. */
struct selection {
	struct baton_case cases[CASES_MAX];
	size_t count;
	unsigned numbers[CASES_MAX];
	bool has_lock; /* one at most: no select may wait for a mutex twice */
};

static void add_case(struct selection *selection)
{
	size_t i = selection->count++;
	struct baton_case *added = &selection->cases[i];

	switch (sim_below(5)) {
	case 0:
	case 1:
		*added = (struct baton_case){.kind = BATON_CASE_SEND, .name = draw_channel(), .value = texts[i]};
		selection->numbers[i] = new_message(texts[i], &added->value_length);
		break;
	case 2:
		if (!selection->has_lock) {
			*added = (struct baton_case){.kind = BATON_CASE_LOCK, .name = draw_mutex()};
			selection->has_lock = true;
			break;
		}
		/* fall through */
	case 3:
		*added = (struct baton_case){.kind = BATON_CASE_RECEIVE, .name = draw_channel()};
		break;
	default:
		*added = (struct baton_case){
			.kind = BATON_CASE_TIMER, .name = "", .after_ns = sim_between(0, 50 * CO_MILLISECOND)};
		break;
	}
}

/* R and RESULT are the select's: what is known now of all its sends. */
static void note_sends(const struct selection *selection, int r, const struct baton_result *result)
{
	for (size_t i = 0; i < selection->count; i++) {
		if (selection->cases[i].kind != BATON_CASE_SEND || is_outcome_unknown(r))
			continue;
		note_sent(selection->numbers[i], r == BATON_OK && result->index == i ? SENT_YES : SENT_NO);
	}
}

static void select_some(struct worker *worker)
{
	struct selection selection = {.count = 0};
	struct baton_call call = {.operation = BATON_SELECT, .cases = selection.cases};
	struct patience patience = draw_patience();
	struct baton_result *result;
	uint64_t token = 0;
	size_t index;
	int r;

	for (uint64_t left = 1 + sim_below(CASES_MAX); left > 0; left--)
		add_case(&selection);
	call.case_count = selection.count;
	r = make_call(worker, &call, &patience, &result);
	note_sends(&selection, r, result);
	if (!expect_outcome(worker, "select", r, errors, COUNT(errors))) {
		baton_result_free(result);
		return;
	}
	index = result->index;
	token = result->token;
	if (index >= selection.count)
		sim_fail("a select says case %zu of %zu", index, selection.count);
	else if (selection.cases[index].kind == BATON_CASE_RECEIVE)
		note_received(worker->client, result);
	baton_result_free(result);
	if (index < selection.count && selection.cases[index].kind == BATON_CASE_LOCK)
		use_lock(worker, selection.cases[index].name, token);
}

static const struct operation operations[] = {
	{"select", 20, select_some},
	{NULL, 0, NULL},
};

const struct part part_select = {.name = "select", .operations = operations};
