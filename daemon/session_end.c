/* SPDX-License-Identifier: MIT
 *
 * session_end.c - the order of things when a session ends.
 *
 * Every step first marks, then works through lists in steps of 256 with yields between them, so that the end of a
 * session with a million calls holds up nobody, and nothing is granted to it meanwhile.
 */
#include <baton/v1/connection.pb-c.h>
#include <errno.h>

#include "daemon/connection.h"
#include "daemon/lane.h"
#include "daemon/log.h"
#include "daemon/session.h"
#include "daemon/session_expiry.h"

/* The first child that has not been told yet, with a reference; NULL: none is left. */
static struct session *take_child(struct session *session)
{
	struct session *child = NULL;

	co_spin_lock(&session_lock);
	if (!list_is_empty(&session->children)) {
		child = container_of(session->children.next, struct session, sibling);
		list_remove(&child->sibling);
		session_ref(child);
	}
	co_spin_unlock(&session_lock);
	return child;
}

/* The lane behind AFTER in the session's list, with a reference; the first if AFTER is NULL, or has left the list
 * meanwhile. AFTER's reference is given back. */
static struct lane *next_lane(struct session *session, struct lane *after)
{
	struct lane *lane = NULL;
	struct list *next;

	co_spin_lock(&session_lock);
	next = after != NULL && list_is_linked(&after->link) ? after->link.next : session->lanes.next;
	if (next != &session->lanes)
		lane = lane_ref(container_of(next, struct lane, link));
	co_spin_unlock(&session_lock);
	if (after != NULL)
		lane_unref(after);
	return lane;
}

void session_stop_calls(struct session *session, int error)
{
	struct lane *lane = NULL;

	while ((lane = next_lane(session, lane)) != NULL)
		while (lane_stop_some(lane, error))
			co_yield();
}

/* Tells the lane's connection, if it has one that is not KEEP, and lets it go. */
static void dismiss(struct lane *lane, int reason, struct connection *keep)
{
	Baton__V1__Notice notice = BATON__V1__NOTICE__INIT;
	struct output_frame frame = {.header.kind = FRAME_NOTICE, .body = &notice.base};
	struct connection *connection;

	co_spin_lock(&lane->lock);
	connection = lane->connection != NULL ? connection_ref(lane->connection) : NULL;
	co_spin_unlock(&lane->lock);
	if (connection != NULL && connection != keep) {
		notice.kind = BATON__V1__NOTICE_KIND__NOTICE_SESSION_ENDED;
		notice.reason = (Baton__V1__Reason)reason;
		notice.text = (char *)(uintptr_t) "the session has ended";
		connection_send(connection, &frame);
		connection_say_goodbye(connection, reason, notice.text);
		connection_finish(connection);
	}
	if (connection != NULL)
		connection_unref(connection);
}

static void end_lanes(struct session *session, int reason, struct connection *keep)
{
	struct lane *lane;
	struct list *first;

	for (;;) {
		co_spin_lock(&session_lock);
		first = list_pop_head(&session->lanes);
		if (first != NULL)
			session->lane_count--;
		lane = first != NULL ? container_of(first, struct lane, link) : NULL; /* with the list's reference */
		co_spin_unlock(&session_lock);
		if (lane == NULL)
			return;
		dismiss(lane, reason, keep);
		(void)lane_mark_ended(lane);
		while (lane_stop_some(lane, OBJECT_EENDED))
			co_yield();
		lane_give_up(lane);
		lane_unref(lane);
	}
}

/* Marks it and closes it to grants. False: somebody else has begun to end it. */
static bool begin_end(struct session *session)
{
	bool first;

	co_spin_lock(&session_lock);
	first = !session->ended;
	session->ended = true;
	co_spin_unlock(&session_lock);
	if (!first)
		return false;
	session_expiry_unwatch(session);
	owner_end(&session->owner);
	return true;
}

/* The rest, once its children have ended. */
static void finish_end(struct session *session, int reason, struct connection *keep)
{
	session_stop_calls(session, OBJECT_EENDED);
	while (atomic_load(&session->blocked) > 0)
		co_yield(); /* they were stopped, and answer before the goodbye */
	while (owner_release_some(&session->owner, co_now_cached()))
		co_yield();
	end_lanes(session, reason, keep);
	log_debug("session ended session=%016llx label=\"%s\" reason=%d", (unsigned long long)session->id,
		session->label, reason);
	session_forget(session);
}

/* Goes down to the youngest descendant and up again, ending what it leaves: a chain of children may be longer than any
 * stack. It has a reference to each session on its way. */
void session_end(struct session *session, int reason, struct connection *keep)
{
	struct session *at = begin_end(session) ? session_ref(session) : NULL;

	while (at != NULL) {
		struct session *child = take_child(at);
		struct session *parent = at == session ? NULL : at->parent;

		if (child == NULL) {
			finish_end(at, reason, keep);
			session_unref(at);
			at = parent;
		} else if (begin_end(child)) {
			at = child;
		} else {
			session_unref(child);
		}
	}
}
