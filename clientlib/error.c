/* SPDX-License-Identifier: MIT
 *
 * error.c - libbaton's errors: their texts, where they come from, the thread's last one.
 */
#include "clientlib/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "baton/v1/status.pb-c.h"
#include "clientlib/baton.h"

#define REASON(name) BATON__V1__REASON__REASON_##name
#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* By the negated number. */
static const char *const texts[] = {
	[-BATON_OK] = "no error",
	[-BATON_ECANCELED] = "context canceled",
	[-BATON_EDEADLINE] = "context deadline exceeded",
	[-BATON_EWOULDBLOCK] = "would block",
	[-BATON_ECLOSED] = "closed",
	[-BATON_ESENDCLOSED] = "send on closed channel",
	[-BATON_ECLOSECLOSED] = "close of closed channel",
	[-BATON_EUNLOCKED] = "unlock of unlocked mutex",
	[-BATON_ESTALE] = "the token holds nothing any more",
	[-BATON_ENOTMADE] = "not made, or deleted",
	[-BATON_EEXISTS] = "made with other parameters",
	[-BATON_EDELETED] = "deleted while the call waited",
	[-BATON_EKIND] = "the name is in use as another kind",
	[-BATON_EINVAL] = "invalid argument",
	[-BATON_EDENIED] = "permission denied",
	[-BATON_ELIMIT] = "a limit of the daemon is reached",
	[-BATON_ESESSION] = "the session ended",
	[-BATON_EUNREACHABLE] = "the daemon cannot be reached",
	[-BATON_EUNKNOWN] = "outcome unknown",
	[-BATON_ERESTARTED] = "the daemon was restarted",
	[-BATON_EUNAVAILABLE] = "the daemon is unavailable",
	[-BATON_EPROTOCOL] = "the peer does not speak the protocol",
	[-BATON_ENOMEM] = "no memory",
	[-BATON_EFORKED] = "the client belongs to the parent process",
	[-BATON_ECLIENTCLOSED] = "the client was closed",
	[-BATON_ESYSTEM] = "a system call failed",
	[-BATON_EINTERNAL] = "internal error of the daemon",
	[-BATON_EDEADLOCK] = "deadlock",
	[-BATON_ENEGATIVE] = "negative WaitGroup counter",
	[-BATON_EDIRECTION] = "wrong direction",
};

struct mapping {
	int from;
	int error;
};

static const struct mapping reasons[] = {
	{REASON(BAD_REQUEST), BATON_EINVAL},
	{REASON(BAD_NAME), BATON_EINVAL},
	{REASON(UNKNOWN_METHOD), BATON_EPROTOCOL},
	{REASON(NO_SESSION), BATON_ESESSION},
	{REASON(ALREADY_ATTACHED), BATON_EPROTOCOL},
	{REASON(BAD_CALL_ID), BATON_EPROTOCOL},
	{REASON(TTL_REQUIRED), BATON_EINVAL},
	{REASON(CANCELLED), BATON_ECANCELED},
	{REASON(DEADLINE), BATON_EDEADLINE},
	{REASON(DEADLOCK), BATON_EDEADLOCK},
	{REASON(DELETED), BATON_EDELETED},
	{REASON(CONTEXT_GONE), BATON_ECANCELED},
	{REASON(NOT_MADE), BATON_ENOTMADE},
	{REASON(OTHER_PARAMETERS), BATON_EEXISTS},
	{REASON(SEND_ON_CLOSED), BATON_ESENDCLOSED},
	{REASON(CLOSE_OF_CLOSED), BATON_ECLOSECLOSED},
	{REASON(UNLOCK_OF_UNLOCKED), BATON_EUNLOCKED},
	{REASON(STALE_TOKEN), BATON_ESTALE},
	{REASON(OTHER_KIND), BATON_EKIND},
	{REASON(NEGATIVE_COUNTER), BATON_ENEGATIVE},
	{REASON(WRONG_DIRECTION), BATON_EDIRECTION},
	{REASON(WRONG_TYPE), BATON_EINVAL},
	{REASON(SESSION_UNKNOWN), BATON_ESESSION},
	{REASON(SESSION_ENDED), BATON_ESESSION},
	{REASON(SESSION_KILLED), BATON_ESESSION},
	{REASON(TOO_MANY), BATON_ELIMIT},
	{REASON(NO_MEMORY), BATON_ELIMIT},
	{REASON(SHUTTING_DOWN), BATON_EUNAVAILABLE},
	{REASON(RESTART_GRACE), BATON_EUNAVAILABLE},
	{REASON(STATE_FILE), BATON_EUNAVAILABLE},
	{REASON(NOT_SENT), BATON_EUNREACHABLE},
	{REASON(OUTCOME_UNKNOWN), BATON_EUNKNOWN},
	{REASON(SERVER_RESTARTED), BATON_ERESTARTED},
};

static const struct mapping statuses[] = {
	{STATUS(CANCELLED), BATON_ECANCELED},
	{STATUS(INVALID_ARGUMENT), BATON_EINVAL},
	{STATUS(DEADLINE_EXCEEDED), BATON_EDEADLINE},
	{STATUS(NOT_FOUND), BATON_ENOTMADE},
	{STATUS(ALREADY_EXISTS), BATON_EEXISTS},
	{STATUS(PERMISSION_DENIED), BATON_EDENIED},
	{STATUS(RESOURCE_EXHAUSTED), BATON_ELIMIT},
	{STATUS(UNIMPLEMENTED), BATON_EPROTOCOL},
	{STATUS(UNAVAILABLE), BATON_EUNAVAILABLE},
	{STATUS(UNAUTHENTICATED), BATON_EDENIED},
};

static _Thread_local char last_text[ERROR_TEXT_BYTES];

static int look_up(const struct mapping *mappings, size_t count, int from, int otherwise)
{
	for (size_t i = 0; i < count; i++)
		if (mappings[i].from == from)
			return mappings[i].error;
	return otherwise;
}

int error_of_reply(uint16_t status, int reason)
{
	const int by_status = look_up(statuses, COUNT(statuses), status, BATON_EINTERNAL);

	return look_up(reasons, COUNT(reasons), reason, by_status);
}

int error_of_reason(int reason)
{
	return look_up(reasons, COUNT(reasons), reason, BATON_EINTERNAL);
}

int error_keep(int error, const char *text)
{
	snprintf(last_text, sizeof(last_text), "%s", text);
	return error;
}

int error_say(int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(last_text, sizeof(last_text), format, arguments);
	va_end(arguments);
	return error;
}

const char *baton_strerror(int error)
{
	return error <= 0 && error > -(int)COUNT(texts) ? texts[-error] : "unknown error";
}

const char *baton_last_error(void)
{
	return last_text;
}

const char *baton_version(void)
{
	return BATON_VERSION;
}
