/* SPDX-License-Identifier: MIT
 *
 * lane.c - a session's threads of calls.
 */
#include "daemon/lane.h"

#include <baton/v1/status.pb-c.h>
#include <errno.h>

#include "base/memory.h"
#include "daemon/connection.h"
#include "daemon/limits.h"
#include "daemon/objects/context.h"
#include "daemon/session.h"

#define STEP 256

int lane_open(struct session *session, struct connection *connection, struct lane **ret)
{
	struct lane *lane = memory_zalloc(sizeof *lane);
	int r = 0;

	if (lane == NULL)
		return -ENOMEM;
	atomic_init(&lane->references, 2); /* the session's list's and the caller's */
	list_init(&lane->link);
	list_init(&lane->unacknowledged);
	list_init(&lane->undelivered);
	lane->resumes = session->life == SESSION_OF_TTL;
	lane->session = session_ref(session);
	lane->connection = connection_ref(connection);
	co_spin_lock(&session_lock);
	if (session->ended)
		r = -ESHUTDOWN;
	else if (session->lane_count >= LIMIT_LANES)
		r = -EMFILE;
	if (r == 0) {
		lane->number = ++session->last_lane;
		session->lane_count++;
		list_add_tail(&session->lanes, &lane->link);
	}
	co_spin_unlock(&session_lock);
	if (r < 0) {
		connection_unref(connection);
		session_unref(session);
		memory_free(lane);
		return r;
	}
	*ret = lane;
	return 0;
}

struct lane *lane_ref(struct lane *lane)
{
	atomic_fetch_add_explicit(&lane->references, 1, memory_order_relaxed);
	return lane;
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

/* Sees to it that there is an array. */
static int need_contexts(struct lane *lane)
{
	struct context **contexts = NULL;
	bool is_there;

	co_spin_lock(&lane->lock);
	is_there = lane->contexts != NULL;
	co_spin_unlock(&lane->lock);
	if (is_there)
		return OBJECT_OK;
	contexts = memory_zalloc(LIMIT_LANE_CONTEXTS * sizeof(struct context *));
	if (contexts == NULL)
		return OBJECT_ENOMEM;
	co_spin_lock(&lane->lock);
	if (lane->contexts == NULL) {
		lane->contexts = contexts;
		contexts = NULL;
	}
	co_spin_unlock(&lane->lock);
	memory_free(contexts);
	return OBJECT_OK;
}

int lane_set_context(struct lane *lane, uint32_t number, struct context *context)
{
	struct context *former;
	const int r = need_contexts(lane);

	if (r != OBJECT_OK)
		return r;
	object_ref(context_object(context));
	co_spin_lock(&lane->lock);
	former = lane->contexts[number - 1];
	lane->contexts[number - 1] = context;
	co_spin_unlock(&lane->lock);
	if (former != NULL)
		object_unref(context_object(former));
	return OBJECT_OK;
}

struct context *lane_context(struct lane *lane, uint32_t number)
{
	struct context *context = NULL;

	co_spin_lock(&lane->lock);
	if (number > 0 && number <= LIMIT_LANE_CONTEXTS && lane->contexts != NULL)
		context = lane->contexts[number - 1];
	if (context != NULL)
		object_ref(context_object(context));
	co_spin_unlock(&lane->lock);
	return context;
}

static void close_contexts(struct lane *lane)
{
	for (uint32_t i = 0; i < LIMIT_LANE_CONTEXTS && lane->contexts != NULL; i++)
		if (lane->contexts[i] != NULL)
			object_unref(context_object(lane->contexts[i]));
	memory_free(lane->contexts);
}

void lane_unref(struct lane *lane)
{
	if (atomic_fetch_sub_explicit(&lane->references, 1, memory_order_acq_rel) != 1)
		return;
	close_contexts(lane);
	session_unref(lane->session);
	memory_free(lane);
}

/* ---- ids --------------------------------------------------------------------------------------------------------- */

enum lane_verdict lane_take(struct lane *lane, struct call *call)
{
	if (lane->resumes)
		return lane_take_again(lane, call);
	if (call->id <= lane->last_call)
		return LANE_BAD_ID;
	lane->last_call = call->id;
	return LANE_NEW;
}

void lane_file_blocked(struct lane *lane, struct call *call)
{
	co_spin_lock(&lane->lock);
	if (lane->ended) {
		entry_stop(&call->entry, OBJECT_EENDED);
	} else if (call->phase == CALL_RUNNING) {
		call->phase = CALL_BLOCKED;
	} else {
		HASH_ADD(by_id, lane->calls, id, sizeof call->id, call);
		if (hash_was_added(call->by_id))
			call->phase = CALL_BLOCKED;
		else
			entry_stop(&call->entry, OBJECT_ENOMEM);
	}
	co_spin_unlock(&lane->lock);
}

/* Its id is known no more. Under the lock. */
static void forget_id(struct lane *lane, struct call *call)
{
	if (call->phase != CALL_UNKNOWN)
		HASH_DELETE(by_id, lane->calls, call);
	call->phase = CALL_UNKNOWN;
}

bool lane_leave_entry(struct lane *lane, struct call *call)
{
	bool keeps;

	co_spin_lock(&lane->lock);
	if (!lane->resumes)
		forget_id(lane, call);
	else if (call->phase != CALL_UNKNOWN)
		call->phase = CALL_ENDING;
	keeps = call->phase == CALL_ENDING;
	co_spin_unlock(&lane->lock);
	return keeps;
}

void lane_cancel(struct lane *lane, uint64_t id)
{
	struct call *call;

	co_spin_lock(&lane->lock);
	HASH_FIND(by_id, lane->calls, &id, sizeof id, call);
	if (call != NULL && call->phase == CALL_BLOCKED)
		entry_stop(&call->entry, OBJECT_ECANCELED);
	co_spin_unlock(&lane->lock);
}

/* ---- replies ----------------------------------------------------------------------------------------------------- */

/* Whether CALL, whose reply has left or was kept, is to wait for its acknowledgement; files it so. Under the lock. */
static bool file_reply(struct lane *lane, struct call *call)
{
	const bool is_kept = call->outcome != NULL && call->phase != CALL_UNKNOWN;
	const bool has_left = call->reply_number != 0;

	if (lane->ended || !(is_kept || (call->delivery_of != NULL && has_left)))
		return false;
	if (is_kept)
		call->phase = CALL_DONE;
	list_add_tail(has_left ? &lane->unacknowledged : &lane->undelivered, &call->link);
	lane->kept_count++;
	return true;
}

bool lane_send(struct lane *lane, struct call *call, struct output_frame *frame)
{
	struct connection *route = NULL;
	bool filed;
	bool too_many;
	int r = -EPIPE;

	co_spin_lock(&lane->lock);
	if (!lane->resumes || lane->ended)
		route = connection_ref(call->connection);
	else if (lane->connection != NULL)
		route = connection_ref(lane->connection);
	frame->numbers = &lane->last_reply;
	if (route != NULL)
		r = output_append(&route->output, frame);
	call->reply_number = frame->header.number;
	filed = file_reply(lane, call);
	if (!filed)
		forget_id(lane, call);
	too_many = filed && lane->kept_count > LIMIT_UNACKNOWLEDGED;
	co_spin_unlock(&lane->lock);
	if (route == NULL) {
		if (frame->value != NULL)
			message_unref(frame->value);
		return filed;
	}
	connection_sent(route, r);
	if (too_many)
		connection_cut(route, "it does not acknowledge what it receives");
	connection_unref(route);
	return filed;
}

/* Takes the first call of LIST out whose reply number is at most UP_TO. */
static struct call *next_settled(struct lane *lane, struct list *list, uint64_t up_to)
{
	struct call *call = NULL;

	co_spin_lock(&lane->lock);
	if (!list_is_empty(list))
		call = container_of(list->next, struct call, link);
	if (call != NULL && call->reply_number > up_to)
		call = NULL;
	if (call != NULL) {
		list_remove(&call->link);
		lane->kept_count--;
		forget_id(lane, call);
	}
	co_spin_unlock(&lane->lock);
	return call;
}

/* Settles them one by one, the lock held only to take each out. */
static void settle_up_to(struct lane *lane, struct list *list, uint64_t up_to, bool acknowledged)
{
	struct call *call;

	while ((call = next_settled(lane, list, up_to)) != NULL)
		call_settle(call, acknowledged);
}

void lane_acknowledge(struct lane *lane, uint64_t number)
{
	if (atomic_load_explicit(&lane->kept_count, memory_order_relaxed) > 0)
		settle_up_to(lane, &lane->unacknowledged, number, true);
}

void lane_give_up(struct lane *lane)
{
	settle_up_to(lane, &lane->unacknowledged, UINT64_MAX, false);
	settle_up_to(lane, &lane->undelivered, UINT64_MAX, false);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

bool lane_stop_some(struct lane *lane, int error)
{
	struct call *call;
	struct call *next;
	unsigned left = STEP;

	co_spin_lock(&lane->lock);
	HASH_ITER (by_id, lane->calls, call, next) {
		if (left-- == 0)
			break;
		if (call->phase == CALL_RUNNING || call->phase == CALL_BLOCKED)
			entry_stop(&call->entry, error);
		forget_id(lane, call);
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
	lane_give_up(lane);
}
