/* SPDX-License-Identifier: MIT
 *
 * drv_libbaton.c - batond through libbaton's pollable interface: what a program with an event loop of its own gets.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clientlib/baton.h"
#include "tests/bench/peers/bench.h"

#define CAPACITY 1024 /* what the harness lets be in the queue */

static int lib_connect(struct conn *c, const char *address)
{
	struct baton_options options = {.size = sizeof(options), .pollable = true, .ttl_ns = BATON_TTL_DEFAULT};
	baton_client *client = NULL;
	char text[128];

	snprintf(text, sizeof(text), "%s%s", strncmp(address, "unix:", 5) ? "tcp:" : "", address);
	if (baton_open(text, &options, &client) != BATON_OK)
		die("libbaton: %s: %s", text, baton_last_error());
	c->priv = client;
	while (!baton_is_open(client)) {
		struct pollfd wait = {.fd = baton_fd(client), .events = baton_events(client)};

		poll(&wait, 1, 1000);
		if (baton_process(client) != BATON_OK)
			die("libbaton: %s: %s", text, baton_last_error());
	}
	return baton_fd(client);
}

static void lib_open(struct conn *c)
{
	c->ready = 1;
}

static void on_done(const struct baton_result *result, void *arg)
{
	struct lane *l = arg;

	if (result->error != BATON_OK)
		die("libbaton: %s", result->text);
	if (l->op == OP_WAKE && --l->step > 0)
		return;
	if (l->op == OP_LOCK)
		l->u = result->token;
	l->msg = (char *)(uintptr_t)result->value;
	l->mlen = (int)result->value_length;
	lane_done(l, 1);
}

static void call(struct conn *c, struct lane *l, enum baton_operation operation)
{
	const struct baton_call call = {.size = sizeof(call),
		.operation = operation,
		.name = l->name,
		.token = operation == BATON_MUTEX_UNLOCK ? l->u : 0,
		.number = operation == BATON_CHAN_MAKE ? CAPACITY : 0,
		.value = operation == BATON_CHAN_SEND ? l->data : NULL,
		.value_length = operation == BATON_CHAN_SEND ? (size_t)l->size : 0};

	if (baton_start(c->priv, &call, -1, on_done, l, NULL) != BATON_OK)
		die("libbaton: %s", baton_last_error());
	conn_dirty(c);
}

static int lib_start(struct conn *c, struct lane *l, enum op op)
{
	static const enum baton_operation operations[] = {[OP_SETUP] = BATON_CHAN_MAKE,
		[OP_LOCK] = BATON_MUTEX_LOCK,
		[OP_UNLOCK] = BATON_MUTEX_UNLOCK,
		[OP_SEND] = BATON_CHAN_SEND,
		[OP_RECV] = BATON_CHAN_RECEIVE,
		[OP_WAIT] = BATON_CHAN_RECEIVE,
		[OP_WAKE] = BATON_CHAN_SEND};

	if (op == OP_SETUP && (!l->creator || l->role == LOCKER))
		return 1;
	l->step = op == OP_WAKE ? l->count : 1;
	for (int i = 0; i < l->step; i++)
		call(c, l, operations[op]);
	return 0;
}

static short lib_process(struct conn *c)
{
	if (baton_process(c->priv) != BATON_OK)
		die("libbaton: %s", baton_last_error());
	return baton_events(c->priv);
}

static void lib_tick(struct conn *c)
{
	lib_process(c);
}

const struct driver drv_libbaton = {"libbaton", lib_open, lib_start, NULL, lib_tick, lib_connect, lib_process};
