/* SPDX-License-Identifier: MIT
 *
 * service_lock.c - finding, making and failing locks; telling those whose locks others give back.
 */
#include "daemon/service_lock.h"

#include <baton/v1/status.pb-c.h>

#include "daemon/notice.h"
#include "daemon/session.h"
#include "daemon/state.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name
#define LONGEST_DELAY_US UINT64_C(3600000000)

static int fail_for_kind(struct call *call, const struct lock_kind *kind, const char *name)
{
	return call_fail(call, STATUS(FAILED_PRECONDITION), REASON(OTHER_KIND), "%s \"%s\": the name is in use as a %s",
		kind->name, name, registry_kind_name(kind->other));
}

int lock_fail(struct call *call, const struct lock_kind *kind, const char *name, int error)
{
	if (error == REGISTRY_EKIND)
		return fail_for_kind(call, kind, name);
	if (error == OBJECT_EUNLOCKED)
		return call_fail(call, STATUS(FAILED_PRECONDITION), REASON(UNLOCK_OF_UNLOCKED), "%s \"%s\": %s",
			kind->name, name, kind->unlocked);
	return call_fail_object(call, kind->name, name, error);
}

struct object *lock_find(struct call *call, const struct lock_kind *kind, const char *name, int *ret_status)
{
	struct object *object = registry_find(kind->kind, name);
	struct object *other;

	if (object != NULL)
		return object;
	other = registry_find(kind->other, name);
	*ret_status = lock_fail(call, kind, name, other != NULL ? REGISTRY_EKIND : OBJECT_EUNLOCKED);
	if (other != NULL)
		registry_release(other);
	return NULL;
}

int lock_prepare_grant(struct call *call, const char *kind, const char *name)
{
	const struct session *session = call_session(call);
	const int r = state_before_grant(session->ttl_ns, session->grace_ns);

	if (r == 0)
		return STATUS(OK);
	return call_fail_state(call, kind, name, r);
}

struct object *lock_open(struct call *call, const struct lock_kind *kind, const char *name,
	const struct lock_options *wanted, int *ret_status)
{
	struct lock_options options = *wanted;
	struct object *object;
	const char *conflict;
	const int r = registry_open(kind->kind, name, kind->make, &options, &object, NULL);

	if (r != OBJECT_OK) {
		*ret_status = lock_fail(call, kind, name, r);
		return NULL;
	}
	conflict = kind->conflict(object, wanted);
	if (conflict != NULL)
		*ret_status = call_fail(call, STATUS(ALREADY_EXISTS), REASON(OTHER_PARAMETERS),
			"%s \"%s\": it is there, with another %s", kind->name, object->name, conflict);
	else
		*ret_status = lock_prepare_grant(call, kind->name, object->name);
	if (*ret_status == STATUS(OK))
		return object;
	registry_release(object);
	return NULL;
}

bool lock_read_options(struct call *call, bool fifo, uint64_t delay_us, struct lock_options *ret, int *ret_status)
{
	if (delay_us > LONGEST_DELAY_US) {
		*ret_status = call_fail(
			call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST), "lock_delay is longer than an hour");
		return false;
	}
	*ret = (struct lock_options){.fifo = fifo, .delay_ns = (int64_t)delay_us * 1000};
	return true;
}

void lock_note_loser(const struct hold *hold, void *loser)
{
	struct lock_loser *to = loser;
	struct session *holder = session_of(hold->owner);

	if (holder != to->caller)
		to->session = session_ref(holder);
}

void lock_tell_loser(const struct lock_loser *loser, const char *kind, const char *name, uint64_t token)
{
	if (loser->session == NULL)
		return;
	notice_hold_lost(loser->session, kind, name, token);
	session_unref(loser->session);
}
