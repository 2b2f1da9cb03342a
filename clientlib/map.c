/* SPDX-License-Identifier: MIT
 *
 * map.c - the blocking functions of maps and atomics: each is one call, a range one for each page.
 */
#include "base/memory.h"
#include "clientlib/baton.h"
#include "clientlib/error.h"

/* ---- maps -------------------------------------------------------------------------------------------------------- */

static struct baton_call on_key(enum baton_operation operation, const char *name, const void *key, size_t key_length)
{
	return (struct baton_call){
		.size = sizeof(struct baton_call),
		.operation = operation,
		.name = name,
		.key_bytes = key,
		.key_length = key_length,
	};
}

/* Makes CALL; RET_FOUND, RET_DONE and RET_VALUE may be NULL. */
static int ask(baton_client *client, const struct baton_call *call, bool *ret_found, bool *ret_done, void **ret_value,
	size_t *ret_length)
{
	struct baton_result *result = NULL;
	int r = baton_invoke(client, NULL, call, &result);

	if (r == BATON_OK && ret_value != NULL) {
		*ret_value = memory_copy(result->value, result->value_length);
		*ret_length = result->value_length;
		if (*ret_value == NULL)
			r = error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	}
	if (r == BATON_OK && ret_found != NULL)
		*ret_found = result->found;
	if (r == BATON_OK && ret_done != NULL)
		*ret_done = result->done;
	baton_result_free(result);
	return r;
}

int baton_map_store(baton_client *client, const char *name, const void *key, size_t key_length, const void *value,
	size_t value_length)
{
	struct baton_call call = on_key(BATON_MAP_STORE, name, key, key_length);

	call.value = value;
	call.value_length = value_length;
	return ask(client, &call, NULL, NULL, NULL, NULL);
}

int baton_map_load(baton_client *client, const char *name, const void *key, size_t key_length, void **ret_value,
	size_t *ret_length, bool *ret_found)
{
	const struct baton_call call = on_key(BATON_MAP_LOAD, name, key, key_length);

	return ask(client, &call, ret_found, NULL, ret_value, ret_length);
}

int baton_map_load_or_store(baton_client *client, const char *name, const void *key, size_t key_length,
	const void *value, size_t value_length, void **ret_value, size_t *ret_length, bool *ret_loaded)
{
	struct baton_call call = on_key(BATON_MAP_LOAD_OR_STORE, name, key, key_length);

	call.value = value;
	call.value_length = value_length;
	return ask(client, &call, ret_loaded, NULL, ret_value, ret_length);
}

int baton_map_load_and_delete(baton_client *client, const char *name, const void *key, size_t key_length,
	void **ret_value, size_t *ret_length, bool *ret_loaded)
{
	const struct baton_call call = on_key(BATON_MAP_LOAD_AND_DELETE, name, key, key_length);

	return ask(client, &call, ret_loaded, NULL, ret_value, ret_length);
}

int baton_map_delete(baton_client *client, const char *name, const void *key, size_t key_length)
{
	const struct baton_call call = on_key(BATON_MAP_DELETE, name, key, key_length);

	return ask(client, &call, NULL, NULL, NULL, NULL);
}

int baton_map_swap(baton_client *client, const char *name, const void *key, size_t key_length, const void *value,
	size_t value_length, void **ret_former, size_t *ret_length, bool *ret_loaded)
{
	struct baton_call call = on_key(BATON_MAP_SWAP, name, key, key_length);

	call.value = value;
	call.value_length = value_length;
	return ask(client, &call, ret_loaded, NULL, ret_former, ret_length);
}

int baton_map_compare_and_swap(baton_client *client, const char *name, const void *key, size_t key_length,
	const void *expected, size_t expected_length, const void *value, size_t value_length, bool *ret_swapped)
{
	struct baton_call call = on_key(BATON_MAP_COMPARE_AND_SWAP, name, key, key_length);

	call.expected = expected;
	call.expected_length = expected_length;
	call.value = value;
	call.value_length = value_length;
	return ask(client, &call, NULL, ret_swapped, NULL, NULL);
}

int baton_map_compare_and_delete(baton_client *client, const char *name, const void *key, size_t key_length,
	const void *expected, size_t expected_length, bool *ret_deleted)
{
	struct baton_call call = on_key(BATON_MAP_COMPARE_AND_DELETE, name, key, key_length);

	call.expected = expected;
	call.expected_length = expected_length;
	return ask(client, &call, NULL, ret_deleted, NULL, NULL);
}

int baton_map_range(
	baton_client *client, const char *name, bool (*visit)(const struct baton_pair *pair, void *arg), void *arg)
{
	struct baton_call call = {.size = sizeof(call), .operation = BATON_MAP_RANGE, .name = name};
	struct baton_result *page = NULL;
	bool more = true;
	int r = BATON_OK;

	while (more && r == BATON_OK) {
		struct baton_result *next = NULL;

		r = baton_invoke(client, NULL, &call, &next);
		more = r == BATON_OK && next->more;
		for (size_t i = 0; r == BATON_OK && i < next->pair_count; i++) {
			if (!visit(&next->pairs[i], arg)) {
				more = false;
				break;
			}
		}
		if (more && next->pair_count > 0) {
			call.number = next->number;
			call.until = next->until;
			call.key_bytes = next->pairs[next->pair_count - 1].key;
			call.key_length = next->pairs[next->pair_count - 1].key_length;
		}
		baton_result_free(page);
		page = next; /* the next call points into it */
	}
	baton_result_free(page);
	return r;
}

int baton_map_clear(baton_client *client, const char *name)
{
	return baton_invoke(client, NULL,
		&(struct baton_call){.size = sizeof(struct baton_call), .operation = BATON_MAP_CLEAR, .name = name},
		NULL);
}

int baton_map_len(baton_client *client, const char *name, uint64_t *ret)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_MAP_LENGTH, .name = name};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, &call, &result);

	if (r == BATON_OK)
		*ret = result->number;
	baton_result_free(result);
	return r;
}

/* ---- atomics ----------------------------------------------------------------------------------------------------- */

int baton_atomic(baton_client *client, const char *name, enum baton_atomic_kind kind, enum baton_operation operation,
	uint64_t value, uint64_t expected, uint64_t *ret_value, bool *ret_done)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = operation,
		.name = name,
		.atomic_kind = kind,
		.number = value,
		.expected_number = expected,
	};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, &call, &result);

	if (r == BATON_OK && ret_value != NULL)
		*ret_value = result->number;
	if (r == BATON_OK && ret_done != NULL)
		*ret_done = result->done;
	baton_result_free(result);
	return r;
}
