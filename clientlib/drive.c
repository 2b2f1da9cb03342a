/* SPDX-License-Identifier: MIT
 *
 * drive.c - what all drivers of a client share: connecting, writing, reading, telling what happened.
 *
 * See client.h for who may do what. Every function here is called with the client's lock and returns with it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clientlib/client.h"
#include "clientlib/clock.h"
#include "clientlib/error.h"

#define BUSY_RETRY_NS (CORE_SECOND / 200)
#define FIRST_RETRY_NS (CORE_SECOND / 100)
#define LAST_RETRY_NS CORE_SECOND
#define ATTEMPT_NS (3 * CORE_SECOND)

struct core_time client_now(const struct baton_client *client)
{
	return (struct core_time){
		.monotonic = clock_monotonic(),
		.boottime = core_needs_boottime(client->core) ? clock_boottime() : 0,
	};
}

int client_check(const struct baton_client *client, bool pollable)
{
	if (client->fork.forked)
		return error_keep(BATON_EFORKED, baton_strerror(BATON_EFORKED));
	if (client->pollable != pollable)
		return error_say(BATON_EINVAL, "the client is %s", client->pollable ? "pollable" : "not pollable");
	return BATON_OK;
}

static void use(struct baton_client *client)
{
	client->using ++;
	pthread_mutex_unlock(&client->lock);
}

/* Closes a socket that is hung up, when the last who used it has come back. */
static void unuse(struct baton_client *client)
{
	pthread_mutex_lock(&client->lock);
	client->using --;
	if (client->hung_up && client->using == 0) {
		transport_close(&client->descriptors[CLIENT_SOCKET]);
		client->hung_up = false;
	}
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

/* R is transport_connect()'s or transport_finish()'s answer. */
static void take_attempt(struct baton_client *client, int r, int64_t now)
{
	client->connecting = r == TRANSPORT_CONNECTING;
	if (r == TRANSPORT_CONNECTED) {
		client->write_blocked = false;
		client->write_failed = false;
		r = core_connect(client->core, now);
	} else if (r == TRANSPORT_BUSY) {
		client->retry_at = now + BUSY_RETRY_NS;
	}
	if (r >= 0)
		return;
	transport_close(&client->descriptors[CLIENT_SOCKET]);
	if (!core_was_open(client->core))
		core_end(client->core, r, r == BATON_ENOMEM ? baton_strerror(r) : baton_last_error());
}

/* Begins an attempt; the next one is not made before a delay that doubles until one leads to an open session. */
static void attempt(struct baton_client *client, int64_t now)
{
	client->attempt_by = now + ATTEMPT_NS;
	client->retry_at = now + client->retry_delay;
	client->retry_delay = client->retry_delay < LAST_RETRY_NS / 2 ? client->retry_delay * 2 : LAST_RETRY_NS;
	take_attempt(client, transport_connect(client->transport, &client->descriptors[CLIENT_SOCKET]), now);
}

static void give_up_attempt(struct baton_client *client)
{
	transport_close(&client->descriptors[CLIENT_SOCKET]);
	client->connecting = false;
}

static void give_up_opening(struct baton_client *client)
{
	char text[ERROR_TEXT_BYTES];

	snprintf(text, sizeof(text), "no answer from %s in time", transport_text(client->transport));
	core_end(client->core, BATON_EDEADLINE, text);
}

void client_advance(struct baton_client *client)
{
	const enum core_state state = core_state(client->core);
	const int64_t now = clock_monotonic();
	int *slot = &client->descriptors[CLIENT_SOCKET];

	if (state == CORE_ENDED || state == CORE_OPEN)
		return;
	if (!core_was_open(client->core) && now >= client->open_by) {
		give_up_opening(client);
	} else if (state != CORE_UNCONNECTED || client->hung_up || client->using > 0) {
		return;
	} else if (client->connecting) {
		if (now >= client->attempt_by && core_was_open(client->core))
			give_up_attempt(client);
		else
			take_attempt(client, transport_finish(client->transport, slot), now);
	} else if (*slot < 0 && now >= client->retry_at) {
		attempt(client, now);
	}
}

bool client_is_readable(const struct baton_client *client)
{
	return client->descriptors[CLIENT_SOCKET] >= 0 && !client->connecting && !client->hung_up;
}

static void hang_up(struct baton_client *client)
{
	int *slot = &client->descriptors[CLIENT_SOCKET];

	if (*slot < 0 || client->hung_up)
		return;
	if (client->using == 0) {
		transport_close(slot);
		return;
	}
	client->hung_up = true;
	shutdown(*slot, SHUT_RDWR); /* ends the polls on it */
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* Writes one chunk. False: there is no more, or no more can be written now. */
static bool write_chunk(struct baton_client *client)
{
	const int fd = client->descriptors[CLIENT_SOCKET];
	const int pass = client->descriptors[CLIENT_PASS];
	const char *why = "";
	size_t length;
	const uint8_t *bytes = core_output(client->core, client_now(client), &length);
	ssize_t n;

	if (bytes == NULL)
		return false;
	use(client);
	n = transport_write(fd, bytes, length, pass, &why);
	unuse(client);
	client->write_failed = n < 0;
	core_sent(client->core, n > 0 ? (size_t)n : 0);
	if (n > 0)
		transport_close(&client->descriptors[CLIENT_PASS]);
	client->write_blocked = n >= 0 && (size_t)n < length;
	return n >= 0 && (size_t)n == length;
}

void client_write(struct baton_client *client)
{
	if (client->writing || client->write_failed || !client_is_readable(client))
		return;
	client->writing = true;
	while (write_chunk(client) && client_is_readable(client))
		;
	client->writing = false;
	if (client->write_blocked && client->leading)
		client_wake(client, CLIENT_WAKE); /* the leader is to wait for room too */
}

bool client_read(struct baton_client *client)
{
	const int fd = client->descriptors[CLIENT_SOCKET];
	const char *why = "";
	uint8_t *space;
	size_t room;
	ssize_t n;

	space = core_input(client->core, &room);
	if (space == NULL) {
		core_end(client->core, BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
		return false;
	}
	use(client);
	n = transport_read(fd, space, room, &why);
	unuse(client);
	if (n > 0)
		core_feed(client->core, (size_t)n, client_now(client));
	else if (n < 0)
		core_break(client->core, BATON_EUNREACHABLE, why);
	return n > 0 && (size_t)n == room;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

void client_settle(struct baton_client *client)
{
	const enum core_state state = core_state(client->core);
	struct core_call *call;

	if (state == CORE_OPEN)
		client->retry_delay = FIRST_RETRY_NS;
	if (state == CORE_ENDED || (state == CORE_UNCONNECTED && !client->connecting))
		hang_up(client);
	while ((call = core_next_finished(client->core)) != NULL)
		client->on_finished(client, call);
}

void client_tell(struct baton_client *client)
{
	struct baton_notice notice;

	if (client->telling)
		return;
	client->telling = true;
	while (core_next_notice(client->core, &notice)) {
		if (client->on_notice == NULL)
			continue;
		pthread_mutex_unlock(&client->lock);
		client->on_notice(&notice, client->arg);
		pthread_mutex_lock(&client->lock);
	}
	client->telling = false;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t client_deadline(const struct baton_client *client)
{
	const enum core_state state = core_state(client->core);
	int64_t at = core_deadline(client->core, client_now(client));

	if (state == CORE_ENDED)
		return CORE_NEVER;
	if (!core_was_open(client->core))
		at = earlier(at, client->open_by);
	if (state == CORE_UNCONNECTED)
		at = earlier(at, client->connecting ? client->attempt_by : client->retry_at);
	return at;
}

static struct timespec *time_left(int64_t until, struct timespec *left)
{
	int64_t ns;

	if (until == CORE_NEVER)
		return NULL;
	ns = until - clock_monotonic();
	ns = ns > 0 ? ns : 0;
	*left = (struct timespec){.tv_sec = ns / CORE_SECOND, .tv_nsec = ns % CORE_SECOND};
	return left;
}

bool client_poll(struct baton_client *client, enum client_descriptor wake, int64_t until)
{
	const bool wants_room = client->connecting || (client->write_blocked && !client->writing);
	struct pollfd polled[2] = {
		{.fd = client->descriptors[CLIENT_SOCKET], .events = (short)(wants_room ? POLLIN | POLLOUT : POLLIN)},
		{.fd = client->descriptors[wake], .events = POLLIN},
	};
	struct timespec left;
	eventfd_t count;
	int r;

	use(client);
	r = ppoll(polled, 2, time_left(until, &left), NULL);
	if (r > 0 && polled[1].revents != 0)
		eventfd_read(polled[1].fd, &count);
	unuse(client);
	if (r > 0 && (polled[0].revents & POLLOUT) != 0)
		client->write_blocked = false;
	return r > 0 && (polled[0].revents & ~POLLOUT) != 0;
}

void client_wake(struct baton_client *client, enum client_descriptor wake)
{
	if (client->descriptors[wake] >= 0)
		eventfd_write(client->descriptors[wake], 1); /* fails only when it is awake a million times over */
}

int client_make_wake(struct baton_client *client, enum client_descriptor wake)
{
	client->descriptors[wake] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->descriptors[wake] < 0)
		return error_say(BATON_ESYSTEM, "eventfd: %s", strerror(errno));
	return BATON_OK;
}
