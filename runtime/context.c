/* SPDX-License-Identifier: MIT
 *
 * context.c - the tree of contexts, and how its ends reach the waits bound to them.
 *
 * A context ends once. Whoever ends it marks it and everything below it first (a marked context takes no more waits),
 * then claims the waits, at most STEP per lock hold, and at last declares the marked ones settled. Who finds a context
 * marked but not settled waits for that: so when co_cancel returns, every wait below has been claimed.
 *
 * `references` counts owners and children; the last one takes the context out of the tree. `memory` counts who may
 * still look at it: all of the former as one, its armed timer, a cancellation on its way through.
 *
 * Invariants: error changes once, from 0; a context with an error has no waits once it is settled; a child is in its
 * parent's `children` (or, once the parent was marked, `marked_children`) until its last reference goes.
 * Lock order: a watch_lock, then parent before child; under a context's lock only a wait's claim.
 */
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/co.h"
#include "runtime/local.h"
#include "runtime/sched.h"
#include "runtime/timer.h"
#include "runtime/wait.h"

enum {
	STEP = 256,
	CAUSE_BYTES = 128,
	KEPT_MAX = 256, /* contexts whose memory a P keeps */
};

struct co_context {
	struct co_spin lock;
	atomic_int error; /* 0 while it lives; written under lock */
	atomic_bool settled;
	atomic_uint references;
	atomic_uint memory;
	struct co_context *parent;      /* a reference; NULL at the root of a tree */
	struct list sibling;            /* under the parent's lock */
	struct list children;           /* under lock */
	struct list marked_children;    /* under lock */
	struct list waits;              /* struct co_wait.context_link, under lock */
	struct list calls;              /* struct co_context_call.link, under lock */
	bool is_watched;                /* under lock: there is, was or will be somebody in `watchers` */
	bool has_company;               /* as it was marked: there are waits, calls or watchers; its marker's */
	struct co_spin watch_lock;      /* taken before any context's lock */
	struct co_waitq watchers;       /* waits for its end, whatever context they are under; under watch_lock */
	struct co_context *next_marked; /* owned by who marked it */
	int64_t deadline;
	struct co_timer timer;
	atomic_bool has_timer; /* the timer holds `memory`; who sets it to false lets go of that */
	const void *key;
	void *value;
	char cause[CAUSE_BYTES]; /* its deadline's until it ends; written before error */
};

int co_context_error(struct co_context *context)
{
	return context != NULL ? atomic_load_explicit(&context->error, memory_order_acquire) : 0;
}

const char *co_context_cause(struct co_context *context)
{
	return co_context_error(context) != 0 ? context->cause : NULL;
}

int64_t co_context_deadline(const struct co_context *context)
{
	return context != NULL ? context->deadline : CO_NEVER;
}

void *co_context_value(const struct co_context *context, const void *key)
{
	for (; context != NULL; context = context->parent)
		if (context->key != NULL && context->key == key)
			return context->value;
	return NULL;
}

/* ---- references ------------------------------------------------------------------------------ */

/* Gives one back; true if it was the last. Where there is one, nobody else has any to make more of. */
static bool drop(atomic_uint *count)
{
	return atomic_load_explicit(count, memory_order_acquire) == 1 ||
	       atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1;
}

/* A context's memory, from what this P has kept or new; not on a thread that is none, and not where ASan is to see it
 * freed. */
static struct co_context *get_memory(void)
{
	struct co_m *m = CO_ASAN ? NULL : co_m_self();
	struct co_context *context;

	if (m == NULL || m->p->contexts.first == NULL)
		return memory_alloc(sizeof(*context));
	context = m->p->contexts.first;
	m->p->contexts.first = context->next_marked;
	m->p->contexts.count--;
	return context;
}

static void put_memory(struct co_context *context)
{
	struct co_m *m = CO_ASAN ? NULL : co_m_self();

	if (m == NULL || m->p->contexts.count == KEPT_MAX) {
		memory_free(context);
		return;
	}
	context->next_marked = m->p->contexts.first;
	m->p->contexts.first = context;
	m->p->contexts.count++;
}

void co_contexts_forget(struct co_p *p)
{
	struct co_context *context;

	while ((context = p->contexts.first) != NULL) {
		p->contexts.first = context->next_marked;
		memory_free(context);
	}
	p->contexts.count = 0;
}

static void drop_memory(struct co_context *context)
{
	if (drop(&context->memory))
		put_memory(context);
}

struct co_context *co_context_ref(struct co_context *context)
{
	if (context != NULL)
		atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
	return context;
}

/* Stops the timer and lets go of its hold on the memory, unless it has begun to fire and will do so itself. */
static void stop_timer(struct co_context *context)
{
	if (atomic_load_explicit(&context->has_timer, memory_order_relaxed) &&
		atomic_exchange(&context->has_timer, false) &&
		(co_timer_stop(&context->timer) || !co_timer_has_fired(&context->timer)))
		drop_memory(context);
}

struct co_context *co_context_unref(struct co_context *context)
{
	while (context != NULL && drop(&context->references)) {
		struct co_context *parent = context->parent;

		if (parent != NULL) {
			co_spin_lock(&parent->lock);
			list_remove(&context->sibling);
			co_spin_unlock(&parent->lock);
		}
		stop_timer(context);
		drop_memory(context);
		context = parent;
	}
	return NULL;
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void set_cause(struct co_context *context, const char *cause)
{
	size_t length = strnlen(cause, CAUSE_BYTES - 1);

	memcpy(context->cause, cause, length);
	context->cause[length] = '\0';
}

/* Marks CONTEXT, whose lock is held, as ended, and adds it to the list that ends at *LAST. CAUSE is NULL where it is
 * its own deadline's. */
static void mark(struct co_context *context, int error, const char *cause, struct co_context ***last)
{
	if (cause != NULL)
		set_cause(context, cause);
	atomic_store_explicit(&context->error, error, memory_order_release);
	context->has_company =
		context->is_watched || !list_is_empty(&context->waits) || !list_is_empty(&context->calls);
	context->next_marked = NULL;
	**last = context;
	*last = &context->next_marked;
}

static void wait_settled(struct co_context *context)
{
	while (!atomic_load_explicit(&context->settled, memory_order_acquire))
		sched_yield();
}

/* Marks up to STEP children of CONTEXT; true if there may be more. */
static bool mark_some_children(struct co_context *context, struct co_context ***last)
{
	int error = co_context_error(context);
	struct list *link = NULL;

	co_spin_lock(&context->lock);
	for (int i = 0; i < STEP && (link = list_pop_head(&context->children)) != NULL; i++) {
		struct co_context *child = container_of(link, struct co_context, sibling);
		bool marked_before;

		list_add_tail(&context->marked_children, link);
		co_spin_lock(&child->lock);
		marked_before = co_context_error(child) != 0;
		if (!marked_before) {
			atomic_fetch_add_explicit(&child->memory, 1, memory_order_relaxed);
			mark(child, error, context->cause, last);
		}
		co_spin_unlock(&child->lock);
		if (marked_before)
			wait_settled(child);
	}
	co_spin_unlock(&context->lock);
	return link != NULL;
}

static struct co_wait *pop_wait(struct co_context *context)
{
	struct list *link = list_pop_head(&context->waits);

	return link != NULL ? container_of(link, struct co_wait, context_link) : NULL;
}

static struct co_wait *pop_watcher(struct co_context *context)
{
	struct co_waiter *watcher = co_waitq_pop(&context->watchers);

	return watcher != NULL ? watcher->wait : NULL;
}

/* Claims up to STEP of the waits that POP gives under LOCK, and readies them after it; true if there may be more. */
static bool claim_some(struct co_context *context, struct co_spin *lock, struct co_wait *(*pop)(struct co_context *))
{
	int error = co_context_error(context);
	struct co_wait *claimed = NULL;
	struct co_wait **last = &claimed;
	struct co_wait *wait = NULL;

	co_spin_lock(lock);
	for (int i = 0; i < STEP && (wait = pop(context)) != NULL; i++) {
		if (!co_wait_claim(wait, NULL, error))
			continue;
		wait->next_claimed = NULL;
		*last = wait;
		last = &wait->next_claimed;
	}
	co_spin_unlock(lock);
	while (claimed != NULL) {
		struct co_wait *next = claimed->next_claimed;

		co_wait_ready(claimed);
		claimed = next;
	}
	return wait != NULL;
}

static void claim_waits(struct co_context *context)
{
	while (claim_some(context, &context->lock, pop_wait))
		;
	while (claim_some(context, &context->watch_lock, pop_watcher))
		;
}

static void make_calls(struct co_context *context)
{
	struct list *link;

	do {
		co_spin_lock(&context->lock);
		link = list_pop_head(&context->calls);
		co_spin_unlock(&context->lock);
		if (link != NULL) {
			struct co_context_call *call = container_of(link, struct co_context_call, link);

			call->ended(call);
		}
	} while (link != NULL);
}

/* CAUSE as for mark. The caller sees to it that CONTEXT stays; those below it are held here. */
static void end(struct co_context *context, int error, const char *cause)
{
	struct co_context *marked = NULL;
	struct co_context **last = &marked;
	bool marked_before;

	co_spin_lock(&context->lock);
	marked_before = co_context_error(context) != 0;
	if (!marked_before)
		mark(context, error, cause, &last);
	co_spin_unlock(&context->lock);
	if (marked_before) {
		wait_settled(context);
		return;
	}
	for (struct co_context *at = marked; at != NULL; at = at->next_marked)
		while (mark_some_children(at, &last))
			;
	for (struct co_context *at = marked; at != NULL; at = at->next_marked) {
		if (at->has_company) { /* nobody joins it any more */
			claim_waits(at);
			make_calls(at);
		}
	}
	while (marked != NULL) {
		struct co_context *next = marked->next_marked;

		stop_timer(marked);
		atomic_store_explicit(&marked->settled, true, memory_order_release);
		if (marked != context)
			drop_memory(marked);
		marked = next;
	}
}

void co_cancel(struct co_context *context, const char *cause)
{
	if (context != NULL)
		end(context, CO_ECANCELED, cause != NULL ? cause : co_strerror(CO_ECANCELED));
}

static void deadline_passed(struct co_timer *timer)
{
	struct co_context *context = container_of(timer, struct co_context, timer);

	end(context, CO_EDEADLINE, NULL);
	drop_memory(context);
}

/* ---- deriving -------------------------------------------------------------------------------- */

/* A context that is in no tree yet. */
static struct co_context *new_context(struct co_context *parent)
{
	struct co_context *context = get_memory();

	if (context == NULL)
		return NULL;
	memset(context, 0, offsetof(struct co_context, cause));
	atomic_init(&context->references, 1);
	atomic_init(&context->memory, 1);
	list_init(&context->sibling);
	list_init(&context->children);
	list_init(&context->marked_children);
	list_init(&context->waits);
	list_init(&context->calls);
	context->parent = co_context_ref(parent);
	context->deadline = co_context_deadline(parent);
	return context;
}

/* Puts CONTEXT under its parent; where that has ended, CONTEXT is born ended. */
static void join_parent(struct co_context *context)
{
	struct co_context *parent = context->parent;
	int error;

	if (parent == NULL)
		return;
	co_spin_lock(&parent->lock);
	error = co_context_error(parent);
	if (error == 0)
		list_add_tail(&parent->children, &context->sibling);
	co_spin_unlock(&parent->lock);
	if (error != 0)
		end(context, error, parent->cause);
}

int co_with_cancel(struct co_context *parent, struct co_context **ret)
{
	struct co_context *context = new_context(parent);

	if (context == NULL)
		return CO_ENOMEM;
	join_parent(context);
	*ret = context;
	return 0;
}

int co_with_value(struct co_context *parent, const void *key, void *value, struct co_context **ret)
{
	struct co_context *context = new_context(parent);

	if (context == NULL)
		return CO_ENOMEM;
	context->key = key;
	context->value = value;
	join_parent(context);
	*ret = context;
	return 0;
}

int co_without_cancel(struct co_context *parent, struct co_context **ret)
{
	struct co_context *context = new_context(parent);

	if (context == NULL)
		return CO_ENOMEM;
	context->deadline = CO_NEVER;
	*ret = context;
	return 0;
}

/* As co_with_deadline_cause; it is NOW. */
static int with_deadline(
	struct co_context *parent, int64_t deadline_ns, int64_t now, const char *cause, struct co_context **ret)
{
	struct co_context *context = new_context(parent);
	int r;

	if (context == NULL)
		return CO_ENOMEM;
	if (deadline_ns < context->deadline) {
		context->deadline = deadline_ns;
		set_cause(context, cause != NULL ? cause : co_strerror(CO_EDEADLINE));
		if (deadline_ns <= now) {
			end(context, CO_EDEADLINE, NULL);
		} else {
			context->timer.fired = deadline_passed;
			atomic_init(&context->memory, 2);
			r = co_timer_start(&context->timer, deadline_ns);
			if (r != 0) {
				drop_memory(context);
				co_context_unref(context);
				return r;
			}
			atomic_store_explicit(&context->has_timer, true, memory_order_release);
		}
	}
	join_parent(context);
	*ret = context;
	return 0;
}

int co_with_deadline_cause(struct co_context *parent, int64_t deadline_ns, const char *cause, struct co_context **ret)
{
	return with_deadline(parent, deadline_ns, co_now(), cause, ret);
}

int co_with_deadline(struct co_context *parent, int64_t deadline_ns, struct co_context **ret)
{
	return co_with_deadline_cause(parent, deadline_ns, NULL, ret);
}

int co_with_timeout_cause(struct co_context *parent, int64_t timeout_ns, const char *cause, struct co_context **ret)
{
	const int64_t now = co_now();

	return with_deadline(parent, co_deadline_after(now, timeout_ns), now, cause, ret);
}

int co_with_timeout(struct co_context *parent, int64_t timeout_ns, struct co_context **ret)
{
	return co_with_timeout_cause(parent, timeout_ns, NULL, ret);
}

/* ---- waiting --------------------------------------------------------------------------------- */

int co_context_bind(struct co_context *context, struct co_wait *wait)
{
	int error;

	co_spin_lock(&context->lock);
	error = co_context_error(context);
	if (error == 0)
		list_add_tail(&context->waits, &wait->context_link);
	co_spin_unlock(&context->lock);
	return error;
}

void co_context_unbind(struct co_context *context, struct co_wait *wait)
{
	co_spin_lock(&context->lock);
	list_remove(&wait->context_link);
	co_spin_unlock(&context->lock);
}

bool co_context_add_call(struct co_context *context, struct co_context_call *call)
{
	bool added;

	co_spin_lock(&context->lock);
	added = co_context_error(context) == 0;
	if (added)
		list_add_tail(&context->calls, &call->link);
	co_spin_unlock(&context->lock);
	return added;
}

bool co_context_remove_call(struct co_context *context, struct co_context_call *call)
{
	bool removed;

	co_spin_lock(&context->lock);
	removed = list_is_linked(&call->link);
	list_remove(&call->link);
	co_spin_unlock(&context->lock);
	return removed;
}

int co_context_done(struct co_context *done, struct co_context *context)
{
	struct co_waiter watcher = {.queued = false};
	struct co_wait wait;
	int r;

	co_wait_init(&wait, "context done");
	if (done == NULL)
		return co_wait_park(&wait, context, CO_NEVER, NULL);
	co_spin_lock(&done->lock);
	done->is_watched = true; /* who ends it from now on looks at the watchers */
	co_spin_unlock(&done->lock);
	co_spin_lock(&done->watch_lock);
	r = co_context_error(done);
	if (r != 0) {
		co_spin_unlock(&done->watch_lock);
		return r;
	}
	co_waitq_push(&done->watchers, &watcher, &wait);
	r = co_wait_park(&wait, context, CO_NEVER, &done->watch_lock);
	co_spin_lock(&done->watch_lock);
	co_waitq_remove(&done->watchers, &watcher);
	co_spin_unlock(&done->watch_lock);
	return r;
}
