/* SPDX-License-Identifier: MIT
 *
 * cmd_select.c - baton select.
 *
 * A message is received to be acknowledged by hand: once its line is written, or when CMD has exited 0. Whatever fails
 * before that puts it back into its place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/name.h"
#include "cli/hold.h"
#include "cli/job.h"
#include "cli/simple.h"
#include "cli/status.h"

#define SETTLE_NS INT64_C(10000000000) /* what an answer to an acknowledgement may take */

/* What the options that are cases stand for. */
static const struct case_option {
	enum option_id option;
	enum baton_case_kind kind;
	const char *word;               /* for rows and BATON_CASE */
	const char *object;             /* the kind of the object, for messages; NULL: there is none */
	enum baton_operation give_back; /* what is held; BATON_OPERATION_COUNT: nothing */
	const char *value;              /* what the value is in JSON; NULL: there is none */
} case_options[] = {
	{OPTION_CASE_RECEIVE, BATON_CASE_RECEIVE, "recv", "chan", BATON_OPERATION_COUNT, "value"},
	{OPTION_CASE_SEND, BATON_CASE_SEND, "send", "chan", BATON_OPERATION_COUNT, NULL},
	{OPTION_CASE_LOCK, BATON_CASE_LOCK, "lock", "mutex", BATON_MUTEX_UNLOCK, NULL},
	{OPTION_CASE_WG, BATON_CASE_WG, "wg", "wg", BATON_OPERATION_COUNT, NULL},
	{OPTION_CASE_ONCE, BATON_CASE_ONCE, "once", "once", BATON_OPERATION_COUNT, "value"},
	{OPTION_CASE_DONE, BATON_CASE_DONE, "done", "ctx", BATON_OPERATION_COUNT, "cause"},
	{OPTION_CASE_TIMER, BATON_CASE_TIMER, "after", NULL, BATON_OPERATION_COUNT, NULL},
};

struct selecting {
	const struct invocation *invocation;
	const struct case_option **options; /* of each case */
	struct baton_case *cases;
	char *names; /* of the send cases: copies */
	size_t count;

	/* What happened. */
	bool is_default;
	bool has_happened;
	bool closed;
	bool abandoned;
	size_t index;
	uint64_t token;
	char *value;
	size_t length;
	struct lockable held;
};

/* ---- the command line -------------------------------------------------------------------------------------------- */

static const struct case_option *find_option(enum option_id id)
{
	for (size_t i = 0; i < sizeof(case_options) / sizeof(case_options[0]); i++)
		if (case_options[i].option == id)
			return &case_options[i];
	return NULL;
}

/* Splits N=VALUE; N is copied to *NAMES. 0, or the exit status: said. */
static int read_send(const struct invocation *invocation, const char *text, char **names, struct baton_case *ret)
{
	const size_t length = strcspn(text, "=");
	const char *why;

	if (text[length] == '\0')
		return say_usage(invocation, "--send: \"%s\" is not N=VALUE", text);
	if (!name_is_valid(text, length, &why))
		return say_usage(invocation, "--send: the name \"%.*s\" %s", (int)length, text, why);
	memcpy(*names, text, length);
	(*names)[length] = '\0';
	ret->name = *names;
	ret->value = text + length + 1;
	ret->value_length = strlen(ret->value);
	*names += length + 1;
	return STATUS_DONE;
}

static int read_cases(struct selecting *selecting)
{
	const struct invocation *invocation = selecting->invocation;
	char *names = selecting->names;
	int status = STATUS_DONE;

	for (size_t i = 0; i < invocation->repeated_count && status == STATUS_DONE; i++) {
		const struct occurrence *given = &invocation->repeated[i];
		const struct case_option *option = find_option(given->id);
		struct baton_case *choice = &selecting->cases[i];

		*choice = (struct baton_case){.kind = option->kind, .name = given->text, .manual_ack = true};
		if (option->kind == BATON_CASE_TIMER)
			choice->after_ns = given->number;
		if (option->kind == BATON_CASE_SEND)
			status = read_send(invocation, given->text, &names, choice);
		selecting->options[i] = option;
	}
	selecting->count = invocation->repeated_count;
	return status;
}

static void selecting_done(struct selecting *selecting)
{
	memory_free(selecting->options);
	memory_free(selecting->cases);
	memory_free(selecting->names);
	memory_free(selecting->value);
}

static int selecting_init(struct selecting *selecting, const struct invocation *invocation)
{
	const size_t count = invocation->repeated_count + 1;
	size_t room = 1;

	for (size_t i = 0; i < invocation->repeated_count; i++)
		room += strlen(invocation->repeated[i].text) + 1;
	*selecting = (struct selecting){
		.invocation = invocation,
		.options = memory_alloc(count * sizeof(struct case_option *)),
		.cases = memory_alloc(count * sizeof(struct baton_case)),
		.names = memory_alloc(room),
	};
	if (selecting->options == NULL || selecting->cases == NULL || selecting->names == NULL)
		return say_no_memory(invocation);
	return read_cases(selecting);
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static void take_selected(const struct baton_result *result, void *arg)
{
	struct selecting *selecting = arg;

	selecting->has_happened = true;
	selecting->index = result->index;
	selecting->abandoned = result->abandoned;
	selecting->closed = result->closed;
	selecting->token = result->token;
	selecting->length = result->value_length;
	selecting->value = memory_copy(result->value, result->value_length);
}

static struct subject subject_of(const struct selecting *selecting)
{
	return (struct subject){
		.kind = selecting->options[selecting->index]->object, .name = selecting->cases[selecting->index].name};
}

static bool brought_message(const struct selecting *selecting)
{
	return selecting->options[selecting->index]->kind == BATON_CASE_RECEIVE && !selecting->closed;
}

/* Acknowledges the message, or gives it back. 0, or the exit status: said. */
static int settle(struct connection *connection, const struct selecting *selecting, enum baton_operation operation)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = operation,
		.name = selecting->cases[selecting->index].name,
		.token = selecting->token,
	};

	connection->deadline_ns = loop_now() + SETTLE_NS;
	return connection_call(connection, &call, NULL, NULL);
}

static int give_back(struct connection *connection, const struct selecting *selecting)
{
	const struct case_option *option = selecting->options[selecting->index];
	const struct baton_case *choice = &selecting->cases[selecting->index];
	const struct lockable held = {.kind = option->object,
		.name = choice->name,
		.release = {.operation = option->give_back, .name = choice->name}};

	if (brought_message(selecting))
		return settle(connection, selecting, BATON_CHAN_NACK);
	return option->give_back != BATON_OPERATION_COUNT ? release(connection, &held, selecting->token) : STATUS_DONE;
}

/* Waits for the first case. 0, or the exit status: said. */
static int select_one(struct connection *connection, struct selecting *selecting)
{
	const bool has_default = invocation_has(selecting->invocation, OPTION_DEFAULT);
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_SELECT,
		.cases = selecting->cases,
		.case_count = selecting->count,
		.no_wait = has_default || connection->may_not_wait,
	};
	int status;

	connection->unsaid_error = has_default ? BATON_EWOULDBLOCK : 0;
	status = connection_call(connection, &call, take_selected, selecting);
	connection->unsaid_error = 0;
	selecting->is_default = has_default && connection->last_error == BATON_EWOULDBLOCK;
	if (status == STATUS_DONE && selecting->value == NULL)
		status = say_no_memory(selecting->invocation);
	if (status != STATUS_DONE && selecting->has_happened)
		(void)give_back(connection, selecting);
	return status;
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

static const char *word_of(const struct selecting *selecting)
{
	return selecting->closed ? "closed" : selecting->options[selecting->index]->word;
}

static void print_case(const struct selecting *selecting, struct output *output)
{
	output_row_begin(output);
	output_text(output, "case", selecting->is_default ? "default" : word_of(selecting));
	if (!selecting->is_default) {
		output_text(output, selecting->options[selecting->index]->object != NULL ? "name" : "duration",
			selecting->invocation->repeated[selecting->index].id == OPTION_CASE_SEND
				? selecting->cases[selecting->index].name
				: selecting->invocation->repeated[selecting->index].text);
		if (selecting->options[selecting->index]->value != NULL && !selecting->closed)
			output_bytes(output, selecting->options[selecting->index]->value, selecting->value,
				selecting->length);
		if (selecting->options[selecting->index]->give_back != BATON_OPERATION_COUNT)
			output_number(output, "token", selecting->token);
	}
	output_row_end(output);
}

static int print_default(const struct selecting *selecting)
{
	struct output output;

	output_init(&output, simple_format(selecting->invocation));
	print_case(selecting, &output);
	return simple_flush(selecting->invocation, &output, STATUS_NO);
}

/* Whether a case is one that the session is to keep. */
static bool may_hold(const struct selecting *selecting)
{
	for (size_t i = 0; i < selecting->count; i++)
		if (selecting->options[i]->give_back != BATON_OPERATION_COUNT)
			return true;
	return false;
}

static int select_and_print(struct connection *connection, struct selecting *selecting)
{
	const struct session_wish wish = {
		.kind = may_hold(selecting) ? BATON_SESSION_ATTACH : BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	struct output output;
	int status;

	if (wish.kind == BATON_SESSION_ATTACH && connection_outer_session(connection) == NULL)
		return say_usage(selecting->invocation,
			"to lock without CMD only works inside BATON_SESSION (baton session open, run)");
	status = connection_open(connection, &wish);
	if (status == STATUS_DONE)
		status = select_one(connection, selecting);
	if (selecting->is_default)
		return print_default(selecting);
	if (status != STATUS_DONE)
		return status;
	output_init(&output, simple_format(selecting->invocation));
	print_case(selecting, &output);
	status = simple_flush(selecting->invocation, &output, STATUS_DONE);
	if (status != STATUS_DONE)
		(void)give_back(connection, selecting);
	else if (brought_message(selecting))
		status = settle(connection, selecting, BATON_CHAN_ACK);
	return status;
}

/* ---- running CMD ------------------------------------------------------------------------------------------------- */

static int set_environment(const struct selecting *selecting)
{
	const char *name = selecting->cases[selecting->index].name;
	const bool has_name = selecting->options[selecting->index]->object != NULL;

	if (setenv("BATON_CASE", word_of(selecting), 1) == 0 &&
		(has_name ? setenv("BATON_NAME", name, 1) : unsetenv("BATON_NAME")) == 0)
		return STATUS_DONE;
	return say_no_memory(selecting->invocation);
}

static int get(struct connection *connection, void *arg, const struct lockable **ret_held, struct grant *ret_grant,
	int *ret_input)
{
	struct selecting *selecting = arg;
	const struct case_option *option;
	int status = select_one(connection, selecting);

	if (selecting->is_default)
		return print_default(selecting);
	if (status != STATUS_DONE)
		return status;
	option = selecting->options[selecting->index];
	status = set_environment(selecting);
	if (status == STATUS_DONE && brought_message(selecting)) {
		*ret_input = job_open_message(selecting->value, selecting->length, false);
		if (*ret_input < 0) {
			say_about(selecting->invocation, subject_of(selecting), "no file for the message: %s",
				strerror(-*ret_input));
			status = STATUS_FAILED;
		}
	}
	if (status != STATUS_DONE) {
		(void)give_back(connection, selecting);
	} else if (option->give_back != BATON_OPERATION_COUNT) {
		selecting->held = (struct lockable){.kind = option->object,
			.name = selecting->cases[selecting->index].name,
			.release = {.operation = option->give_back, .name = selecting->cases[selecting->index].name}};
		*ret_held = &selecting->held;
		ret_grant->token = selecting->token;
		ret_grant->abandoned = selecting->abandoned;
	}
	return status;
}

/* The message is taken when CMD has done its work. */
static int settle_message(struct connection *connection, void *arg, int status)
{
	const struct selecting *selecting = arg;
	int r;

	if (!brought_message(selecting))
		return status;
	r = settle(connection, selecting, status == STATUS_DONE ? BATON_CHAN_ACK : BATON_CHAN_NACK);
	return status == STATUS_DONE ? r : status;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int run_selecting(struct selecting *selecting)
{
	const struct hold_source source = {.get = get, .settle = settle_message, .arg = selecting};
	struct connection connection;
	int status;

	if (hold_has_program(selecting->invocation))
		return hold_run_from(selecting->invocation, &source);
	status = connection_init(&connection, selecting->invocation);
	if (status != STATUS_DONE)
		return status;
	return connection_close(&connection, select_and_print(&connection, selecting));
}

int run_select(const struct invocation *invocation)
{
	struct selecting selecting;
	int status = selecting_init(&selecting, invocation);

	if (status == STATUS_DONE)
		status = run_selecting(&selecting);
	selecting_done(&selecting);
	return status;
}
