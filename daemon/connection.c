/* SPDX-License-Identifier: MIT
 *
 * connection.c - a connection's life, and its output side.
 */
#include "daemon/connection.h"

#include <baton/v1/connection.pb-c.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/lane.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/reader.h"
#include "daemon/session.h"

static struct {
	struct co_spin lock;
	struct list list;
	uint64_t count;
	uint64_t last_id;
} all = {.list = {&all.list, &all.list}};

static void on_events(struct co_poll *poll, unsigned events);
static void on_removed(struct co_poll *poll);
static void flush_deferred(struct co_deferred *deferred);
static void flush(struct connection *connection);
static void on_stalled(struct co_timer *timer);

/* ---- the socket --------------------------------------------------------------------------------------------------
 */

bool connection_hold_socket(struct connection *connection)
{
	unsigned users = atomic_load_explicit(&connection->socket_users, memory_order_relaxed);

	while (users != 0)
		if (atomic_compare_exchange_weak(&connection->socket_users, &users, users + 1))
			return true;
	return false;
}

/* The record of a connection whose socket is closed may live on for a while: with its lane, or with calls that are
 * about to end. */
void connection_release_socket(struct connection *connection)
{
	if (atomic_fetch_sub_explicit(&connection->socket_users, 1, memory_order_acq_rel) != 1)
		return;
	socket_close(connection->poll.fd);
	co_spin_lock(&all.lock);
	all.count--;
	co_spin_unlock(&all.lock);
}

/* ---- life --------------------------------------------------------------------------------------------------------
 */

int connection_new(int fd, const struct peer *peer)
{
	struct connection *connection = memory_zalloc(sizeof *connection);
	int r = -ENOMEM;

	if (connection == NULL)
		goto fail;
	atomic_init(&connection->references, 2); /* the poller's, and ours until we are through here */
	atomic_init(&connection->socket_users, 1);
	connection->passed = -1;
	connection->peer = *peer;
	connection->poll = (struct co_poll){.fd = fd, .on_events = on_events, .on_removed = on_removed};
	connection->stalled.fired = on_stalled;
	output_init(&connection->output, flush_deferred);
	list_init(&connection->link);
	co_spin_lock(&all.lock);
	if (all.count < LIMIT_CONNECTIONS) {
		connection->id = ++all.last_id;
		list_add_tail(&all.list, &connection->link);
		all.count++;
	}
	co_spin_unlock(&all.lock);
	r = -EMFILE;
	if (connection->id == 0)
		goto fail;
	r = co_poll_add(&connection->poll, false);
	if (r == 0)
		log_debug("connection opened connection=%llu pid=%u uid=%u host=%s", (unsigned long long)connection->id,
			peer->pid, peer->uid, peer->local ? "local" : peer->host);
	else
		on_removed(&connection->poll);
	connection_unref(connection);
	return r;
fail:
	memory_free(connection);
	socket_close(fd);
	return r;
}

struct connection *connection_ref(struct connection *connection)
{
	atomic_fetch_add_explicit(&connection->references, 1, memory_order_relaxed);
	return connection;
}

void connection_unref(struct connection *connection)
{
	struct lane *lane;

	if (atomic_fetch_sub_explicit(&connection->references, 1, memory_order_acq_rel) != 1)
		return;
	co_spin_lock(&all.lock);
	list_remove(&connection->link);
	co_spin_unlock(&all.lock);
	log_debug("connection closed connection=%llu", (unsigned long long)connection->id);
	output_kill(&connection->output);
	lane = atomic_load(&connection->lane);
	if (lane != NULL)
		lane_unref(lane);
	socket_close(connection->passed);
	memory_free(connection->input);
	memory_free(connection);
}

/* A reference unless the last one is being given back. */
static bool try_ref(struct connection *connection)
{
	unsigned references = atomic_load_explicit(&connection->references, memory_order_relaxed);

	while (references != 0)
		if (atomic_compare_exchange_weak(&connection->references, &references, references + 1))
			return true;
	return false;
}

void connection_each(void (*visit)(struct connection *connection, void *arg), void *arg)
{
	struct connection *at = NULL;

	for (;;) {
		struct connection *before = at;

		co_spin_lock(&all.lock);
		struct list *next = at == NULL ? all.list.next : at->link.next;
		while (next != &all.list && !try_ref(container_of(next, struct connection, link)))
			next = next->next;
		at = next == &all.list ? NULL : container_of(next, struct connection, link);
		co_spin_unlock(&all.lock);
		if (before != NULL)
			connection_unref(before);
		if (at == NULL)
			return;
		visit(at, arg);
	}
}

uint64_t connection_count(void)
{
	uint64_t count;

	co_spin_lock(&all.lock);
	count = all.count;
	co_spin_unlock(&all.lock);
	return count;
}

/* ---- the poller's side ---------------------------------------------------------------------------------------------
 */

/* A sign of life counts when it is reported, not when some P comes to read it. Of an end the reader judges. */
static void hear(struct connection *connection)
{
	struct lane *lane = atomic_load(&connection->lane);

	if (lane != NULL)
		session_heard(lane->session);
}

static void on_events(struct co_poll *poll, unsigned events)
{
	struct connection *connection = connection_ref(container_of(poll, struct connection, poll));

	if (events & CO_POLL_WRITE)
		flush(connection);
	if (events & CO_POLL_CLOSED)
		atomic_store_explicit(&connection->closed, true, memory_order_release);
	else if (events & CO_POLL_READ)
		hear(connection);
	if (events & (CO_POLL_READ | CO_POLL_CLOSED))
		reader_wake(connection);
	connection_unref(connection);
}

static void on_removed(struct co_poll *poll)
{
	struct connection *connection = container_of(poll, struct connection, poll);

	connection_release_socket(connection);
	connection_unref(connection);
}

/* Lets the socket go, once. */
static void remove_from_poller(struct connection *connection)
{
	bool mine;

	co_spin_lock(&connection->output.lock);
	mine = !connection->removed;
	connection->removed = true;
	co_spin_unlock(&connection->output.lock);
	if (!mine)
		return;
	output_kill(&connection->output);
	if (co_timer_stop(&connection->stalled))
		connection_unref(connection);
	co_poll_remove(&connection->poll);
}

/* ---- output that does not leave ------------------------------------------------------------------------------------
 */

/* When the peer has taken nothing for too long, if it goes on so; 0 where its output is not blocked, or not any more
 * its business. Decides with that whether the timer goes on: false to `is_timed` is said under the lock. */
static int64_t stall_ends(struct connection *connection)
{
	struct output *output = &connection->output;
	int64_t ends = 0;

	co_spin_lock(&output->lock);
	if (output->blocked && !output->dead && !connection->removed)
		ends = co_deadline_after(output->progress_ns, LIMIT_OUTPUT_STALL_NS);
	connection->is_timed = ends != 0;
	co_spin_unlock(&output->lock);
	return ends;
}

/* With the timer's reference. It is not set back at each write, but looks how things are when it fires. */
static void on_stalled(struct co_timer *timer)
{
	struct connection *connection = container_of(timer, struct connection, stalled);
	int64_t ends = stall_ends(connection);

	if (ends > co_now() && co_timer_start(timer, ends) == 0)
		return;
	if (ends != 0)
		connection_cut(connection, "no progress on output");
	if (ends != 0 && atomic_load(&connection->ending))
		remove_from_poller(connection);
	connection_unref(connection);
}

/* Has the poller tell when the socket takes more, and a timer when it does not. */
static void await_room(struct connection *connection)
{
	struct output *output = &connection->output;
	bool start;

	co_spin_lock(&output->lock);
	start = !connection->is_timed && !connection->removed;
	connection->is_timed |= start;
	co_spin_unlock(&output->lock);
	if (start) {
		connection_ref(connection);
		if (co_timer_start(&connection->stalled, co_deadline_after(co_now(), LIMIT_OUTPUT_STALL_NS)) < 0) {
			connection_cut(connection, "no memory for a timer");
			connection_unref(connection);
		}
	}
	if (co_poll_want_write(&connection->poll) < 0)
		connection_cut(connection, "the poller refuses it");
}

/* Writes what the socket takes, and does what follows from it. On the thread's own stack. */
static void flush(struct connection *connection)
{
	struct output *output = &connection->output;

	if (!connection_hold_socket(connection))
		return;
	if (output_flush(output, connection->poll.fd) < 0)
		connection_cut(connection, "the peer is gone");
	else if (output->blocked)
		await_room(connection);
	if (atomic_load(&connection->ending) && output_pending(output) == 0)
		remove_from_poller(connection);
	else if (atomic_load(&connection->reader) == READER_PAUSED)
		reader_resume(connection);
	connection_release_socket(connection);
}

static void flush_on_thread_stack(void *connection)
{
	flush(connection);
}

void connection_flush(struct connection *connection)
{
	co_on_thread_stack(flush_on_thread_stack, connection);
}

static void flush_deferred(struct co_deferred *deferred)
{
	struct connection *connection = container_of(deferred, struct connection, output.deferred);

	flush(connection);
	connection_unref(connection);
}

/* The queue holds a reference. */
void connection_flush_later(struct connection *connection)
{
	co_spin_lock(&connection->output.lock);
	if (!connection->output.deferred.queued) {
		connection_ref(connection);
		co_defer(&connection->output.deferred);
	}
	co_spin_unlock(&connection->output.lock);
}

/* ---- what others ask of it
 * ------------------------------------------------------------------------------------------- */

bool connection_pass_reader(struct connection *connection)
{
	return co_go(reader_main, connection) == 0;
}

void connection_sent(struct connection *connection, int r)
{
	if (r == -ENOMEM)
		connection_cut(connection, "no memory for a reply");
	else if (r == -EMSGSIZE)
		connection_cut(connection, "it does not read its replies");
	else if (r == 0)
		connection_flush_later(connection);
}

void connection_send(struct connection *connection, struct output_frame *frame)
{
	connection_sent(connection, output_append(&connection->output, frame));
}

void connection_say_goodbye(struct connection *connection, int reason, const char *text)
{
	Baton__V1__Error error = BATON__V1__ERROR__INIT;
	struct output_frame frame = {.header.kind = FRAME_GOAWAY, .body = &error.base};

	error.reason = (Baton__V1__Reason)reason;
	error.text = (char *)(uintptr_t)text;
	connection_send(connection, &frame);
}

void connection_finish(struct connection *connection)
{
	if (atomic_exchange(&connection->ending, true))
		return;
	if (output_pending(&connection->output) == 0)
		remove_from_poller(connection);
	else
		connection_flush_later(connection);
}

void connection_cut(struct connection *connection, const char *why)
{
	if (!connection->output.dead)
		log_debug("connection cut connection=%llu why=\"%s\"", (unsigned long long)connection->id, why);
	output_kill(&connection->output);
	if (connection_hold_socket(connection)) {
		socket_shutdown(connection->poll.fd);
		connection_release_socket(connection);
	}
}
