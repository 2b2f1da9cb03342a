/* SPDX-License-Identifier: MIT
 *
 * service_rwmutex.c - the service RWMutex. An RWMutex comes to be with the first call that locks it and is forgotten
 * when nobody is at it any more.
 */
#include <baton/v1/rwmutex.pb-c.h>
#include <baton/v1/status.pb-c.h>

#include "daemon/objects/rwmutex.h"
#include "daemon/select_kind.h"
#include "daemon/service_lock.h"
#include "daemon/services.h"
#include "daemon/session.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name

static int make_rwmutex(const char *name, void *arg, struct object **ret)
{
	struct rwmutex *rwmutex;
	const int r = rwmutex_new(name, arg, &rwmutex);

	if (r == OBJECT_OK)
		*ret = rwmutex_object(rwmutex);
	return r;
}

static const char *conflict(struct object *object, const struct lock_options *wanted)
{
	return rwmutex_conflict(rwmutex_of(object), wanted);
}

static const struct lock_kind kind = {
	.name = "rwmutex",
	.kind = OBJECT_RWMUTEX,
	.other = OBJECT_MUTEX,
	.unlocked = "Unlock of unlocked RWMutex",
	.make = make_rwmutex,
	.conflict = conflict,
};

/* ---- locking ----------------------------------------------------------------------------------------------------- */

typedef int lock_function(struct rwmutex *rwmutex, struct entry *entry, bool no_wait, struct lock_grant *ret);

/* The grant in *RET has no token where it would have had to wait. */
static int lock(struct call *call, const char *name, const struct lock_options *options, bool no_wait,
	lock_function *function, struct lock_grant *ret)
{
	int status;
	struct object *object = lock_open(call, &kind, name, options, &status);
	int r;

	if (object == NULL)
		return status;
	r = function(rwmutex_of(object), call_entry(call), no_wait, ret);
	if (r != OBJECT_OK && r != OBJECT_EWOULDBLOCK)
		status = lock_fail(call, &kind, object->name, r);
	registry_release(object);
	return status;
}

int handle_rwmutex_lock(struct call *call, const void *message, void *answer)
{
	const Baton__V1__RWMutexLockRequest *request = message;
	Baton__V1__RWMutexLockResponse *response = answer;
	struct lock_options options;
	struct lock_grant grant = {0};
	int status;

	if (!lock_read_options(call, request->fifo, request->lock_delay_us, &options, &status))
		return status;
	status = lock(call, request->name, &options, request->no_wait, rwmutex_lock, &grant);
	response->would_block = grant.token == 0;
	response->token = grant.token;
	response->abandoned = grant.abandoned;
	return status;
}

int handle_rwmutex_rlock(struct call *call, const void *message, void *answer)
{
	const Baton__V1__RWMutexRLockRequest *request = message;
	Baton__V1__RWMutexRLockResponse *response = answer;
	struct lock_options options;
	struct lock_grant grant = {0};
	int status;

	if (!lock_read_options(call, request->fifo, request->lock_delay_us, &options, &status))
		return status;
	status = lock(call, request->name, &options, request->no_wait, rwmutex_rlock, &grant);
	response->would_block = grant.token == 0;
	response->token = grant.token;
	response->abandoned = grant.abandoned;
	return status;
}

/* ---- by token ---------------------------------------------------------------------------------------------------- */

int handle_rwmutex_unlock(struct call *call, const void *message, void *answer)
{
	const Baton__V1__RWMutexUnlockRequest *request = message;
	struct lock_loser loser = {.caller = call_session(call)};
	int status = STATUS(OK);
	struct object *object = lock_find(call, &kind, request->name, &status);
	int r;

	(void)answer;
	if (object == NULL)
		return status;
	r = rwmutex_unlock(rwmutex_of(object), request->token, co_now_cached(), lock_note_loser, &loser);
	lock_tell_loser(&loser, kind.name, object->name, request->token);
	if (r != OBJECT_OK)
		status = lock_fail(call, &kind, object->name, r);
	registry_release(object);
	return status;
}

int handle_rwmutex_check(struct call *call, const void *message, void *answer)
{
	const Baton__V1__RWMutexCheckRequest *request = message;
	Baton__V1__RWMutexCheckResponse *response = answer;
	struct object *object = registry_find(OBJECT_RWMUTEX, request->name);
	bool writes = false;

	(void)call;
	if (object == NULL)
		return STATUS(OK);
	response->holds = rwmutex_holds(rwmutex_of(object), request->token, &writes);
	response->writes = writes;
	registry_release(object);
	return STATUS(OK);
}

int handle_rwmutex_downgrade(struct call *call, const void *message, void *answer)
{
	const Baton__V1__RWMutexDowngradeRequest *request = message;
	int status = STATUS(OK);
	struct object *object = lock_find(call, &kind, request->name, &status);
	int r;

	(void)answer;
	if (object == NULL)
		return status;
	r = rwmutex_downgrade(rwmutex_of(object), request->token, co_now_cached());
	if (r != OBJECT_OK)
		status = lock_fail(call, &kind, object->name, r);
	registry_release(object);
	return status;
}

int handle_rwmutex_hand_over(struct call *call, const void *message, void *answer)
{
	const Baton__V1__RWMutexHandOverRequest *request = message;
	int status = STATUS(OK);
	struct object *object = lock_find(call, &kind, request->name, &status);
	int r;

	(void)answer;
	if (object == NULL)
		return status;
	r = rwmutex_hand_over(rwmutex_of(object), request->token);
	if (r != OBJECT_OK)
		status = lock_fail(call, &kind, object->name, r);
	registry_release(object);
	return status;
}

/* ---- locking as cases of a select -------------------------------------------------------------------------------- */

static int open_case(struct call *call, const char *name, const struct case_type *type, struct select_case *choice)
{
	int status = STATUS(OK);

	choice->object = lock_open(call, &kind, name, &(struct lock_options){0}, &status);
	choice->type = type;
	seat_init(&choice->seat, call_entry(call));
	return status;
}

static int open_rlock(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	const int status = open_case(call, request->name, &rwmutex_rlock_case, choice);
	int r;

	if (choice->object == NULL)
		return status;
	r = rwmutex_prepare(rwmutex_of(choice->object), &choice->seat);
	if (r == OBJECT_OK)
		return STATUS(OK);
	registry_release(choice->object);
	return lock_fail(call, &kind, request->name, r);
}

static void close_rlock(struct select_case *choice)
{
	rwmutex_finish(rwmutex_of(choice->object), &choice->seat);
}

static int open_wlock(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	return open_case(call, request->name, &rwmutex_lock_case, choice);
}

static void take_lock(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	(void)call;
	response->token = choice->seat.token;
	response->abandoned = choice->seat.detail != 0;
}

const struct select_kind select_rlock = {
	.object = "rwmutex", .open = open_rlock, .take = take_lock, .close = close_rlock};
const struct select_kind select_wlock = {.object = "rwmutex", .open = open_wlock, .take = take_lock};
