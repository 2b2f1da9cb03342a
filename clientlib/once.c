/* SPDX-License-Identifier: MIT
 *
 * once.c - the blocking functions of onces: each is one call.
 */
#include "base/memory.h"
#include "clientlib/baton.h"
#include "clientlib/error.h"

/* A copy of the result's value, which is the caller's. RET_VALUE may be NULL: not wanted. */
static int take_value(const struct baton_result *result, void **ret_value, size_t *ret_length)
{
	if (ret_value == NULL)
		return BATON_OK;
	*ret_value = memory_copy(result->value, result->value_length);
	if (*ret_value == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	if (ret_length != NULL)
		*ret_length = result->value_length;
	return BATON_OK;
}

static int begin(baton_client *client, baton_context *context, const char *name, bool no_wait,
	struct baton_once_run *ret_run, void **ret_value, size_t *ret_length)
{
	const struct baton_call call = {
		.size = sizeof(call), .operation = BATON_ONCE_BEGIN, .name = name, .no_wait = no_wait};
	struct baton_result *result = NULL;
	int r = baton_invoke(client, context, &call, &result);

	if (r == BATON_OK && result->run) {
		*ret_run = (struct baton_once_run){.token = result->token, .abandoned = result->abandoned};
		r = BATON_ONCE_RUN;
	} else if (r == BATON_OK) {
		r = take_value(result, ret_value, ret_length);
	}
	baton_result_free(result);
	return r;
}

int baton_once_do(baton_client *client, baton_context *context, const char *name, struct baton_once_run *ret_run,
	void **ret_value, size_t *ret_length)
{
	return begin(client, context, name, false, ret_run, ret_value, ret_length);
}

int baton_once_try_do(
	baton_client *client, const char *name, struct baton_once_run *ret_run, void **ret_value, size_t *ret_length)
{
	return begin(client, NULL, name, true, ret_run, ret_value, ret_length);
}

int baton_once_complete(
	baton_client *client, const char *name, uint64_t token, const void *value, size_t length, int64_t keep_ns)
{
	if (keep_ns < 0)
		return error_say(BATON_EINVAL, "once \"%s\": the time to keep it is below zero", name);
	return baton_invoke(client, NULL,
		&(struct baton_call){
			.size = sizeof(struct baton_call),
			.operation = BATON_ONCE_COMPLETE,
			.name = name,
			.token = token,
			.value = value,
			.value_length = length,
			.duration_ns = keep_ns,
		},
		NULL);
}

int baton_once_fail(baton_client *client, const char *name, uint64_t token)
{
	return baton_invoke(client, NULL,
		&(struct baton_call){
			.size = sizeof(struct baton_call),
			.operation = BATON_ONCE_FAIL,
			.name = name,
			.token = token,
		},
		NULL);
}

int baton_once_get(baton_client *client, const char *name, bool *ret_done, void **ret_value, size_t *ret_length)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_ONCE_GET, .name = name};
	struct baton_result *result = NULL;
	int r = baton_invoke(client, NULL, &call, &result);

	if (r == BATON_OK) {
		*ret_done = result->done;
		if (result->done)
			r = take_value(result, ret_value, ret_length);
	}
	baton_result_free(result);
	return r;
}

int baton_once_reset(baton_client *client, const char *name, bool *ret_was_done)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_ONCE_RESET, .name = name};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, &call, &result);

	if (r == BATON_OK && ret_was_done != NULL)
		*ret_was_done = result->done;
	baton_result_free(result);
	return r;
}
