/* SPDX-License-Identifier: MIT
 *
 * contexts.c - the table of ids, and the contexts that have ended and are kept for a while.
 *
 * Invariants
 *  1. A context in the table has a reference by it. One that lives is in the table: so none is freed before it has
 * ended.
 *  2. `recent` has those of them that have ended, in the order in which they did. The timer is armed for the first.
 * A name that is made anew is taken from its former context in the registry; the table still has that one.
 */
#include "daemon/contexts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/limits.h"
#include "daemon/registry.h"

#define STEP 256u
#define ID_DIGITS 16u

static struct {
	struct co_spin lock;
	struct table by_id;
	struct list recent; /* of context_places, oldest first */
	size_t recent_count;
	struct co_timer timer;
	int64_t kept_ns;
	struct context *background;
	struct context *gone;
} contexts;

/* ---- ids --------------------------------------------------------------------------------------------------------- */

void contexts_format(uint64_t id, char text[CONTEXTS_TEXT_BYTES])
{
	(void)snprintf(text, CONTEXTS_TEXT_BYTES, "@%016llx", (unsigned long long)id);
}

bool contexts_is_id(const char *text)
{
	return text[0] == '@' && strspn(text + 1, "0123456789abcdef") == ID_DIGITS && text[1 + ID_DIGITS] == '\0';
}

static bool is_of_id(const struct table_link *link, const void *id)
{
	struct context_places *places = container_of(link, struct context_places, by_id);

	return context_id(context_at(places)) == *(const uint64_t *)id;
}

/* The context of ID, with a reference; NULL: none. Ids are random, so they are their own hashes. */
static struct context *find_id(uint64_t id)
{
	struct context *context = NULL;
	struct table_link *link;

	co_spin_lock(&contexts.lock);
	link = table_find(&contexts.by_id, id, is_of_id, &id);
	if (link != NULL) {
		context = context_at(container_of(link, struct context_places, by_id));
		object_ref(context_object(context));
	}
	co_spin_unlock(&contexts.lock);
	return context;
}

static uint64_t new_id(void)
{
	struct context *other;
	uint64_t id;

	do {
		co_random(&id, sizeof(id));
		other = find_id(id);
		if (other != NULL)
			object_unref(context_object(other));
	} while (id == 0 || other != NULL);
	return id;
}

/* Puts CONTEXT into the table. */
static void enter(struct context *context)
{
	struct context_places *places = context_places(context);
	struct table_link **unused;
	struct table_array spare;
	size_t wanted;

	object_ref(context_object(context));
	co_spin_lock(&contexts.lock);
	places->is_known = true;
	table_add(&contexts.by_id, &places->by_id, context_id(context));
	wanted = table_wants(&contexts.by_id);
	co_spin_unlock(&contexts.lock);
	if (wanted == 0)
		return;
	spare = table_spare(wanted);
	co_spin_lock(&contexts.lock);
	unused = table_grow(&contexts.by_id, spare);
	co_spin_unlock(&contexts.lock);
	memory_free(unused);
}

/* ---- forgetting -------------------------------------------------------------------------------------------------- */

/* Takes CONTEXT out of the table; the caller has its reference then. False: it was not there. Under the lock. */
static bool take_out(struct context *context)
{
	struct context_places *places = context_places(context);

	if (!places->is_known)
		return false;
	places->is_known = false;
	table_remove(&contexts.by_id, &places->by_id);
	if (list_is_linked(&places->recent)) {
		list_remove(&places->recent);
		contexts.recent_count--;
	}
	return true;
}

/* CONTEXT was taken out: no name leads to it any more either. */
static void forget(struct context *context)
{
	(void)registry_remove(context_object(context));
	context_leave_parent(context);
	object_unref(context_object(context));
}

/* The first that has ended, if it is to be forgotten by NOW_NS, taken out; NULL: none. */
static struct context *take_out_due(int64_t now_ns)
{
	struct context *context = NULL;

	co_spin_lock(&contexts.lock);
	if (!list_is_empty(&contexts.recent)) {
		struct context_places *first = container_of(contexts.recent.next, struct context_places, recent);

		if (now_ns >= first->ended_ns + contexts.kept_ns || contexts.recent_count > LIMIT_ENDED_CONTEXTS) {
			context = context_at(first);
			(void)take_out(context);
		}
	}
	co_spin_unlock(&contexts.lock);
	return context;
}

/* Arms the timer for the first that has ended. Without memory for it the next one that ends does. */
static void arm(void)
{
	int64_t when = CO_NEVER;

	co_spin_lock(&contexts.lock);
	if (contexts.recent_count > LIMIT_ENDED_CONTEXTS)
		when = co_now();
	else if (!list_is_empty(&contexts.recent))
		when = container_of(contexts.recent.next, struct context_places, recent)->ended_ns + contexts.kept_ns;
	co_spin_unlock(&contexts.lock);
	if (when != CO_NEVER)
		(void)co_timer_start(&contexts.timer, when);
}

static void forget_some(int64_t now_ns)
{
	struct context *context;

	for (unsigned i = 0; i < STEP && (context = take_out_due(now_ns)) != NULL; i++)
		forget(context);
}

static void on_timer(struct co_timer *timer)
{
	(void)timer;
	forget_some(co_now());
	arm();
}

/* A context has ended: it is kept for a while. */
static void on_ended(struct context *context)
{
	struct context_places *places = context_places(context);
	const int64_t now_ns = co_now();
	bool is_first = false;
	bool is_over_limit = false;

	co_spin_lock(&contexts.lock);
	if (places->is_known) {
		is_first = list_is_empty(&contexts.recent);
		places->ended_ns = now_ns;
		list_add_tail(&contexts.recent, &places->recent);
		is_over_limit = ++contexts.recent_count > LIMIT_ENDED_CONTEXTS;
	}
	co_spin_unlock(&contexts.lock);
	if (is_first || is_over_limit)
		(void)co_timer_start(&contexts.timer, is_over_limit ? now_ns : now_ns + contexts.kept_ns);
}

void contexts_delete(struct context *context)
{
	bool was_known;

	context_cancel(context, "deleted");
	co_spin_lock(&contexts.lock);
	was_known = take_out(context);
	co_spin_unlock(&contexts.lock);
	if (was_known)
		forget(context);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool is_background(const char *text)
{
	return *text == '\0' || strcmp(text, "background") == 0 || strcmp(text, "todo") == 0;
}

struct context *contexts_background(void)
{
	return contexts.background;
}

struct context *contexts_gone(void)
{
	return contexts.gone;
}

int contexts_find(const char *text, struct context **ret)
{
	struct object *object;

	if (is_background(text)) {
		*ret = contexts.background;
		object_ref(context_object(*ret));
		return OBJECT_OK;
	}
	if (contexts_is_id(text)) {
		*ret = find_id(strtoull(text + 1, NULL, 16));
		return *ret != NULL ? OBJECT_OK : CONTEXTS_EGONE;
	}
	object = registry_find(OBJECT_CONTEXT, text);
	if (object == NULL)
		return CONTEXTS_ENONE;
	*ret = context_of(object);
	return OBJECT_OK;
}

static int make_context(const char *name, void *options, struct object **ret)
{
	struct context *context;
	const int r = context_new(name, options, &context);

	if (r == OBJECT_OK)
		*ret = context_object(context);
	return r;
}

int contexts_make(const char *name, struct context_options *options, struct owner *owner, struct context **ret)
{
	char text[CONTEXTS_TEXT_BYTES];
	struct object *object;
	bool is_made = false;
	int r;

	if (*name != '\0' && (is_background(name) || name[0] == '@'))
		return CONTEXTS_ENAME;
	options->id = new_id();
	options->ended = on_ended;
	if (options->parent == NULL)
		options->parent = contexts.background;
	contexts_format(options->id, text);
	do {
		r = registry_open(
			OBJECT_CONTEXT, *name != '\0' ? name : text, make_context, options, &object, &is_made);
		if (r != OBJECT_OK)
			return r;
		if (!is_made) {
			if (context_error(context_of(object)) == 0)
				r = CONTEXTS_EEXISTS;
			else
				(void)registry_remove(object);
			registry_release(object);
		}
	} while (!is_made && r == OBJECT_OK);
	if (r != OBJECT_OK)
		return r;
	*ret = context_of(object);
	enter(*ret);
	r = context_start(*ret, owner);
	if (r != OBJECT_OK)
		registry_release(object);
	return r;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

int contexts_init(int64_t kept_ns)
{
	const struct context_options options = {.deadline_ns = CO_NEVER};
	int r = OBJECT_ENOMEM;

	memset(&contexts, 0, sizeof(contexts));
	list_init(&contexts.recent);
	contexts.timer.fired = on_timer;
	contexts.kept_ns = kept_ns;
	if (table_init(&contexts.by_id))
		r = context_new("background", &options, &contexts.background);
	if (r == OBJECT_OK)
		r = context_start(contexts.background, NULL);
	if (r == OBJECT_OK)
		r = context_new("gone", &options, &contexts.gone);
	if (r == OBJECT_OK)
		r = context_start(contexts.gone, NULL);
	if (r == OBJECT_OK)
		context_cancel(contexts.gone, "context gone");
	return r;
}

/* Gives back one of the two that are always there; NULL: contexts_init() did not get so far. */
static void drop(struct context *context)
{
	if (context == NULL)
		return;
	context_cancel(context, "the daemon is stopping");
	object_unref(context_object(context));
}

void contexts_stop(void)
{
	if (contexts.background != NULL)
		context_cancel(contexts.background, "the daemon is stopping");
}

void contexts_done(void)
{
	struct context *context;

	contexts_stop();
	(void)co_timer_stop(&contexts.timer);
	contexts.kept_ns = 0;
	while ((context = take_out_due(CO_NEVER)) != NULL)
		forget(context);
	drop(contexts.gone);
	drop(contexts.background);
	table_done(&contexts.by_id);
}
