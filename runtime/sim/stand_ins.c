/* SPDX-License-Identifier: MIT
 *
 * stand_ins.c - small files of the runtime as a simulation has them: blocking.c, monitor.c, signal.c, spin.c,
 * descriptor.c.
 */
#include <errno.h>
#include <signal.h>

#include "runtime/blocking.h"
#include "runtime/descriptor.h"
#include "runtime/dump.h"
#include "runtime/local.h"
#include "runtime/monitor.h"
#include "runtime/sched.h"
#include "runtime/sim/private.h"

/* ---- blocking.c: a job takes a while, then is done at once --------------------------------------------------------
 */

static int64_t job_time_most = CO_MILLISECOND;

void sim_set_job_time(int64_t most_ns)
{
	job_time_most = most_ns;
}

struct job {
	struct sim_event ends;
	void (*function)(void *arg);
	void *arg;
	struct co_wait wait;
};

static void end_job(struct sim_event *event)
{
	struct job *job = container_of(event, struct job, ends);

	job->function(job->arg);
	(void)co_wait_cancel(&job->wait, 0);
}

int co_blocking(void (*function)(void *arg), void *arg)
{
	struct co_m *m = co_m_self();
	struct job job = {.function = function, .arg = arg};

	if (m == NULL || m->current == NULL)
		return CO_EINVAL;
	sim_event_init(&job.ends, end_job);
	co_wait_init(&job.wait, "blocking call");
	sim_event_plan(&job.ends, sim_now() + sim_between(CO_MICROSECOND, job_time_most));
	co_outside_add(1);
	(void)co_wait_park(&job.wait, NULL, CO_NEVER, NULL);
	co_outside_add(-1);
	return 0;
}

size_t co_blocking_threads(void)
{
	return 0;
}

void co_blocking_close(void)
{
}

/* ---- monitor.c: nobody watches ------------------------------------------------------------------------------------
 */

atomic_bool co_monitor_sleeps;

int co_monitor_open(void)
{
	return 0;
}

void co_monitor_close(void)
{
}

void co_monitor_wake(void)
{
}

/* ---- signal.c -----------------------------------------------------------------------------------------------------
 */

static struct {
	struct co_wait *wait; /* NULL: nobody waits */
	const sigset_t *waited_for;
	sigset_t pending;
} received;

void sim_signal(int number)
{
	sim_trace("signal %d", number);
	if (received.wait != NULL && sigismember(received.waited_for, number) && co_wait_cancel(received.wait, number))
		return;
	(void)sigaddset(&received.pending, number);
}

static int take_pending(const sigset_t *wanted)
{
	for (int number = 1; number < SIGRTMAX; number++)
		if (sigismember(wanted, number) == 1 && sigismember(&received.pending, number) == 1) {
			(void)sigdelset(&received.pending, number);
			return number;
		}
	return 0;
}

int co_signal_wait(struct co_context *context, const sigset_t *signals, pid_t *ret_pid)
{
	struct co_wait wait;
	int r = take_pending(signals);

	if (ret_pid != NULL)
		*ret_pid = 1;
	if (r != 0)
		return r;
	if (received.wait != NULL)
		return CO_EINVAL;
	co_wait_init(&wait, "signal");
	received.wait = &wait;
	received.waited_for = signals;
	co_outside_add(1);
	r = co_wait_park(&wait, context, CO_NEVER, NULL);
	co_outside_add(-1);
	received.wait = NULL;
	return r;
}

/* ---- spin.c: with one thread a lock that is taken stays so --------------------------------------------------------
 */

void co_spin_wait(struct co_spin *spin)
{
	(void)spin;
	co_fatal("fatal error: a spin lock is held over a park, or taken twice\n");
}

/* ---- descriptor.c -------------------------------------------------------------------------------------------------
 */

int co_descriptor_unblock(int fd)
{
	(void)fd;
	return 0;
}

ssize_t co_descriptor_read(int fd, void *buffer, size_t length)
{
	return sim_read(fd, buffer, length, NULL);
}

ssize_t co_descriptor_write(int fd, void *buffer, size_t length)
{
	return sim_write(fd, buffer, length);
}

ssize_t co_descriptor_accept(int fd, void *buffer, size_t length)
{
	(void)buffer;
	(void)length;
	return sim_accept(fd, NULL);
}

void co_descriptor_close(int fd)
{
	sim_close(fd);
}
