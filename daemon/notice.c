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

void notice_hold_lost(struct session *session, const char *kind, const char *name, uint64_t token)
{
	Baton__V1__Notice notice = BATON__V1__NOTICE__INIT;
	struct output_frame frame = {.header.kind = FRAME_NOTICE, .body = &notice.base};
	struct connection *connection = find_connection(session);

	if (connection == NULL)
		return;
	notice.kind = BATON__V1__NOTICE_KIND__NOTICE_HOLD_LOST;
	notice.object_kind = (char *)(uintptr_t)kind;
	notice.name = (char *)(uintptr_t)name;
	notice.token = token;
	notice.text = (char *)(uintptr_t) "the hold was ended by another session";
	connection_send(connection, &frame);
	connection_unref(connection);
}
