/* SPDX-License-Identifier: MIT
 *
 * service_semaphore.c - the service Semaphore.
 */
#include <baton/v1/semaphore.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <inttypes.h>

#include "daemon/objects/semaphore.h"
#include "daemon/select_kind.h"
#include "daemon/service_lock.h"
#include "daemon/services.h"
#include "daemon/session.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

static const char kind[] = "sem";

/* ---- making ------------------------------------------------------------------------------------------------------ */

static int make_semaphore(const char *name, void *arg, struct object **ret)
{
	const uint64_t *size = arg;
	struct semaphore *semaphore;
	const int r = semaphore_new(name, *size, &semaphore);

	if (r == OBJECT_OK)
		*ret = semaphore_object(semaphore);
	return r;
}

int handle_semaphore_make(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SemaphoreMakeRequest *request = message;
	Baton__V1__SemaphoreMakeResponse *response = answer;
	uint64_t size = request->size;
	struct object *object;
	bool created;
	int status = STATUS(OK);
	int r;

	if (size == 0)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"%s \"%s\": it must have a permit at least", kind, request->name);
	r = registry_open(OBJECT_SEMAPHORE, request->name, make_semaphore, &size, &object, &created);
	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	if (semaphore_size(semaphore_of(object)) != size)
		status = call_fail(call, STATUS(ALREADY_EXISTS), REASON(OTHER_PARAMETERS),
			"%s \"%s\": made with %" PRIu64 " permits, not %" PRIu64, kind, request->name,
			semaphore_size(semaphore_of(object)), size);
	response->created = created;
	registry_release(object);
	return status;
}

/* With a reference; NULL: there is none, and *RET_STATUS is the answer to the call. */
static struct object *find(struct call *call, const char *name, int *ret_status)
{
	struct object *object = registry_find(OBJECT_SEMAPHORE, name);

	if (object == NULL)
		*ret_status = call_fail(
			call, STATUS(NOT_FOUND), REASON(NOT_MADE), "%s \"%s\": never made, or deleted", kind, name);
	return object;
}

/* ---- acquiring --------------------------------------------------------------------------------------------------- */

/* The semaphore called NAME, which has COUNT permits in all, with a reference, for a call that may be granted them.
 * Parks. NULL: as find(). */
static struct object *open_for(struct call *call, const char *name, uint64_t count, int *ret_status)
{
	struct object *object = find(call, name, ret_status);

	if (object == NULL)
		return NULL;
	if (count > semaphore_size(semaphore_of(object)))
		*ret_status = call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"%s \"%s\": %" PRIu64 " permits of %" PRIu64 " can never be had", kind, name, count,
			semaphore_size(semaphore_of(object)));
	else
		*ret_status = lock_prepare_grant(call, kind, object->name);
	if (*ret_status == STATUS(OK))
		return object;
	registry_release(object);
	return NULL;
}

int handle_semaphore_acquire(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SemaphoreAcquireRequest *request = message;
	Baton__V1__SemaphoreAcquireResponse *response = answer;
	const uint64_t count = request->count == 0 ? 1 : request->count;
	const bool no_wait = request->no_wait;
	int status = STATUS(OK);
	struct object *object = open_for(call, request->name, count, &status);
	uint64_t token = 0;
	int r;

	if (object == NULL)
		return status;
	r = semaphore_acquire(semaphore_of(object), call_entry(call), count, no_wait, &token);
	if (r != OBJECT_OK && r != OBJECT_EWOULDBLOCK)
		status = call_fail_object(call, kind, object->name, r);
	response->would_block = r == OBJECT_EWOULDBLOCK;
	response->token = token;
	registry_release(object);
	return status;
}

/* ---- giving back ------------------------------------------------------------------------------------------------- */

int handle_semaphore_release(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SemaphoreReleaseRequest *request = message;
	struct lock_loser loser = {.caller = call_session(call)};
	int status = STATUS(OK);
	struct object *object = find(call, request->name, &status);
	int r;

	(void)answer;
	if (object == NULL)
		return status;
	r = semaphore_release(semaphore_of(object), request->token, co_now_cached(), lock_note_loser, &loser);
	lock_tell_loser(&loser, kind, object->name, request->token);
	if (r != OBJECT_OK)
		status = call_fail_object(call, kind, object->name, r);
	registry_release(object);
	return status;
}

int handle_semaphore_check(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SemaphoreCheckRequest *request = message;
	Baton__V1__SemaphoreCheckResponse *response = answer;
	int status = STATUS(OK);
	struct object *object = find(call, request->name, &status);

	if (object == NULL)
		return status;
	response->holds = semaphore_holds(semaphore_of(object), request->token);
	registry_release(object);
	return status;
}

struct dropped {
	struct lock_loser loser;
	uint64_t token;
};

static void note_dropped(const struct hold *hold, void *arg)
{
	struct dropped *dropped = arg;

	dropped->token = hold->token;
	lock_note_loser(hold, &dropped->loser);
}

/* Takes the permits of a deleted semaphore from those who have them, and tells them. */
static void drop_holds(struct call *call, struct object *object)
{
	struct dropped dropped = {.loser.caller = call_session(call)};

	while (semaphore_drop_oldest(semaphore_of(object), note_dropped, &dropped)) {
		lock_tell_loser(&dropped.loser, kind, object->name, dropped.token);
		dropped.loser.session = NULL;
	}
}

int handle_semaphore_delete(struct call *call, const void *message, void *answer)
{
	const Baton__V1__SemaphoreDeleteRequest *request = message;
	int status = STATUS(OK);
	struct object *object = find(call, request->name, &status);

	(void)answer;
	if (object == NULL)
		return status;
	(void)registry_remove(object);
	semaphore_delete(semaphore_of(object));
	drop_holds(call, object);
	object_unref(object);
	return status;
}

/* ---- acquiring as a case of a select ----------------------------------------------------------------------------- */

static int open_acquire(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	const uint64_t count = request->number == 0 ? 1 : request->number;
	int status = STATUS(OK);
	struct object *object = open_for(call, request->name, count, &status);

	if (object == NULL)
		return status;
	choice->type = &semaphore_case;
	seat_init(&choice->seat, call_entry(call));
	if (semaphore_prepare(semaphore_of(object), &choice->seat, count) == OBJECT_OK)
		choice->object = object;
	else
		status = call_fail_object(call, kind, object->name, OBJECT_ENOMEM);
	if (status != STATUS(OK))
		registry_release(object);
	return status;
}

static void take_acquired(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	(void)call;
	response->token = choice->seat.token;
}

static void close_acquire(struct select_case *choice)
{
	semaphore_finish(semaphore_of(choice->object), &choice->seat);
}

const struct select_kind select_acquire = {
	.object = kind, .open = open_acquire, .take = take_acquired, .close = close_acquire};
