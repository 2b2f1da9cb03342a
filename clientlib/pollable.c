/* SPDX-License-Identifier: MIT
 *
 * pollable.c - the interface for event loops, shaped as sd-bus's: a descriptor, events, a time, process.
 *
 * Nothing blocks and no thread is started. The lock is taken all the same: it keeps fork() away from half-done work.
 */
#include <poll.h>

#include "base/memory.h"
#include "clientlib/client.h"
#include "clientlib/clock.h"
#include "clientlib/error.h"

#define READS_AT_ONCE 16

/* Whom to tell of a call. */
struct pending {
	void (*done)(const struct baton_result *result, void *arg);
	void *arg;
};

/* DONE has seen it when it returns: then it is handed over. */
void pollable_on_finished(struct baton_client *client, struct core_call *call)
{
	struct pending *pending = core_call_owner(call);

	if (!client->closing && pending->done != NULL) {
		pthread_mutex_unlock(&client->lock);
		pending->done(core_call_result(call), pending->arg);
		pthread_mutex_lock(&client->lock);
	}
	memory_free(pending);
	baton_result_free(core_hand_over(client->core, call));
}

int baton_start(baton_client *client, const struct baton_call *call, int64_t timeout_ns,
	void (*done)(const struct baton_result *result, void *arg), void *arg, uint64_t *ret_id)
{
	struct core_call *started = NULL;
	struct pending *pending;
	int64_t deadline = CORE_NEVER;
	struct core_time now;
	int r = client_check(client, true);

	if (r != BATON_OK)
		return r;
	pending = memory_alloc(sizeof(*pending));
	if (pending == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	*pending = (struct pending){.done = done, .arg = arg};
	pthread_mutex_lock(&client->lock);
	now = client_now(client);
	if (timeout_ns >= 0)
		deadline = clock_after(now.monotonic, timeout_ns);
	if (core_state(client->core) == CORE_ENDED)
		r = error_keep(core_error(client->core), core_error_text(client->core));
	else
		r = core_submit(client->core, call, deadline, now, pending, &started);
	if (r == BATON_OK && ret_id != NULL)
		*ret_id = core_call_id(started);
	pthread_mutex_unlock(&client->lock);
	if (r != BATON_OK)
		memory_free(pending);
	return r;
}

void baton_stop(baton_client *client, uint64_t id)
{
	struct core_call *call;

	if (client_check(client, true) != BATON_OK)
		return;
	pthread_mutex_lock(&client->lock);
	call = core_find(client->core, id);
	if (call != NULL)
		core_cancel(client->core, call, client_now(client));
	pthread_mutex_unlock(&client->lock);
}

/* ---- the loop's side --------------------------------------------------------------------------------------------- */

static baton_client *unconst(const baton_client *client)
{
	return (baton_client *)(uintptr_t)client;
}

int baton_fd(const baton_client *client)
{
	return client->descriptors[CLIENT_SOCKET];
}

short baton_events(const baton_client *client)
{
	const bool wants_room = core_has_output(client->core) && !client->write_failed;

	if (client->connecting)
		return POLLOUT;
	return (short)(wants_room ? POLLIN | POLLOUT : POLLIN);
}

int64_t baton_timeout(const baton_client *client)
{
	if (client->fork.forked)
		return INT64_MAX;
	if (core_has_finished(client->core))
		return 0;
	return client_deadline(unconst(client));
}

/* Reads until nothing is left, up to a share of the loop's time. */
static void read_some(struct baton_client *client)
{
	for (int i = 0; i < READS_AT_ONCE && client_is_readable(client); i++)
		if (!client_read(client))
			return;
}

int baton_process(baton_client *client)
{
	int r = client_check(client, true);

	if (r != BATON_OK)
		return r;
	pthread_mutex_lock(&client->lock);
	client_advance(client);
	client_write(client);
	read_some(client);
	core_tick(client->core, client_now(client));
	client_settle(client);
	client_write(client);
	client_tell(client);
	if (core_state(client->core) == CORE_ENDED)
		r = error_keep(core_error(client->core), core_error_text(client->core));
	pthread_mutex_unlock(&client->lock);
	return r;
}
