/* SPDX-License-Identifier: MIT
 *
 * session_expiry.c - silence, processes' ends, and the daemon's own lateness.
 *
 * Silence is measured on CLOCK_BOOTTIME and judged only after a complete poll, made after the deadline, found nothing:
 * what a client had sent in time counts even if it was read late. Expiry is checked twice: by the timer, and by a
 * coroutine that lets the poller and every reader run in between.
 */
#include "daemon/session_expiry.h"

#include <baton/v1/status.pb-c.h>
#include <errno.h>

#include "daemon/lane.h"
#include "daemon/log.h"
#include "daemon/socket.h"
#include "runtime/co.h"

#define PULSE_NS (100 * CO_MILLISECOND)
#define LATE_NS CO_SECOND
#define POLLS_TO_SEE 3 /* one may be under way when the count is taken, and readers run after the second */

static int64_t silence_left(const struct session *session)
{
	int64_t deadline =
		co_deadline_after(atomic_load_explicit(&session->heard_ns, memory_order_relaxed), session->ttl_ns);

	return deadline - co_boottime();
}

static void rearm(struct session *session, int64_t after_ns)
{
	if (co_timer_start(&session->expiry, co_deadline_after(co_now(), after_ns)) < 0)
		log_error("no memory for a session's timer session=%016llx", (unsigned long long)session->id);
}

/* Lets everything that was sent until now be read. */
static void await_complete_poll(void)
{
	struct co_stats stats;
	uint64_t polls;

	co_stats(&stats);
	polls = stats.polls;
	do {
		(void)co_sleep(NULL, CO_MILLISECOND);
		co_yield();
		co_stats(&stats);
	} while (stats.polls < polls + POLLS_TO_SEE);
	co_yield();
}

/* The coroutine that judges; ARG is the session with a reference. */
static void judge(void *arg)
{
	struct session *session = arg;
	int64_t left;

	await_complete_poll();
	left = silence_left(session);
	if (session_has_ended(session)) {
		log_debug("session ended before it expired session=%016llx", (unsigned long long)session->id);
	} else if (left > 0) {
		lane_end_silent(session);
		rearm(session, left);
	} else {
		log_info("session expired session=%016llx label=\"%s\"", (unsigned long long)session->id,
			session->label);
		session_end(session, BATON__V1__REASON__REASON_SESSION_ENDED, NULL);
	}
	session_unref(session);
}

static void on_expiry(struct co_timer *timer)
{
	struct session *session = container_of(timer, struct session, expiry);
	int64_t left = silence_left(session);

	if (left > 0 && !lane_is_any_silent(session)) {
		rearm(session, left);
		return;
	}
	if (co_go(judge, session_ref(session)) < 0) {
		session_unref(session);
		rearm(session, PULSE_NS);
	}
}

/* The process has ended; ARG is the session with a reference. */
static void end_with_process(void *arg)
{
	struct session *session = arg;

	session_end(session, BATON__V1__REASON__REASON_SESSION_ENDED, NULL);
	session_unref(session);
}

static void on_process_again(struct co_timer *timer);

/* Its pidfd tells once: without memory for a coroutine it is tried again. */
static void start_end_with_process(struct session *session)
{
	if (co_go(end_with_process, session_ref(session)) == 0)
		return;
	session_unref(session);
	session->expiry.fired = on_process_again;
	rearm(session, PULSE_NS);
}

static void on_process_again(struct co_timer *timer)
{
	start_end_with_process(container_of(timer, struct session, expiry));
}

static void on_process(struct co_poll *poll, unsigned events)
{
	if (events & CO_POLL_READ)
		start_end_with_process(container_of(poll, struct session, process));
}

static void on_process_removed(struct co_poll *poll)
{
	struct session *session = container_of(poll, struct session, process);

	socket_close(poll->fd);
	session_unref(session);
}

int session_expiry_watch(struct session *session, int pidfd)
{
	int r;

	switch (session->life) {
	case SESSION_OF_TTL:
		session->expiry.fired = on_expiry;
		return co_timer_start(&session->expiry, co_deadline_after(co_now(), session->ttl_ns));
	case SESSION_OF_PROCESS:
		session->process =
			(struct co_poll){.fd = pidfd, .on_events = on_process, .on_removed = on_process_removed};
		session_ref(session);
		r = co_poll_add(&session->process, false);
		if (r < 0) {
			session->process.fd = -1;
			session_unref(session);
		}
		return r;
	case SESSION_OF_LANES:
		return 0;
	}
	return -EINVAL;
}

void session_expiry_unwatch(struct session *session)
{
	(void)co_timer_stop(&session->expiry);
	if (session->life == SESSION_OF_PROCESS && session->process.fd >= 0)
		co_poll_remove(&session->process);
}

void session_expiry_pulse(struct co_context *context)
{
	int64_t before = co_boottime();

	while (co_sleep(context, PULSE_NS) == 0) {
		int64_t smallest = session_smallest_ttl();
		int64_t allowed = smallest / 4 < LATE_NS ? smallest / 4 : LATE_NS;
		int64_t now = co_boottime();

		if (smallest != CO_NEVER && now - before - PULSE_NS > allowed) {
			log_warning("the daemon was late late_ms=%lld action=\"all sessions get their ttl anew\"",
				(long long)((now - before - PULSE_NS) / CO_MILLISECOND));
			session_renew_all();
		}
		before = now;
	}
}
