/* SPDX-License-Identifier: MIT
 *
 * cmd_chan_send.c - baton chan send.
 *
 * Messages are sent ahead of their answers, ever more of them while all goes well. What is sent is always the first so
 * many: the daemon takes a lane's calls in order, and where they have to be stopped the last is stopped first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/chan.h"
#include "cli/connection.h"
#include "cli/input.h"
#include "cli/status.h"

#define WINDOW_BYTES (1024 * 1024u) /* of messages without an answer */
#define MESSAGE_BYTES (256u << 20)  /* beyond this nothing is read for one message */
#define TEXT_BYTES 512

struct sender;

/* A call without an answer. */
struct flight {
	struct sender *sender;
	uint64_t number; /* of the message, from 0 */
	uint64_t id;
	int64_t started_ns;
	size_t bytes;
	bool is_done;
};

struct sender {
	struct connection connection;
	const struct invocation *invocation;
	struct subject subject;
	bool is_try;
	bool reads; /* standard input; else the words behind the name */
	struct input input;
	size_t next_word;
	bool has_ended;                    /* nothing more to send, or no more to be sent */
	struct flight flights[WINDOW_MAX]; /* by number modulo WINDOW_MAX */
	uint64_t first;                    /* the oldest without an answer */
	uint64_t next;                     /* the next message's number */
	struct window window;
	size_t bytes; /* in flight */
	uint64_t sent;
	bool is_cut;  /* by the deadline, when there was more to send, or may have been */
	bool is_late; /* the deadline has passed */
	int error;    /* the first; 0: none */
	char text[TEXT_BYTES];
};

/* ---- failing ----------------------------------------------------------------------------------------------------- */

/* Stops the calls from NUMBER on, the last first. */
static void stop_from(struct sender *sender, uint64_t number)
{
	sender->has_ended = true;
	for (uint64_t at = sender->next; at > number && at > sender->first; at--) {
		const struct flight *flight = &sender->flights[(at - 1) % WINDOW_MAX];

		if (!flight->is_done)
			baton_stop(sender->connection.loop.client, flight->id);
	}
}

static void stop_all(void *arg)
{
	stop_from(arg, 0);
}

static bool is_sure(const struct sender *sender, int error)
{
	return error != BATON_EUNKNOWN && error != BATON_ERESTARTED && error != BATON_EUNREACHABLE &&
	       error != BATON_ESESSION && baton_is_open(sender->connection.loop.client);
}

/* The first failure is told, unless a later one leaves it open what was sent. */
static void fail(struct sender *sender, int error, const char *text)
{
	sender->has_ended = true;
	if (sender->error != 0 && (is_sure(sender, error) || !is_sure(sender, sender->error)))
		return;
	sender->error = error;
	snprintf(sender->text, sizeof(sender->text), "%s", text);
}

static void on_sent(const struct baton_result *result, void *arg)
{
	struct flight *flight = arg;
	struct sender *sender = flight->sender;

	flight->is_done = true;
	sender->bytes -= flight->bytes;
	if (result->error == 0) {
		sender->sent++;
		if (!sender->is_try)
			window_adapt(&sender->window, flight->started_ns);
	} else {
		if (sender->is_late && result->error == BATON_ECANCELED)
			fail(sender, BATON_EDEADLINE, baton_strerror(BATON_EDEADLINE));
		else
			fail(sender, result->error, result->text);
		stop_from(sender, flight->number + 1);
	}
	while (sender->first < sender->next && sender->flights[sender->first % WINDOW_MAX].is_done)
		sender->first++;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static bool send_one(struct sender *sender, const void *bytes, size_t length)
{
	struct flight *flight = &sender->flights[sender->next % WINDOW_MAX];
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_CHAN_SEND,
		.name = sender->subject.name,
		.value = bytes,
		.value_length = length,
		.no_wait = sender->is_try,
		.type = invocation_text(sender->invocation, OPTION_TYPE),
	};
	int error;

	*flight = (struct flight){.sender = sender, .number = sender->next, .started_ns = loop_now(), .bytes = length};
	/* Without a timeout of its own: the deadline is kept here, so that the last is stopped first. */
	error = baton_start(sender->connection.loop.client, &call, -1, on_sent, flight, &flight->id);
	if (error != 0) {
		fail(sender, error, baton_last_error());
		return false;
	}
	sender->next++;
	sender->bytes += length;
	return true;
}

static enum input_state next_message(struct sender *sender, const void **ret, size_t *ret_length)
{
	const char *word;

	if (sender->reads)
		return input_next(&sender->input, ret, ret_length);
	word = invocation_word(sender->invocation, sender->next_word);
	if (word == NULL)
		return INPUT_ENDED;
	sender->next_word++;
	*ret = word;
	*ret_length = strlen(word);
	return INPUT_HAS;
}

/* Sends what may be sent now. True: it goes on once standard input has more. */
static bool fill(struct sender *sender)
{
	while (!sender->has_ended && sender->next - sender->first < sender->window.size &&
		sender->bytes < WINDOW_BYTES) {
		const void *bytes;
		size_t length;
		const enum input_state state = next_message(sender, &bytes, &length);

		if (state == INPUT_WANTS)
			return true;
		if (state == INPUT_ENDED)
			sender->has_ended = true;
		else if (!send_one(sender, bytes, length))
			break;
	}
	return false;
}

static void read_more(struct sender *sender)
{
	input_read(&sender->input);
	if (sender->input.error == 0 && buffer_length(&sender->input.buffer) > MESSAGE_BYTES)
		sender->input.error = EFBIG;
	if (sender->input.error != 0)
		sender->has_ended = true;
}

static void run(struct sender *sender)
{
	struct connection *connection = &sender->connection;

	for (;;) {
		struct pollfd standard_input = {.fd = STDIN_FILENO, .events = POLLIN};
		const bool wants = fill(sender);

		if (sender->has_ended && sender->first == sender->next)
			return;
		if (!connection_step(connection, &standard_input, wants ? 1 : 0,
			    sender->is_late ? LOOP_NEVER : connection->deadline_ns)) {
			fail(sender, connection->loop.client_error, baton_last_error());
			return;
		}
		if (wants && standard_input.revents != 0)
			read_more(sender);
		if (!sender->is_late && loop_now() >= connection->deadline_ns) {
			sender->is_late = true;
			sender->is_cut = !sender->has_ended;
			stop_all(sender);
		}
	}
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Whether all messages were in flight when the deadline stopped the sending. */
static bool has_more(struct sender *sender)
{
	const void *bytes;
	size_t length;

	return sender->is_cut && next_message(sender, &bytes, &length) != INPUT_ENDED;
}

/* Says what went wrong and how many were sent. Returns the exit status. */
static int report(struct sender *sender)
{
	const int fatal_signal = sender->connection.fatal_signal;
	char text[TEXT_BYTES + 64];

	if (sender->input.error != 0) {
		say_about(sender->invocation, sender->subject, "standard input: %s; %" PRIu64 " sent",
			strerror(sender->input.error), sender->sent);
		return STATUS_FAILED;
	}
	if (sender->error == 0 && has_more(sender))
		fail(sender, BATON_EDEADLINE, baton_strerror(BATON_EDEADLINE));
	if (sender->error == 0 && fatal_signal == 0)
		return STATUS_DONE;
	if (fatal_signal != 0) {
		say_about(sender->invocation, sender->subject, "interrupted; %" PRIu64 " sent", sender->sent);
		return STATUS_SIGNAL + fatal_signal;
	}
	snprintf(text, sizeof(text), "%s; %s%" PRIu64 " sent", sender->text,
		is_sure(sender, sender->error) ? "" : "at least ", sender->sent);
	return connection_fail(&sender->connection, sender->subject, sender->error, text);
}

/* Has the channel open to send until the session ends, which may close it (--auto-close). What is wrong with it the
 * first message is told too. */
static int open_end(struct sender *sender)
{
	const struct baton_call call = {
		.size = sizeof(call), .operation = BATON_CHAN_OPEN, .name = sender->subject.name, .sends = true};
	const int error = connection_start(&sender->connection, &call, LOOP_NEVER, NULL, NULL, NULL);

	return error == 0 ? STATUS_DONE
			  : connection_fail(&sender->connection, sender->subject, error, baton_last_error());
}

static int open_and_send(struct sender *sender)
{
	const struct session_wish wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	int status = connection_open(&sender->connection, &wish);

	if (status == STATUS_DONE)
		status = chan_make_first(&sender->connection, sender->subject.name);
	if (status == STATUS_DONE)
		status = open_end(sender);
	if (status != STATUS_DONE)
		return status;
	sender->connection.on_interrupt = stop_all;
	sender->connection.interrupt_arg = sender;
	run(sender);
	return report(sender);
}

/* Whether standard input is read. A "-" that stands alone, and not behind "--", says so. */
static bool is_reading(const struct invocation *invocation)
{
	return invocation->word_count == 1 || (invocation->word_count == 2 && invocation->data_from > 1 &&
						      strcmp(invocation_word(invocation, 1), "-") == 0);
}

static enum input_cut cut_of(const struct invocation *invocation)
{
	if (invocation_has(invocation, OPTION_WHOLE))
		return INPUT_WHOLE;
	return invocation_has(invocation, OPTION_NUL) ? INPUT_NULS : INPUT_LINES;
}

static int check(const struct invocation *invocation)
{
	const bool has_nul = invocation_has(invocation, OPTION_NUL);
	const bool has_whole = invocation_has(invocation, OPTION_WHOLE);

	if (has_nul && has_whole)
		return say_usage(invocation, "-0 and --whole: one of them");
	if ((has_nul || has_whole) && !is_reading(invocation))
		return say_usage(
			invocation, "%s is for standard input, but there is a VALUE", has_nul ? "-0" : "--whole");
	for (size_t i = 1; i < invocation->word_count && !is_reading(invocation); i++)
		if (i < invocation->data_from && strcmp(invocation->words[i], "-") == 0)
			return say_usage(invocation, "\"-\" stands for standard input, and alone");
	if (invocation->word_count == 1 && isatty(STDIN_FILENO))
		return say_usage(invocation, "VALUE is missing (\"-\" reads the terminal)");
	return STATUS_DONE;
}

int run_chan_send(const struct invocation *invocation)
{
	struct sender sender = {
		.invocation = invocation,
		.subject = {"chan", invocation_word(invocation, 0)},
		.reads = is_reading(invocation),
		.next_word = 1,
	};
	int status = check(invocation);

	if (status != STATUS_DONE)
		return status;
	window_init(&sender.window);
	input_init(&sender.input, cut_of(invocation));
	status = connection_init(&sender.connection, invocation);
	if (status != STATUS_DONE)
		return status;
	sender.is_try = invocation_has(invocation, OPTION_TRY) || sender.connection.may_not_wait;
	status = connection_close(&sender.connection, open_and_send(&sender));
	input_done(&sender.input);
	return status;
}
