/* SPDX-License-Identifier: MIT
 *
 * cmd_map.c - baton map store, load, load-or-store, load-and-delete, delete, swap, cas, range, len, clear.
 */
#include <string.h>

#include "base/memory.h"
#include "cli/answer.h"
#include "cli/status.h"

/* The call of OPERATION with the words M, KEY and, at VALUE_AT, VALUE (0: it takes none). */
static struct baton_call call_of(const struct invocation *invocation, enum baton_operation operation, size_t value_at)
{
	const char *key = invocation_word(invocation, 1);
	struct baton_call call = {.size = sizeof(call), .operation = operation, .name = invocation_word(invocation, 0)};

	if (key != NULL) {
		call.key_bytes = key;
		call.key_length = strlen(key);
	}
	if (value_at > 0) {
		call.value = invocation_word(invocation, value_at);
		call.value_length = strlen(call.value);
	}
	return call;
}

/* ---- one key ----------------------------------------------------------------------------------------------------- */

static void take_found(const struct baton_result *result, void *arg)
{
	struct answer *answer = arg;

	answer->is_no = !result->found;
	if (result->found)
		output_value(&answer->output, result->value, result->value_length);
}

static void take_actual(const struct baton_result *result, void *arg)
{
	struct answer *answer = arg;

	if (answer->output.format != OUTPUT_JSON) {
		output_value(&answer->output, result->value, result->value_length);
		return;
	}
	output_row_begin(&answer->output);
	output_bytes(&answer->output, "value", result->value, result->value_length);
	output_bool(&answer->output, "loaded", result->found);
	output_row_end(&answer->output);
}

static void take_former(const struct baton_result *result, void *arg)
{
	struct answer *answer = arg;

	if (result->found)
		output_value(&answer->output, result->value, result->value_length);
}

static void take_done(const struct baton_result *result, void *arg)
{
	((struct answer *)arg)->is_no = !result->done;
}

static void take_nothing(const struct baton_result *result, void *arg)
{
	(void)result;
	(void)arg;
}

#define NO_KEY "no such key"

int run_map_store(const struct invocation *invocation)
{
	const struct baton_call call = call_of(invocation, BATON_MAP_STORE, 2);

	return answer_run(invocation, &call, take_nothing, NULL);
}

int run_map_load(const struct invocation *invocation)
{
	const struct baton_call call = call_of(invocation, BATON_MAP_LOAD, 0);

	return answer_run(invocation, &call, take_found, NO_KEY);
}

int run_map_load_or_store(const struct invocation *invocation)
{
	const struct baton_call call = call_of(invocation, BATON_MAP_LOAD_OR_STORE, 2);

	return answer_run(invocation, &call, take_actual, NULL);
}

int run_map_load_and_delete(const struct invocation *invocation)
{
	const struct baton_call call = call_of(invocation, BATON_MAP_LOAD_AND_DELETE, 0);

	return answer_run(invocation, &call, take_found, NO_KEY);
}

int run_map_delete(const struct invocation *invocation)
{
	const struct baton_call call = call_of(invocation, BATON_MAP_DELETE, 0);

	return answer_run(invocation, &call, take_nothing, NULL);
}

int run_map_swap(const struct invocation *invocation)
{
	const struct baton_call call = call_of(invocation, BATON_MAP_SWAP, 2);

	return answer_run(invocation, &call, take_former, NULL);
}

int run_map_cas(const struct invocation *invocation)
{
	struct baton_call call = call_of(invocation, BATON_MAP_COMPARE_AND_SWAP, 3);

	call.expected = invocation_word(invocation, 2);
	call.expected_length = strlen(call.expected);
	return answer_run(invocation, &call, take_done, "it has another value");
}

int run_map_cad(const struct invocation *invocation)
{
	struct baton_call call = call_of(invocation, BATON_MAP_COMPARE_AND_DELETE, 0);

	call.expected = invocation_word(invocation, 2);
	call.expected_length = strlen(call.expected);
	return answer_run(invocation, &call, take_done, "it has another value");
}

/* ---- the whole map ----------------------------------------------------------------------------------------------- */

static void take_number(const struct baton_result *result, void *arg)
{
	output_value_number(&((struct answer *)arg)->output, result->number);
}

int run_map_len(const struct invocation *invocation)
{
	const struct baton_call call = call_of(invocation, BATON_MAP_LENGTH, 0);

	return answer_run(invocation, &call, take_number, NULL);
}

int run_map_clear(const struct invocation *invocation)
{
	const struct baton_call call = call_of(invocation, BATON_MAP_CLEAR, 0);

	return answer_run(invocation, &call, take_nothing, NULL);
}

/* A range, page by page. */
struct ranging {
	struct output output;
	struct baton_call call; /* of the next page */
	void *key;              /* the last: the call's */
	bool more;
	bool is_exhausted;
};

static void take_page(const struct baton_result *result, void *arg)
{
	struct ranging *ranging = arg;
	const struct baton_pair *last = result->pair_count > 0 ? &result->pairs[result->pair_count - 1] : NULL;

	for (size_t i = 0; i < result->pair_count; i++) {
		output_row_begin(&ranging->output);
		output_bytes(&ranging->output, "key", result->pairs[i].key, result->pairs[i].key_length);
		output_bytes(&ranging->output, "value", result->pairs[i].value, result->pairs[i].value_length);
		output_row_end(&ranging->output);
	}
	ranging->more = result->more && last != NULL;
	if (!ranging->more)
		return;
	memory_free(ranging->key);
	ranging->key = memory_copy(last->key, last->key_length);
	ranging->is_exhausted = ranging->key == NULL;
	ranging->call.key_bytes = ranging->key;
	ranging->call.key_length = last->key_length;
	ranging->call.number = result->number;
	ranging->call.until = result->until;
}

/* Each page is written before the next one is asked for. */
int run_map_range(const struct invocation *invocation)
{
	const struct session_wish wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	struct ranging ranging = {.call = call_of(invocation, BATON_MAP_RANGE, 0), .more = true};
	struct connection connection;
	int status = connection_init(&connection, invocation);

	if (status != STATUS_DONE)
		return status;
	output_init(&ranging.output, simple_format(invocation));
	status = connection_open(&connection, &wish);
	while (status == STATUS_DONE && ranging.more && !ranging.is_exhausted) {
		status = connection_call(&connection, &ranging.call, take_page, &ranging);
		if (status == STATUS_DONE && output_finish(&ranging.output) != 0)
			break;
	}
	if (ranging.is_exhausted)
		status = say_no_memory(invocation);
	memory_free(ranging.key);
	status = connection_close(&connection, status);
	return simple_flush(invocation, &ranging.output, status);
}
