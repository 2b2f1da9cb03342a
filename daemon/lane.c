/* SPDX-License-Identifier: MIT
 *
 * lane.c - a session's threads of calls.
 */
#include "daemon/lane.h"

#include <baton/v1/status.pb-c.h>
#include <errno.h>

#include "base/memory.h"
#include "daemon/connection.h"
#include "daemon/session.h"

#define STEP 256

int lane_open(struct session *session, struct connection *connection, struct lane **ret)
{
	struct lane *lane = memory_zalloc(sizeof *lane);
	bool ended;

	if (lane == NULL)
		return -ENOMEM;
	atomic_init(&lane->references, 2); /* the session's list's and the caller's */
	list_init(&lane->link);
	list_init(&lane->unacknowledged);
	lane->session = session_ref(session);
	lane->connection = connection_ref(connection);
	co_spin_lock(&session_lock);
	ended = session->ended;
	if (!ended) {
		lane->number = ++session->last_lane;
		session->lane_count++;
		list_add_tail(&session->lanes, &lane->link);
	}
	co_spin_unlock(&session_lock);
	if (ended) {
		connection_unref(connection);
		session_unref(session);
		memory_free(lane);
		return -ESHUTDOWN;
	}
	*ret = lane;
	return 0;
}

struct lane *lane_ref(struct lane *lane)
{
	atomic_fetch_add_explicit(&lane->references, 1, memory_order_relaxed);
	return lane;
}

void lane_unref(struct lane *lane)
{
	if (atomic_fetch_sub_explicit(&lane->references, 1, memory_order_acq_rel) != 1)
		return;
	session_unref(lane->session);
	memory_free(lane);
}

/* Takes the first unacknowledged call whose reply number is at most UP_TO. Under the lock. */
static struct call *next_unacknowledged(struct lane *lane, uint64_t up_to)
{
	struct call *call;

	if (list_is_empty(&lane->unacknowledged))
		return NULL;
	call = container_of(lane->unacknowledged.next, struct call, link);
	if (call->reply_number > up_to)
		return NULL;
	list_remove(&call->link);
	lane->unacknowledged_count--;
	return call;
}

/* Settles them one by one, the lock held only to take each out. */
static void settle_up_to(struct lane *lane, uint64_t up_to, bool acknowledged)
{
	struct call *call;

	do {
		co_spin_lock(&lane->lock);
		call = next_unacknowledged(lane, up_to);
		co_spin_unlock(&lane->lock);
		if (call != NULL)
			call_settle(call, acknowledged);
	} while (call != NULL);
}

void lane_acknowledge(struct lane *lane, uint64_t number)
{
	if (!list_is_empty(&lane->unacknowledged))
		settle_up_to(lane, number, true);
}

void lane_return_messages(struct lane *lane)
{
	settle_up_to(lane, UINT64_MAX, false);
}

void lane_cancel(struct lane *lane, uint64_t id)
{
	struct call *call;

	co_spin_lock(&lane->lock);
	HASH_FIND(by_id, lane->blocked, &id, sizeof id, call);
	if (call != NULL)
		entry_stop(&call->entry, OBJECT_ECANCELED);
	co_spin_unlock(&lane->lock);
}

bool lane_stop_some(struct lane *lane, int error)
{
	struct call *call;
	struct call *next;
	unsigned left = STEP;

	co_spin_lock(&lane->lock);
	HASH_ITER (by_id, lane->blocked, call, next) {
		if (left-- == 0)
			break;
		HASH_DELETE(by_id, lane->blocked, call);
		call->is_blocked = false;
		entry_stop(&call->entry, error);
	}
	co_spin_unlock(&lane->lock);
	return call != NULL;
}

bool lane_mark_ended(struct lane *lane)
{
	struct connection *connection;
	bool first;

	co_spin_lock(&lane->lock);
	first = !lane->ended;
	lane->ended = true;
	connection = lane->connection;
	lane->connection = NULL;
	co_spin_unlock(&lane->lock);
	if (connection != NULL)
		connection_unref(connection);
	return first;
}

/* Takes LANE out of its session's list unless it is what the session lives by; true if it is that. */
static bool leave(struct lane *lane)
{
	struct session *session = lane->session;
	bool last;
	bool linked;

	co_spin_lock(&session_lock);
	linked = list_is_linked(&lane->link);
	last = linked && session->life == SESSION_OF_LANES && session->lanes.next == session->lanes.prev;
	if (linked && !last) {
		list_remove(&lane->link);
		session->lane_count--;
	}
	co_spin_unlock(&session_lock);
	if (linked && !last)
		lane_unref(lane);
	return last;
}

void lane_end(struct lane *lane)
{
	if (!lane_mark_ended(lane))
		return;
	if (leave(lane)) {
		session_end(lane->session, BATON__V1__REASON__REASON_SESSION_ENDED, NULL);
		return;
	}
	while (lane_stop_some(lane, OBJECT_EENDED))
		co_yield();
	lane_return_messages(lane);
}
