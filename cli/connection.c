/* SPDX-License-Identifier: MIT
 *
 * connection.c - opening, calling, being interrupted, closing.
 */
#include "cli/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/name.h"
#include "cli/status.h"

#define ROUND_TRIP_NS INT64_C(2000000000) /* what -t 0 allows the daemon for an answer without a wait */

/* ---- errors ------------------------------------------------------------------------------------------------------ */

int connection_status_of(const struct connection *connection, int error)
{
	switch (error) {
	case BATON_EWOULDBLOCK:
		return connection->may_not_wait ? STATUS_DEADLINE : STATUS_NO;
	case BATON_ECLOSED:
		return STATUS_NO;
	case BATON_EDEADLINE:
		return STATUS_DEADLINE;
	case BATON_ECANCELED:
		return STATUS_CANCELED;
	case BATON_EINVAL:
		return STATUS_USAGE;
	default:
		return STATUS_FAILED;
	}
}

/* TEXT without the subject that it begins with; texts of the daemon have it, those of the library's own may not. */
static const char *without_subject(struct subject subject, const char *text)
{
	char prefix[NAME_MAX_BYTES + 64];
	int length;

	if (subject.kind == NULL)
		return text;
	length = snprintf(prefix, sizeof(prefix), "%s \"%s\": ", subject.kind, subject.name);
	return strncmp(text, prefix, (size_t)length) == 0 ? text + length : text;
}

/* Nobody listens: says how to change that. */
static void say_no_daemon(const struct connection *connection, const char *text)
{
	const bool is_tcp = connection->address.kind == ADDRESS_TCP;

	say(connection->invocation, "no daemon: %s; start one with: systemctl start batond, or: batond %s--listen %s",
		text, is_tcp ? "--insecure " : "", connection->server);
}

int connection_fail(struct connection *connection, struct subject subject, int error, const char *text)
{
	const bool was_open = connection->loop.client != NULL && baton_is_open(connection->loop.client);

	connection->last_error = error;
	if (text == NULL || *text == '\0')
		text = baton_strerror(error);
	if (connection->fatal_signal != 0)
		return STATUS_SIGNAL + connection->fatal_signal;
	if (error == connection->unsaid_error)
		return connection_status_of(connection, error);
	if (error == BATON_EUNREACHABLE && !was_open)
		say_no_daemon(connection, without_subject(subject, text));
	else
		say_about(connection->invocation, subject, "%s", without_subject(subject, text));
	return connection_status_of(connection, error);
}

struct subject connection_subject(const struct baton_call *call)
{
	static const char *const kinds[BATON_OPERATION_COUNT] = {
		[BATON_MUTEX_LOCK] = "mutex",
		[BATON_MUTEX_UNLOCK] = "mutex",
		[BATON_MUTEX_CHECK] = "mutex",
		[BATON_MUTEX_LOCK_ALL] = "mutex",
		[BATON_MUTEX_UNLOCK_ALL] = "mutex",
		[BATON_RWMUTEX_LOCK] = "rwmutex",
		[BATON_RWMUTEX_RLOCK] = "rwmutex",
		[BATON_RWMUTEX_UNLOCK] = "rwmutex",
		[BATON_RWMUTEX_CHECK] = "rwmutex",
		[BATON_RWMUTEX_DOWNGRADE] = "rwmutex",
		[BATON_SEM_MAKE] = "sem",
		[BATON_SEM_ACQUIRE] = "sem",
		[BATON_SEM_RELEASE] = "sem",
		[BATON_SEM_CHECK] = "sem",
		[BATON_SEM_DELETE] = "sem",
		[BATON_CHAN_MAKE] = "chan",
		[BATON_CHAN_SEND] = "chan",
		[BATON_CHAN_RECEIVE] = "chan",
		[BATON_CHAN_ACK] = "chan",
		[BATON_CHAN_NACK] = "chan",
		[BATON_CHAN_CLOSE] = "chan",
		[BATON_CHAN_LENGTH] = "chan",
		[BATON_CHAN_CAPACITY] = "chan",
		[BATON_CHAN_DELETE] = "chan",
		[BATON_WG_ADD] = "wg",
		[BATON_WG_DONE] = "wg",
		[BATON_WG_WAIT] = "wg",
		[BATON_WG_ADOPT] = "wg",
		[BATON_ONCE_BEGIN] = "once",
		[BATON_ONCE_COMPLETE] = "once",
		[BATON_ONCE_FAIL] = "once",
		[BATON_ONCE_GET] = "once",
		[BATON_ONCE_RESET] = "once",
		[BATON_COND_WAIT] = "cond",
		[BATON_COND_SIGNAL] = "cond",
		[BATON_COND_BROADCAST] = "cond",
		[BATON_MAP_STORE] = "map",
		[BATON_MAP_LOAD] = "map",
		[BATON_MAP_LOAD_OR_STORE] = "map",
		[BATON_MAP_LOAD_AND_DELETE] = "map",
		[BATON_MAP_DELETE] = "map",
		[BATON_MAP_SWAP] = "map",
		[BATON_MAP_COMPARE_AND_SWAP] = "map",
		[BATON_MAP_COMPARE_AND_DELETE] = "map",
		[BATON_MAP_RANGE] = "map",
		[BATON_MAP_CLEAR] = "map",
		[BATON_MAP_LENGTH] = "map",
		[BATON_ATOMIC_LOAD] = "atomic",
		[BATON_ATOMIC_STORE] = "atomic",
		[BATON_ATOMIC_ADD] = "atomic",
		[BATON_ATOMIC_SWAP] = "atomic",
		[BATON_ATOMIC_COMPARE_AND_SWAP] = "atomic",
		[BATON_ATOMIC_AND] = "atomic",
		[BATON_ATOMIC_OR] = "atomic",
		[BATON_CONTEXT_MAKE] = "ctx",
		[BATON_CONTEXT_CANCEL] = "ctx",
		[BATON_CONTEXT_DONE] = "ctx",
		[BATON_CONTEXT_STATE] = "ctx",
		[BATON_CONTEXT_VALUE] = "ctx",
		[BATON_CONTEXT_CHILDREN] = "ctx",
		[BATON_CONTEXT_DELETE] = "ctx",
	};
	const char *kind = call->operation == BATON_INSPECT ? call->kind : kinds[call->operation];

	return (struct subject){.kind = call->name == NULL ? NULL : kind, .name = call->name};
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static _Noreturn void die_of(struct connection *connection, int number)
{
	sigset_t set;

	loop_close(&connection->loop);
	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(STATUS_SIGNAL + number);
}

static void interrupt(struct connection *connection, int number)
{
	if (connection->fatal_signal != 0)
		die_of(connection, number); /* they mean it */
	connection->fatal_signal = number;
	if (connection->on_interrupt != NULL)
		connection->on_interrupt(connection->interrupt_arg);
}

static void on_signal(const struct signalfd_siginfo *info, void *arg)
{
	struct connection *connection = arg;

	if (connection->on_signal != NULL && connection->on_signal(info, connection->arg))
		return;
	switch (info->ssi_signo) {
	case SIGTSTP:
		loop_stop_self(SIGTSTP);
		break;
	case SIGCONT:
	case SIGCHLD:
	case SIGWINCH:
		break;
	default:
		interrupt(connection, (int)info->ssi_signo);
	}
}

static void on_notice(const struct baton_notice *notice, void *arg)
{
	struct connection *connection = arg;

	if (connection->on_notice != NULL)
		connection->on_notice(notice, connection->arg);
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

/* A path from the working folder means nothing to a CMD that goes elsewhere. */
static void make_absolute(struct address *address)
{
	char folder[ADDRESS_PATH_BYTES];
	char path[2 * ADDRESS_PATH_BYTES];

	if (address->kind != ADDRESS_UNIX || address->path[0] == '/' || getcwd(folder, sizeof(folder)) == NULL)
		return;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, address->path) < sizeof(address->path))
		memcpy(address->path, path, strlen(path) + 1);
}

int connection_init(struct connection *connection, const struct invocation *invocation)
{
	const char *text = invocation_text(invocation, OPTION_SERVER);
	const int64_t timeout_ns = invocation_number(invocation, OPTION_TIMEOUT, LOOP_NEVER);
	const char *why;
	int r;

	*connection = (struct connection){.invocation = invocation, .deadline_ns = LOOP_NEVER};
	if (text == NULL)
		text = ADDRESS_SYSTEM;
	if (!address_parse(text, &connection->address, &why))
		return say_usage(invocation, "the daemon's address \"%s\" %s", text, why);
	make_absolute(&connection->address);
	address_format(&connection->address, connection->server, sizeof(connection->server));
	connection->started_ns = loop_now();
	connection->may_not_wait = timeout_ns == 0;
	if (connection->may_not_wait)
		connection->deadline_ns = connection->started_ns + ROUND_TRIP_NS;
	else if (timeout_ns < LOOP_NEVER - connection->started_ns)
		connection->deadline_ns = connection->started_ns + timeout_ns;
	r = loop_open(&connection->loop, on_signal, connection);
	if (r == 0)
		return 0;
	say(invocation, "signalfd: %s", strerror(-r));
	return STATUS_FAILED;
}

/* What the environment's VARIABLE says, if BATON_SERVER, for which it holds, is this address; else NULL. */
static const char *outer(const struct connection *connection, const char *variable)
{
	const char *value = getenv(variable);
	const char *server = getenv("BATON_SERVER");
	char canonical[ADDRESS_TEXT_BYTES];
	struct address address;

	if (value == NULL || *value == '\0')
		return NULL;
	if (server == NULL || *server == '\0')
		server = ADDRESS_SYSTEM;
	if (!address_parse(server, &address, NULL))
		return NULL;
	make_absolute(&address);
	address_format(&address, canonical, sizeof(canonical));
	return strcmp(canonical, connection->server) == 0 ? value : NULL;
}

const char *connection_outer_session(const struct connection *connection)
{
	return outer(connection, "BATON_SESSION");
}

const char *connection_context(const struct connection *connection)
{
	const char *context = invocation_text(connection->invocation, OPTION_CONTEXT);

	return context != NULL ? context : outer(connection, "BATON_CTX");
}

int connection_open(struct connection *connection, const struct session_wish *wish)
{
	const bool needs_outer = wish->kind == BATON_SESSION_OWN || wish->kind == BATON_SESSION_ATTACH;
	const struct baton_options how = {
		.size = sizeof(how),
		.pollable = true,
		.session_kind = wish->kind,
		.session = needs_outer ? connection_outer_session(connection) : NULL,
		.pidfd = wish->pidfd,
		.ttl_ns = wish->ttl_ns,
		.grace_ns = wish->grace_ns,
		.label = wish->label,
		.on_notice = on_notice,
		.arg = connection,
	};
	const int error = baton_open(connection->server, &how, &connection->loop.client);

	if (error == 0)
		return 0;
	connection->loop.client = NULL;
	return connection_fail(connection, (struct subject){0}, error, baton_last_error());
}

int connection_close(struct connection *connection, int status)
{
	if (connection->loop.client != NULL)
		baton_close(connection->loop.client);
	connection->loop.client = NULL;
	if (connection->fatal_signal != 0)
		die_of(connection, connection->fatal_signal);
	loop_close(&connection->loop);
	return status;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

int connection_start(struct connection *connection, const struct baton_call *call, int64_t until_ns,
	void (*done)(const struct baton_result *result, void *arg), void *arg, uint64_t *ret_id)
{
	struct baton_call bound = *call;
	int64_t timeout_ns = -1;

	bound.context = connection_context(connection);
	if (connection->deadline_ns < until_ns)
		until_ns = connection->deadline_ns;
	if (until_ns != LOOP_NEVER) {
		timeout_ns = until_ns - loop_now();
		timeout_ns = timeout_ns < 1 ? 1 : timeout_ns;
	}
	return baton_start(connection->loop.client, &bound, timeout_ns, done, arg, ret_id);
}

bool connection_step(struct connection *connection, struct pollfd *extra, size_t count, int64_t until_ns)
{
	loop_step(&connection->loop, extra, count, until_ns);
	return connection->loop.client_error == 0;
}

/* A call that connection_call() waits for. */
struct waiting {
	struct connection *connection;
	struct subject subject;
	uint64_t id;
	bool is_done;
	int status;
	void (*take)(const struct baton_result *result, void *arg);
	void *arg;
};

static void on_done(const struct baton_result *result, void *arg)
{
	struct waiting *waiting = arg;

	waiting->is_done = true;
	if (result->error != 0)
		waiting->status = connection_fail(waiting->connection, waiting->subject, result->error, result->text);
	else if (waiting->take != NULL)
		waiting->take(result, waiting->arg);
}

static void stop_waiting(void *arg)
{
	struct waiting *waiting = arg;

	baton_stop(waiting->connection->loop.client, waiting->id);
}

int connection_call(struct connection *connection, const struct baton_call *call,
	void (*take)(const struct baton_result *result, void *arg), void *arg)
{
	struct waiting waiting = {
		.connection = connection, .subject = connection_subject(call), .take = take, .arg = arg};
	int error = connection_start(connection, call, LOOP_NEVER, on_done, &waiting, &waiting.id);

	if (error != 0)
		return connection_fail(connection, waiting.subject, error, baton_last_error());
	connection->on_interrupt = stop_waiting;
	connection->interrupt_arg = &waiting; // cppcheck-suppress autoVariables ; taken back below
	if (connection->fatal_signal != 0)
		stop_waiting(&waiting);
	while (!waiting.is_done && connection_step(connection, NULL, 0, LOOP_NEVER))
		;
	connection->on_interrupt = NULL;
	connection->interrupt_arg = NULL;
	if (!waiting.is_done)
		return connection_fail(connection, waiting.subject, connection->loop.client_error, baton_last_error());
	return connection->fatal_signal != 0 ? STATUS_SIGNAL + connection->fatal_signal : waiting.status;
}
