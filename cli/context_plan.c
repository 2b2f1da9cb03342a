/* SPDX-License-Identifier: MIT
 *
 * context_plan.c - from options to the call that makes a context.
 */
#include "cli/context_plan.h"

#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/name.h"
#include "cli/rfc3339.h"
#include "cli/status.h"

#define NS_PER_SECOND INT64_C(1000000000)

/* The shorter of --timeout and what is left until --deadline. */
static int read_limits(struct context_plan *plan, const struct invocation *invocation)
{
	const char *deadline = invocation_text(invocation, OPTION_DEADLINE);
	struct timespec now;
	int64_t until_ns;

	plan->call.limited = invocation_has(invocation, OPTION_CONTEXT_TIMEOUT) || deadline != NULL;
	plan->call.duration_ns = invocation_number(invocation, OPTION_CONTEXT_TIMEOUT, INT64_MAX);
	if (deadline == NULL)
		return STATUS_DONE;
	if (!rfc3339_parse(deadline, &until_ns))
		return say_usage(invocation, "--deadline: \"%s\" is no time as 2026-11-23T07:05:00Z", deadline);
	clock_gettime(CLOCK_REALTIME, &now);
	until_ns -= now.tv_sec * NS_PER_SECOND + now.tv_nsec;
	if (until_ns < plan->call.duration_ns)
		plan->call.duration_ns = until_ns > 0 ? until_ns : 0;
	return STATUS_DONE;
}

/* Splits K=V; K is copied to *KEYS. */
static int read_value(
	const struct invocation *invocation, const char *text, char **keys, struct baton_context_value *ret)
{
	const size_t length = strcspn(text, "=");
	const char *why;

	if (text[length] == '\0')
		return say_usage(invocation, "--value: \"%s\" is not K=V", text);
	if (!name_is_valid(text, length, &why))
		return say_usage(invocation, "--value: the key \"%.*s\" %s", (int)length, text, why);
	memcpy(*keys, text, length);
	(*keys)[length] = '\0';
	ret->key = *keys;
	ret->value = text + length + 1;
	ret->length = strlen(text + length + 1);
	*keys += length + 1;
	return STATUS_DONE;
}

static int read_values(struct context_plan *plan, const struct invocation *invocation)
{
	size_t room = 1;
	int status = STATUS_DONE;
	char *keys;

	for (size_t i = 0; i < invocation->repeated_count; i++)
		room += strlen(invocation->repeated[i].text) + 1;
	plan->values = memory_alloc((invocation->repeated_count + 1) * sizeof(plan->values[0]));
	plan->keys = memory_alloc(room);
	if (plan->values == NULL || plan->keys == NULL)
		return say_no_memory(invocation);
	keys = plan->keys;
	for (size_t i = 0; i < invocation->repeated_count && status == STATUS_DONE; i++)
		status = read_value(invocation, invocation->repeated[i].text, &keys, &plan->values[i]);
	plan->call.context_values = plan->values;
	plan->call.context_value_count = invocation->repeated_count;
	return status;
}

int context_plan_init(struct context_plan *plan, const struct connection *connection, const char *name)
{
	const struct invocation *invocation = connection->invocation;
	const char *parent = invocation_text(invocation, OPTION_PARENT);
	int status;

	*plan = (struct context_plan){
		.call = {.size = sizeof(plan->call), .operation = BATON_CONTEXT_MAKE, .name = name}};
	plan->call.parent = parent != NULL ? parent : connection_context(connection);
	status = read_limits(plan, invocation);
	if (status == STATUS_DONE)
		status = read_values(plan, invocation);
	return status;
}

void context_plan_done(struct context_plan *plan)
{
	memory_free(plan->values);
	memory_free(plan->keys);
}
