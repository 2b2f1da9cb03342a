/* SPDX-License-Identifier: MIT
 *
 * blocking.c - calls that block the thread, on helper threads while the coroutine is parked.
 *
 * Threads are started when a job finds none idle, up to THREADS_MAX; they stay until the run ends, with all signals
 * blocked (they inherit the mask of the run's threads).
 *
 * Invariant: a job lies on its coroutine's stack, which stays parked until the job is done.
 * Lock: helpers.mutex guards everything here; a job runs without it.
 */
#include "runtime/blocking.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/co.h"
#include "runtime/local.h"
#include "runtime/sched.h"

enum { THREADS_MAX = 32 };

struct job {
	struct job *next;
	void (*function)(void *arg);
	void *arg;
	struct co_wait wait;
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t work;
	struct job *first;
	struct job *last;
	size_t queued;
	size_t idle;
	size_t count;
	bool ending;
	pthread_t threads[THREADS_MAX];
} helpers = {.mutex = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};

static struct job *pop_job(void)
{
	struct job *job = helpers.first;

	if (job != NULL) {
		helpers.first = job->next;
		helpers.queued--;
	}
	return job;
}

static void *help(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&helpers.mutex);
	while (!helpers.ending) {
		struct job *job = pop_job();

		if (job == NULL) {
			helpers.idle++;
			pthread_cond_wait(&helpers.work, &helpers.mutex);
			helpers.idle--;
			continue;
		}
		pthread_mutex_unlock(&helpers.mutex);
		job->function(job->arg);
		(void)co_wait_cancel(&job->wait, 0);
		pthread_mutex_lock(&helpers.mutex);
	}
	pthread_mutex_unlock(&helpers.mutex);
	return NULL;
}

/* Queues JOB, and sees that a thread will come to it. False if none can. */
static bool submit(struct job *job)
{
	bool will_run = true;

	pthread_mutex_lock(&helpers.mutex);
	if (helpers.queued >= helpers.idle && helpers.count < THREADS_MAX) {
		if (pthread_create(&helpers.threads[helpers.count], NULL, help, NULL) == 0)
			helpers.count++;
		else
			will_run = helpers.count > 0;
	}
	if (will_run) {
		job->next = NULL;
		if (helpers.first == NULL)
			helpers.first = job;
		else
			helpers.last->next = job;
		helpers.last = job;
		helpers.queued++;
		pthread_cond_signal(&helpers.work);
	}
	pthread_mutex_unlock(&helpers.mutex);
	return will_run;
}

int co_blocking(void (*function)(void *arg), void *arg)
{
	struct co_m *m = co_m_self();
	struct job job = {.function = function, .arg = arg};

	if (m == NULL || m->current == NULL)
		return CO_EINVAL;
	co_wait_init(&job.wait, "blocking call");
	if (!submit(&job))
		return CO_ENOMEM;
	co_outside_add(1);
	(void)co_wait_park(&job.wait, NULL, CO_NEVER, NULL);
	co_outside_add(-1);
	return 0;
}

size_t co_blocking_threads(void)
{
	size_t count;

	pthread_mutex_lock(&helpers.mutex);
	count = helpers.count;
	pthread_mutex_unlock(&helpers.mutex);
	return count;
}

void co_blocking_close(void)
{
	pthread_mutex_lock(&helpers.mutex);
	helpers.ending = true;
	pthread_cond_broadcast(&helpers.work);
	pthread_mutex_unlock(&helpers.mutex);
	for (size_t i = 0; i < helpers.count; i++)
		(void)pthread_join(helpers.threads[i], NULL);
	helpers.count = 0;
	helpers.first = NULL;
	helpers.queued = 0;
	helpers.ending = false;
}
