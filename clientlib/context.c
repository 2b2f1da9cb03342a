/* SPDX-License-Identifier: MIT
 *
 * context.c - contexts: a tree whose cancellation goes down.
 *
 * A child holds a reference to its parent; a parent's list of children is weak, a child leaves it when it goes. One
 * lock guards all trees: it is held for short steps, and fork() can hold it. Deadlines need no timer: a child's is
 * never later than its parent's, so each context tells by the clock alone whether it has passed.
 */
#include "clientlib/context.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "clientlib/clock.h"
#include "clientlib/error.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct baton_context {
	atomic_uint references;
	baton_context *parent;       /* a reference */
	struct list children;        /* under the lock */
	struct list sibling;         /* in the parent's children */
	struct list watches;         /* under the lock */
	_Atomic(const char *) cause; /* NULL until cancelled; static, or `own_cause` of this one or of an ancestor */
	char *own_cause;
	int64_t deadline; /* monotonic */
};

static const char canceled[] = "context canceled";
static const char exceeded[] = "context deadline exceeded";

/* ---- making ------------------------------------------------------------------------------------------------------ */

static int64_t deadline_of(const baton_context *context)
{
	return context != NULL ? context->deadline : INT64_MAX;
}

int baton_with_deadline(baton_context *parent, int64_t monotonic_ns, baton_context **ret)
{
	baton_context *context = memory_zalloc(sizeof(*context));

	if (context == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	atomic_init(&context->references, 1);
	list_init(&context->children);
	list_init(&context->sibling);
	list_init(&context->watches);
	context->parent = baton_context_ref(parent);
	context->deadline = monotonic_ns < deadline_of(parent) ? monotonic_ns : deadline_of(parent);
	atomic_init(&context->cause, NULL);
	if (parent != NULL) {
		pthread_mutex_lock(&lock);
		list_add_tail(&parent->children, &context->sibling);
		atomic_store(&context->cause, atomic_load(&parent->cause));
		pthread_mutex_unlock(&lock);
	}
	*ret = context;
	return BATON_OK;
}

int baton_with_timeout(baton_context *parent, int64_t timeout_ns, baton_context **ret)
{
	return baton_with_deadline(parent, clock_after(clock_monotonic(), timeout_ns > 0 ? timeout_ns : 0), ret);
}

int baton_with_cancel(baton_context *parent, baton_context **ret)
{
	return baton_with_deadline(parent, INT64_MAX, ret);
}

baton_context *baton_context_ref(baton_context *context)
{
	if (context != NULL)
		atomic_fetch_add(&context->references, 1);
	return context;
}

/* The chain of parents is walked, not recursed into: it may be long. */
baton_context *baton_context_unref(baton_context *context)
{
	while (context != NULL && atomic_fetch_sub(&context->references, 1) == 1) {
		baton_context *parent = context->parent;

		pthread_mutex_lock(&lock);
		list_remove(&context->sibling);
		pthread_mutex_unlock(&lock);
		memory_free(context->own_cause);
		memory_free(context);
		context = parent;
	}
	return NULL;
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

/* A context as it is cancelled in its turn, before its watchers hear of it. */
static void cancel_one(baton_context *context, const char *cause)
{
	atomic_store(&context->cause, cause);
	while (!list_is_empty(&context->watches)) {
		struct context_watch *watch = container_of(context->watches.next, struct context_watch, link);

		list_remove(&watch->link);
		watch->on_cancel(watch);
	}
}

/* The node behind CONTEXT in a walk of the tree below TOP, parents before children; NULL at its end. */
static baton_context *next_below(baton_context *top, baton_context *context)
{
	if (!list_is_empty(&context->children))
		return container_of(context->children.next, baton_context, sibling);
	for (; context != top; context = context->parent)
		if (context->sibling.next != &context->parent->children)
			return container_of(context->sibling.next, baton_context, sibling);
	return NULL;
}

static bool has_passed(const baton_context *context)
{
	return context->deadline != INT64_MAX && clock_monotonic() >= context->deadline;
}

/* A child cancelled earlier keeps its own cause, and so does all below it. */
void baton_cancel(baton_context *context, const char *cause)
{
	char *copy = NULL;

	if (context == NULL || has_passed(context))
		return;
	if (cause != NULL)
		copy = memory_copy(cause, strlen(cause)); /* NULL: the usual cause stands in */
	pthread_mutex_lock(&lock);
	if (atomic_load(&context->cause) == NULL) {
		context->own_cause = copy;
		cause = copy != NULL ? copy : canceled;
		copy = NULL;
		for (baton_context *at = context; at != NULL; at = next_below(context, at))
			if (atomic_load(&at->cause) == NULL && !has_passed(at))
				cancel_one(at, cause);
	}
	pthread_mutex_unlock(&lock);
	memory_free(copy);
}

int baton_context_error(baton_context *context)
{
	if (context == NULL)
		return BATON_OK;
	if (atomic_load(&context->cause) != NULL)
		return BATON_ECANCELED;
	return has_passed(context) ? BATON_EDEADLINE : BATON_OK;
}

const char *baton_context_cause(baton_context *context)
{
	const char *cause = context != NULL ? atomic_load(&context->cause) : NULL;

	if (cause != NULL)
		return cause;
	return context != NULL && has_passed(context) ? exceeded : NULL;
}

int64_t context_deadline(const baton_context *context)
{
	return deadline_of(context);
}

/* ---- watching ---------------------------------------------------------------------------------------------------- */

bool context_watch(baton_context *context, struct context_watch *watch)
{
	bool lives;

	list_init(&watch->link);
	if (context == NULL)
		return false;
	pthread_mutex_lock(&lock);
	lives = atomic_load(&context->cause) == NULL;
	if (lives)
		list_add_tail(&context->watches, &watch->link);
	pthread_mutex_unlock(&lock);
	return lives;
}

void context_unwatch(struct context_watch *watch)
{
	pthread_mutex_lock(&lock);
	list_remove(&watch->link);
	pthread_mutex_unlock(&lock);
}

void context_lock_for_fork(void)
{
	pthread_mutex_lock(&lock);
}

void context_unlock_after_fork(void)
{
	pthread_mutex_unlock(&lock);
}
