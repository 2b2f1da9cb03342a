/* SPDX-License-Identifier: MIT
 *
 * service_daemon.c - the service Daemon: ping, status, and looking at objects.
 */
#include <baton/v1/daemon.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/call.h"
#include "daemon/connection.h"
#include "daemon/limits.h"
#include "daemon/objects/token.h"
#include "daemon/objects/transition.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/services.h"
#include "daemon/session.h"
#include "daemon/state.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

static int no_memory(struct call *call)
{
	return call_fail(call, STATUS(RESOURCE_EXHAUSTED), REASON(NO_MEMORY), "no memory for the answer");
}

int handle_daemon_ping(struct call *call, const void *message, void *answer)
{
	const Baton__V1__PingRequest *request = message;
	Baton__V1__PingResponse *response = answer;

	if (request->payload.len > LIMIT_PING_BYTES)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST), "payload is longer than %u bytes",
			LIMIT_PING_BYTES);
	response->payload = request->payload;
	return 0;
}

int handle_daemon_status(struct call *call, const void *message, void *answer)
{
	Baton__V1__StatusResponse *response = answer;
	struct transition_counters counters;
	struct co_stats stats;

	(void)call;
	(void)message;
	transition_counters(&counters);
	co_stats(&stats);
	response->version = (char *)(uintptr_t)BATON_VERSION;
	response->incarnation = server_incarnation();
	response->pid = (uint32_t)getpid();
	response->uptime_us = (uint64_t)server_uptime() / 1000;
	response->connections = connection_count();
	response->sessions = session_count();
	response->objects = registry_count();
	response->blocked = session_blocked_count();
	response->holds = counters.locks_held;
	response->deliveries = counters.deliveries;
	response->calls = call_count();
	response->transitions = transition_last();
	response->coroutines = stats.live;
	response->guard = (char *)(uintptr_t)co_guard_name(co_guard_in_use());
	response->grace_us = (uint64_t)state_grace_left() / 1000;
	response->token = token_last();
	response->stopping = server_is_stopping();
	return 0;
}

/* ---- list
 * ------------------------------------------------------------------------------------------------------------ */

static void describe(struct object *object, struct object_description *description, Baton__V1__ObjectInfo *info)
{
	*description = (struct object_description){0};
	object->type->describe(object, description);
	baton__v1__object_info__init(info);
	info->kind = (char *)(uintptr_t)object->type->name;
	info->name = object->name;
	info->state = description->state;
	info->holders = description->holders;
	info->waiters = description->waiters;
	info->length = description->length;
	info->capacity = description->capacity;
	info->closed = description->closed;
	info->deliveries = description->deliveries;
}

/* What an answer points at until it is encoded. */
struct listing {
	size_t count;
	struct object *objects[LIMIT_LIST_ROWS];
	struct object_description descriptions[LIMIT_LIST_ROWS];
	Baton__V1__ObjectInfo infos[LIMIT_LIST_ROWS];
	Baton__V1__ObjectInfo *rows[LIMIT_LIST_ROWS];
};

static void free_listing(void *arg)
{
	struct listing *listing = arg;

	for (size_t i = 0; i < listing->count; i++)
		registry_release(listing->objects[i]);
	memory_free(listing);
}

static int unknown_kind(struct call *call, const char *kind)
{
	return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST), "there is no kind \"%.64s\"", kind);
}

int handle_daemon_list(struct call *call, const void *message, void *answer)
{
	const Baton__V1__ListRequest *request = message;
	Baton__V1__ListResponse *response = answer;
	size_t limit = request->limit == 0 || request->limit > LIMIT_LIST_ROWS ? LIMIT_LIST_ROWS : request->limit;
	int kind = request->kind[0] == '\0' ? -1 : registry_kind(request->kind);
	struct listing *listing;
	bool more;

	if (request->kind[0] != '\0' && kind < 0)
		return unknown_kind(call, request->kind);
	listing = memory_alloc(sizeof *listing);
	if (listing == NULL)
		return no_memory(call);
	listing->count = registry_list(
		kind, request->pattern, request->after_kind, request->after_name, limit, listing->objects, &more);
	for (size_t i = 0; i < listing->count; i++) {
		describe(listing->objects[i], &listing->descriptions[i], &listing->infos[i]);
		listing->rows[i] = &listing->infos[i];
	}
	call_at_end(call, free_listing, listing);
	response->n_objects = listing->count;
	response->objects = listing->rows;
	response->more = more;
	return 0;
}

/* ---- inspect
 * --------------------------------------------------------------------------------------------------------- */

/* What an answer points at until it is encoded. */
struct inspection {
	struct object *object;
	struct object_description description;
	Baton__V1__ObjectInfo info;
	size_t count;
	size_t room;
	bool more;
	int64_t now_ns;
	Baton__V1__PartyInfo *parties;
	Baton__V1__PartyInfo **rows;
	struct session **sessions; /* references: their labels and hosts are shown */
};

static void free_inspection(void *arg)
{
	struct inspection *inspection = arg;

	for (size_t i = 0; i < inspection->count; i++)
		session_unref(inspection->sessions[i]);
	registry_release(inspection->object);
	memory_free(inspection->parties);
	memory_free(inspection->rows);
	memory_free(inspection->sessions);
	memory_free(inspection);
}

/* Under the object's lock: takes one party down. */
static bool visit(const struct object_party *party, void *arg)
{
	struct inspection *inspection = arg;
	struct session *session = session_ref(session_of(party->owner));
	Baton__V1__PartyInfo *info = &inspection->parties[inspection->count];

	if (inspection->count == inspection->room) {
		session_unref(session);
		inspection->more = true;
		return false;
	}
	baton__v1__party_info__init(info);
	info->role = (char *)(uintptr_t)party->role;
	info->session = session->id;
	info->label = session->label;
	info->host = session->peer.host;
	info->pid = session->peer.pid;
	info->uid = session->peer.uid;
	info->task = party->task;
	info->token = party->token;
	info->since_us = (uint64_t)(inspection->now_ns - party->since_ns) / 1000;
	info->attempt = party->attempt;
	info->count = party->count;
	inspection->sessions[inspection->count] = session;
	inspection->rows[inspection->count++] = info;
	return true;
}

static struct inspection *new_inspection(struct object *object)
{
	struct inspection *inspection = memory_zalloc(sizeof *inspection);

	if (inspection == NULL)
		return NULL;
	inspection->object = object;
	inspection->now_ns = co_now();
	describe(object, &inspection->description, &inspection->info);
	inspection->room = inspection->description.holders + (size_t)inspection->description.waiters +
			   inspection->description.deliveries + 1;
	if (inspection->room > LIMIT_PARTIES)
		inspection->room = LIMIT_PARTIES;
	inspection->parties = memory_alloc(inspection->room * sizeof inspection->parties[0]);
	inspection->rows = memory_alloc(inspection->room * sizeof inspection->rows[0]);
	inspection->sessions = memory_alloc(inspection->room * sizeof inspection->sessions[0]);
	if (inspection->parties != NULL && inspection->rows != NULL && inspection->sessions != NULL)
		return inspection;
	memory_free(inspection->parties);
	memory_free(inspection->rows);
	memory_free(inspection->sessions);
	memory_free(inspection);
	return NULL;
}

int handle_daemon_inspect(struct call *call, const void *message, void *answer)
{
	const Baton__V1__InspectRequest *request = message;
	Baton__V1__InspectResponse *response = answer;
	int kind = registry_kind(request->kind);
	struct inspection *inspection;
	struct object *object;

	if (kind < 0)
		return unknown_kind(call, request->kind);
	object = registry_find((enum object_kind)kind, request->name);
	if (object == NULL)
		return call_fail(call, STATUS(NOT_FOUND), REASON(NOT_MADE), "%s \"%.255s\": there is none",
			request->kind, request->name);
	inspection = new_inspection(object);
	if (inspection == NULL) {
		registry_release(object);
		return no_memory(call);
	}
	call_at_end(call, free_inspection, inspection);
	object->type->visit_parties(object, visit, inspection);
	response->object = &inspection->info;
	response->n_parties = inspection->count;
	response->parties = inspection->rows;
	response->more = inspection->more;
	response->token = inspection->description.token;
	response->abandoned = inspection->description.abandoned;
	return 0;
}
