/* SPDX-License-Identifier: MIT
 *
 * channels.c - channels and select; an element is an int64_t, as Go's int is.
 */
#include "tests/bench/runtime/bench.h"

enum {
	CAPACITY = 128,
	PAIRS = 8,
	CASES_MAX = 8,
};

static struct co_channel *new_channel(size_t capacity)
{
	struct co_channel *channel = co_channel_new(sizeof(int64_t), capacity);

	must(channel != NULL ? 0 : CO_ENOMEM, "channel");
	return channel;
}

/* ---- hops ------------------------------------------------------------------------------------ */

struct table_tennis {
	struct co_channel *there;
	struct co_channel *back;
	struct co_waitgroup group;
};

static void send_back(void *arg)
{
	struct table_tennis *game = arg;
	int64_t value;

	while (co_receive(NULL, game->there, &value) == 0)
		must(co_send(NULL, game->back, &value), "send");
	must(co_channel_close(game->back), "close");
	(void)co_waitgroup_done(&game->group);
}

/* Two unbuffered channels, one message there and one back a round. */
static void hop(size_t n)
{
	struct table_tennis game = {.there = new_channel(0), .back = new_channel(0)};
	int64_t value = 0;

	must(co_waitgroup_add(&game.group, 1), "add");
	must(co_go(send_back, &game), "go");
	for (size_t i = 0; i < n; i += 2) {
		must(co_send(NULL, game.there, &value), "send");
		must(co_receive(NULL, game.back, &value), "receive");
	}
	must(co_channel_close(game.there), "close");
	(void)co_receive(NULL, game.back, &value);
	must(co_waitgroup_wait(NULL, &game.group), "wait");
	co_channel_free(game.there);
	co_channel_free(game.back);
}

/* ---- messages -------------------------------------------------------------------------------- */

struct line {
	struct co_channel *channel;
	size_t each;
	struct co_waitgroup senders;
	struct co_waitgroup receivers;
};

static void send_all(void *arg)
{
	struct line *line = arg;

	for (size_t i = 0; i < line->each; i++) {
		int64_t value = (int64_t)i;

		must(co_send(NULL, line->channel, &value), "send");
	}
	(void)co_waitgroup_done(&line->senders);
}

static void receive_all(void *arg)
{
	struct line *line = arg;
	int64_t value;

	while (co_receive(NULL, line->channel, &value) == 0)
		;
	(void)co_waitgroup_done(&line->receivers);
}

static void messages(unsigned pairs, size_t n)
{
	struct line line = {.channel = new_channel(CAPACITY), .each = n / pairs + 1};

	must(co_waitgroup_add(&line.senders, (int32_t)pairs), "add");
	must(co_waitgroup_add(&line.receivers, (int32_t)pairs), "add");
	for (unsigned i = 0; i < pairs; i++) {
		must(co_go(send_all, &line), "go");
		must(co_go(receive_all, &line), "go");
	}
	must(co_waitgroup_wait(NULL, &line.senders), "wait");
	must(co_channel_close(line.channel), "close");
	must(co_waitgroup_wait(NULL, &line.receivers), "wait");
	co_channel_free(line.channel);
}

static void messages_1(size_t n)
{
	messages(1, n);
}

static void messages_8(size_t n)
{
	messages(PAIRS, n);
}

/* ---- select ---------------------------------------------------------------------------------- */

struct crossing {
	struct co_channel *channels[CASES_MAX];
	size_t count;
	size_t n;
	struct co_waitgroup group;
};

static void send_in_turn(void *arg)
{
	struct crossing *crossing = arg;

	for (size_t i = 0; i < crossing->n; i++) {
		int64_t value = (int64_t)i;

		must(co_send(NULL, crossing->channels[i % crossing->count], &value), "send");
	}
	(void)co_waitgroup_done(&crossing->group);
}

static void select_among(size_t count, size_t n)
{
	struct crossing crossing = {.count = count, .n = n};
	struct co_case cases[CASES_MAX];
	int64_t value;

	for (size_t i = 0; i < count; i++) {
		crossing.channels[i] = new_channel(0);
		cases[i] = co_case_receive(crossing.channels[i], &value);
	}
	must(co_waitgroup_add(&crossing.group, 1), "add");
	must(co_go(send_in_turn, &crossing), "go");
	for (size_t i = 0; i < n; i++)
		must(co_select(NULL, cases, count), "select");
	must(co_waitgroup_wait(NULL, &crossing.group), "wait");
	for (size_t i = 0; i < count; i++)
		co_channel_free(crossing.channels[i]);
}

static void select_2(size_t n)
{
	select_among(2, n);
}

static void select_8(size_t n)
{
	select_among(8, n);
}

const struct work channel_works[] = {
	{.name = "hop", .run = hop},
	{.name = "messages-1", .run = messages_1},
	{.name = "messages-8", .run = messages_8},
	{.name = "select-2", .run = select_2},
	{.name = "select-8", .run = select_8},
	{.name = NULL},
};
