/* SPDX-License-Identifier: MIT
 *
 * cmd_chan_range.c - baton chan range N -- CMD: a worker.
 *
 * Every message is received to be acknowledged by hand, and stays out until CMD has exited 0, so that whatever kills
 * baton, the daemon gives it to the next. One whose CMD failed is given back with a delay, which the daemon keeps, as
 * it counts the deliveries: both survive baton. As many messages are asked for as CMDs may start.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/chan.h"
#include "cli/job.h"
#include "cli/status.h"

#define DEFAULT_RETRIES 5
#define RETURN_NS INT64_C(10000000000) /* what an answer to an acknowledgement may take */
#define KILL_AFTER_NS INT64_C(5000000000)
#define TEXT_BYTES 512
#define PREVIEW_BYTES 60u /* of a message, in a message */

struct work {
	struct connection connection;
	const struct invocation *invocation;
	struct subject subject;
	struct job_manner manner;
	const char *dead; /* NULL: what is given up is dropped */
	uint32_t retries;
	size_t parallel;
	bool has_terminal;
	struct list jobs;
	size_t active; /* receiving or running */
	size_t running;
	bool has_ended; /* no more is asked for */
	bool has_given_up;
	int64_t kill_at_ns; /* what runs; LOOP_NEVER: nothing is to be killed */
	int error;          /* the first; 0: none */
	char text[TEXT_BYTES];
	const char *error_name; /* of the channel that it is about */
};

/* ---- ending ------------------------------------------------------------------------------------------------------ */

/* Asks for nothing more. CMDs that run are let be. */
static void end(struct work *work)
{
	if (work->has_ended)
		return;
	work->has_ended = true;
	list_for_each (at, &work->jobs) {
		struct job *job = container_of(at, struct job, in_work);

		if (job->state == JOB_RECEIVING || job->state == JOB_BURYING)
			baton_stop(work->connection.loop.client, job->call);
	}
}

static void interrupt(void *arg)
{
	end(arg);
}

static void fail(struct work *work, const char *name, int error, const char *text)
{
	if (work->error == 0) {
		work->error = error;
		work->error_name = name;
		snprintf(work->text, sizeof(work->text), "%s", text);
	}
	end(work);
}

/* ---- back to the daemon ------------------------------------------------------------------------------------------ */

static void on_returned(const struct baton_result *result, void *arg)
{
	struct job *job = arg;
	struct work *work = job->owner;

	if (result->error != 0)
		fail(work, work->subject.name, result->error, result->text);
	job_free(job);
}

static void return_message(struct job *job, enum baton_operation operation, int64_t delay_ns)
{
	struct work *work = job->owner;
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = operation,
		.name = work->subject.name,
		.token = job->token,
		.duration_ns = delay_ns,
	};
	int error;

	job->state = JOB_RETURNING;
	error = baton_start(work->connection.loop.client, &call, RETURN_NS, on_returned, job, NULL);
	if (error == 0)
		return;
	job_free(job); /* the end of the session gives it back */
	fail(work, work->subject.name, error, baton_last_error());
}

static void give_back(struct job *job)
{
	return_message(job, BATON_CHAN_NACK, 0);
}

/* ---- giving up --------------------------------------------------------------------------------------------------- */

static void say_given_up(const struct job *job, const char *why)
{
	const struct work *work = job->owner;
	const size_t length = job->length < PREVIEW_BYTES ? job->length : PREVIEW_BYTES;
	char preview[TEXT_ESCAPE_ROOM(PREVIEW_BYTES)];
	const int shown = (int)text_escape(job->value, length, preview);

	say_about(work->invocation, work->subject, "gave up after %" PRIu64 " deliveries (%s), %s%s: %.*s%s",
		(uint64_t)job->attempt + 1, why, work->dead == NULL ? "dropped" : "sent to ",
		work->dead == NULL ? "" : work->dead, shown, preview, length < job->length ? "..." : "");
}

static void on_buried(const struct baton_result *result, void *arg)
{
	struct job *job = arg;
	struct work *work = job->owner;

	if (result->error != 0) {
		give_back(job);
		fail(work, work->dead, result->error, result->text);
		return;
	}
	return_message(job, BATON_CHAN_ACK, 0);
}

/* WHY the message cannot be handled. */
static void give_up(struct job *job, const char *why)
{
	struct work *work = job->owner;
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_CHAN_SEND,
		.name = work->dead,
		.value = job->value,
		.value_length = job->length,
	};
	int error;

	work->has_given_up = true;
	say_given_up(job, why);
	if (work->dead == NULL) {
		return_message(job, BATON_CHAN_ACK, 0);
		return;
	}
	job->state = JOB_BURYING;
	error = connection_start(&work->connection, &call, LOOP_NEVER, on_buried, job, &job->call);
	if (error == 0)
		return;
	give_back(job);
	fail(work, work->dead, error, baton_last_error());
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void on_failed(struct job *job)
{
	struct work *work = job->owner;
	char why[64];

	if (work->has_ended) {
		give_back(job);
	} else if (job->attempt < work->retries) {
		return_message(job, BATON_CHAN_NACK, job_delay(job));
	} else {
		snprintf(why, sizeof(why), WIFSIGNALED(job->child.status) ? "signal %d" : "exit status %d",
			WIFSIGNALED(job->child.status) ? WTERMSIG(job->child.status) : WEXITSTATUS(job->child.status));
		give_up(job, why);
	}
}

static void on_exited(struct job *job)
{
	struct work *work = job->owner;

	work->running--;
	work->active--;
	if (WIFEXITED(job->child.status) && WEXITSTATUS(job->child.status) == 0)
		return_message(job, BATON_CHAN_ACK, 0);
	else
		on_failed(job);
}

static bool set_environment(const struct work *work, const struct job *job)
{
	char token[32];
	char delivery[32];

	snprintf(token, sizeof(token), "%" PRIu64, job->token);
	snprintf(delivery, sizeof(delivery), "%" PRIu64, (uint64_t)job->attempt + 1);
	unsetenv("BATON_ABANDONED");
	return setenv("BATON_SERVER", work->connection.server, 1) == 0 &&
	       setenv("BATON_SESSION", baton_session(work->connection.loop.client), 1) == 0 &&
	       setenv("BATON_NAME", work->subject.name, 1) == 0 && setenv("BATON_TOKEN", token, 1) == 0 &&
	       setenv("BATON_DELIVERY", delivery, 1) == 0;
}

static void start(struct job *job)
{
	struct work *work = job->owner;
	const char *why;
	int r;

	if (!job_is_possible(job, &work->manner, &why)) {
		work->active--;
		give_up(job, why);
		return;
	}
	r = set_environment(work, job) ? job_start(job, &work->manner) : -ENOMEM;
	if (r == 0) {
		job->state = JOB_RUNNING;
		job->is_fresh = true;
		work->running++;
		return;
	}
	work->active--;
	give_back(job);
	fail(work, work->subject.name, BATON_ESYSTEM, strerror(-r));
}

static void on_received(const struct baton_result *result, void *arg)
{
	struct job *job = arg;
	struct work *work = job->owner;

	if (result->error != 0) {
		work->active--;
		fail(work, work->subject.name, result->error, result->text);
		job_free(job);
		return;
	}
	job->token = result->token;
	job->attempt = result->attempt;
	job->length = result->value_length;
	job->value = memory_copy(result->value, result->value_length);
	if (job->value != NULL && !work->has_ended) {
		start(job);
		return;
	}
	work->active--;
	give_back(job);
	if (job->value == NULL)
		fail(work, work->subject.name, BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
}

static void receive_one(struct work *work)
{
	const struct baton_call call = {
		.size = sizeof(call),
		.operation = BATON_CHAN_RECEIVE,
		.name = work->subject.name,
		.no_wait = work->connection.may_not_wait,
		.manual_ack = true,
	};
	struct job *job = job_new(work);
	int error = BATON_ENOMEM;

	if (job != NULL)
		error = connection_start(&work->connection, &call, LOOP_NEVER, on_received, job, &job->call);
	if (error == 0) {
		list_add_tail(&work->jobs, &job->in_work);
		work->active++;
		return;
	}
	fail(work, work->subject.name, error, job == NULL ? baton_strerror(error) : baton_last_error());
	if (job != NULL)
		job_free(job);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static struct job *find_running(struct work *work, pid_t pid)
{
	list_for_each (at, &work->jobs) {
		struct job *job = container_of(at, struct job, in_work);

		if (job->state == JOB_RUNNING && job->child.pid == pid)
			return job;
	}
	return NULL;
}

static void reap(struct work *work)
{
	const int flags = WNOHANG | (work->has_terminal ? WUNTRACED : 0);
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, flags)) > 0) {
		struct job *job = find_running(work, pid);

		if (job != NULL && WIFSTOPPED(status)) {
			loop_stop_self(WSTOPSIG(status));
		} else if (job != NULL) {
			job->child.is_gone = true;
			job->child.status = status;
			on_exited(job);
		}
	}
}

static void signal_all(struct work *work, int number, bool only_fresh)
{
	list_for_each (at, &work->jobs) {
		struct job *job = container_of(at, struct job, in_work);

		if (job->state == JOB_RUNNING && (job->is_fresh || !only_fresh))
			child_signal(&job->child, number);
	}
}

/* Passes on what came before a CMD just started was there to get it with its group. */
static void settle_fresh(struct work *work)
{
	loop_take_signals(&work->connection.loop);
	list_for_each (at, &work->jobs)
		container_of(at, struct job, in_work)->is_fresh = false;
}

/* CMDs get what the terminal has not sent them too. What would end baton ends its asking for more. */
static bool on_signal(const struct signalfd_siginfo *info, void *arg)
{
	struct work *work = arg;
	const int number = (int)info->ssi_signo;

	if (number == SIGCHLD) {
		reap(work);
		return true;
	}
	if (work->running == 0)
		return false;
	signal_all(work, number, work->has_terminal && info->ssi_code > 0);
	return number != SIGINT && number != SIGTERM && number != SIGHUP && number != SIGQUIT;
}

/* ---- the work ---------------------------------------------------------------------------------------------------- */

static bool is_over(const struct work *work)
{
	return work->has_ended && list_is_empty(&work->jobs);
}

static void run(struct work *work)
{
	struct connection *connection = &work->connection;

	while (!is_over(work)) {
		while (!work->has_ended && work->active < work->parallel)
			receive_one(work);
		if (!connection_step(connection, NULL, 0, LOOP_NEVER)) {
			fail(work, work->subject.name, connection->loop.client_error, baton_last_error());
			return;
		}
		settle_fresh(work);
	}
}

/* The session is over, its messages belong to others: ends the CMDs that still run. */
static void end_programs(struct work *work)
{
	bool is_killing = false;
	int64_t until_ns = loop_now() + KILL_AFTER_NS;

	if (work->running > 0)
		signal_all(work, SIGTERM, false);
	while (work->running > 0) {
		connection_step(&work->connection, NULL, 0, until_ns);
		if (!is_killing && loop_now() >= until_ns) {
			is_killing = true;
			until_ns = LOOP_NEVER;
			signal_all(work, SIGKILL, false);
		}
	}
}

static void drop_jobs(struct work *work)
{
	list_for_each_safe (at, &work->jobs)
		job_free(container_of(at, struct job, in_work));
}

static int report(struct work *work)
{
	const struct subject subject = {"chan", work->error_name};

	if (work->connection.fatal_signal != 0)
		return STATUS_SIGNAL + work->connection.fatal_signal;
	if (work->error != 0 && work->error != BATON_ECLOSED)
		return connection_fail(&work->connection, subject, work->error, work->text);
	return work->has_given_up ? STATUS_GIVEN_UP : STATUS_DONE;
}

static int open_and_work(struct work *work)
{
	const struct session_wish wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	const int status = connection_open(&work->connection, &wish);

	if (status != STATUS_DONE)
		return status;
	work->connection.on_interrupt = interrupt;
	work->connection.interrupt_arg = work;
	work->connection.on_signal = on_signal;
	work->connection.arg = work;
	run(work);
	end_programs(work);
	return report(work);
}

int chan_work(const struct invocation *invocation)
{
	struct work work = {
		.invocation = invocation,
		.subject = {"chan", invocation_word(invocation, 0)},
		.dead = invocation_text(invocation, OPTION_DEAD),
		.retries = (uint32_t)invocation_number(invocation, OPTION_RETRIES, DEFAULT_RETRIES),
		.parallel = (size_t)invocation_number(invocation, OPTION_PARALLEL, 1),
		.has_terminal = child_has_terminal(),
		.manner =
			{
				.program = invocation->program,
				.is_argument = invocation_has(invocation, OPTION_ARGUMENT),
				.is_raw = invocation_has(invocation, OPTION_RAW),
			},
	};
	const char *why;
	int status;

	if (invocation_has(invocation, OPTION_NUL))
		return say_usage(invocation, "-0 is for standard output, but there is a CMD");
	if (work.manner.is_argument && work.manner.is_raw)
		return say_usage(invocation, "--raw is for CMD's standard input, but there is --arg");
	status = job_find_program(invocation->program[0], &why);
	if (status != STATUS_DONE) {
		say(invocation, "%s: %s", invocation->program[0], why);
		return status;
	}
	list_init(&work.jobs);
	status = connection_init(&work.connection, invocation);
	if (status != STATUS_DONE)
		return status;
	work.manner.loop = &work.connection.loop;
	work.manner.leads_group = !work.has_terminal;
	status = connection_close(&work.connection, open_and_work(&work));
	drop_jobs(&work);
	return status;
}
