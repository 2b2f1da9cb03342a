/* SPDX-License-Identifier: MIT
 *
 * call_error.c - the one table from what objects say to statuses, reasons and texts, and failures that services share.
 */
#include <baton/v1/status.pb-c.h>
#include <errno.h>
#include <string.h>

#include "daemon/call.h"
#include "daemon/limits.h"
#include "daemon/objects/message.h"
#include "daemon/registry.h"
#include "daemon/state.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

static const struct {
	int error;
	int status;
	int reason;
	const char *text; /* behind `chan "jobs": ` */
} rows[] = {
	{OBJECT_ECANCELED, STATUS(CANCELLED), REASON(CANCELLED), "context canceled"},
	{OBJECT_EDEADLINE, STATUS(DEADLINE_EXCEEDED), REASON(DEADLINE), "context deadline exceeded"},
	{OBJECT_ESENDCLOSED, STATUS(FAILED_PRECONDITION), REASON(SEND_ON_CLOSED), "send on closed channel"},
	{OBJECT_ECLOSECLOSED, STATUS(FAILED_PRECONDITION), REASON(CLOSE_OF_CLOSED), "close of closed channel"},
	{OBJECT_EUNLOCKED, STATUS(FAILED_PRECONDITION), REASON(UNLOCK_OF_UNLOCKED), "unlock of unlocked mutex"},
	{OBJECT_ENEGATIVE, STATUS(FAILED_PRECONDITION), REASON(NEGATIVE_COUNTER), "negative WaitGroup counter"},
	{OBJECT_ERECEIVEONLY, STATUS(FAILED_PRECONDITION), REASON(WRONG_DIRECTION), "send to receive-only channel"},
	{OBJECT_ESENDONLY, STATUS(FAILED_PRECONDITION), REASON(WRONG_DIRECTION), "receive from send-only channel"},
	{OBJECT_ESTALE, STATUS(FAILED_PRECONDITION), REASON(STALE_TOKEN), "the token holds nothing any more"},
	{OBJECT_EDELETED, STATUS(ABORTED), REASON(DELETED), "deleted"},
	{OBJECT_EENDED, STATUS(ABORTED), REASON(SESSION_ENDED), "the session has ended"},
	{OBJECT_ESHUTDOWN, STATUS(UNAVAILABLE), REASON(SHUTTING_DOWN), "the daemon is stopping"},
	{OBJECT_ENOMEM, STATUS(RESOURCE_EXHAUSTED), REASON(NO_MEMORY), "the daemon has no memory for it"},
	{REGISTRY_EFULL, STATUS(RESOURCE_EXHAUSTED), REASON(TOO_MANY), "the daemon hosts as many objects as it may"},
};

int call_fail_object(struct call *call, const char *kind, const char *name, int error)
{
	const char *const quote = name != NULL ? "\"" : "";
	const char *const space = name != NULL ? " " : "";
	const char *const shown = name != NULL ? name : "";
	const char *cause;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].error != error)
			continue;
		call->status = (uint16_t)rows[i].status;
		cause = call_context_cause(call);
		if (strcmp(cause, rows[i].text) == 0)
			cause = "";
		return call_fail(call, rows[i].status, rows[i].reason, "%s%s%s%s%s: %s%s%s", kind, space, quote, shown,
			quote, rows[i].text, *cause != '\0' ? ": " : "", cause);
	}
	return call_fail(call, STATUS(INTERNAL), REASON(NONE), "%s%s%s%s%s: unexpected error %d", kind, space, quote,
		shown, quote, error);
}

int call_reason_of(int error)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].error == error)
			return rows[i].reason;
	return REASON(NONE);
}

int64_t call_time_after(uint64_t us, int64_t for_none)
{
	if (us == 0 || us > (uint64_t)CO_NEVER / 1000)
		return for_none;
	return co_deadline_after(co_now(), (int64_t)us * 1000);
}

int call_fail_state(struct call *call, const char *kind, const char *name, int error)
{
	if (error == -ESHUTDOWN)
		return call_fail_object(call, kind, name, OBJECT_ESHUTDOWN);
	return call_fail(call, STATUS(UNAVAILABLE), REASON(STATE_FILE), "%s \"%s\": cannot write %s: %s", kind, name,
		state_path(), co_strerror(error));
}

int call_check_value(struct call *call, size_t length)
{
	if (length > LIMIT_VALUE_BYTES)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"the value has %zu bytes, more than %u", length, LIMIT_VALUE_BYTES);
	if (message_bytes_in_use() + length > LIMIT_MESSAGE_BYTES)
		return call_fail(call, STATUS(RESOURCE_EXHAUSTED), REASON(TOO_MANY),
			"the daemon holds as many bytes of messages as it may");
	return STATUS(OK);
}
