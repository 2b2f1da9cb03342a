/* SPDX-License-Identifier: MIT
 *
 * part_channel.c - messages: one that was sent is received, exactly once where nothing broke; one that was not sent
 * never.
 *
 * Every message has a number of its own. What a client received that broke soon after may come again: its
 * acknowledgement may not have been read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/workload.h"

#define CHANNELS 3
#define MESSAGES 16384
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct message {
	enum sent sent;
	unsigned received;   /* how often, by whom will not give it back */
	unsigned given_back; /* how often, by who may have */
};

/* Who received something, and when: judged at the end. */
struct receipt {
	unsigned message;
	int64_t at;
	struct sim_client *client;
};

static const struct {
	const char *name;
	uint64_t capacity;
} channels[CHANNELS] = {{"unbuffered", 0}, {"one", 1}, {"jobs", 10}};

static struct message messages[MESSAGES];
static unsigned message_count;
static struct receipt receipts[MESSAGES];
static unsigned receipt_count;

static const int wait_errors[] = {BATON_EWOULDBLOCK, BATON_EDEADLINE, BATON_ECANCELED};
static const int settle_errors[] = {BATON_ESTALE};

static void prepare(struct sim_client *client)
{
	struct worker worker = {.client = client, .task = 1};

	for (size_t i = 0; i < CHANNELS; i++) {
		struct baton_call call = {
			.operation = BATON_CHAN_MAKE, .name = channels[i].name, .number = channels[i].capacity};

		(void)expect_outcome(&worker, "make", make_plain_call(&worker, &call), NULL, 0);
	}
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

const char *draw_channel(void)
{
	return channels[sim_below(CHANNELS)].name;
}

/* Most are short; some are sent by reference, some are longer than a reader's block or than a connection has room for.
 */
static size_t draw_padding(void)
{
	switch (sim_below(10)) {
	case 0:
		return (size_t)sim_below(MESSAGE_BYTES - 32);
	case 1:
		return (size_t)sim_below(8192);
	default:
		return (size_t)sim_below(64);
	}
}

unsigned new_message(char text[MESSAGE_BYTES], size_t *ret_length)
{
	size_t padding = draw_padding();
	int length;

	if (message_count == MESSAGES)
		sim_fail("more messages than there is room for");
	else
		message_count++;
	length = snprintf(text, MESSAGE_BYTES, "%u ", message_count - 1);
	memset(text + length, 'x', padding);
	*ret_length = (size_t)length + padding;
	return message_count - 1;
}

void note_sent(unsigned number, enum sent sent)
{
	messages[number].sent = sent;
}

static void send_message(struct worker *worker)
{
	static char text[MESSAGE_BYTES]; /* the call copies it */
	struct baton_call call = {.operation = BATON_CHAN_SEND, .name = draw_channel(), .value = text};
	unsigned number = new_message(text, &call.value_length);
	struct patience patience = draw_patience();
	struct baton_result *result;
	int r = make_call(worker, &call, &patience, &result);

	baton_result_free(result);
	if (expect_outcome(worker, "send", r, wait_errors, COUNT(wait_errors)))
		note_sent(number, SENT_YES);
	else if (!is_outcome_unknown(r))
		note_sent(number, SENT_NO);
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

/* The number in RESULT's message, which must be whole. */
static unsigned number_in(const struct baton_result *result)
{
	const char *text = result->value;
	char *end;
	unsigned number = (unsigned)strtoul(text, &end, 10); /* a NUL is behind it */

	for (end++; end < text + result->value_length; end++)
		if (*end != 'x')
			sim_fail("message %u is damaged", number);
	return number;
}

static void note_receipt(struct sim_client *client, unsigned number)
{
	sim_trace("client %u received %u", sim_client_pid(client), number);
	if (number >= message_count)
		sim_fail("message %u was never sent", number);
	else if (receipt_count == MESSAGES)
		sim_fail("more receipts than there is room for");
	else
		receipts[receipt_count++] =
			(struct receipt){.message = number, .at = sim_process_time(), .client = client};
}

void note_received(struct sim_client *client, const struct baton_result *result)
{
	note_receipt(client, number_in(result));
}

static void receive(struct worker *worker)
{
	struct baton_call call = {.operation = BATON_CHAN_RECEIVE, .name = draw_channel()};
	struct patience patience = draw_patience();
	struct baton_result *result;
	int r = make_call(worker, &call, &patience, &result);

	if (expect_outcome(worker, "receive", r, wait_errors, COUNT(wait_errors)))
		note_received(worker->client, result);
	baton_result_free(result);
}

/* A work queue's: acknowledged or given back after a while. */
static void take(struct worker *worker)
{
	const char *name = draw_channel();
	struct baton_call call = {.operation = BATON_CHAN_RECEIVE, .name = name, .manual_ack = true};
	struct patience patience = draw_patience();
	bool is_done = sim_percent(60);
	struct baton_call settle = {.operation = is_done ? BATON_CHAN_ACK : BATON_CHAN_NACK, .name = name};
	struct baton_result *result;
	unsigned number = 0;
	bool was_certain;
	int r = make_call(worker, &call, &patience, &result);

	if (r == BATON_OK) {
		number = number_in(result);
		settle.token = result->token;
	}
	baton_result_free(result);
	if (!expect_outcome(worker, "take", r, wait_errors, COUNT(wait_errors)))
		return;
	(void)co_sleep(NULL, sim_between(0, 3 * CO_MILLISECOND));
	was_certain = sim_client_is_certain(worker->client);
	r = make_plain_call(worker, &settle);
	if (expect_outcome(worker, "settle", r, settle_errors, was_certain ? 0 : COUNT(settle_errors)) && is_done)
		note_receipt(worker->client, number);
	else if (is_done && is_outcome_unknown(r) && number < message_count)
		messages[number].given_back++; /* nobody knows */
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void drain(struct worker *worker, const char *name)
{
	struct baton_call close = {.operation = BATON_CHAN_CLOSE, .name = name};
	struct baton_call call = {.operation = BATON_CHAN_RECEIVE, .name = name};
	const struct patience patient = {.timeout_ns = 10 * CO_SECOND, .cancel_after_ns = -1};
	const int closed[] = {BATON_ECLOSED};
	struct baton_result *result;
	bool more;

	(void)expect_outcome(worker, "close", make_plain_call(worker, &close), NULL, 0);
	do {
		int r = make_call(worker, &call, &patient, &result);

		more = expect_outcome(worker, "drain", r, closed, COUNT(closed));
		if (more)
			note_received(worker->client, result);
		baton_result_free(result);
	} while (more);
}

static void finish(struct sim_client *client)
{
	struct worker worker = {.client = client, .task = 1};

	for (size_t i = 0; i < CHANNELS; i++) {
		struct baton_call call = {.operation = BATON_CHAN_DELETE, .name = channels[i].name};

		drain(&worker, channels[i].name);
		(void)expect_outcome(&worker, "delete", make_plain_call(&worker, &call), NULL, 0);
	}
}

static void judge(unsigned number)
{
	const struct message *message = &messages[number];

	if (message->received > 1)
		sim_fail("message %u was received %u times", number, message->received);
	if (message->sent == SENT_YES && message->received + message->given_back == 0)
		sim_fail("message %u was sent, and nobody received it", number);
	if (message->sent == SENT_NO && message->received + message->given_back > 0)
		sim_fail("message %u was received, and its sender was told that it was not sent", number);
}

static void check(void)
{
	for (unsigned i = 0; i < receipt_count; i++) {
		const struct receipt *receipt = &receipts[i];

		if (sim_client_is_doubtful(receipt->client, receipt->at))
			messages[receipt->message].given_back++;
		else
			messages[receipt->message].received++;
	}
	for (unsigned i = 0; i < message_count; i++)
		judge(i);
	sim_trace("%u messages, %u receipts", message_count, receipt_count);
}

static const struct operation operations[] = {
	{"send", 30, send_message},
	{"receive", 18, receive},
	{"take", 15, take},
	{NULL, 0, NULL},
};

const struct part part_channel = {
	.name = "channel", .operations = operations, .prepare = prepare, .finish = finish, .check = check};
