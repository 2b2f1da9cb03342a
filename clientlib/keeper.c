/* SPDX-License-Identifier: MIT
 *
 * keeper.c - the thread of a blocking client whose session has a ttl: it beats, hears notices at once, connects again.
 *
 * It must not stand in the callers' way: while somebody calls now and then, it only looks in every TICK; while a leader
 * waits for long, it rests, for the leader does all that is due; only when nobody has called for a TICK does it poll
 * the socket itself. The first caller after that wakes it once.
 */
#include "clientlib/client.h"

#include <signal.h>
#include <string.h>

#include "base/memory.h"
#include "clientlib/clock.h"
#include "clientlib/error.h"

#define TICK_NS (CORE_SECOND / 100)

/* Under the client's lock. */
struct keeper {
	pthread_t thread;
	pthread_cond_t changed;
	bool stop;
	bool polling;         /* the socket, without the lock */
	bool resting;         /* until keeper_take_over() */
	uint64_t invocations; /* seen */
};

static void sleep_until(struct baton_client *client, struct keeper *keeper, int64_t until)
{
	const struct timespec limit = {.tv_sec = until / CORE_SECOND, .tv_nsec = until % CORE_SECOND};

	if (until == CORE_NEVER)
		pthread_cond_wait(&keeper->changed, &client->lock);
	else
		pthread_cond_timedwait(&keeper->changed, &client->lock, &limit);
}

static void rest(struct baton_client *client, struct keeper *keeper)
{
	keeper->resting = true;
	sleep_until(client, keeper, CORE_NEVER);
	keeper->resting = false;
}

/* Polls, and reads if nobody has begun to lead meanwhile: then as the leader, for a moment. */
static void poll_socket(struct baton_client *client, struct keeper *keeper)
{
	bool ready;

	keeper->polling = true;
	ready = client_poll(client, CLIENT_KEEPER_WAKE, client_deadline(client));
	keeper->polling = false;
	if (!ready || client->leading || !client_is_readable(client))
		return;
	client->leading = true;
	client_read(client);
	client->leading = false;
	client_settle(client);
	blocking_hand_on(client);
}

static void keep_once(struct baton_client *client, struct keeper *keeper)
{
	const bool was_readable = client_is_readable(client);

	client_advance(client);
	core_tick(client->core, client_now(client));
	client_settle(client);
	client_write(client);
	client_tell(client);
	if (!was_readable)
		blocking_hand_on(client); /* there is something to read again */
	if (keeper->stop || core_state(client->core) == CORE_ENDED)
		return;
	if (keeper->invocations != client->invocations) {
		keeper->invocations = client->invocations;
		sleep_until(client, keeper, clock_monotonic() + TICK_NS);
	} else if (client->leading) {
		rest(client, keeper);
	} else {
		poll_socket(client, keeper);
	}
}

static void *keep(void *arg)
{
	struct baton_client *client = arg;
	struct keeper *keeper;

	pthread_mutex_lock(&client->lock);
	keeper = client->keeper;
	while (!keeper->stop && core_state(client->core) != CORE_ENDED)
		keep_once(client, keeper);
	client_settle(client);
	client_tell(client);
	pthread_mutex_unlock(&client->lock);
	return NULL;
}

/* A thread with all signals blocked. 0 or an errno. */
static int start_thread(pthread_t *thread, struct baton_client *client)
{
	sigset_t all;
	sigset_t before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(thread, NULL, keep, client);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int keeper_start(struct baton_client *client)
{
	struct keeper *keeper = memory_zalloc(sizeof(*keeper));
	pthread_condattr_t attributes;
	int r;

	if (keeper == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	r = client_make_wake(client, CLIENT_KEEPER_WAKE);
	if (r != BATON_OK) {
		memory_free(keeper);
		return r;
	}
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	client->keeper = keeper;
	r = start_thread(&keeper->thread, client);
	if (r == 0) {
		pthread_setname_np(keeper->thread, "baton-keeper");
		return BATON_OK;
	}
	client->keeper = NULL;
	pthread_cond_destroy(&keeper->changed);
	memory_free(keeper);
	return error_say(BATON_ESYSTEM, "cannot start a thread: %s", strerror(r));
}

void keeper_stop(struct baton_client *client)
{
	struct keeper *keeper;

	pthread_mutex_lock(&client->lock);
	keeper = client->keeper;
	if (keeper != NULL) {
		keeper->stop = true;
		pthread_cond_signal(&keeper->changed);
		client_wake(client, CLIENT_KEEPER_WAKE);
	}
	pthread_mutex_unlock(&client->lock);
	if (keeper == NULL)
		return;
	pthread_join(keeper->thread, NULL);
	pthread_cond_destroy(&keeper->changed);
	keeper_forget(client);
}

void keeper_yield(struct baton_client *client)
{
	if (client->keeper != NULL && client->keeper->polling)
		client_wake(client, CLIENT_KEEPER_WAKE);
}

void keeper_take_over(struct baton_client *client)
{
	if (client->keeper != NULL && client->keeper->resting)
		pthread_cond_signal(&client->keeper->changed);
}

void keeper_forget(struct baton_client *client)
{
	memory_free(client->keeper);
	client->keeper = NULL;
}
