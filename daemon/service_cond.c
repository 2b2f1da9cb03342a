/* SPDX-License-Identifier: MIT
 *
 * service_cond.c - the service Cond. A cond is there while somebody waits on it.
 */
#include <baton/v1/cond.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <string.h>

#include "daemon/call.h"
#include "daemon/notice.h"
#include "daemon/objects/cond.h"
#include "daemon/registry.h"
#include "daemon/services.h"
#include "daemon/session.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

static const char kind[] = "cond";
static const char mutex_kind[] = "mutex";

/* ---- wait -------------------------------------------------------------------------------------------------------- */

static void keep_holder(const struct hold *hold, void *arg)
{
	struct session **holder = arg;

	*holder = session_ref(session_of(hold->owner));
}

/* Tells the session whose hold it is what became of it, where that is not the caller's. */
static void tell_holder(struct call *call, struct session *holder, const char *mutex, uint64_t token,
	const struct cond_outcome *outcome)
{
	if (holder == call_session(call))
		return;
	if (outcome->locked)
		notice_hold_moved(holder, mutex_kind, mutex, token, outcome->grant.token);
	else
		notice_hold_lost(holder, mutex_kind, mutex, token);
}

static void answer_wait(const struct cond_outcome *outcome, const char *mutex, Baton__V1__CondWaitResponse *response)
{
	response->locked = outcome->locked;
	response->token = outcome->locked ? outcome->grant.token : 0;
	response->abandoned = outcome->grant.abandoned;
	response->timed_out = outcome->timed_out;
	response->reason = (Baton__V1__Reason)(outcome->locked ? REASON(NONE) : call_reason_of(outcome->reason));
	response->mutex = (char *)(uintptr_t)mutex;
}

/* OBJECTs: the cond and the mutex. */
static int wait_on(struct call *call, struct object *cond, struct object *mutex, uint64_t token, uint64_t timeout_us,
	void *response)
{
	struct session *holder = NULL;
	struct entry *entry = call_entry(call);
	struct cond_outcome outcome;
	const struct cond_request request = {
		.mutex = mutex_of(mutex),
		.token = token,
		.until_ns = call_time_after(timeout_us, CO_NEVER),
		.holder = keep_holder,
		.arg = &holder,
	};
	const int r = cond_wait(cond_of(cond), entry, &request, &outcome);
	const size_t size = strlen(mutex->name) + 1;
	char *name;

	if (holder != NULL) {
		tell_holder(call, holder, mutex->name, token, &outcome);
		session_unref(holder);
	}
	if (r == OBJECT_EUNLOCKED || r == OBJECT_ESTALE)
		return call_fail_object(call, mutex_kind, mutex->name, r);
	if (r != OBJECT_OK)
		return call_fail_object(call, kind, cond->name, r);
	name = call_memory(call, size); /* the object may be gone when the reply is encoded */
	answer_wait(&outcome, name != NULL ? memcpy(name, mutex->name, size) : "", response);
	return STATUS(OK);
}

int handle_cond_wait(struct call *call, const void *message, void *answer)
{
	const Baton__V1__CondWaitRequest *request = message;
	const uint64_t token = request->token;
	const uint64_t timeout_us = request->timeout_us;
	struct object *mutex = NULL;
	struct object *cond;
	int r;

	if (!call_accepts_name(call, request->mutex))
		return STATUS(INVALID_ARGUMENT);
	mutex = registry_find(OBJECT_MUTEX, request->mutex);
	if (mutex == NULL)
		return call_fail_object(call, mutex_kind, request->mutex, OBJECT_EUNLOCKED);
	r = registry_open(OBJECT_COND, request->name, cond_make, NULL, &cond, NULL);
	if (r != OBJECT_OK) {
		r = call_fail_object(call, kind, request->name, r);
	} else {
		r = wait_on(call, cond, mutex, token, timeout_us, answer);
		registry_release(cond);
	}
	registry_release(mutex);
	return r;
}

/* ---- signal, broadcast ------------------------------------------------------------------------------------------- */

int handle_cond_signal(struct call *call, const void *message, void *answer)
{
	const Baton__V1__CondSignalRequest *request = message;
	Baton__V1__CondSignalResponse *response = answer;
	struct object *object = registry_find(OBJECT_COND, request->name);

	(void)call;
	if (object == NULL)
		return STATUS(OK);
	response->woken = cond_signal(cond_of(object));
	registry_release(object);
	return STATUS(OK);
}

int handle_cond_broadcast(struct call *call, const void *message, void *answer)
{
	const Baton__V1__CondBroadcastRequest *request = message;
	Baton__V1__CondBroadcastResponse *response = answer;
	struct object *object = registry_find(OBJECT_COND, request->name);

	(void)call;
	if (object == NULL)
		return STATUS(OK);
	response->woken = cond_broadcast(cond_of(object));
	registry_release(object);
	return STATUS(OK);
}
