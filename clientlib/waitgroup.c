/* SPDX-License-Identifier: MIT
 *
 * waitgroup.c - the blocking functions of wait groups: each is one call.
 */
#include "clientlib/baton.h"

static int change(baton_client *client, enum baton_operation operation, const char *name, uint64_t number, bool bound)
{
	return baton_invoke(client, NULL,
		&(struct baton_call){
			.size = sizeof(struct baton_call),
			.operation = operation,
			.name = name,
			.number = number,
			.bound = bound,
		},
		NULL);
}

int baton_wg_add(baton_client *client, const char *name, int64_t n)
{
	return change(client, BATON_WG_ADD, name, (uint64_t)n, false);
}

int baton_wg_add_bound(baton_client *client, const char *name, int64_t n)
{
	return change(client, BATON_WG_ADD, name, (uint64_t)n, true);
}

int baton_wg_adopt(baton_client *client, const char *name, int64_t n)
{
	return change(client, BATON_WG_ADOPT, name, n > 0 ? (uint64_t)n : 0, false);
}

int baton_wg_done(baton_client *client, const char *name)
{
	return change(client, BATON_WG_DONE, name, 0, false);
}

static int wait_for_zero(
	baton_client *client, baton_context *context, const char *name, bool no_wait, uint64_t *ret_lost)
{
	const struct baton_call call = {
		.size = sizeof(call), .operation = BATON_WG_WAIT, .name = name, .no_wait = no_wait};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, context, &call, &result);

	if (r == BATON_OK && ret_lost != NULL)
		*ret_lost = result->number;
	baton_result_free(result);
	return r;
}

int baton_wg_wait(baton_client *client, baton_context *context, const char *name, uint64_t *ret_lost)
{
	return wait_for_zero(client, context, name, false, ret_lost);
}

int baton_wg_try_wait(baton_client *client, const char *name, uint64_t *ret_lost)
{
	return wait_for_zero(client, NULL, name, true, ret_lost);
}
