/* SPDX-License-Identifier: MIT
 *
 * service_mutex.c - the service Mutex. A mutex comes to be with the first call that locks it and is forgotten when
 * nobody is at it any more.
 */
#include <baton/v1/mutex.pb-c.h>
#include <baton/v1/status.pb-c.h>

#include "daemon/call.h"
#include "daemon/notice.h"
#include "daemon/objects/mutex.h"
#include "daemon/registry.h"
#include "daemon/select_kind.h"
#include "daemon/services.h"
#include "daemon/session.h"
#include "daemon/state.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name

static const char kind[] = "mutex";

static int make_mutex(const char *name, void *unused, struct object **ret)
{
	struct mutex *mutex;
	const int r = mutex_new(name, &mutex);

	(void)unused;
	if (r == OBJECT_OK)
		*ret = mutex_object(mutex);
	return r;
}

/* ---- lock -------------------------------------------------------------------------------------------------------- */

static int lock(struct call *call, struct object *object, bool no_wait, Baton__V1__MutexLockResponse *response)
{
	const struct session *session = call_session(call);
	struct mutex_grant grant = {0};
	int r = state_before_grant(session->ttl_ns, session->grace_ns);

	if (r < 0)
		return call_fail_state(call, kind, object->name, r);
	r = mutex_lock(mutex_of(object), call_entry(call), no_wait, &grant);
	if (r != OBJECT_OK && r != OBJECT_EWOULDBLOCK)
		return call_fail_object(call, kind, object->name, r);
	response->would_block = r == OBJECT_EWOULDBLOCK;
	response->token = grant.token;
	response->abandoned = grant.abandoned;
	return STATUS(OK);
}

int handle_mutex_lock(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MutexLockRequest *request = message;
	const bool no_wait = request->no_wait;
	struct object *object;
	int r = registry_open(OBJECT_MUTEX, request->name, make_mutex, NULL, &object, NULL);

	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	r = lock(call, object, no_wait, answer);
	registry_release(object);
	return r;
}

/* ---- unlock ------------------------------------------------------------------------------------------------------ */

struct unlocking {
	struct session *own;
	struct session *other; /* whose hold it was, if not the caller's; a reference */
};

static void note_holder(const struct hold *hold, void *arg)
{
	struct unlocking *unlocking = arg;
	struct session *holder = session_of(hold->owner);

	if (holder != unlocking->own)
		unlocking->other = session_ref(holder);
}

int handle_mutex_unlock(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MutexUnlockRequest *request = message;
	struct object *object = registry_find(OBJECT_MUTEX, request->name);
	struct unlocking unlocking = {.own = call_session(call)};
	int r;

	(void)answer;
	if (object == NULL)
		return call_fail_object(call, kind, request->name, OBJECT_EUNLOCKED);
	r = mutex_unlock(mutex_of(object), request->token, co_now_cached(), note_holder, &unlocking);
	if (unlocking.other != NULL) {
		notice_hold_lost(unlocking.other, kind, object->name, request->token);
		session_unref(unlocking.other);
	}
	if (r != OBJECT_OK)
		r = call_fail_object(call, kind, object->name, r);
	registry_release(object);
	return r;
}

int handle_mutex_check(struct call *call, const void *message, void *answer)
{
	const Baton__V1__MutexCheckRequest *request = message;
	Baton__V1__MutexCheckResponse *response = answer;
	struct object *object = registry_find(OBJECT_MUTEX, request->name);

	(void)call;
	if (object == NULL)
		return STATUS(OK);
	response->holds = mutex_holds(mutex_of(object), request->token);
	registry_release(object);
	return STATUS(OK);
}

/* ---- locking as a case of a select ------------------------------------------------------------------------------- */

static int open_lock(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	const struct session *session = call_session(call);
	int r = state_before_grant(session->ttl_ns, session->grace_ns);

	if (r < 0)
		return call_fail_state(call, kind, request->name, r);
	r = registry_open(OBJECT_MUTEX, request->name, make_mutex, NULL, &choice->object, NULL);
	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	choice->type = &mutex_lock_case;
	seat_init(&choice->seat, call_entry(call));
	return STATUS(OK);
}

static void take_lock(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	(void)call;
	response->token = choice->seat.token;
	response->abandoned = choice->seat.detail != 0;
}

const struct select_kind select_lock = {.object = kind, .open = open_lock, .take = take_lock};
