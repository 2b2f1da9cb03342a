/* SPDX-License-Identifier: MIT
 *
 * cmd_top.c - baton top: what the daemon does, again and again. On a terminal a screen that q leaves; else, and with
 * --rounds, rows for another program, round by round.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/memory.h"
#include "base/name.h"
#include "cli/screen.h"
#include "cli/simple.h"
#include "cli/status.h"

#define OBJECTS_MAX 10000u /* looked at in a round */
#define SECOND_NS INT64_C(1000000000)
#define DELAY_NS SECOND_NS

struct row {
	char kind[16];
	char name[NAME_MAX_BYTES + 1];
	char state[64];
	uint32_t holders;
	uint32_t waiters;
	uint64_t length;
	uint64_t capacity;
};

enum order { BY_WAITERS, BY_HOLDERS, BY_NAME, ORDER_COUNT };

/* The command at work. */
struct top {
	const struct invocation *invocation;
	struct connection connection;
	struct screen screen;
	struct output output;
	struct row *rows;
	size_t count;
	size_t room;
	bool more; /* there were more objects than are looked at */
	bool failed;
	enum order order;
	bool is_over;
	bool at_once; /* the next round is not waited for */

	struct baton_status status;
	char version[64];
	uint64_t calls; /* of the round before */
	int64_t taken_ns;
	double calls_per_second; /* below 0: not known yet */
};

/* ---- what is looked at ------------------------------------------------------------------------------------------- */

static bool make_room(struct top *top, size_t count)
{
	const size_t room = count < 2 * top->room ? 2 * top->room : count;
	struct row *rows;

	if (count <= top->room)
		return true;
	rows = memory_realloc(top->rows, room * sizeof(*rows));
	if (rows == NULL)
		return false;
	top->rows = rows;
	top->room = room;
	return true;
}

static void take_objects(const struct baton_result *result, void *arg)
{
	struct top *top = arg;

	top->more = result->more;
	if (!make_room(top, top->count + result->object_count)) {
		top->failed = true;
		return;
	}
	for (size_t i = 0; i < result->object_count; i++) {
		const struct baton_object_info *object = &result->objects[i];
		struct row *row = &top->rows[top->count++];

		snprintf(row->kind, sizeof(row->kind), "%s", object->kind);
		snprintf(row->name, sizeof(row->name), "%s", object->name);
		snprintf(row->state, sizeof(row->state), "%s", object->state);
		row->holders = object->holders;
		row->waiters = object->waiters;
		row->length = object->length;
		row->capacity = object->capacity;
	}
}

static void take_status(const struct baton_result *result, void *arg)
{
	struct top *top = arg;
	const int64_t now = loop_now();

	top->calls_per_second = -1;
	if (top->taken_ns != 0 && now > top->taken_ns && top->status.incarnation == result->status->incarnation)
		top->calls_per_second =
			(double)(result->status->calls - top->calls) * 1e9 / (double)(now - top->taken_ns);
	top->taken_ns = now;
	top->calls = result->status->calls;
	top->status = *result->status;
	snprintf(top->version, sizeof(top->version), "%s", result->status->version);
	top->status.version = top->version;
}

/* 0, or the exit status: said. */
static int look(struct top *top)
{
	struct baton_call call = {.size = sizeof(call), .operation = BATON_STATUS};
	int status = connection_call(&top->connection, &call, take_status, top);

	call = (struct baton_call){.size = sizeof(call), .operation = BATON_LIST};
	top->count = 0;
	do {
		if (status == 0)
			status = connection_call(&top->connection, &call, take_objects, top);
		if (top->count > 0) {
			call.after_kind = top->rows[top->count - 1].kind;
			call.after_name = top->rows[top->count - 1].name;
		}
	} while (status == 0 && !top->failed && top->more && top->count < OBJECTS_MAX);
	return status == 0 && top->failed ? say_no_memory(top->invocation) : status;
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

static int compare_names(const struct row *a, const struct row *b)
{
	const int r = strcmp(a->kind, b->kind);

	return r != 0 ? r : strcmp(a->name, b->name);
}

static int more_first(uint32_t a, uint32_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int by_waiters(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;
	int r = more_first(a->waiters, b->waiters);

	r = r != 0 ? r : more_first(a->holders, b->holders);
	return r != 0 ? r : compare_names(a, b);
}

static int by_holders(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;
	const int r = more_first(a->holders, b->holders);

	return r != 0 ? r : by_waiters(a, b);
}

static int by_name(const void *left, const void *right)
{
	return compare_names(left, right);
}

static const struct {
	const char *title;
	int (*compare)(const void *left, const void *right);
} orders[ORDER_COUNT] = {
	[BY_WAITERS] = {"waiters", by_waiters},
	[BY_HOLDERS] = {"holders", by_holders},
	[BY_NAME] = {"name", by_name},
};

/* ---- the screen -------------------------------------------------------------------------------------------------- */

static void paint(struct top *top)
{
	const struct baton_status *status = &top->status;
	struct screen *screen = &top->screen;
	char uptime[DURATION_TEXT_BYTES];
	char rate[32] = "";

	duration_format(status->uptime_ns / SECOND_NS * SECOND_NS, uptime, sizeof(uptime));
	if (top->calls_per_second >= 0)
		snprintf(rate, sizeof(rate), "  %.0f calls/s", top->calls_per_second);
	screen_begin(screen);
	screen_line(screen, false, "batond %s  pid %u  up %s  %s%s", status->version, status->pid, uptime,
		status->stopping ? "stopping" : "serving", rate);
	screen_line(screen, false,
		"connections %" PRIu64 "  sessions %" PRIu64 "  objects %" PRIu64 "  holds %" PRIu64
		"  blocked %" PRIu64 "  deliveries out %" PRIu64,
		status->connections, status->sessions, status->objects, status->holds, status->blocked,
		status->deliveries);
	screen_line(screen, false, "q quit, s sort (by %s), space look now%s", orders[top->order].title,
		top->more ? "; there are more objects than are looked at" : "");
	screen_line(screen, true, "%-8s %-40s %-20s %8s %8s", "KIND", "NAME", "STATE", "HOLDERS", "WAITERS");
	for (size_t i = 0; i < top->count && screen_has_room(screen); i++) {
		const struct row *row = &top->rows[i];
		char state[112];

		snprintf(state, sizeof(state), "%s", row->state);
		if (row->capacity > 0 || row->length > 0)
			snprintf(state, sizeof(state), "%s %" PRIu64 "/%" PRIu64, row->state, row->length,
				row->capacity);
		screen_line(screen, false, "%-8s %-40s %-20s %8u %8u", row->kind, row->name, state, row->holders,
			row->waiters);
	}
	if (!screen_paint(screen))
		top->is_over = true;
}

static void show(struct top *top)
{
	qsort(top->rows, top->count, sizeof(*top->rows), orders[top->order].compare);
	paint(top);
}

static void take_key(struct top *top)
{
	const int key = screen_key();

	switch (key) {
	case 'q':
	case 'Q':
	case -1:
		top->is_over = true;
		break;
	case 's':
		top->order = (enum order)((top->order + 1) % ORDER_COUNT);
		show(top);
		break;
	case ' ':
		top->at_once = true;
		break;
	default:
		break;
	}
}

/* A stopped top leaves the terminal as it found it. */
static bool on_signal(const struct signalfd_siginfo *info, void *arg)
{
	struct top *top = arg;

	if (info->ssi_signo == SIGWINCH) {
		show(top);
		return true;
	}
	if (info->ssi_signo == SIGTSTP) {
		screen_leave(&top->screen);
		loop_stop_self(SIGTSTP);
		screen_enter(&top->screen);
		show(top);
		return true;
	}
	return false;
}

/* Keys until the next round. */
static void wait_on_screen(struct top *top, int64_t until_ns)
{
	top->at_once = false;
	while (!top->is_over && !top->at_once && top->connection.fatal_signal == 0 && loop_now() < until_ns) {
		struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};

		if (!connection_step(&top->connection, &keys, 1, until_ns))
			return; /* the next look says why */
		if (keys.revents != 0)
			take_key(top);
	}
}

static int run_on_screen(struct top *top, int64_t delay_ns)
{
	int status = 0;

	top->connection.on_signal = on_signal;
	top->connection.arg = top;
	while (status == 0 && !top->is_over && top->connection.fatal_signal == 0) {
		status = look(top);
		if (status != 0)
			break;
		screen_enter(&top->screen);
		show(top);
		wait_on_screen(top, loop_now() + delay_ns);
	}
	screen_done(&top->screen);
	return status;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void print_round(struct top *top)
{
	struct output *output = &top->output;
	const struct baton_status *status = &top->status;

	output_row_begin(output);
	output_text(output, "kind", "batond");
	output_text(output, "version", status->version);
	output_number(output, "connections", status->connections);
	output_number(output, "sessions", status->sessions);
	output_number(output, "objects", status->objects);
	output_number(output, "holds", status->holds);
	output_number(output, "blocked", status->blocked);
	output_number(output, "deliveries", status->deliveries);
	output_number(output, "calls", status->calls);
	output_row_end(output);
	for (size_t i = 0; i < top->count; i++) {
		const struct row *row = &top->rows[i];

		output_row_begin(output);
		output_text(output, "kind", row->kind);
		output_text(output, "name", row->name);
		output_text(output, "state", row->state);
		output_number(output, "holders", row->holders);
		output_number(output, "waiters", row->waiters);
		output_number(output, "length", row->length);
		output_number(output, "capacity", row->capacity);
		output_row_end(output);
	}
}

static int run_as_rows(struct top *top, int64_t delay_ns, int64_t rounds)
{
	int status = 0;

	for (int64_t i = 0; i < rounds && status == 0 && top->connection.fatal_signal == 0; i++) {
		const int64_t until_ns = loop_now() + delay_ns;

		while (i > 0 && loop_now() < until_ns && top->connection.fatal_signal == 0 &&
			connection_step(&top->connection, NULL, 0, until_ns))
			continue;
		status = look(top);
		if (status == 0) {
			qsort(top->rows, top->count, sizeof(*top->rows), orders[top->order].compare);
			print_round(top);
			if (output_finish(&top->output) != 0)
				break; /* said at the end */
		}
	}
	return status;
}

int run_top(const struct invocation *invocation)
{
	struct top top = {.invocation = invocation, .calls_per_second = -1};
	const struct session_wish wish = {.kind = BATON_SESSION_NONE};
	const int64_t delay_ns = invocation_number(invocation, OPTION_DELAY, DELAY_NS);
	const bool wants_rows = invocation_has(invocation, OPTION_ROUNDS) || invocation_has(invocation, OPTION_FORMAT);
	int status = connection_init(&top.connection, invocation);

	if (status != 0)
		return status;
	output_init(&top.output, simple_format(invocation));
	status = connection_open(&top.connection, &wish);
	if (status == 0 && !wants_rows && screen_is_possible())
		status = run_on_screen(&top, delay_ns);
	else if (status == 0)
		status = run_as_rows(&top, delay_ns, invocation_number(invocation, OPTION_ROUNDS, 1));
	status = connection_close(&top.connection, status);
	memory_free(top.rows);
	return simple_flush(invocation, &top.output, status);
}
