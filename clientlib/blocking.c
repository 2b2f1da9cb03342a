/* SPDX-License-Identifier: MIT
 *
 * blocking.c - the blocking, thread-safe interface: leader/follower (Schmidt, O'Ryan, Kircher, Pyarali, Buschmann,
 * "Leader/Followers", 2000).
 *
 * A caller submits its call and writes what there is, for all, unless somebody is at it. Then, while its call has no
 * verdict: if nobody leads it polls and reads for all, waking the owners of the calls that end; else it waits on a
 * condition of its own. A leader whose call has ended hands the role on. Followers keep their own deadlines.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "clientlib/client.h"
#include "clientlib/clock.h"
#include "clientlib/context.h"
#include "clientlib/error.h"
#include "clientlib/result.h"

/* How often a follower whose deadline has passed looks whether the core has given its call up. */
#define PATIENCE_STEP_NS (CORE_VERDICT_PATIENCE / 8)

/* One caller, on its stack. Under the client's lock. */
struct waiter {
	struct context_watch watch;
	struct baton_client *client;
	struct core_call *call; /* NULL: not submitted yet */
	struct list link;       /* in followers */
	pthread_cond_t changed; /* once it has followed */
	bool has_condition;
	bool finished;
	bool cancelled;
	int64_t deadline;
};

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static pthread_condattr_t monotonic;
static pthread_once_t monotonic_once = PTHREAD_ONCE_INIT;

static void make_monotonic(void)
{
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
}

static void need_condition(struct waiter *waiter)
{
	if (waiter->has_condition)
		return;
	pthread_once(&monotonic_once, make_monotonic);
	pthread_cond_init(&waiter->changed, &monotonic);
	waiter->has_condition = true;
}

static void wake(struct waiter *waiter)
{
	if (waiter->has_condition)
		pthread_cond_signal(&waiter->changed);
}

void blocking_on_finished(struct baton_client *client, struct core_call *call)
{
	struct waiter *waiter = core_call_owner(call);

	(void)client;
	waiter->finished = true;
	list_remove(&waiter->link); /* it is not to be asked to lead */
	wake(waiter);
}

/* Waits to be told, or to lead, or for the call's time to run out. */
static void follow(struct baton_client *client, struct waiter *waiter)
{
	const int64_t now = clock_monotonic();
	const int64_t until = waiter->deadline > now ? waiter->deadline : now + PATIENCE_STEP_NS;
	const struct timespec limit = {.tv_sec = until / CORE_SECOND, .tv_nsec = until % CORE_SECOND};
	int r;

	need_condition(waiter);
	list_add_tail(&client->followers, &waiter->link);
	if (waiter->deadline == CORE_NEVER)
		r = pthread_cond_wait(&waiter->changed, &client->lock);
	else
		r = pthread_cond_timedwait(&waiter->changed, &client->lock, &limit);
	list_remove(&waiter->link);
	if (r == 0 || waiter->finished)
		return;
	core_tick(client->core, client_now(client));
	client_settle(client);
	client_write(client);
}

void blocking_hand_on(struct baton_client *client)
{
	if (client->leading)
		return;
	if (!list_is_empty(&client->followers) && client_is_readable(client))
		wake(container_of(client->followers.next, struct waiter, link));
	else
		keeper_take_over(client);
}

/* One round of the leader. */
static void lead_once(struct baton_client *client)
{
	if (client_poll(client, CLIENT_WAKE, client_deadline(client)) && client_is_readable(client))
		client_read(client);
	core_tick(client->core, client_now(client));
	client_settle(client);
	client_write(client);
	client_tell(client);
}

static void lead(struct baton_client *client, const struct waiter *waiter)
{
	client->leading = true;
	keeper_yield(client);
	while (!waiter->finished && client_is_readable(client))
		lead_once(client);
	client->leading = false;
}

/* Whoever leaves hands on: the role may have been meant for it when its call ended otherwise. */
static void wait_for_verdict(struct baton_client *client, struct waiter *waiter)
{
	while (!waiter->finished) {
		if (!client->leading && client_is_readable(client))
			lead(client, waiter);
		else
			follow(client, waiter);
		if (!client_is_readable(client))
			blocking_hand_on(client); /* to the keeper, who connects again */
	}
	blocking_hand_on(client);
}

/* ---- cancelling -------------------------------------------------------------------------------------------------- */

static void cancel(struct baton_client *client, struct waiter *waiter)
{
	const struct core_time now = client_now(client);

	if (waiter->call == NULL || waiter->finished)
		return;
	core_cancel(client->core, waiter->call, now);
	waiter->deadline = now.monotonic < waiter->deadline ? now.monotonic : waiter->deadline;
	client_settle(client);
	client_write(client);
}

/* From the thread that cancels the context, under the contexts' lock. */
static void on_cancel(struct context_watch *watch)
{
	struct waiter *waiter = container_of(watch, struct waiter, watch);
	struct baton_client *client = waiter->client;

	pthread_mutex_lock(&client->lock);
	waiter->cancelled = true;
	cancel(client, waiter);
	if (client->leading)
		client_wake(client, CLIENT_WAKE); /* it may be the waiter: its patience has an end now */
	wake(waiter);
	pthread_mutex_unlock(&client->lock);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static uint32_t this_task(void)
{
	static atomic_uint last;
	static _Thread_local uint32_t task;

	while (task == 0)
		task = atomic_fetch_add(&last, 1) + 1;
	return task;
}

/* What is to be acknowledged goes now where nobody is left to do it in time. */
static void acknowledge(struct baton_client *client)
{
	if (client->leading || client->keeper != NULL || !list_is_empty(&client->followers))
		return;
	core_acknowledge(client->core);
	client_write(client);
}

static int submit(struct baton_client *client, struct waiter *waiter, const struct baton_call *call)
{
	struct baton_call asked = {0};
	int r;

	if (client->closing)
		return error_keep(BATON_ECLIENTCLOSED, baton_strerror(BATON_ECLIENTCLOSED));
	client->invocations++;
	if (call->size == sizeof(asked) && call->task == 0) {
		asked = *call;
		asked.task = this_task();
		call = &asked;
	}
	r = core_submit(client->core, call, waiter->deadline, client_now(client), waiter, &waiter->call);
	if (r == BATON_OK && waiter->cancelled)
		cancel(client, waiter);
	return r;
}

/* The caller is about to leave; with the lock. The client may be gone when the lock is. */
static void leave(struct baton_client *client)
{
	if (--client->callers == 0 && client->closing)
		pthread_cond_signal(&client->alone);
}

static int make_call(
	struct baton_client *client, struct waiter *waiter, const struct baton_call *call, struct baton_result **ret)
{
	int r;

	client->callers++;
	r = submit(client, waiter, call);
	if (r == BATON_OK) {
		client_settle(client);
		client_write(client);
		wait_for_verdict(client, waiter);
		*ret = core_hand_over(client->core, waiter->call);
		acknowledge(client);
		client_tell(client);
	}
	return r;
}

/* Makes the call under CONTEXT. Nobody who cancels it uses waiter or client any more when the caller leaves. */
static int make_call_under(
	struct baton_client *client, baton_context *context, const struct baton_call *call, struct baton_result **ret)
{
	struct waiter waiter = {
		.watch.on_cancel = on_cancel,
		.client = client,
		.deadline = context_deadline(context),
	};
	const bool watched = context_watch(context, &waiter.watch);
	int r;

	list_init(&waiter.link);
	waiter.cancelled = context != NULL && !watched;
	pthread_mutex_lock(&client->lock);
	r = make_call(client, &waiter, call, ret);
	if (watched) {
		pthread_mutex_unlock(&client->lock);
		context_unwatch(&waiter.watch);
		pthread_mutex_lock(&client->lock);
	}
	leave(client);
	pthread_mutex_unlock(&client->lock);
	if (waiter.has_condition)
		pthread_cond_destroy(&waiter.changed);
	return r;
}

/* Says with which cause the context was cancelled, where it has one of its own. */
static void add_cause(struct baton_context *context, struct baton_result *result)
{
	const char *cause = baton_context_cause(context);
	char text[ERROR_TEXT_BYTES];

	if (result->error != BATON_ECANCELED || cause == NULL || strcmp(cause, baton_strerror(BATON_ECANCELED)) == 0)
		return;
	memcpy(text, result->text, strlen(result->text) + 1);
	result_fail(result_of(result), result->error, "%s: %s", text, cause);
}

int baton_invoke(baton_client *client, baton_context *context, const struct baton_call *call, struct baton_result **ret)
{
	struct baton_result *result = NULL;
	int r = client_check(client, false);

	if (r == BATON_OK)
		r = make_call_under(client, context, call, &result);
	if (result == NULL)
		return r;
	add_cause(context, result);
	r = result->error;
	if (r != BATON_OK)
		error_keep(r, result->text);
	if (ret != NULL)
		*ret = result;
	else
		baton_result_free(result);
	return r;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

/* A round of a thread that is alone with the client. */
static void drive_alone(struct baton_client *client, int64_t until)
{
	const int64_t due = client_deadline(client);

	client_write(client);
	if (client_poll(client, CLIENT_WAKE, due < until ? due : until) && client_is_readable(client))
		client_read(client);
	core_tick(client->core, client_now(client));
	client_settle(client);
	client_tell(client);
}

void blocking_open(struct baton_client *client)
{
	for (;;) {
		client_advance(client);
		client_settle(client);
		if (core_state(client->core) == CORE_OPEN || core_state(client->core) == CORE_ENDED)
			return;
		drive_alone(client, CORE_NEVER);
	}
}

void blocking_leave(struct baton_client *client, int64_t until)
{
	while (!core_has_left(client->core) && client_is_readable(client) && clock_monotonic() < until)
		drive_alone(client, until);
}

void blocking_expel(struct baton_client *client)
{
	client->closing = true;
	core_abandon_calls(client->core, BATON_ECLIENTCLOSED, baton_strerror(BATON_ECLIENTCLOSED));
	client_settle(client);
	client_wake(client, CLIENT_WAKE);
	while (client->callers > 0)
		pthread_cond_wait(&client->alone, &client->lock);
}
