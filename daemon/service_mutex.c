/* SPDX-License-Identifier: MIT
 *
 * service_mutex.c - the service Mutex. A mutex comes to be with the first call that locks it and is forgotten when
 * nobody is at it any more.
 */
#include <baton/v1/mutex.pb-c.h>
#include <baton/v1/status.pb-c.h>

#include "daemon/objects/mutex.h"
#include "daemon/select_kind.h"
#include "daemon/service_lock.h"
#include "daemon/service_mutex.h"
#include "daemon/services.h"
#include "daemon/session.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name

static int make_mutex(const char *name, void *arg, struct object **ret)
{
	struct mutex *mutex;
	const int r = mutex_new(name, arg, &mutex);

	if (r == OBJECT_OK)
		*ret = mutex_object(mutex);
	return r;
}

static const char *conflict(struct object *object, const struct lock_options *wanted)
{
	return mutex_conflict(mutex_of(object), wanted);
}

const struct lock_kind mutex_kind = {
	.name = "mutex",
	.kind = OBJECT_MUTEX,
	.other = OBJECT_RWMUTEX,
	.unlocked = "unlock of unlocked mutex",
	.make = make_mutex,
	.conflict = conflict,
};

int handle_mutex_lock(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MutexLockRequest *request = message;
	Baton__V1__MutexLockResponse *response = answer;
	const bool no_wait = request->no_wait;
	struct lock_options options;
	struct lock_grant grant = {0};
	struct object *object;
	int status;
	int r;

	if (!lock_read_options(call, request->fifo, request->lock_delay_us, &options, &status))
		return status;
	if (request->more[0] != '\0')
		return mutexes_lock(call, request, &options, response);
	object = lock_open(call, &mutex_kind, request->name, &options, &status);
	if (object == NULL)
		return status;
	r = mutex_lock(mutex_of(object), call_entry(call), no_wait, &grant);
	if (r != OBJECT_OK && r != OBJECT_EWOULDBLOCK)
		status = lock_fail(call, &mutex_kind, object->name, r);
	response->would_block = grant.token == 0;
	response->token = grant.token;
	response->abandoned = grant.abandoned;
	registry_release(object);
	return status;
}

int handle_mutex_unlock(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MutexUnlockRequest *request = message;
	struct lock_loser loser = {.caller = call_session(call)};
	struct object *object;
	int status = STATUS(OK);
	int r;

	(void)answer;
	if (request->more[0] != '\0')
		return mutexes_unlock(call, request);
	object = lock_find(call, &mutex_kind, request->name, &status);
	if (object == NULL)
		return status;
	r = mutex_unlock(mutex_of(object), request->token, co_now_cached(), lock_note_loser, &loser);
	lock_tell_loser(&loser, mutex_kind.name, object->name, request->token);
	if (r != OBJECT_OK)
		status = lock_fail(call, &mutex_kind, object->name, r);
	registry_release(object);
	return status;
}

int handle_mutex_hand_over(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MutexHandOverRequest *request = message;
	int status = STATUS(OK);
	struct object *object = lock_find(call, &mutex_kind, request->name, &status);
	int r;

	(void)answer;
	if (object == NULL)
		return status;
	r = mutex_hand_over(mutex_of(object), request->token);
	if (r != OBJECT_OK)
		status = lock_fail(call, &mutex_kind, object->name, r);
	registry_release(object);
	return status;
}

/* ---- check ------------------------------------------------------------------------------------------------------- */

/* Looks for a hold of a session's, or of one that it is a child of. */
struct search {
	const struct session *session;
	uint64_t token; /* 0: not found */
};

static bool visit_holder(const struct object_party *party, void *arg)
{
	struct search *search = arg;
	const struct session *holder = party->token != 0 ? session_of(party->owner) : NULL;

	for (const struct session *at = search->session; at != NULL; at = at->parent)
		if (at == holder)
			search->token = party->token;
	return false; /* the holder comes first */
}

static uint64_t find_token(struct object *object, const struct session *session)
{
	struct search search = {.session = session};

	object->type->visit_parties(object, visit_holder, &search);
	return search.token;
}

int handle_mutex_check(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MutexCheckRequest *request = message;
	Baton__V1__MutexCheckResponse *response = answer;
	struct object *object = registry_find(OBJECT_MUTEX, request->name);

	if (object == NULL)
		return STATUS(OK);
	if (request->token == 0)
		response->token = find_token(object, call_session(call));
	else if (mutex_holds(mutex_of(object), request->token))
		response->token = request->token;
	response->holds = response->token != 0;
	registry_release(object);
	return STATUS(OK);
}

/* ---- locking as a case of a select ------------------------------------------------------------------------------- */

static int open_lock(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	int status = STATUS(OK);

	choice->object = lock_open(call, &mutex_kind, request->name, &(struct lock_options){0}, &status);
	choice->type = &mutex_lock_case;
	seat_init(&choice->seat, call_entry(call));
	return status;
}

static void take_lock(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	(void)call;
	response->token = choice->seat.token;
	response->abandoned = choice->seat.detail != 0;
}

const struct select_kind select_lock = {.object = "mutex", .open = open_lock, .take = take_lock};
