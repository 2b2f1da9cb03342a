/* SPDX-License-Identifier: MIT
 *
 * cmd_atomic.c - baton atomic load, store, add, swap, cas, and, or.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/status.h"

static const struct {
	const char *name;
	enum baton_atomic_kind kind;
} kinds[] = {
	{"int32", BATON_INT32},
	{"uint32", BATON_UINT32},
	{"int64", BATON_INT64},
	{"uint64", BATON_UINT64},
};

static bool is_unsigned(enum baton_atomic_kind kind)
{
	return kind == BATON_UINT32 || kind == BATON_UINT64;
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

static int read_kind(const struct invocation *invocation, enum baton_atomic_kind *ret)
{
	const char *text = invocation_text(invocation, OPTION_KIND);

	*ret = BATON_ATOMIC_ANY;
	if (text == NULL)
		return STATUS_DONE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, text) == 0)
			*ret = kinds[i].kind;
	if (*ret == BATON_ATOMIC_ANY)
		return say_usage(invocation, "--kind: \"%s\" is none of int32, uint32, int64 and uint64", text);
	return STATUS_DONE;
}

/* The word at INDEX as a value of KIND. An unsigned one takes a negative number to add. */
static int read_value(const struct invocation *invocation, size_t index, const struct baton_call *call, uint64_t *ret)
{
	const char *word = invocation_word(invocation, index);
	const bool is_negative = word[0] == '-';

	*ret = invocation_word_number(invocation, index);
	if (is_negative && is_unsigned(call->atomic_kind) && call->operation != BATON_ATOMIC_ADD)
		return say_usage(invocation, "\"%s\" is no value of an unsigned kind", word);
	if (!is_negative && *ret > INT64_MAX && call->atomic_kind == BATON_INT64)
		return say_usage(invocation, "\"%s\" is no value of an int64", word);
	return STATUS_DONE;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static void print(const struct baton_result *result, struct output *output)
{
	if (is_unsigned(result->atomic_kind))
		output_value_number(output, result->number);
	else
		output_value_signed(output, (int64_t)result->number);
}

static void take_value(const struct baton_result *result, void *arg)
{
	print(result, &((struct answer *)arg)->output);
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

/* OPERATION on the words N and VALUE; without VALUE it is 1, or not looked at. */
static int run(const struct invocation *invocation, enum baton_operation operation,
	void (*take)(const struct baton_result *result, void *answer))
{
	struct baton_call call = {
		.size = sizeof(call), .operation = operation, .name = invocation_word(invocation, 0), .number = 1};
	int status = read_kind(invocation, &call.atomic_kind);

	if (operation == BATON_ATOMIC_LOAD)
		call.number = 0;
	if (status == STATUS_DONE && invocation_word(invocation, 1) != NULL)
		status = read_value(invocation, 1, &call, &call.number);
	return status == STATUS_DONE ? answer_run(invocation, &call, take, NULL) : status;
}

int run_atomic_load(const struct invocation *invocation)
{
	return run(invocation, BATON_ATOMIC_LOAD, take_value);
}

int run_atomic_store(const struct invocation *invocation)
{
	return run(invocation, BATON_ATOMIC_STORE, take_nothing);
}

int run_atomic_add(const struct invocation *invocation)
{
	return run(invocation, BATON_ATOMIC_ADD, take_value);
}

int run_atomic_swap(const struct invocation *invocation)
{
	return run(invocation, BATON_ATOMIC_SWAP, take_value);
}

int run_atomic_and(const struct invocation *invocation)
{
	return run(invocation, BATON_ATOMIC_AND, take_value);
}

int run_atomic_or(const struct invocation *invocation)
{
	return run(invocation, BATON_ATOMIC_OR, take_value);
}

int run_atomic_cas(const struct invocation *invocation)
{
	struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_ATOMIC_COMPARE_AND_SWAP,
		.name = invocation_word(invocation, 0),
	};
	int status = read_kind(invocation, &call.atomic_kind);

	if (status == STATUS_DONE)
		status = read_value(invocation, 1, &call, &call.expected_number);
	if (status == STATUS_DONE)
		status = read_value(invocation, 2, &call, &call.number);
	if (status != STATUS_DONE)
		return status;
	return answer_run(invocation, &call, take_done, "it has another value");
}
