/* SPDX-License-Identifier: MIT
 *
 * pending.c - calls to come, for Go's time.AfterFunc (see alarm.c) and context.AfterFunc.
 *
 * The coroutine that is to make the call is there from the start, without a stack and in no queue, so that nothing can
 * fail when the time has come. Two hold a struct co_pending: the caller, until it stops it, and the event, whose hold
 * passes to the coroutine, or to who takes the event back.
 *
 * Lock order: nothing is locked here.
 */
#include "runtime/pending.h"

#include "base/memory.h"
#include "runtime/local.h"
#include "runtime/sched.h"
#include "runtime/timer.h"
#include "runtime/wait.h"

struct co_pending {
	atomic_uint references;
	void (*function)(void *arg);
	void *arg;
	struct co *coroutine;
	struct co_context *context; /* a reference; NULL: a timer's, or the background's, which never ends */
	struct co_context_call call;
	struct co_timer timer;
};

static void unref(struct co_pending *pending)
{
	if (atomic_fetch_sub_explicit(&pending->references, 1, memory_order_acq_rel) != 1)
		return;
	co_context_unref(pending->context);
	memory_free(pending);
}

/* The coroutine's function. */
static void make_call(void *arg)
{
	struct co_pending *pending = arg;
	void (*function)(void *arg) = pending->function;
	void *function_arg = pending->arg;

	unref(pending);
	function(function_arg);
}

/* Lets the coroutine run. PENDING may be gone on return. */
static void begin(struct co_pending *pending)
{
	struct co_m *m = co_m_self();

	if (m != NULL)
		co_count(&m->p->spawned);
	else
		atomic_fetch_add_explicit(&co_runtime.handed_in, 1, memory_order_relaxed);
	co_make_runnable(pending->coroutine);
}

static void context_ended(struct co_context_call *call)
{
	begin(container_of(call, struct co_pending, call));
}

static void time_came(struct co_timer *timer)
{
	co_timer_set_ended(timer);
	begin(container_of(timer, struct co_pending, timer));
}

/* Gives the coroutine, which will not be needed, back. */
static void drop_coroutine(struct co_pending *pending)
{
	struct co_m *m = co_m_self();

	if (m != NULL) /* else the run is over, and the record is gone with it */
		co_record_put(&m->p->records, pending->coroutine);
}

int co_pending_new(void (*function)(void *arg), void *arg, const char *site, bool is_wanted, struct co_pending **ret)
{
	struct co_m *m = co_m_self();
	struct co_pending *pending;

	if (m == NULL)
		return CO_EINVAL;
	pending = memory_zalloc(sizeof(*pending));
	if (pending == NULL)
		return CO_ENOMEM;
	pending->coroutine = co_spawn(m->p, make_call, pending, site);
	if (pending->coroutine == NULL) {
		memory_free(pending);
		return CO_ENOMEM;
	}
	/* For reports it is not there yet. */
	atomic_store_explicit(&pending->coroutine->state, CO_STATE_FREE, memory_order_relaxed);
	atomic_init(&pending->references, is_wanted ? 2 : 1);
	pending->function = function;
	pending->arg = arg;
	list_init(&pending->call.link);
	*ret = pending;
	return 0;
}

int co_pending_arm(struct co_pending *pending, int64_t when, bool *ret_wake_poller)
{
	pending->timer.fired = time_came;
	return co_timer_arm(&pending->timer, when, ret_wake_poller);
}

void co_pending_drop(struct co_pending *pending)
{
	drop_coroutine(pending);
	memory_free(pending);
}

int co_context_after_func(struct co_context *context, void (*function)(void *arg), void *arg, struct co_pending **ret)
{
	struct co_pending *pending;
	int r = co_pending_new(function, arg, "co_context_after_func", ret != NULL, &pending);

	if (r != 0)
		return r;
	if (ret != NULL)
		*ret = pending;
	pending->context = co_context_ref(context);
	pending->call.ended = context_ended;
	if (context != NULL && !co_context_add_call(context, &pending->call))
		begin(pending);
	return 0;
}

bool co_pending_stop(struct co_pending *pending)
{
	bool stopped;

	if (pending == NULL)
		return false;
	if (pending->timer.fired != NULL)
		stopped = co_timer_stop(&pending->timer);
	else
		stopped = pending->context == NULL || co_context_remove_call(pending->context, &pending->call);
	if (stopped) {
		drop_coroutine(pending);
		unref(pending);
	}
	unref(pending);
	return stopped;
}
