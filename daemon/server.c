/* SPDX-License-Identifier: MIT
 *
 * server.c - the daemon's run: serve until told to stop, then stop in order.
 *
 * The stop: no new connections; no new calls (what gives back goes on); blocked calls end with UNAVAILABLE; every
 * client is told GOAWAY and its replies are written out; at the latest after the stop timeout the run ends. Sessions
 * are not ended: the state file then says whether locks were out.
 */
#include "daemon/server.h"

#include <baton/v1/status.pb-c.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "daemon/call.h"
#include "daemon/connection.h"
#include "daemon/contexts.h"
#include "daemon/input_pool.h"
#include "daemon/lane.h"
#include "daemon/limits.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/registry.h"
#include "daemon/session.h"
#include "daemon/session_expiry.h"
#include "daemon/state.h"

#define STOP_STEP_NS (5 * CO_MILLISECOND)

static struct {
	atomic_bool stopping;
	uint64_t incarnation;
	int64_t started_ns;
	struct co_waitgroup background; /* coroutines that end with the run's context, which they use until then */
} server;

uint64_t server_incarnation(void)
{
	return server.incarnation;
}

bool server_is_stopping(void)
{
	return atomic_load_explicit(&server.stopping, memory_order_relaxed);
}

int64_t server_uptime(void)
{
	return co_boottime() - server.started_ns;
}

static void pulse(void *arg)
{
	session_expiry_pulse(arg);
	(void)co_waitgroup_done(&server.background);
}

static int start_pulse(struct co_context *running)
{
	int r = co_waitgroup_add(&server.background, 1);

	if (r == 0)
		r = co_go(pulse, running);
	if (r < 0)
		(void)co_waitgroup_done(&server.background);
	return r;
}

/* ---- the stop -------------------------------------------------------------------------------------------------------
 */

static void stop_calls_of(struct session *session, void *arg)
{
	(void)arg;
	session_stop_calls(session, OBJECT_ESHUTDOWN);
}

static void dismiss(struct connection *connection, void *arg)
{
	(void)arg;
	connection_say_goodbye(connection, BATON__V1__REASON__REASON_SHUTTING_DOWN, "the daemon is stopping");
	connection_finish(connection);
}

static void stop(const struct options *options)
{
	int64_t deadline = co_deadline_after(co_now(), options->stop_timeout_ns);
	int r;

	log_info("stopping sessions=%llu", (unsigned long long)session_count());
	notify_stopping();
	atomic_store(&server.stopping, true);
	listener_stop();
	session_each(stop_calls_of, NULL);
	while (session_blocked_count() > 0 && co_now() < deadline)
		(void)co_sleep(NULL, STOP_STEP_NS);
	r = state_stop();
	if (r < 0)
		log_error("cannot write the state file file=%s why=\"%s\"", state_path(), strerror(-r));
	connection_each(dismiss, NULL);
	while (connection_count() > 0 && co_now() < deadline)
		(void)co_sleep(NULL, STOP_STEP_NS);
}

/* ---- the run --------------------------------------------------------------------------------------------------------
 */

/* Waits for a signal to stop; another one is not for us. */
static void await_stop(void)
{
	sigset_t signals;
	int r;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	do
		r = co_signal_wait(NULL, &signals, NULL);
	while (r != SIGTERM && r != SIGINT && r >= 0);
	if (r < 0)
		log_error("cannot wait for signals why=\"%s\"", co_strerror(r));
}

int server_run(const struct options *options)
{
	struct co_context *running = NULL;
	char why[256];
	int status = 1;
	int r;

	co_random(&server.incarnation, sizeof server.incarnation);
	server.started_ns = co_boottime();
	registry_init(LIMIT_OBJECTS);
	if (contexts_init(CONTEXTS_KEPT_NS) != OBJECT_OK) {
		log_error("cannot start why=\"%s\"", co_strerror(CO_ENOMEM));
		goto done;
	}
	r = state_open(options->state, why, sizeof why);
	if (r < 0) {
		log_error("cannot use the state folder folder=%s why=\"%s\"", options->state, why);
		goto done;
	}
	r = co_with_cancel(NULL, &running);
	if (r == 0)
		r = start_pulse(running);
	if (r == 0)
		r = listener_start();
	if (r < 0) {
		log_error("cannot start why=\"%s\"", co_strerror(r));
		goto done;
	}
	notify_watchdog();
	notify_ready();
	log_info("ready version=%s guard=%s", BATON_VERSION, co_guard_name(co_guard_in_use()));
	await_stop();
	stop(options);
	status = 0;
done:
	co_cancel(running, "the daemon has stopped");
	(void)co_waitgroup_wait(NULL, &server.background);
	co_context_unref(running);
	contexts_stop();
	state_close();
	log_info("stopped status=%d", status);
	return status;
}

void server_clean_up(void)
{
	contexts_done();
	registry_done();
	call_pool_drain();
	input_pool_drain();
	output_pool_drain();
}
