/* SPDX-License-Identifier: MIT
 *
 * snapshot.c - asking a thread what it runs.
 *
 * One question at a time. Invariant: only who moved `state` from ASKED on may touch `answer` before it is DONE or NONE:
 * the thread that was asked by TAKEN, the asker by giving up.
 */
#include "runtime/snapshot.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "runtime/futex.h"
#include "runtime/local.h"
#include "runtime/sched.h"

#define PATIENCE_NS CO_SECOND

enum {
	NONE,
	ASKED,
	TAKEN,
	DONE,
};

static struct {
	struct sigaction former;
	atomic_uint state;          /* a futex */
	struct co_m *_Atomic asked; /* written in the state NONE */
	struct co_snapshot answer;
} question;

static void on_question(int signal, siginfo_t *info, void *machine)
{
	struct co_m *m = co_m_self();
	void *frames[CO_FRAMES_MAX];
	unsigned state = ASKED;
	int error = errno;
	int count;

	(void)signal;
	(void)info;
	(void)machine;
	if (m == NULL || atomic_load(&question.asked) != m ||
		!atomic_compare_exchange_strong(&question.state, &state, TAKEN))
		return;
	question.answer.id = 0;
	question.answer.site = NULL;
	if (m->current != NULL) {
		question.answer.id = atomic_load_explicit(&m->current->id, memory_order_relaxed);
		question.answer.site = atomic_load_explicit(&m->current->site, memory_order_relaxed);
	}
	count = backtrace(frames, CO_FRAMES_MAX);
	question.answer.count = (size_t)count;
	for (int i = 0; i < count; i++)
		question.answer.frames[i] = (uintptr_t)frames[i];
	atomic_store(&question.state, DONE);
	co_futex_wake(&question.state);
	errno = error;
}

bool co_snapshot_take(struct co_m *m, struct co_snapshot *ret)
{
	int64_t until = co_now() + PATIENCE_NS;
	unsigned state = ASKED;

	atomic_store(&question.asked, m);
	atomic_store(&question.state, ASKED);
	if (pthread_kill(m->thread, SIGURG) != 0) {
		atomic_store(&question.state, NONE);
		return false;
	}
	while ((state = atomic_load(&question.state)) != DONE) {
		int64_t left = until - co_now();

		if (left > 0)
			co_futex_wait(&question.state, state, left);
		else if (state == TAKEN)
			co_futex_wait(&question.state, state, CO_MILLISECOND);
		else if (atomic_compare_exchange_strong(&question.state, &state, NONE))
			return false;
	}
	*ret = question.answer;
	atomic_store(&question.state, NONE);
	return true;
}

int co_snapshot_open(void)
{
	struct sigaction action = {.sa_sigaction = on_question, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
	void *frame;

	(void)backtrace(&frame, 1); /* the first call loads a library, which no handler must */
	(void)sigfillset(&action.sa_mask);
	return sigaction(SIGURG, &action, &question.former) == 0 ? 0 : -errno;
}

void co_snapshot_close(void)
{
	(void)sigaction(SIGURG, &question.former, NULL);
}
