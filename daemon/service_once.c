/* SPDX-License-Identifier: MIT
 *
 * service_once.c - the service Once. A once comes to be with the first call that may run it, and is forgotten when it
 * is neither running nor done.
 */
#include <baton/v1/once.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <errno.h>

#include "daemon/call.h"
#include "daemon/notice.h"
#include "daemon/objects/once.h"
#include "daemon/registry.h"
#include "daemon/select_kind.h"
#include "daemon/services.h"
#include "daemon/session.h"
#include "daemon/state.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name

#define FIELD_BEGIN_VALUE 5
#define FIELD_GET_VALUE 2

static const char kind[] = "once";

/* ---- begin ------------------------------------------------------------------------------------------------------- */

static int reply_outcome(struct call *call, struct object *object, int r, struct once_outcome *outcome,
	Baton__V1__OnceBeginResponse *response)
{
	if (r != OBJECT_OK && r != OBJECT_EWOULDBLOCK)
		return call_fail_object(call, kind, object->name, r);
	response->would_block = r == OBJECT_EWOULDBLOCK;
	response->run = outcome->run;
	response->token = outcome->token;
	response->abandoned = outcome->abandoned;
	if (outcome->value != NULL)
		call_reply_value(call, FIELD_BEGIN_VALUE, outcome->value);
	return STATUS(OK);
}

int handle_once_begin(struct call *call, const void *message, void *answer)
{
	const Baton__V1__OnceBeginRequest *request = message;
	const struct session *session = call_session(call);
	const bool no_wait = request->no_wait;
	struct once_outcome outcome = {0};
	struct object *object;
	int r = registry_open(OBJECT_ONCE, request->name, once_make, NULL, &object, NULL);

	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	r = state_before_grant(session->ttl_ns, session->grace_ns);
	if (r < 0)
		r = call_fail_state(call, kind, object->name, r);
	else
		r = reply_outcome(
			call, object, once_do(once_of(object), call_entry(call), no_wait, &outcome), &outcome, answer);
	registry_release(object);
	return r;
}

/* ---- complete, fail ---------------------------------------------------------------------------------------------- */

struct ending {
	struct session *own;
	struct session *other; /* whose run it was, if not the caller's; a reference */
};

static void note_runner(const struct hold *hold, void *arg)
{
	struct ending *ending = arg;
	struct session *runner = session_of(hold->owner);

	if (runner != ending->own)
		ending->other = session_ref(runner);
}

/* Tells whose run it was, and ends the call with what the object said. */
static int end_run(struct call *call, struct object *object, struct ending *ending, uint64_t token, int r)
{
	if (ending->other != NULL) {
		notice_hold_lost(ending->other, kind, object->name, token);
		session_unref(ending->other);
	}
	r = r == OBJECT_OK ? STATUS(OK) : call_fail_object(call, kind, object->name, r);
	registry_release(object);
	return r;
}

int handle_once_complete(struct call *call, const void *message, void *answer)
{
	const Baton__V1__OnceCompleteRequest *request = message;
	const int64_t now_ns = co_now_cached();
	struct ending ending = {.own = call_session(call)};
	const int refused = call_check_value(call, request->value.len);
	struct object *object;
	struct message *value;
	int r = OBJECT_ENOMEM;

	(void)answer;
	if (refused != STATUS(OK))
		return refused;
	object = registry_find(OBJECT_ONCE, request->name);
	if (object == NULL)
		return call_fail_object(call, kind, request->name, OBJECT_ESTALE);
	value = message_new(request->value.data, request->value.len);
	if (value != NULL)
		r = once_complete(once_of(object), request->token, value,
			call_time_after(request->keep_us, ONCE_FOR_EVER), now_ns, note_runner, &ending);
	message_unref(value);
	return end_run(call, object, &ending, request->token, r);
}

int handle_once_fail(struct call *call, const void *message, void *answer)
{
	const Baton__V1__OnceFailRequest *request = message;
	struct object *object = registry_find(OBJECT_ONCE, request->name);
	struct ending ending = {.own = call_session(call)};
	int r;

	(void)answer;
	if (object == NULL)
		return call_fail_object(call, kind, request->name, OBJECT_ESTALE);
	r = once_fail(once_of(object), request->token, co_now_cached(), note_runner, &ending);
	return end_run(call, object, &ending, request->token, r);
}

/* ---- get, reset -------------------------------------------------------------------------------------------------- */

int handle_once_get(struct call *call, const void *message, void *answer)
{
	const Baton__V1__OnceGetRequest *request = message;
	Baton__V1__OnceGetResponse *response = answer;
	struct object *object = registry_find(OBJECT_ONCE, request->name);
	struct message *value;

	if (object == NULL)
		return STATUS(OK);
	value = once_get(once_of(object), co_now_cached());
	response->done = value != NULL;
	if (value != NULL)
		call_reply_value(call, FIELD_GET_VALUE, value);
	registry_release(object);
	return STATUS(OK);
}

int handle_once_reset(struct call *call, const void *message, void *answer)
{
	const Baton__V1__OnceResetRequest *request = message;
	Baton__V1__OnceResetResponse *response = answer;
	struct object *object = registry_find(OBJECT_ONCE, request->name);

	(void)call;
	if (object == NULL)
		return STATUS(OK);
	response->was_done = once_reset(once_of(object), co_now_cached());
	registry_release(object);
	return STATUS(OK);
}

/* ---- its end as a case of a select ------------------------------------------------------------------------------- */

static int open_done(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice)
{
	const int r = registry_open(OBJECT_ONCE, request->name, once_make, NULL, &choice->object, NULL);

	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	choice->type = &once_case_done;
	seat_init(&choice->seat, call_entry(call));
	return STATUS(OK);
}

static void take_done(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response)
{
	(void)response;
	call_reply_value(call, SELECT_FIELD_VALUE, choice->seat.slot);
}

const struct select_kind select_done = {.object = kind, .open = open_done, .take = take_done};
