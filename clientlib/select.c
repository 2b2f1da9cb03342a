/* SPDX-License-Identifier: MIT
 *
 * select.c - the blocking select.
 */
#include "base/memory.h"
#include "clientlib/baton.h"
#include "clientlib/error.h"

int baton_select(baton_client *client, baton_context *context, const struct baton_case *cases, size_t count,
	bool no_wait, struct baton_selected *ret)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_SELECT,
		.cases = cases,
		.case_count = count,
		.no_wait = no_wait,
	};
	struct baton_result *result = NULL;
	int r = baton_invoke(client, context, &call, &result);

	if (r == BATON_OK) {
		const struct baton_case *happened = &cases[result->index];
		const bool brought = happened->kind == BATON_CASE_ONCE || happened->kind == BATON_CASE_DONE ||
				     (happened->kind == BATON_CASE_RECEIVE && !result->closed);

		*ret = (struct baton_selected){
			.index = result->index,
			.closed = result->closed,
			.value = brought ? memory_copy(result->value, result->value_length) : NULL,
			.length = result->value_length,
			.token = result->token,
			.number = result->number,
			.attempt = result->attempt,
			.abandoned = result->abandoned,
		};
		if (brought && ret->value == NULL)
			r = error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
		if (r != BATON_OK && happened->manual_ack)
			baton_chan_nack(client, happened->name, result->token);
	}
	baton_result_free(result);
	return r;
}
