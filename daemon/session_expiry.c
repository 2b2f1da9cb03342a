/* SPDX-License-Identifier: MIT
 *
 * session_expiry.c - silence, processes' ends, and the daemon's own lateness.
 *
 * Silence is measured on CLOCK_BOOTTIME and judged only after a complete poll, made after the deadline, found nothing:
 * what a client had sent in time counts even if it was read late. Expiry is checked twice: by the timer, and by a
 * coroutine that lets the poller run in between, whose reports count as signs of life.
 *
 * While a session's timer is armed it has a reference, which passes on to what it does when it fires. Who ends the
 * session stops it; a timer that is armed after that looks for itself.
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
#define POLLS_TO_SEE 3 /* one may be under way when the count is taken, the next is complete when a third begins */

static int64_t silence_left(const struct session *session)
{
	int64_t deadline =
		co_deadline_after(atomic_load_explicit(&session->heard_ns, memory_order_relaxed), session->ttl_ns);

	return deadline - co_boottime();
}

/* Disarms the timer, and takes its reference. */
static void disarm(struct session *session)
{
	if (co_timer_stop(&session->expiry))
		session_unref(session);
}

/* Arms it again, with the caller's reference. */
static void rearm(struct session *session, int64_t after_ns)
{
	session_ref(session); /* the timer may fire at once */
	if (co_timer_start(&session->expiry, co_deadline_after(co_now(), after_ns)) < 0) {
		log_error("no memory for a session's timer session=%016llx", (unsigned long long)session->id);
		session_unref(session);
	} else if (session_has_ended(session)) {
		disarm(session); /* its end may have come before the timer was armed */
	}
	session_unref(session);
}

/* Lets everything that was sent until now be reported. */
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
		return;
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
	if (co_go(judge, session) < 0)
		rearm(session, PULSE_NS);
}

/* The process has ended; ARG is the session with a reference. */
static void end_with_process(void *arg)
{
	struct session *session = arg;

	session_end(session, BATON__V1__REASON__REASON_SESSION_ENDED, NULL);
	session_unref(session);
}

static void on_process_again(struct co_timer *timer);

/* Its pidfd tells once: without memory for a coroutine it is tried again. Takes the caller's reference. */
static void start_end_with_process(struct session *session)
{
	if (co_go(end_with_process, session) == 0)
		return;
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
		start_end_with_process(session_ref(container_of(poll, struct session, process)));
}

static void on_process_removed(struct co_poll *poll)
{
	struct session *session = container_of(poll, struct session, process);

	socket_close(poll->fd);
	session_unref(session);
}

void session_expiry_init(struct session *session, int pidfd)
{
	session->expiry.fired = on_expiry;
	session->process = (struct co_poll){.fd = pidfd, .on_events = on_process, .on_removed = on_process_removed};
}

int session_expiry_watch(struct session *session)
{
	int r = 0;

	session_ref(session); /* the timer's, or the poller's */
	switch (session->life) {
	case SESSION_OF_TTL:
		r = co_timer_start(&session->expiry, co_deadline_after(co_now(), session->ttl_ns));
		break;
	case SESSION_OF_PROCESS:
		r = co_poll_add(&session->process, false);
		break;
	case SESSION_OF_LANES:
		session_unref(session);
		break;
	}
	if (r < 0)
		session_unref(session);
	else if (session_has_ended(session))
		session_expiry_unwatch(session); /* its parent's end may have come before the watch */
	return r;
}

void session_expiry_unwatch(struct session *session)
{
	disarm(session);
	if (session->life == SESSION_OF_PROCESS)
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
