/* SPDX-License-Identifier: MIT
 *
 * hold.c - everything that holds while CMD runs.
 *
 * States: waiting for the lock (acquire.c), then running, then releasing. While it runs, the stage tells what was done
 * to end CMD: nothing, a TERM, KILLs; it only rises.
 */
#include "cli/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "cli/capture.h"
#include "cli/child.h"
#include "cli/connection.h"
#include "cli/descendants.h"
#include "cli/status.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define DEFAULT_KILL_AFTER_NS (5 * NS_PER_SECOND)
#define KILL_AGAIN_NS INT64_C(20000000) /* what is born while processes are killed is killed then */
#define KEPT_FD_FROM 60                 /* beyond what scripts use by number */

enum stage {
	STAGE_RUNNING,
	STAGE_TERM,
	STAGE_KILL,
};

struct hold {
	struct connection connection;
	const struct invocation *invocation;
	const struct hold_source *source; /* NULL: LOCKABLE is to be locked */
	const struct lockable *lockable;  /* NULL: a session only */
	int input_fd;                     /* CMD's standard input; -1: ours */
	struct subject subject;
	struct grant grant;
	struct capture *capture; /* the lockable's; NULL: none */
	int64_t ttl_ns;
	int64_t kill_after_ns;
	bool has_terminal;
	bool waits_for_all; /* and not for CMD alone (-o) */
	struct child child;
	bool is_fresh; /* CMD: the terminal's last signals may have been sent before it was there to get them */
	struct descendants descendants;
	bool are_all_gone; /* of those, CMD included */
	bool is_lost;
	bool was_interrupted; /* SIGINT came while CMD ran */
	int end_status;       /* CMD is to be ended, and this is the exit status then; 0: it is not */
	enum stage stage;
	int64_t kill_at_ns; /* CLOCK_MONOTONIC */
	int doubt_fd;       /* a timer of CLOCK_BOOTTIME; -1: ttl is 0 */
	int64_t doubt_at_ns;
};

bool hold_has_program(const struct invocation *invocation)
{
	return invocation->program != NULL || invocation_has(invocation, OPTION_SHELL);
}

/* ---- ending CMD -------------------------------------------------------------------------------------------------- */

static void send_kill(struct hold *hold)
{
	hold->stage = STAGE_KILL;
	hold->kill_at_ns = loop_now() + KILL_AGAIN_NS;
	child_signal(&hold->child, SIGKILL);
	descendants_signal(&hold->descendants, SIGKILL);
}

static void send_term(struct hold *hold)
{
	hold->stage = STAGE_TERM;
	hold->kill_at_ns = LOOP_NEVER;
	if (hold->child.group != 0 || descendants_signal(&hold->descendants, SIGTERM) != 0)
		child_signal(&hold->child, SIGTERM);
}

/* The lock is lost, or can no longer be known to be held: TEXT. */
static void lose(struct hold *hold, const char *text)
{
	if (hold->is_lost || hold->child.pid == 0)
		return;
	hold->is_lost = true;
	say_about(hold->invocation, hold->subject, "%s while CMD ran, which is ended: %s",
		hold->lockable == NULL ? "session lost" : "lost", text);
	if (hold->stage != STAGE_RUNNING)
		return;
	send_term(hold);
	hold->kill_at_ns = loop_now() + hold->kill_after_ns;
}

void hold_end(struct connection *connection, int status, const char *format, ...)
{
	struct hold *hold = container_of(connection, struct hold, connection);
	char text[512];
	va_list arguments;

	if (hold->end_status != 0 || hold->is_lost || hold->stage != STAGE_RUNNING || hold->child.is_gone)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	hold->end_status = status;
	say(hold->invocation, "%s", text);
}

/* hold_end() may have been called before CMD was there. */
static void heed_end(struct hold *hold)
{
	if (hold->end_status == 0 || hold->stage != STAGE_RUNNING)
		return;
	send_term(hold);
	hold->kill_at_ns = loop_now() + hold->kill_after_ns;
}

static void on_notice(const struct baton_notice *notice, void *arg)
{
	struct hold *hold = arg;
	const bool is_ours = hold->lockable != NULL && notice->token == hold->grant.token &&
			     strcmp(notice->kind, hold->lockable->kind) == 0;

	if (is_ours && notice->event == BATON_EVENT_HOLD_MOVED)
		hold->grant.token = notice->new_token;
	else if ((is_ours && notice->event == BATON_EVENT_HOLD_LOST) || notice->event == BATON_EVENT_LOST)
		lose(hold, notice->text);
}

/* ---- doubt: a session with a ttl that hears nothing of its daemon ------------------------------------------------ */

static int64_t boot_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* Lets the timer tell when AT_NS (CLOCK_BOOTTIME) has come, over a suspend of the machine too. */
static void set_doubt_timer(struct hold *hold, int64_t at_ns)
{
	const struct itimerspec when = {.it_value = {at_ns / NS_PER_SECOND, at_ns % NS_PER_SECOND}};

	if (hold->doubt_at_ns == at_ns)
		return;
	hold->doubt_at_ns = at_ns;
	timerfd_settime(hold->doubt_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* TERM at guaranteed_until - ttl/3, KILL at - ttl/10. */
static void heed_doubt(struct hold *hold)
{
	int64_t until_ns;
	int64_t now_ns;
	int64_t term_ns;
	int64_t kill_ns;

	if (hold->doubt_fd < 0 || hold->connection.loop.client_error != 0 || hold->is_lost)
		return;
	until_ns = baton_guaranteed_until(hold->connection.loop.client);
	if (until_ns == INT64_MAX || until_ns == INT64_MIN)
		return; /* INT64_MIN: a notice has told */
	now_ns = boot_now();
	term_ns = until_ns - hold->ttl_ns / 3;
	kill_ns = until_ns - hold->ttl_ns / 10;
	if (now_ns >= kill_ns && hold->stage != STAGE_KILL) {
		send_kill(hold);
	} else if (now_ns >= term_ns && hold->stage == STAGE_RUNNING) {
		say_about(hold->invocation, hold->subject, "in doubt: the daemon was not heard; CMD is ended");
		send_term(hold);
	}
	if (hold->stage != STAGE_KILL)
		set_doubt_timer(hold, hold->stage == STAGE_RUNNING ? term_ns : kill_ns);
}

/* ---- signals and children ---------------------------------------------------------------------------------------- */

static void reap(struct hold *hold)
{
	const int flags = WNOHANG | (hold->has_terminal ? WUNTRACED : 0);
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, flags)) > 0) {
		if (WIFSTOPPED(status)) {
			if (pid == hold->child.pid)
				loop_stop_self(WSTOPSIG(status)); /* so that the shell hears of it */
		} else if (pid == hold->child.pid) {
			hold->child.is_gone = true;
			hold->child.status = status;
		}
	}
	if (hold->child.is_gone && hold->waits_for_all)
		hold->are_all_gone = descendants_are_gone(&hold->descendants, pid == 0);
}

/* Passes a signal on to CMD, or to what it left behind. */
static void forward(struct hold *hold, int number)
{
	const bool reaches_all = hold->child.group == 0 && (hold->child.is_gone || number == SIGCONT);

	/* The shell continues a group as a whole: another ^Z, which may have come since, must not be undone. */
	if (number == SIGCONT && hold->has_terminal && !process_is_stopped(hold->child.pid))
		return;
	if (!reaches_all || descendants_signal(&hold->descendants, number) != 0)
		child_signal(&hold->child, number);
}

static bool on_signal(const struct signalfd_siginfo *info, void *arg)
{
	struct hold *hold = arg;

	if (hold->child.pid == 0)
		return false; /* it waits for the lock */
	if (info->ssi_signo == SIGCHLD) {
		reap(hold);
		return true;
	}
	if (info->ssi_signo == SIGINT)
		hold->was_interrupted = true;
	/* What the kernel sent on behalf of the terminal CMD has too: it is in the same group. A fresh one has it
	 * pending at most once, and none twice. */
	if (!hold->has_terminal || info->ssi_code <= 0 || hold->is_fresh)
		forward(hold, (int)info->ssi_signo);
	return true;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int set_variable(const char *name, const char *value)
{
	return value == NULL ? unsetenv(name) : setenv(name, value, 1);
}

bool hold_set_environment(
	const struct connection *connection, const struct lockable *lockable, const struct grant *grant)
{
	char token[32];

	if (set_variable("BATON_SERVER", connection->server) != 0 ||
		set_variable("BATON_SESSION", baton_session(connection->loop.client)) != 0)
		return false;
	if (lockable == NULL)
		return true;
	snprintf(token, sizeof(token), "%" PRIu64, grant->token);
	return set_variable("BATON_NAME", lockable->name) == 0 &&
	       set_variable("BATON_TOKEN", grant->token != 0 ? token : NULL) == 0 &&
	       set_variable("BATON_ABANDONED", grant->abandoned ? "1" : NULL) == 0;
}

/* Starts CMD. 0, or a negative errno. */
static int start(struct hold *hold)
{
	const char *text = invocation_text(hold->invocation, OPTION_SHELL);
	char *const shell[] = {(char *)"/bin/sh", (char *)"-c", (char *)text, NULL};
	struct child_plan plan = {
		.program = text == NULL ? hold->invocation->program : shell,
		.loop = &hold->connection.loop,
		.leads_group = !hold->has_terminal,
		.kept_fd = -1,
		.input_fd = hold->input_fd,
		.output_fd = hold->capture != NULL ? hold->capture->write_fd : -1,
	};
	int r;

	if (!hold_set_environment(&hold->connection, hold->lockable, &hold->grant))
		return -ENOMEM;
	if (hold->waits_for_all && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return -errno;
	if (hold->waits_for_all && hold->connection.address.kind == ADDRESS_UNIX) {
		plan.kept_fd = fcntl(baton_fd(hold->connection.loop.client), F_DUPFD_CLOEXEC, KEPT_FD_FROM);
		if (plan.kept_fd < 0)
			return -errno;
	}
	r = child_start(&hold->child, &plan);
	if (plan.kept_fd >= 0)
		close(plan.kept_fd);
	if (hold->capture != NULL)
		capture_started(hold->capture);
	return r;
}

static bool is_over(const struct hold *hold)
{
	return hold->child.is_gone && (hold->are_all_gone || !hold->waits_for_all);
}

static void run(struct hold *hold)
{
	struct connection *connection = &hold->connection;

	hold->is_fresh = true;
	loop_take_signals(&connection->loop);
	hold->is_fresh = false;
	while (!is_over(hold)) {
		struct pollfd extra[] = {
			{.fd = hold->doubt_fd, .events = POLLIN},
			{.fd = hold->capture != NULL ? hold->capture->read_fd : -1, .events = POLLIN},
		};
		int64_t until_ns;
		uint64_t ticks;

		heed_end(hold);
		heed_doubt(hold);
		until_ns = hold->stage == STAGE_RUNNING ? LOOP_NEVER : hold->kill_at_ns;
		if (!connection_step(connection, extra, 2, until_ns))
			lose(hold, baton_strerror(connection->loop.client_error));
		if (extra[0].revents != 0 && read(hold->doubt_fd, &ticks, sizeof(ticks)) > 0)
			hold->doubt_at_ns = 0;
		if (hold->stage != STAGE_RUNNING && loop_now() >= hold->kill_at_ns)
			send_kill(hold);
		if (hold->capture != NULL)
			capture_read(hold->capture);
	}
	if (hold->capture != NULL)
		capture_read(hold->capture); /* what was written last */
}

/* After CMD: gives the lock back. Returns the exit status. */
static int finish(struct hold *hold)
{
	const struct lockable *lockable = hold->lockable;
	int status = child_exit_status(&hold->child);

	if (!hold->is_lost && lockable != NULL && lockable->finish != NULL)
		status = lockable->finish(&hold->connection, lockable, hold->grant.token, status, lockable->arg);
	else if (!hold->is_lost && lockable != NULL && release(&hold->connection, lockable, hold->grant.token) != 0)
		hold->is_lost = true;
	if (!hold->is_lost && hold->end_status != 0)
		return hold->end_status;
	if (hold->is_lost || hold->stage != STAGE_RUNNING)
		return STATUS_LOST;
	/* As a shell expects of a program that ^C ended. */
	if (hold->was_interrupted && WIFSIGNALED(hold->child.status) && WTERMSIG(hold->child.status) == SIGINT)
		hold->connection.fatal_signal = SIGINT;
	return status;
}

static int run_granted(struct hold *hold)
{
	int r;

	hold->has_terminal = child_has_terminal();
	hold->waits_for_all = !invocation_has(hold->invocation, OPTION_ALONE);
	if (hold->ttl_ns > 0)
		hold->doubt_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	r = hold->ttl_ns > 0 && hold->doubt_fd < 0 ? -errno : descendants_begin(&hold->descendants);
	if (r == 0)
		r = start(hold);
	if (r == 0) {
		run(hold);
		r = finish(hold);
		return hold->source != NULL ? hold->source->settle(&hold->connection, hold->source->arg, r) : r;
	}
	say(hold->invocation, "CMD cannot be started: %s", strerror(-r));
	if (hold->lockable != NULL)
		release(&hold->connection, hold->lockable, hold->grant.token);
	return STATUS_FAILED;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Who this is, for people: CMD's name. */
static const char *label_of(const struct invocation *invocation)
{
	const char *label = invocation_text(invocation, OPTION_LABEL);
	const char *slash;

	if (label != NULL)
		return label;
	if (invocation->program == NULL)
		return "sh";
	slash = strrchr(invocation->program[0], '/');
	return slash == NULL ? invocation->program[0] : slash + 1;
}

/* Opens the session and gets the lock. 0, or the exit status: said. */
static int begin(struct hold *hold)
{
	const int64_t ttl_ns = invocation_number(hold->invocation, OPTION_TTL, BATON_TTL_DEFAULT);
	const bool is_tcp = hold->connection.address.kind == ADDRESS_TCP;
	const struct session_wish wish = {
		.kind = BATON_SESSION_OWN,
		.ttl_ns = ttl_ns,
		.grace_ns = hold->kill_after_ns,
		.label = label_of(hold->invocation),
	};
	const struct baton_call ping = {.size = sizeof(ping), .operation = BATON_PING};
	int status = connection_open(&hold->connection, &wish);

	hold->ttl_ns = ttl_ns != BATON_TTL_DEFAULT ? ttl_ns : is_tcp ? CONNECTION_DEFAULT_TTL_NS : 0;
	if (status != 0)
		return status;
	if (hold->source != NULL)
		status = hold->source->get(
			&hold->connection, hold->source->arg, &hold->lockable, &hold->grant, &hold->input_fd);
	else if (hold->lockable != NULL)
		status = acquire(&hold->connection, hold->lockable, &hold->grant);
	else /* once that is answered the session is open */
		status = connection_call(&hold->connection, &ping, NULL, NULL);
	if (hold->lockable != NULL)
		hold->subject = (struct subject){hold->lockable->kind, hold->lockable->name};
	return status;
}

static int run_whole(
	const struct invocation *invocation, const struct lockable *lockable, const struct hold_source *source)
{
	struct hold hold = {
		.invocation = invocation,
		.source = source,
		.lockable = lockable,
		.input_fd = -1,
		.kill_after_ns = invocation_number(invocation, OPTION_KILL_AFTER, DEFAULT_KILL_AFTER_NS),
		.doubt_fd = -1,
	};
	int status;

	if (lockable != NULL) {
		hold.subject = (struct subject){lockable->kind, lockable->name};
		hold.capture = lockable->capture;
	}
	if (invocation->program != NULL && invocation_has(invocation, OPTION_SHELL))
		return say_usage(invocation, "-c STRING and CMD \"%s\": one of them", invocation->program[0]);
	status = connection_init(&hold.connection, invocation);
	if (status != 0)
		return status;
	hold.connection.on_signal = on_signal;
	hold.connection.on_notice = on_notice;
	hold.connection.arg = &hold;
	if (set_variable("BATON_CTX", connection_context(&hold.connection)) != 0)
		status = say_no_memory(invocation);
	if (status == 0)
		status = begin(&hold);
	if (status == 0)
		status = hold.grant.is_nothing ? hold.grant.status : run_granted(&hold);
	if (hold.doubt_fd >= 0)
		close(hold.doubt_fd);
	if (hold.input_fd >= 0)
		close(hold.input_fd);
	descendants_done(&hold.descendants);
	return connection_close(&hold.connection, status);
}

int hold_run(const struct invocation *invocation, const struct lockable *lockable)
{
	return run_whole(invocation, lockable, NULL);
}

int hold_run_from(const struct invocation *invocation, const struct hold_source *source)
{
	return run_whole(invocation, NULL, source);
}
