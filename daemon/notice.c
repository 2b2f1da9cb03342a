/* SPDX-License-Identifier: MIT
 *
 * notice.c - finding a connection of a session, and telling it.
 *
 * Locking: session_lock, then the lane's, for a reference to the connection; none while sending.
 */
#include "daemon/notice.h"

#include <baton/v1/connection.pb-c.h>

#include "daemon/connection.h"
#include "daemon/lane.h"
#include "daemon/session.h"

/* A reference; NULL: no lane of SESSION has a connection now. */
static struct connection *find_connection(struct session *session)
{
	struct connection *connection = NULL;

	co_spin_lock(&session_lock);
	list_for_each (at, &session->lanes) {
		struct lane *lane = container_of(at, struct lane, link);

		co_spin_lock(&lane->lock);
		if (lane->connection != NULL)
			connection = connection_ref(lane->connection);
		co_spin_unlock(&lane->lock);
		if (connection != NULL)
			break;
	}
	co_spin_unlock(&session_lock);
	return connection;
}

/* Sends NOTICE about an object, if there is a connection. */
static void tell(struct session *session, Baton__V1__Notice *notice, const char *kind, const char *name, uint64_t token)
{
	struct output_frame frame = {.header.kind = FRAME_NOTICE, .body = &notice->base};
	struct connection *connection = find_connection(session);

	if (connection == NULL)
		return;
	notice->object_kind = (char *)(uintptr_t)kind;
	notice->name = (char *)(uintptr_t)name;
	notice->token = token;
	connection_send(connection, &frame);
	if (notice->kind == BATON__V1__NOTICE_KIND__NOTICE_HOLD_MOVED)
		connection_flush(connection);
	connection_unref(connection);
}

void notice_hold_lost(struct session *session, const char *kind, const char *name, uint64_t token)
{
	Baton__V1__Notice notice = BATON__V1__NOTICE__INIT;

	notice.kind = BATON__V1__NOTICE_KIND__NOTICE_HOLD_LOST;
	notice.text = (char *)(uintptr_t) "the hold was ended by another session";
	tell(session, &notice, kind, name, token);
}

void notice_hold_moved(struct session *session, const char *kind, const char *name, uint64_t token, uint64_t new_token)
{
	Baton__V1__Notice notice = BATON__V1__NOTICE__INIT;

	notice.kind = BATON__V1__NOTICE_KIND__NOTICE_HOLD_MOVED;
	notice.text = (char *)(uintptr_t) "the hold has a new token: a cond's wait gave it back meanwhile";
	notice.new_token = new_token;
	tell(session, &notice, kind, name, token);
}
