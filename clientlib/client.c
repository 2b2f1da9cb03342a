/* SPDX-License-Identifier: MIT
 *
 * client.c - opening and closing clients, and what can be asked of them.
 */
#include "clientlib/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "clientlib/clock.h"
#include "clientlib/error.h"

#define OPEN_TIMEOUT_NS (10 * CORE_SECOND)
#define NETWORK_TTL_NS (10 * CORE_SECOND)
#define LEAVE_NS CORE_SECOND
#define LABEL_MAX_BYTES 255u
#define HOST_BYTES 256u

/* ---- options ----------------------------------------------------------------------------------------------------- */

static int copy_options(const struct baton_options *from, struct baton_options *to)
{
	*to = (struct baton_options){.ttl_ns = BATON_TTL_DEFAULT};
	if (from == NULL)
		return BATON_OK;
	if (from->size < offsetof(struct baton_options, on_notice) || from->size > 4096)
		return error_say(BATON_EINVAL, "the size of struct baton_options is not set");
	memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	for (size_t i = sizeof(*to); i < from->size; i++)
		if (((const char *)from)[i] != 0)
			return error_say(BATON_EINVAL, "the options ask for what this libbaton does not know");
	return BATON_OK;
}

static void set_ttl(struct baton_options *options, bool network)
{
	const bool needs = network || options->session_kind == BATON_SESSION_DETACHED;

	if (options->ttl_ns == BATON_TTL_DEFAULT)
		options->ttl_ns = needs ? NETWORK_TTL_NS : 0;
}

/* The rule that the options break; NULL: none. */
static const char *judge_options(const struct baton_options *options, bool network)
{
	const enum baton_session_kind kind = options->session_kind;

	if ((unsigned)kind > BATON_SESSION_NONE)
		return "there is no such kind of session";
	if (kind == BATON_SESSION_ATTACH && options->session == NULL)
		return "the session to join is not given";
	if (kind == BATON_SESSION_OF_PROCESS && options->pidfd < 0)
		return "the process's pidfd is not given";
	if (kind == BATON_SESSION_OF_PROCESS && network)
		return "a session of a process needs a Unix socket";
	if (options->ttl_ns < 0 || options->grace_ns < 0 || options->connect_timeout_ns < 0)
		return "a time is negative";
	if (options->ttl_ns == 0 && kind == BATON_SESSION_DETACHED)
		return "a detached session needs a ttl";
	if (options->ttl_ns == 0 && network && kind == BATON_SESSION_OWN)
		return "a session over TCP needs a ttl";
	return NULL;
}

static int make_core(struct baton_client *client, const struct baton_options *options)
{
	const bool network = transport_is_tcp(client->transport);
	struct session_identity identity = {0};
	char host[HOST_BYTES] = "";
	char label[LABEL_MAX_BYTES + 1] = "";
	struct core_settings settings = {
		.kind = options->session_kind,
		.session = options->session != NULL ? &identity : NULL,
		.ttl_ns = options->ttl_ns,
		.grace_ns = options->grace_ns,
		.label = options->label != NULL ? options->label : label,
		.host = host,
		.pid = (uint32_t)getpid(),
	};

	if (options->session != NULL && !session_text_parse(options->session, &identity))
		return error_say(BATON_EINVAL, "the session is not ID.SECRET");
	strncpy(label, program_invocation_short_name, sizeof(label) - 1);
	if (network)
		gethostname(host, sizeof(host) - 1); /* for people; "" does too */
	return core_new(&settings, &client->core);
}

/* ---- making and freeing ------------------------------------------------------------------------------------------ */

static void client_free(struct baton_client *client)
{
	fork_leave(&client->fork);
	for (size_t i = 0; i < CLIENT_DESCRIPTORS; i++)
		transport_close(&client->descriptors[i]);
	core_free(client->core);
	transport_free(client->transport);
	pthread_mutex_destroy(&client->lock);
	if (!client->fork.forked) /* there may be waiters that the child does not have */
		pthread_cond_destroy(&client->alone);
	memory_free(client);
}

static struct baton_client *client_new(const struct baton_options *options)
{
	struct baton_client *client = memory_zalloc(sizeof(*client));

	if (client == NULL)
		return NULL;
	pthread_mutex_init(&client->lock, NULL);
	pthread_cond_init(&client->alone, NULL);
	for (size_t i = 0; i < CLIENT_DESCRIPTORS; i++)
		client->descriptors[i] = -1;
	list_init(&client->followers);
	list_init(&client->fork.link);
	client->fork.lock = &client->lock;
	client->fork.descriptors = client->descriptors;
	client->fork.count = CLIENT_DESCRIPTORS;
	client->pollable = options->pollable;
	client->on_finished = options->pollable ? pollable_on_finished : blocking_on_finished;
	client->on_notice = options->on_notice;
	client->arg = options->arg;
	return client;
}

/* What can be done before there is a connection. */
static int prepare(struct baton_client *client, const char *address, struct baton_options *options)
{
	const char *why;
	bool network;
	int r = transport_new(address, &client->transport);

	if (r != BATON_OK)
		return r;
	network = transport_is_tcp(client->transport);
	set_ttl(options, network);
	why = judge_options(options, network);
	if (why != NULL)
		return error_say(BATON_EINVAL, "%s", why);
	r = make_core(client, options);
	if (r == BATON_ENOMEM)
		return error_keep(r, baton_strerror(r));
	if (r != BATON_OK)
		return r;
	r = fork_join(&client->fork);
	return r == 0 ? BATON_OK : error_say(BATON_ESYSTEM, "pthread_atfork: %s", strerror(r));
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* The descriptors that go with the connection; with the lock. */
static int make_descriptors(struct baton_client *client, const struct baton_options *options)
{
	if (options->session_kind == BATON_SESSION_OF_PROCESS) {
		client->descriptors[CLIENT_PASS] = fcntl(options->pidfd, F_DUPFD_CLOEXEC, 3);
		if (client->descriptors[CLIENT_PASS] < 0)
			return error_say(BATON_EINVAL, "the process's pidfd: %s", strerror(errno));
	}
	return client->pollable ? BATON_OK : client_make_wake(client, CLIENT_WAKE);
}

/* With the lock. */
static int begin(struct baton_client *client, const struct baton_options *options)
{
	const int64_t timeout = options->connect_timeout_ns > 0 ? options->connect_timeout_ns : OPEN_TIMEOUT_NS;
	int r = make_descriptors(client, options);

	if (r != BATON_OK)
		return r;
	client->open_by = clock_after(clock_monotonic(), timeout);
	client_advance(client);
	if (!client->pollable)
		blocking_open(client);
	if (core_state(client->core) == CORE_ENDED)
		return error_keep(core_error(client->core), core_error_text(client->core));
	if (!client->pollable && core_has_ttl(client->core))
		r = keeper_start(client);
	return r;
}

int baton_open(const char *address, const struct baton_options *options, baton_client **ret)
{
	struct baton_options copy;
	struct baton_client *client = NULL;
	int r = copy_options(options, &copy);

	if (r != BATON_OK)
		return r;
	if (address == NULL)
		address = getenv("BATON_SERVER");
	if (address == NULL || *address == '\0')
		address = ADDRESS_SYSTEM;
	client = client_new(&copy);
	if (client == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	r = prepare(client, address, &copy);
	if (r != BATON_OK)
		goto fail;
	pthread_mutex_lock(&client->lock);
	r = begin(client, &copy);
	pthread_mutex_unlock(&client->lock);
	if (r != BATON_OK)
		goto fail;
	*ret = client;
	return BATON_OK;

fail:
	client_free(client);
	return r;
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

/* Leaves the caller alone with the client. */
static void clear_out(struct baton_client *client)
{
	pthread_mutex_lock(&client->lock);
	blocking_expel(client);
	pthread_mutex_unlock(&client->lock);
	keeper_stop(client);
}

/* In a child: what the parent's threads have on their stacks is not touched. */
static void free_forked(struct baton_client *client)
{
	client->closing = true;
	if (client->pollable) {
		core_abandon_calls(client->core, BATON_EFORKED, "");
		client_settle(client);
	}
	keeper_forget(client);
	client_free(client);
}

void baton_abandon(baton_client *client)
{
	if (client == NULL)
		return;
	if (client->fork.forked) {
		free_forked(client);
		return;
	}
	clear_out(client);
	client_free(client);
}

void baton_close(baton_client *client)
{
	if (client == NULL)
		return;
	if (client->fork.forked) {
		free_forked(client);
		return;
	}
	clear_out(client);
	pthread_mutex_lock(&client->lock);
	if (!core_leave(client->core))
		core_acknowledge(client->core);
	client_write(client);
	if (!client->pollable)
		blocking_leave(client, clock_after(clock_monotonic(), LEAVE_NS));
	pthread_mutex_unlock(&client->lock);
	client_free(client);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static pthread_mutex_t *lock_of(const baton_client *client)
{
	return &((baton_client *)(uintptr_t)client)->lock;
}

const char *baton_session(const baton_client *client)
{
	const char *text;

	pthread_mutex_lock(lock_of(client));
	text = core_session(client->core);
	pthread_mutex_unlock(lock_of(client));
	return text;
}

int64_t baton_guaranteed_until(const baton_client *client)
{
	int64_t until;

	if (client->fork.forked)
		return INT64_MIN;
	pthread_mutex_lock(lock_of(client));
	until = core_guaranteed_until(client->core);
	pthread_mutex_unlock(lock_of(client));
	return until;
}

bool baton_is_open(const baton_client *client)
{
	enum core_state state;

	pthread_mutex_lock(lock_of(client));
	state = core_state(client->core);
	pthread_mutex_unlock(lock_of(client));
	return !client->fork.forked && state == CORE_OPEN;
}
