/* SPDX-License-Identifier: MIT
 *
 * service_waitgroup.c - the service WaitGroup. A group comes to be with the first call that adds to it and is forgotten
 * at zero; one that is not there is at zero.
 */
#include <baton/v1/status.pb-c.h>
#include <baton/v1/waitgroup.pb-c.h>

#include "daemon/call.h"
#include "daemon/objects/waitgroup.h"
#include "daemon/registry.h"
#include "daemon/select_kind.h"
#include "daemon/services.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

static const char kind[] = "wg";

/* Ends a call at OBJECT with what that said. */
static int leave(struct call *call, struct object *object, int r)
{
	const int status = r == OBJECT_OK ? STATUS(OK) : call_fail_object(call, kind, object->name, r);

	registry_release(object);
	return status;
}

static int add(struct call *call, const char *name, int64_t n, bool bound)
{
	struct object *object = NULL;
	int r = OBJECT_ENEGATIVE;

	if (n >= 0)
		r = registry_open(OBJECT_WAITGROUP, name, waitgroup_make, NULL, &object, NULL);
	else
		object = registry_find(OBJECT_WAITGROUP, name);
	if (object == NULL)
		return call_fail_object(call, kind, name, r);
	return leave(call, object, waitgroup_add(waitgroup_of(object), call_entry(call), n, bound));
}

int handle_waitgroup_add(struct call *call, const void *message, void *answer)
{
	const Baton__V1__WaitGroupAddRequest *request = message;

	(void)answer;
	if (request->n > WAITGROUP_COUNT_MAX || request->n < -(int64_t)WAITGROUP_COUNT_MAX)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"%s \"%s\": a counter is at most %d", kind, request->name, WAITGROUP_COUNT_MAX);
	if (request->bound && request->n <= 0)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"%s \"%s\": shares are added by a number above zero", kind, request->name);
	return add(call, request->name, request->n, request->bound);
}

int handle_waitgroup_done(struct call *call, const void *message, void *answer)
{
	const Baton__V1__WaitGroupDoneRequest *request = message;

	(void)answer;
	return add(call, request->name, -1, false);
}

int handle_waitgroup_adopt(struct call *call, const void *message, void *answer)
{
	const Baton__V1__WaitGroupAdoptRequest *request = message;
	struct object *object;

	(void)answer;
	if (request->n == 0 || request->n > WAITGROUP_COUNT_MAX)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"%s \"%s\": shares are adopted by a number from 1 to %d", kind, request->name,
			WAITGROUP_COUNT_MAX);
	object = registry_find(OBJECT_WAITGROUP, request->name);
	if (object == NULL)
		return call_fail_object(call, kind, request->name, OBJECT_ENEGATIVE);
	return leave(call, object, waitgroup_adopt(waitgroup_of(object), call_entry(call), (int64_t)request->n));
}

int handle_waitgroup_wait(struct call *call, const void *message, void *answer)
{
	const Baton__V1__WaitGroupWaitRequest *request = message;
	Baton__V1__WaitGroupWaitResponse *response = answer;
	struct object *object = registry_find(OBJECT_WAITGROUP, request->name);
	uint64_t lost = 0;
	int r;

	if (object == NULL) {
		r = entry_refusal(call_entry(call));
		return r == OBJECT_OK ? STATUS(OK) : call_fail_object(call, kind, request->name, r);
	}
	r = waitgroup_wait(waitgroup_of(object), call_entry(call), request->no_wait, &lost);
	response->would_block = r == OBJECT_EWOULDBLOCK;
	response->lost = lost;
	return leave(call, object, response->would_block ? OBJECT_OK : r);
}

/* ---- zero as a case of a select ---------------------------------------------------------------------------------- */

static int open_zero(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	const int r = registry_open(OBJECT_WAITGROUP, request->name, waitgroup_make, NULL, &choice->object, NULL);

	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	choice->type = &waitgroup_case_zero;
	seat_init(&choice->seat, call_entry(call));
	return STATUS(OK);
}

static void take_zero(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	(void)call;
	response->number = choice->seat.token;
}

const struct select_kind select_zero = {.object = kind, .open = open_zero, .take = take_zero};
