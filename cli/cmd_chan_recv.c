/* SPDX-License-Identifier: MIT
 *
 * cmd_chan_recv.c - baton chan recv, and range without CMD: messages to standard output.
 *
 * A message stays out until it is written, then it is acknowledged; whatever cannot be written is given back, and takes
 * its old place. Messages are asked for ahead, ever more of them while all goes well, and written in the order asked.
 *
 * A slot's life: WAITING -> READY (the message is here) -> COMPOSED (it is in the output's buffer) -> RETURNING
 * (acknow- ledged or given back, the answer is out) -> OVER; or WAITING -> OVER. Slots from `first` to `composed` are
 * past READY.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/chan.h"
#include "cli/connection.h"
#include "cli/output.h"
#include "cli/simple.h"
#include "cli/status.h"

#define BACKLOG_BYTES 65536u           /* of output that is not written yet: then no more is asked for */
#define RETURN_NS INT64_C(10000000000) /* what an answer to an acknowledgement may take */
#define TEXT_BYTES 512

enum slot_state {
	SLOT_OVER,
	SLOT_WAITING,
	SLOT_READY,
	SLOT_COMPOSED,
	SLOT_RETURNING,
};

struct receiver;

struct slot {
	struct receiver *receiver;
	enum slot_state state;
	uint64_t id;
	int64_t started_ns;
	uint64_t token;
	char *value;
	size_t length;
	uint64_t end; /* of the message, in bytes of output since the start */
};

struct receiver {
	struct connection connection;
	struct output output;
	const struct invocation *invocation;
	struct subject subject;
	uint64_t wanted;
	bool is_try;
	struct slot slots[WINDOW_MAX]; /* by number modulo WINDOW_MAX */
	uint64_t first;                /* the oldest that is not over */
	uint64_t composed;             /* the oldest not yet composed */
	uint64_t next;
	struct window window;
	uint64_t taken;  /* written and acknowledged */
	bool has_ended;  /* nothing more is asked for */
	bool gives_back; /* what is not written is not to be written */
	int error;       /* the first, ends like BATON_ECLOSED included; 0: none */
	char text[TEXT_BYTES];
};

/* ---- ending ------------------------------------------------------------------------------------------------------ */

/* Asks for nothing more, and for what is being waited for no longer. */
static void end(struct receiver *receiver)
{
	if (receiver->has_ended)
		return;
	receiver->has_ended = true;
	for (uint64_t at = receiver->next; at > receiver->composed; at--) {
		const struct slot *slot = &receiver->slots[(at - 1) % WINDOW_MAX];

		if (slot->state == SLOT_WAITING)
			baton_stop(receiver->connection.loop.client, slot->id);
	}
}

static void fail(struct receiver *receiver, int error, const char *text)
{
	if (receiver->error == 0) {
		receiver->error = error;
		snprintf(receiver->text, sizeof(receiver->text), "%s", text);
	}
	end(receiver);
}

static void interrupt(void *arg)
{
	struct receiver *receiver = arg;

	receiver->gives_back = true;
	end(receiver);
}

/* ---- the life of a slot ------------------------------------------------------------------------------------------ */

static void on_returned(const struct baton_result *result, void *arg)
{
	struct slot *slot = arg;

	slot->state = SLOT_OVER;
	if (result->error != 0)
		fail(slot->receiver, result->error, result->text);
}

/* Acknowledges the message, or gives it back. */
static void return_message(struct slot *slot, enum baton_operation operation)
{
	struct receiver *receiver = slot->receiver;
	const struct baton_call call = {
		.size = sizeof(call), .operation = operation, .name = receiver->subject.name, .token = slot->token};
	int error;

	memory_free(slot->value);
	slot->value = NULL;
	slot->state = SLOT_RETURNING;
	if (operation == BATON_CHAN_ACK)
		receiver->taken++;
	error = baton_start(receiver->connection.loop.client, &call, RETURN_NS, on_returned, slot, NULL);
	if (error == 0)
		return;
	slot->state = SLOT_OVER; /* the end of the session gives it back */
	fail(receiver, error, baton_last_error());
}

static void on_received(const struct baton_result *result, void *arg)
{
	struct slot *slot = arg;
	struct receiver *receiver = slot->receiver;

	if (result->error != 0) {
		slot->state = SLOT_OVER;
		fail(receiver, result->error, result->text);
		return;
	}
	slot->token = result->token;
	slot->length = result->value_length;
	slot->value = memory_copy(result->value, result->value_length);
	slot->state = SLOT_READY;
	window_adapt(&receiver->window, slot->started_ns);
	if (slot->value == NULL) {
		receiver->gives_back = true;
		fail(receiver, BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	}
}

static bool receive_one(struct receiver *receiver)
{
	struct slot *slot = &receiver->slots[receiver->next % WINDOW_MAX];
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_CHAN_RECEIVE,
		.name = receiver->subject.name,
		.no_wait = receiver->is_try,
		.manual_ack = true,
	};
	int error;

	*slot = (struct slot){.receiver = receiver, .state = SLOT_WAITING, .started_ns = loop_now()};
	error = connection_start(&receiver->connection, &call, LOOP_NEVER, on_received, slot, &slot->id);
	if (error != 0) {
		slot->state = SLOT_OVER;
		fail(receiver, error, baton_last_error());
		return false;
	}
	receiver->next++;
	return true;
}

static void fill(struct receiver *receiver)
{
	while (!receiver->has_ended && receiver->next < receiver->wanted &&
		receiver->next - receiver->first < receiver->window.size &&
		receiver->output.queued - receiver->output.written < BACKLOG_BYTES)
		if (!receive_one(receiver))
			return;
}

/* Composes the messages that are here, in order. */
static void compose(struct receiver *receiver)
{
	for (; receiver->composed < receiver->next; receiver->composed++) {
		struct slot *slot = &receiver->slots[receiver->composed % WINDOW_MAX];

		if (slot->state == SLOT_WAITING)
			return;
		if (slot->state != SLOT_READY)
			continue;
		if (receiver->gives_back) {
			return_message(slot, BATON_CHAN_NACK);
			continue;
		}
		output_value(&receiver->output, slot->value, slot->length);
		slot->end = receiver->output.queued;
		slot->state = SLOT_COMPOSED;
	}
}

/* Acknowledges what is written; gives the rest back where nothing more is written. */
static void settle(struct receiver *receiver)
{
	for (uint64_t at = receiver->first; at < receiver->composed; at++) {
		struct slot *slot = &receiver->slots[at % WINDOW_MAX];

		if (slot->state == SLOT_COMPOSED && slot->end <= receiver->output.written)
			return_message(slot, BATON_CHAN_ACK);
		else if (slot->state == SLOT_COMPOSED && receiver->gives_back)
			return_message(slot, BATON_CHAN_NACK);
		if (slot->state == SLOT_OVER && at == receiver->first)
			receiver->first++;
	}
}

/* ---- the work ---------------------------------------------------------------------------------------------------- */

/* Writes, or finds that nobody reads any more what may come. */
static void write_output(struct receiver *receiver, short revents)
{
	if (output_is_pending(&receiver->output) && !receiver->gives_back) {
		output_write(&receiver->output);
	} else if ((revents & POLLERR) != 0 && receiver->output.error == 0) {
		receiver->output.error = EPIPE;
		raise(SIGPIPE); /* blocked, and due when the loop is closed, as if it had been written to */
	}
	if (receiver->output.error == 0)
		return;
	receiver->gives_back = true;
	end(receiver);
}

static bool is_over(const struct receiver *receiver)
{
	return receiver->first == receiver->next && (receiver->has_ended || receiver->next == receiver->wanted);
}

static void run(struct receiver *receiver)
{
	struct connection *connection = &receiver->connection;

	for (;;) {
		struct pollfd out = {.fd = STDOUT_FILENO};

		fill(receiver);
		if (is_over(receiver))
			return;
		if (output_is_pending(&receiver->output) && !receiver->gives_back)
			out.events = POLLOUT;
		if (!connection_step(connection, &out, receiver->output.error == 0, LOOP_NEVER)) {
			fail(receiver, connection->loop.client_error, baton_last_error());
			return;
		}
		if (out.revents != 0)
			write_output(receiver, out.revents);
		compose(receiver);
		settle(receiver);
	}
}

/* What is still here after the connection broke: the session's end gives it back. */
static void drop_values(struct receiver *receiver)
{
	for (size_t i = 0; i < WINDOW_MAX; i++)
		memory_free(receiver->slots[i].value);
	output_done(&receiver->output);
}

static int report(struct receiver *receiver, bool until_closed)
{
	char text[TEXT_BYTES + 64];

	if (receiver->output.error != 0) {
		if (receiver->output.error != EPIPE || !loop_dies_of_pipe(&receiver->connection.loop))
			say(receiver->invocation, "standard output: %s", strerror(receiver->output.error));
		return STATUS_FAILED;
	}
	if (receiver->connection.fatal_signal != 0)
		return STATUS_SIGNAL + receiver->connection.fatal_signal;
	if (receiver->error == 0 || receiver->taken == receiver->wanted)
		return STATUS_DONE;
	if (until_closed && receiver->error == BATON_ECLOSED)
		return STATUS_DONE;
	if (receiver->wanted == 1 || receiver->wanted == UINT64_MAX)
		return connection_fail(&receiver->connection, receiver->subject, receiver->error, receiver->text);
	snprintf(text, sizeof(text), "%s; %" PRIu64 " of %" PRIu64 " taken", receiver->text, receiver->taken,
		receiver->wanted);
	return connection_fail(&receiver->connection, receiver->subject, receiver->error, text);
}

static int open_and_receive(struct receiver *receiver, bool until_closed)
{
	const struct session_wish wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	int status = connection_open(&receiver->connection, &wish);

	if (status == STATUS_DONE)
		status = chan_make_first(&receiver->connection, receiver->subject.name);
	if (status != STATUS_DONE)
		return status;
	receiver->connection.on_interrupt = interrupt;
	receiver->connection.interrupt_arg = receiver;
	run(receiver);
	return report(receiver, until_closed);
}

/* Receives as the options say, WANTED messages or until the channel is closed. */
static int receive(const struct invocation *invocation, uint64_t wanted, bool until_closed)
{
	const bool is_raw = invocation_has(invocation, OPTION_RAW);
	const bool is_nul = invocation_has(invocation, OPTION_NUL);
	struct receiver receiver = {
		.invocation = invocation, .subject = {"chan", invocation_word(invocation, 0)}, .wanted = wanted};
	int status;

	if (is_raw && is_nul)
		return say_usage(invocation, "--raw and -0: one of them");
	if ((is_raw || is_nul) && simple_format(invocation) == OUTPUT_JSON)
		return say_usage(invocation, "%s and -o json: one of them", is_raw ? "--raw" : "-0");
	status = connection_init(&receiver.connection, invocation);
	if (status != STATUS_DONE)
		return status;
	window_init(&receiver.window);
	output_init(&receiver.output, is_raw ? OUTPUT_RAW : is_nul ? OUTPUT_NUL : simple_format(invocation));
	receiver.is_try = invocation_has(invocation, OPTION_TRY) || receiver.connection.may_not_wait;
	status = connection_close(&receiver.connection, open_and_receive(&receiver, until_closed));
	drop_values(&receiver);
	return status;
}

int run_chan_recv(const struct invocation *invocation)
{
	return receive(invocation, (uint64_t)invocation_number(invocation, OPTION_MESSAGES, 1), false);
}

int run_chan_range(const struct invocation *invocation)
{
	static const enum option_id needing[] = {OPTION_PARALLEL, OPTION_ARGUMENT, OPTION_RETRIES, OPTION_DEAD};

	if (invocation->program != NULL)
		return chan_work(invocation);
	for (size_t i = 0; i < sizeof(needing) / sizeof(needing[0]); i++)
		if (invocation_has(invocation, needing[i]))
			return say_usage(invocation, "without CMD there is no %s%s",
				options[needing[i]].word == NULL ? "-" : "--",
				options[needing[i]].word == NULL ? "P" : options[needing[i]].word);
	return receive(invocation, UINT64_MAX, true);
}
