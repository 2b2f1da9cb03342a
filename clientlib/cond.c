/* SPDX-License-Identifier: MIT
 *
 * cond.c - the blocking functions of conds: each is one call.
 */
#include "clientlib/baton.h"
#include "clientlib/error.h"

int baton_cond_wait(baton_client *client, baton_context *context, const char *name, const char *mutex, uint64_t *token,
	int64_t timeout_ns, bool *ret_timed_out)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_COND_WAIT,
		.name = name,
		.mutex = mutex,
		.token = *token,
		.duration_ns = timeout_ns < 0    ? 0
			       : timeout_ns == 0 ? 1
						 : timeout_ns,
	};
	struct baton_result *result = NULL;
	int r = baton_invoke(client, context, &call, &result);

	if (r == BATON_OK) {
		*token = result->token;
		if (ret_timed_out != NULL)
			*ret_timed_out = result->timed_out;
		if (!result->holds)
			r = error_say(result->reason, "cond \"%s\": %s; the mutex \"%s\" is not held any more", name,
				baton_strerror(result->reason), mutex);
	}
	baton_result_free(result);
	return r;
}

static int wake(baton_client *client, enum baton_operation operation, const char *name, uint64_t *ret_woken)
{
	const struct baton_call call = {.size = sizeof(call), .operation = operation, .name = name};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, &call, &result);

	if (r == BATON_OK && ret_woken != NULL)
		*ret_woken = result->number;
	baton_result_free(result);
	return r;
}

int baton_cond_signal(baton_client *client, const char *name, uint64_t *ret_woken)
{
	return wake(client, BATON_COND_SIGNAL, name, ret_woken);
}

int baton_cond_broadcast(baton_client *client, const char *name, uint64_t *ret_woken)
{
	return wake(client, BATON_COND_BROADCAST, name, ret_woken);
}
