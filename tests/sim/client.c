/* SPDX-License-Identifier: MIT
 *
 * client.c - a client in a simulation.
 *
 * There is one thread, and a coroutine loses it only where it parks: nothing is locked here.
 */
#include "tests/sim/client.h"

#include <errno.h>

#include "base/memory.h"
#include "runtime/co.h"

#define FIRST_RETRY_NS (20 * CO_MILLISECOND)
#define LAST_RETRY_NS CO_SECOND
#define FAULTS_MAX 64
#define DOUBT_NS CO_SECOND               /* an acknowledgement is on its way for less */
#define FAULT_LASTS_NS (20 * CO_SECOND)  /* a fault, and what it leads to, for less */
#define OPEN_TIMEOUT_NS (10 * CO_SECOND) /* as libbaton's */
#define LEAVE_PATIENCE_NS (5 * CO_SECOND)

struct sim_client {
	struct sim_client_options options;
	struct core *core;
	struct co_poll poll; /* fd -1: not connected */
	struct co_wait *sleeping;
	bool has_news;
	bool is_leaving;
	bool is_killed;
	bool has_ended;
	int64_t paused_until;
	int64_t retry_at;
	int64_t retry_delay;
	int64_t open_by;
	int64_t leave_by;
	int64_t broken_at;
	int64_t faults[FAULTS_MAX]; /* when there were some: a pause, or on its connection */
	unsigned fault_count;
	struct co_wait *closing; /* who waits in sim_client_close */
};

/* A call under way, on its caller's stack. */
struct pending {
	struct co_wait wait;
	struct core_call *call;
	bool has_finished;
};

static struct core_time now(void)
{
	return (struct core_time){.monotonic = co_now(), .boottime = co_boottime()};
}

static void wake(struct sim_client *client)
{
	client->has_news = true;
	if (client->sleeping != NULL)
		(void)co_wait_cancel(client->sleeping, 0);
}

static void sleep_until(struct sim_client *client, int64_t deadline)
{
	struct co_wait wait;

	if (!client->has_news) {
		co_wait_init(&wait, "client");
		client->sleeping = &wait;
		(void)co_wait_park(&wait, NULL, deadline, NULL);
		client->sleeping = NULL;
	}
	client->has_news = false;
}

static void note_broken(struct sim_client *client)
{
	if (client->broken_at == INT64_MAX)
		client->broken_at = sim_process_time();
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static void on_events(struct co_poll *poll, unsigned events)
{
	(void)events;
	wake(container_of(poll, struct sim_client, poll));
}

/* Its memory stays until the coroutine has ended, which waits for this. */
static void on_removed(struct co_poll *poll)
{
	struct sim_client *client = container_of(poll, struct sim_client, poll);

	sim_close(poll->fd);
	poll->fd = -1;
	wake(client);
}

static void disconnect(struct sim_client *client)
{
	if (client->poll.fd < 0)
		return;
	co_poll_remove(&client->poll);
	while (client->poll.fd >= 0)
		sleep_until(client, CO_NEVER);
}

static void connect_again(struct sim_client *client)
{
	int fd;

	if (co_now() < client->retry_at)
		return;
	client->retry_at = co_now() + client->retry_delay;
	client->retry_delay = client->retry_delay < LAST_RETRY_NS / 2 ? client->retry_delay * 2 : LAST_RETRY_NS;
	fd = sim_connect(client->options.address, &client->options.peer, &client->options.link);
	if (fd < 0) {
		if (!core_was_open(client->core))
			core_end(client->core, BATON_EUNREACHABLE, "nobody listens");
		return;
	}
	client->poll = (struct co_poll){.fd = fd, .on_events = on_events, .on_removed = on_removed};
	if (co_poll_add(&client->poll, true) != 0) {
		sim_close(fd);
		client->poll.fd = -1;
	} else if (core_connect(client->core, co_now()) != BATON_OK) {
		core_end(client->core, BATON_ENOMEM, "no memory");
	}
}

static void write_all(struct sim_client *client)
{
	const uint8_t *bytes;
	size_t length;

	while (client->poll.fd >= 0 && (bytes = core_output(client->core, now(), &length)) != NULL) {
		ssize_t n = sim_write(client->poll.fd, bytes, length);

		core_sent(client->core, n > 0 ? (size_t)n : 0);
		if (n == -EAGAIN)
			(void)co_poll_want_write(&client->poll);
		if (n <= 0)
			return;
	}
}

static void read_all(struct sim_client *client)
{
	while (client->poll.fd >= 0 && core_state(client->core) != CORE_UNCONNECTED &&
		core_state(client->core) != CORE_ENDED) {
		size_t room;
		uint8_t *place = core_input(client->core, &room);
		ssize_t n = place != NULL ? sim_read(client->poll.fd, place, room, NULL) : -ENOMEM;

		if (n == -EAGAIN)
			return;
		if (n > 0)
			core_feed(client->core, (size_t)n, now());
		else
			core_break(client->core, BATON_EUNREACHABLE, "the connection broke");
	}
}

/* ---- the coroutine ----------------------------------------------------------------------------------------------- */

static void tell(struct sim_client *client)
{
	struct baton_notice notice;
	struct core_call *call;

	if (core_error(client->core) != 0)
		note_broken(client);
	while ((call = core_next_finished(client->core)) != NULL) {
		struct pending *pending = core_call_owner(call);

		pending->call = call; /* it may have finished before core_submit returned */
		pending->has_finished = true;
		(void)co_wait_cancel(&pending->wait, 0);
	}
	while (core_next_notice(client->core, &notice)) {
		sim_trace("client %u is told %d", client->options.peer.pid, (int)notice.event);
		if (notice.event == BATON_EVENT_LOST)
			note_broken(client);
	}
}

/* Says good-bye, once there is somebody to say it to. */
static void leave(struct sim_client *client)
{
	if (core_state(client->core) == CORE_UNCONNECTED || core_state(client->core) == CORE_OPENING)
		return;
	client->leave_by = co_now() + LEAVE_PATIENCE_NS;
	(void)core_leave(client->core);
}

static bool step(struct sim_client *client)
{
	if (client->is_killed)
		core_end(client->core, BATON_ECLIENTCLOSED, "killed");
	if (!core_was_open(client->core) && co_now() >= client->open_by)
		core_end(client->core, BATON_EUNREACHABLE, "no answer in time");
	if (core_state(client->core) == CORE_UNCONNECTED) {
		disconnect(client);
		connect_again(client);
	}
	if (core_state(client->core) == CORE_OPEN)
		client->retry_delay = FIRST_RETRY_NS;
	read_all(client);
	core_tick(client->core, now());
	if (client->is_leaving && client->leave_by == CO_NEVER)
		leave(client);
	write_all(client);
	tell(client);
	return core_state(client->core) != CORE_ENDED && co_now() < client->leave_by &&
	       !(client->leave_by != CO_NEVER && core_has_left(client->core));
}

static int64_t next_step(const struct sim_client *client)
{
	int64_t at = core_deadline(client->core, now());

	if (core_state(client->core) == CORE_UNCONNECTED && client->retry_at < at)
		at = client->retry_at;
	if (!core_was_open(client->core) && client->open_by < at)
		at = client->open_by;
	return client->leave_by < at ? client->leave_by : at;
}

static void drive(void *arg)
{
	struct sim_client *client = arg;

	while (step(client)) {
		if (!core_has_output(client->core) || client->poll.fd >= 0)
			sleep_until(client, next_step(client));
		if (!client->is_killed && co_now() < client->paused_until)
			(void)co_sleep(NULL, client->paused_until - co_now());
	}
	core_end(client->core, BATON_ECLIENTCLOSED, "closed");
	tell(client);
	disconnect(client);
	tell(client); /* what was submitted meanwhile */
	client->has_ended = true;
	sim_trace("client %u ended", client->options.peer.pid);
	if (client->closing != NULL)
		(void)co_wait_cancel(client->closing, 0);
}

struct sim_client *sim_client_new(const struct sim_client_options *options)
{
	const struct core_settings settings = {
		.kind = BATON_SESSION_OWN,
		.ttl_ns = options->ttl_ns,
		.label = "simulated",
		.host = "",
		.pid = options->peer.pid,
	};
	struct sim_client *client = memory_zalloc(sizeof(*client));

	if (client == NULL)
		return NULL;
	client->options = *options;
	client->poll.fd = -1;
	client->retry_delay = FIRST_RETRY_NS;
	client->open_by = co_now() + OPEN_TIMEOUT_NS;
	client->leave_by = CO_NEVER;
	client->broken_at = INT64_MAX;
	if (core_new(&settings, &client->core) != BATON_OK || co_go(drive, client) != 0) {
		core_free(client->core);
		memory_free(client);
		return NULL;
	}
	return client;
}

void sim_client_free(struct sim_client *client)
{
	if (client == NULL)
		return;
	core_free(client->core);
	memory_free(client);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

int sim_client_call(struct sim_client *client, const struct baton_call *call, int64_t timeout_ns,
	int64_t cancel_after_ns, struct baton_result **ret)
{
	const int64_t deadline = timeout_ns < 0 ? CORE_NEVER : co_deadline_after(co_now(), timeout_ns);
	const int64_t cancel_at = cancel_after_ns < 0 ? CO_NEVER : co_deadline_after(co_now(), cancel_after_ns);
	struct pending pending = {.has_finished = false};
	int r;

	*ret = NULL;
	if (client->has_ended)
		return BATON_ECLIENTCLOSED;
	co_wait_init(&pending.wait, "call");
	r = core_submit(client->core, call, deadline, now(), &pending, &pending.call);
	if (r != BATON_OK)
		return r;
	wake(client);
	if (co_wait_park(&pending.wait, NULL, cancel_at, NULL) != 0 && !pending.has_finished) {
		co_wait_init(&pending.wait, "cancelled call");
		core_cancel(client->core, pending.call, now());
		wake(client);
		(void)co_wait_park(&pending.wait, NULL, CO_NEVER, NULL);
	}
	*ret = core_hand_over(client->core, pending.call);
	wake(client);
	return (*ret)->error;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

void sim_client_close(struct sim_client *client)
{
	struct co_wait wait;

	if (client->has_ended)
		return;
	client->is_leaving = true;
	co_wait_init(&wait, "close");
	client->closing = &wait;
	wake(client);
	(void)co_wait_park(&wait, NULL, CO_NEVER, NULL);
	client->closing = NULL;
}

void sim_client_kill(struct sim_client *client)
{
	sim_trace("kill client %u", client->options.peer.pid);
	note_broken(client);
	client->is_killed = true;
	wake(client);
}

static void note_fault(struct sim_client *client)
{
	if (client->fault_count < FAULTS_MAX)
		client->faults[client->fault_count++] = sim_process_time();
}

void sim_client_pause(struct sim_client *client, int64_t ns)
{
	sim_trace("pause client %u %lld", client->options.peer.pid, (long long)ns);
	note_fault(client);
	client->paused_until = co_now() + ns;
	wake(client);
}

void sim_client_cut(struct sim_client *client)
{
	if (client->poll.fd < 0)
		return;
	note_fault(client);
	if (client->options.ttl_ns == 0)
		note_broken(client);
	sim_cut(client->poll.fd);
}

void sim_client_hold(struct sim_client *client, int64_t ns)
{
	if (client->poll.fd < 0)
		return;
	note_fault(client);
	sim_hold(client->poll.fd, ns);
}

void sim_client_lose(struct sim_client *client)
{
	if (client->poll.fd < 0)
		return;
	note_fault(client);
	sim_lose(client->poll.fd);
}

bool sim_client_is_doubtful(const struct sim_client *client, int64_t at)
{
	if (client->broken_at != INT64_MAX && at > client->broken_at - DOUBT_NS)
		return true;
	if (client->options.ttl_ns > 0 && client->broken_at == INT64_MAX)
		return false;
	for (unsigned i = 0; i < client->fault_count; i++)
		if (client->faults[i] > at - FAULT_LASTS_NS && client->faults[i] < at + DOUBT_NS)
			return true;
	return false;
}

bool sim_client_has_ended(const struct sim_client *client)
{
	return client->has_ended;
}

bool sim_client_is_certain(const struct sim_client *client)
{
	return client->broken_at == INT64_MAX && core_guaranteed_until(client->core) > co_boottime();
}

int64_t sim_client_broken_at(const struct sim_client *client)
{
	return client->broken_at;
}

uint32_t sim_client_pid(const struct sim_client *client)
{
	return client->options.peer.pid;
}

bool sim_client_has_ttl(const struct sim_client *client)
{
	return client->options.ttl_ns > 0;
}
