/* SPDX-License-Identifier: MIT
 *
 * service_session.c - the service Session: opening, attaching, leaving, ending, listing.
 */
#include <baton/v1/session.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "daemon/call.h"
#include "daemon/connection.h"
#include "daemon/lane.h"
#include "daemon/limits.h"
#include "daemon/server.h"
#include "daemon/services.h"
#include "daemon/session.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

static int unknown_session(struct call *call)
{
	return call_fail(call, STATUS(UNAUTHENTICATED), REASON(SESSION_UNKNOWN), "no such session, or another secret");
}

static int bad_field(struct call *call, const char *field, const char *rule)
{
	return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST), "%s %s", field, rule);
}

/* ---- open -----------------------------------------------------------------------------------------------------------
 */

static const struct {
	int error;
	int status;
	int reason;
	const char *text;
} open_errors[] = {
	{SESSION_ENOMEM, STATUS(RESOURCE_EXHAUSTED), REASON(NO_MEMORY), "the daemon has no memory for a session"},
	{SESSION_EFULL, STATUS(RESOURCE_EXHAUSTED), REASON(TOO_MANY), "the daemon has as many sessions as it may"},
	{SESSION_EPARENT, STATUS(UNAUTHENTICATED), REASON(SESSION_UNKNOWN), "the parent session has ended"},
	{SESSION_EPROCESS, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST), "the descriptor passed is no pidfd"},
};

static int fail_open(struct call *call, int error)
{
	for (size_t i = 0; i < sizeof open_errors / sizeof open_errors[0]; i++)
		if (open_errors[i].error == error)
			return call_fail(call, open_errors[i].status, open_errors[i].reason, "%s", open_errors[i].text);
	return call_fail(call, STATUS(INTERNAL), REASON(NONE), "unexpected error %d", error);
}

static int64_t to_ns(uint64_t us)
{
	return us > (uint64_t)LIMIT_TTL_NS / 1000 ? LIMIT_TTL_NS : (int64_t)us * 1000;
}

static int64_t to_ttl_ns(uint64_t us)
{
	const int64_t ns = to_ns(us);

	return ns > 0 && ns < LIMIT_TTL_LEAST_NS ? LIMIT_TTL_LEAST_NS : ns;
}

/* Reads the request into OPTIONS; the parent is a reference. 0 or the status. */
static int read_options(
	struct call *call, const Baton__V1__SessionOpenRequest *request, struct session_options *options)
{
	const struct connection *connection = call_connection(call);

	*options = (struct session_options){
		.life = request->of_process    ? SESSION_OF_PROCESS
			: request->ttl_us == 0 ? SESSION_OF_LANES
					       : SESSION_OF_TTL,
		.ttl_ns = request->of_process ? 0 : to_ttl_ns(request->ttl_us),
		.grace_ns = to_ns(request->grace_us),
		.pidfd = -1,
		.label = request->label,
		.peer = connection->peer,
	};
	if (strlen(request->label) > LIMIT_LABEL_BYTES)
		return bad_field(call, "label", "is longer than 255 bytes");
	if (!utf8_is_valid(request->label, strlen(request->label)))
		return bad_field(call, "label", "is not UTF-8");
	if (!utf8_is_valid(request->host, strlen(request->host)))
		return bad_field(call, "host", "is not UTF-8");
	if (strlen(request->host) >= sizeof options->peer.host)
		return bad_field(call, "host", "is longer than 63 bytes");
	if (options->life != SESSION_OF_TTL && !connection->peer.local)
		return call_fail(
			call, STATUS(INVALID_ARGUMENT), REASON(TTL_REQUIRED), "over TCP a session needs a ttl");
	if (options->life == SESSION_OF_LANES && request->detached)
		return call_fail(
			call, STATUS(INVALID_ARGUMENT), REASON(TTL_REQUIRED), "a detached session needs a ttl");
	if (request->of_process && connection->passed < 0)
		return bad_field(call, "of_process", "needs a pidfd passed with the frame");
	if (!connection->peer.local) {
		if (request->host[0] != '\0')
			memcpy(options->peer.host, request->host, strlen(request->host) + 1);
		options->peer.pid = request->pid;
	}
	if (request->parent == 0)
		return 0;
	options->parent =
		session_authenticate(request->parent, request->parent_secret.data, request->parent_secret.len);
	return options->parent != NULL ? 0 : unknown_session(call);
}

/* Makes a lane of SESSION for the call's connection. 0, or the status. */
static int attach(struct call *call, struct session *session, uint32_t *ret_number)
{
	struct connection *connection = call_connection(call);
	struct lane *lane;
	int r = lane_open(session, connection, &lane);

	if (r == -ENOMEM)
		return fail_open(call, SESSION_ENOMEM);
	if (r == -EMFILE)
		return call_fail(call, STATUS(RESOURCE_EXHAUSTED), REASON(TOO_MANY),
			"the session has %u lanes: the limit", LIMIT_LANES);
	if (r < 0)
		return unknown_session(call);
	connection->lane = lane;
	*ret_number = lane->number;
	return 0;
}

/* Takes lane NUMBER of SESSION up again. 0, or the status. */
static int resume(struct call *call, struct session *session, uint32_t number, uint64_t last_reply)
{
	struct lane *lane = lane_find(session, number);

	if (lane != NULL && lane_resume(lane, call_connection(call), last_reply)) {
		call_connection(call)->lane = lane;
		return 0;
	}
	if (lane != NULL)
		lane_unref(lane);
	return call_fail(call, STATUS(NOT_FOUND), REASON(LANE_GONE), "lane %u has ended", number);
}

int handle_session_open(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SessionOpenRequest *request = message;
	Baton__V1__SessionOpenResponse *response = answer;
	struct connection *connection = call_connection(call);
	struct session_options options;
	struct session *session = NULL;
	bool detached = request->detached;
	int status = read_options(call, request, &options);
	int r;

	if (status != 0)
		return status;
	response->secret.data = call_memory(call, SESSION_SECRET_BYTES);
	if (response->secret.data == NULL) {
		session_unref(options.parent);
		return fail_open(call, SESSION_ENOMEM);
	}
	if (options.life == SESSION_OF_PROCESS) {
		options.pidfd = connection->passed;
		connection->passed = -1;
	}
	r = session_open(&options, &session);
	session_unref(options.parent);
	if (r != SESSION_OK) {
		socket_close(options.pidfd);
		return fail_open(call, r);
	}
	if (!detached)
		status = attach(call, session, &response->lane);
	if (status == 0) {
		memcpy(response->secret.data, session->secret, SESSION_SECRET_BYTES); // NOLINT(*NonNull*): status is 0
		response->secret.len = SESSION_SECRET_BYTES;
		response->session = session->id;
		response->ttl_us = (uint64_t)session->ttl_ns / 1000;
	} else {
		session_end(session, REASON(NO_MEMORY), connection);
	}
	session_unref(session);
	return status;
}

int handle_session_attach(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SessionAttachRequest *request = message;
	Baton__V1__SessionAttachResponse *response = answer;
	struct session *session;
	int status;

	if (request->incarnation != 0 && request->incarnation != server_incarnation())
		return call_fail(call, STATUS(UNAVAILABLE), REASON(SERVER_RESTARTED), "the daemon was restarted");
	session = session_authenticate(request->session, request->secret.data, request->secret.len);
	if (session == NULL)
		return unknown_session(call);
	response->lane = request->lane;
	if (request->lane != 0)
		status = resume(call, session, request->lane, request->last_reply);
	else
		status = attach(call, session, &response->lane);
	if (status == 0) {
		session_heard(session);
		response->ttl_us = (uint64_t)session->ttl_ns / 1000;
	}
	session_unref(session);
	return status;
}

/* ---- leaving and ending
 * ------------------------------------------------------------------------------------------------ */

/* Ends SESSION, whose reference it takes over. Where the caller's own ends with it, its reply still leaves first. */
static void end_for(struct call *call, struct session *session, int reason)
{
	session_end(session, reason, call_connection(call));
	if (call_session(call) != NULL && session_has_ended(call_session(call)))
		call_close_connection(call);
	session_unref(session);
}

int handle_session_close(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SessionCloseRequest *request = message;
	struct session *own = call_session(call);
	struct session *session;

	(void)answer;
	if (request->session != 0)
		session = session_authenticate(request->session, request->secret.data, request->secret.len);
	else
		session = own != NULL ? session_ref(own) : NULL;
	if (session == NULL)
		return unknown_session(call);
	end_for(call, session, REASON(SESSION_ENDED));
	return 0;
}

int handle_session_detach(struct call *call, const void *message, void *answer)
{
	(void)message;
	(void)answer;
	call_close_connection(call);
	lane_end(call_connection(call)->lane);
	return 0;
}

int handle_session_kill(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SessionKillRequest *request = message;
	struct session *session = session_find(request->session);

	(void)answer;
	if (session == NULL)
		return call_fail(call, STATUS(NOT_FOUND), REASON(SESSION_UNKNOWN), "there is no session %016llx",
			(unsigned long long)request->session);
	end_for(call, session, REASON(SESSION_KILLED));
	return 0;
}

/* ---- listing
 * ------------------------------------------------------------------------------------------------------------- */

static void describe(struct session *session, Baton__V1__SessionInfo *info)
{
	int64_t now = co_boottime();

	baton__v1__session_info__init(info);
	info->session = session->id;
	info->parent = session->parent != NULL ? session->parent->id : 0;
	info->label = session->label;
	info->host = session->peer.host;
	info->pid = session->peer.pid;
	info->uid = session->peer.uid;
	info->ttl_us = (uint64_t)session->ttl_ns / 1000;
	info->age_us = (uint64_t)(now - session->opened_ns) / 1000;
	info->heard_us = (uint64_t)(now - atomic_load(&session->heard_ns)) / 1000;
	info->blocked = atomic_load(&session->blocked);
	co_spin_lock(&session->owner.lock);
	info->holds = session->owner.hold_count;
	co_spin_unlock(&session->owner.lock);
	co_spin_lock(&session_lock);
	info->lanes = session->lane_count;
	info->connections = 0;
	list_for_each (at, &session->lanes)
		info->connections += lane_has_connection(container_of(at, struct lane, link));
	co_spin_unlock(&session_lock);
}

/* What an answer points at until it is encoded. */
struct listing {
	size_t count;
	struct session *sessions[LIMIT_LIST_ROWS];
	Baton__V1__SessionInfo infos[LIMIT_LIST_ROWS];
	Baton__V1__SessionInfo *rows[LIMIT_LIST_ROWS];
};

static void free_listing(void *arg)
{
	struct listing *listing = arg;

	for (size_t i = 0; i < listing->count; i++)
		session_unref(listing->sessions[i]);
	memory_free(listing);
}

int handle_session_list(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SessionListRequest *request = message;
	Baton__V1__SessionListResponse *response = answer;
	size_t limit = request->limit == 0 || request->limit > LIMIT_LIST_ROWS ? LIMIT_LIST_ROWS : request->limit;
	struct listing *listing = memory_alloc(sizeof *listing);
	bool more;

	if (listing == NULL)
		return call_fail(call, STATUS(RESOURCE_EXHAUSTED), REASON(NO_MEMORY), "no memory for the list");
	listing->count = session_list(request->after, limit, listing->sessions, &more);
	for (size_t i = 0; i < listing->count; i++) {
		describe(listing->sessions[i], &listing->infos[i]);
		listing->rows[i] = &listing->infos[i];
	}
	call_at_end(call, free_listing, listing);
	response->n_sessions = listing->count;
	response->sessions = listing->rows;
	response->more = more;
	return 0;
}
