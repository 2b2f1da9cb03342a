/* SPDX-License-Identifier: MIT
 *
 * context.c - a context of the runtime with an id, an owner, values, children to list, and those who wait for its end.
 *
 * Invariants
 *  1. `is_over` follows the runtime's word: who ends the runtime's context calls on_end(), once, before the cancel
 *     returns. From then on nobody owns it and nobody waits for it.
 *  2. A child has a reference to its parent; a parent's list has none to its children: one that is going is passed
 * over.
 *  3. id, parent, deadline and values never change.
 * Locking: object.lock; a parent's before its child's is never needed. context_cancel() under no lock.
 */
#include "daemon/objects/context.h"

#include <string.h>

#include "base/memory.h"
#include "daemon/objects/transition.h"

#define STEP 256u

/* A place in a list of children: a child's, or where somebody goes over them. */
struct place {
	struct list link;
	bool is_child;
};

struct pair {
	char *key;
	struct message *value;
};

struct context {
	struct object object;
	uint64_t id;
	struct co_context *runtime; /* a reference */
	struct context *parent;     /* a reference, or NULL */
	struct co_context_call at_end;
	void (*ended)(struct context *context);
	struct hold hold; /* its maker's, unless it is detached or over */
	struct co_waitq waiters;
	bool is_over;
	struct list children; /* of struct place */
	uint64_t last_child;
	uint64_t child_count;
	struct place sibling; /* under the parent's lock, as is: */
	uint64_t number;
	struct context_places places;
	size_t pair_count;
	struct pair pairs[];
};

struct object *context_object(struct context *context)
{
	return &context->object;
}

struct context *context_of(struct object *object)
{
	return container_of(object, struct context, object);
}

uint64_t context_id(const struct context *context)
{
	return context->id;
}

struct context *context_parent(const struct context *context)
{
	return context->parent;
}

struct co_context *context_runtime(const struct context *context)
{
	return context->runtime;
}

uint64_t context_number(const struct context *context)
{
	return context->number;
}

struct context_places *context_places(struct context *context)
{
	return &context->places;
}

struct context *context_at(struct context_places *places)
{
	return container_of(places, struct context, places);
}

int context_error(const struct context *context)
{
	switch (co_context_error(context->runtime)) {
	case 0:
		return OBJECT_OK;
	case CO_EDEADLINE:
		return OBJECT_EDEADLINE;
	default:
		return OBJECT_ECANCELED;
	}
}

bool context_is_owned(struct context *context)
{
	bool is_owned;

	co_spin_lock(&context->object.lock);
	is_owned = context->hold.owner != NULL;
	co_spin_unlock(&context->object.lock);
	return is_owned;
}

bool context_is_below(const struct context *context, const struct context *ancestor)
{
	while (context != NULL && context != ancestor)
		context = context->parent;
	return context != NULL;
}

/* ---- making and freeing ------------------------------------------------------------------------------------------ */

/* Frees CONTEXT itself. Its reference to the parent is left to the caller. */
static void dispose(struct context *context)
{
	for (size_t i = 0; i < context->pair_count; i++) {
		memory_free(context->pairs[i].key);
		message_unref(context->pairs[i].value);
	}
	co_context_unref(context->runtime);
	object_done(&context->object);
	memory_free(context);
}

void context_leave_parent(struct context *context)
{
	struct context *parent = context->parent;

	if (parent == NULL)
		return;
	co_spin_lock(&parent->object.lock);
	if (list_is_linked(&context->sibling.link)) {
		list_remove(&context->sibling.link);
		parent->child_count--;
	}
	co_spin_unlock(&parent->object.lock);
}

/* A chain of parents may be longer than any stack. */
static void context_free(struct object *object)
{
	struct context *context = context_of(object);

	while (context != NULL) {
		struct context *parent = context->parent;

		context_leave_parent(context);
		dispose(context);
		context = parent != NULL && object_let_go(&parent->object) ? parent : NULL;
	}
}

/* Copies the values into CONTEXT, which has room for them. */
static int take_values(struct context *context, const struct context_options *options)
{
	for (size_t i = 0; i < options->value_count; i++) {
		struct pair *pair = &context->pairs[i];

		pair->key = memory_copy(options->values[i].key, strlen(options->values[i].key));
		if (pair->key == NULL)
			return OBJECT_ENOMEM;
		pair->value = message_ref(options->values[i].value);
		context->pair_count++;
	}
	return OBJECT_OK;
}

static void on_end(struct co_context_call *call);

int context_new(const char *name, const struct context_options *options, struct context **ret)
{
	struct context *context = memory_zalloc(sizeof(*context) + options->value_count * sizeof(context->pairs[0]));
	struct co_context *above = options->parent != NULL ? options->parent->runtime : NULL;
	int r;

	if (context == NULL)
		return OBJECT_ENOMEM;
	r = take_values(context, options);
	if (r == OBJECT_OK && co_with_deadline(above, options->deadline_ns, &context->runtime) != 0)
		r = OBJECT_ENOMEM;
	if (r == OBJECT_OK)
		r = object_init(&context->object, &context_type, name);
	if (r != OBJECT_OK) {
		dispose(context);
		return r;
	}
	context->id = options->id;
	context->ended = options->ended;
	context->at_end.ended = on_end;
	list_init(&context->at_end.link);
	list_init(&context->children);
	list_init(&context->sibling.link);
	list_init(&context->places.recent);
	context->sibling.is_child = true;
	list_init(&context->hold.link);
	context->hold.object = &context->object;
	context->hold.step = RELEASE_CONTEXTS;
	if (options->parent != NULL) {
		object_ref(&options->parent->object);
		context->parent = options->parent;
	}
	*ret = context;
	return OBJECT_OK;
}

static void join_parent(struct context *context)
{
	struct context *parent = context->parent;

	if (parent == NULL)
		return;
	co_spin_lock(&parent->object.lock);
	context->number = ++parent->last_child;
	parent->child_count++;
	list_add_tail(&parent->children, &context->sibling.link);
	co_spin_unlock(&parent->object.lock);
}

int context_start(struct context *context, struct owner *owner)
{
	int r = OBJECT_OK;

	join_parent(context);
	co_spin_lock(&context->object.lock);
	context->hold.since_ns = co_now_cached();
	if (owner != NULL && !owner_take(owner, &context->hold))
		r = OBJECT_EENDED;
	(void)transition_commit_one(TRANSITION_CONTEXT_MADE, &context->object);
	co_spin_unlock(&context->object.lock);
	if (!co_context_add_call(context->runtime, &context->at_end))
		on_end(&context->at_end);
	if (r != OBJECT_OK)
		context_cancel(context, "session ended");
	return r;
}

/* ---- its end ----------------------------------------------------------------------------------------------------- */

/* Wakes up to STEP of those who wait. Under the lock. True if there are more. */
static bool wake_some(struct context *context)
{
	struct co_waiter *waiter;

	for (unsigned i = 0; i < STEP && (waiter = co_waitq_pop(&context->waiters)) != NULL; i++)
		if (co_wait_claim(waiter->wait, waiter, OBJECT_OK))
			co_wait_ready(waiter->wait);
	return co_waitq_first(&context->waiters) != NULL;
}

static void on_end(struct co_context_call *call)
{
	struct context *context = container_of(call, struct context, at_end);
	bool more;

	co_spin_lock(&context->object.lock);
	context->is_over = true;
	if (context->hold.owner != NULL)
		owner_drop(&context->hold);
	(void)transition_commit_one(TRANSITION_CONTEXT_ENDED, &context->object);
	co_spin_unlock(&context->object.lock);
	do {
		co_spin_lock(&context->object.lock);
		more = wake_some(context);
		co_spin_unlock(&context->object.lock);
	} while (more);
	if (context->ended != NULL)
		context->ended(context);
}

void context_cancel(struct context *context, const char *cause)
{
	co_cancel(context->runtime, cause);
}

static void context_release(struct object *object, enum release_step step, uint64_t token, int64_t now_ns)
{
	(void)step;
	(void)token;
	(void)now_ns;
	context_cancel(context_of(object), "session ended");
}

/* ---- waiting for it ---------------------------------------------------------------------------------------------- */

int context_wait(struct context *context, struct entry *entry)
{
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	co_spin_lock(&context->object.lock);
	if (!context->is_over) {
		entry_begin(entry, "context done");
		co_waitq_push(&context->waiters, &entry->seat.waiter, &entry->wait);
		r = entry_park(entry, &context->object.lock);
		co_spin_lock(&context->object.lock);
		co_waitq_remove(&context->waiters, &entry->seat.waiter);
	}
	co_spin_unlock(&context->object.lock);
	return r;
}

static int attempt_done(struct object *object, struct seat *seat)
{
	(void)seat;
	return context_of(object)->is_over ? OBJECT_OK : OBJECT_EWOULDBLOCK;
}

static void join_waiters(struct object *object, struct seat *seat)
{
	co_waitq_push(&context_of(object)->waiters, &seat->waiter, &seat->entry->wait);
}

static void leave_waiters(struct object *object, struct seat *seat, bool again)
{
	(void)again;
	co_waitq_remove(&context_of(object)->waiters, &seat->waiter);
}

const struct case_type context_done_case = {
	.attempt = attempt_done,
	.join = join_waiters,
	.leave = leave_waiters,
};

/* ---- looking ----------------------------------------------------------------------------------------------------- */

struct message *context_value(const struct context *context, const char *key)
{
	for (; context != NULL; context = context->parent)
		for (size_t i = context->pair_count; i > 0; i--)
			if (strcmp(context->pairs[i - 1].key, key) == 0)
				return message_ref(context->pairs[i - 1].value);
	return NULL;
}

/* A step over the children from MARK on, which moves along. Under the lock. True if there is more to go over. */
static bool go_over_some(struct context *context, struct place *mark, uint64_t after, size_t limit,
	struct context **ret, size_t *count, bool *ret_more)
{
	for (unsigned i = 0; i < STEP && mark->link.next != &context->children; i++) {
		struct list *at = mark->link.next;
		struct context *child = container_of(at, struct context, sibling.link);

		list_remove(&mark->link);
		list_add_tail(at->next, &mark->link);
		if (!container_of(at, struct place, link)->is_child || child->number <= after ||
			!object_try_ref(&child->object))
			continue;
		if (*count == limit) {
			*ret_more = true;
			ret[limit] = child; /* not wanted: its reference is given back without the lock */
			return false;
		}
		ret[(*count)++] = child;
	}
	return mark->link.next != &context->children;
}

size_t context_children(struct context *context, uint64_t after, size_t limit, struct context **ret, bool *ret_more)
{
	struct place mark = {.is_child = false};
	size_t count = 0;
	bool more;

	*ret_more = false;
	list_init(&mark.link);
	co_spin_lock(&context->object.lock);
	list_add_tail(context->children.next, &mark.link);
	do {
		more = go_over_some(context, &mark, after, limit, ret, &count, ret_more);
		if (more) {
			co_spin_unlock(&context->object.lock);
			co_spin_lock(&context->object.lock);
		}
	} while (more);
	list_remove(&mark.link);
	co_spin_unlock(&context->object.lock);
	if (*ret_more)
		object_unref(&ret[limit]->object);
	return count;
}

static void context_describe(struct object *object, struct object_description *ret)
{
	struct context *context = context_of(object);
	const char *const states[] = {
		[-OBJECT_OK] = "live", [-OBJECT_ECANCELED] = "canceled", [-OBJECT_EDEADLINE] = "deadline exceeded"};

	*ret = (struct object_description){0};
	co_spin_lock(&object->lock);
	ret->holders = context->hold.owner != NULL;
	ret->waiters = (uint32_t)context->waiters.length;
	ret->length = context->child_count;
	(void)memccpy(ret->state, states[-context_error(context)], '\0', sizeof(ret->state));
	co_spin_unlock(&object->lock);
}

static void context_visit_parties(
	struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	struct context *context = context_of(object);
	const struct hold *hold = &context->hold;
	bool more = true;

	co_spin_lock(&object->lock);
	if (hold->owner != NULL)
		more = visit(
			&(struct object_party){.role = "owner", .owner = hold->owner, .since_ns = hold->since_ns}, arg);
	if (more)
		(void)entry_visit_waiters(&context->waiters, "waiter", visit, arg);
	co_spin_unlock(&object->lock);
}

const struct object_type context_type = {
	.kind = OBJECT_CONTEXT,
	.name = "ctx",
	.release = context_release,
	.describe = context_describe,
	.visit_parties = context_visit_parties,
	.free = context_free,
};
