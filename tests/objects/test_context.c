/* SPDX-License-Identifier: MIT
 *
 * test_context.c - trees of named contexts: what an end reaches, who owns them, values, children, ids and names.
 */
#include "daemon/contexts.h"
#include "daemon/registry.h"
#include "tests/objects/actors.h"

#define MS CO_MILLISECOND

static struct actor a, b, c, d;

static void set_up(int64_t kept_ns)
{
	actor_init(&a, "A");
	actor_init(&b, "B");
	actor_init(&c, "C");
	actor_init(&d, "D");
	registry_init(0);
	CHECK_EQUAL(contexts_init(kept_ns), OBJECT_OK);
}

static void tear_down(void)
{
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count + d.owner.hold_count, 0);
	contexts_done();
	registry_done();
}

/* A context under PARENT (NULL: the root) that lives for TIMEOUT_NS (0: without limit), or NULL. */
static struct context *make(const char *name, struct context *parent, int64_t timeout_ns, struct owner *owner)
{
	struct context_options options = {
		.parent = parent,
		.deadline_ns = timeout_ns > 0 ? co_now() + timeout_ns : CO_NEVER,
	};
	struct context *context = NULL;

	return contexts_make(name, &options, owner, &context) == OBJECT_OK ? context : NULL;
}

static void drop(struct context *context)
{
	registry_release(context_object(context));
}

static const char *cause_of(struct context *context)
{
	const char *cause = co_context_cause(context_runtime(context));

	return cause != NULL ? cause : "";
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_cancel_ends_what_is_below_and_the_calls_bound_to_it)
{
	struct context *root, *child, *other;
	struct mutex *mutex;

	set_up(CO_SECOND);
	token_reset();
	token_set_range(1, UINT64_MAX);
	root = make("root", NULL, 0, NULL);
	child = make("", root, 0, NULL);
	other = make("other", NULL, 0, NULL);
	CHECK_EQUAL(mutex_new("m", &(struct lock_options){0}, &mutex), OBJECT_OK);
	CHECK_EQUAL(try_lock(&d, mutex), OBJECT_OK);
	a.context = context_runtime(root);
	b.context = context_runtime(child);
	c.context = context_runtime(other);
	start_lock(&a, mutex);
	start_lock(&b, mutex);
	start_lock(&c, mutex);

	context_cancel(root, "enough");
	CHECK_TRACE_LINES("A canceled\nB canceled\n");
	CHECK_EQUAL(context_error(child), OBJECT_ECANCELED);
	CHECK(strcmp(cause_of(child), "enough") == 0);
	CHECK_EQUAL(context_error(other), OBJECT_OK);
	context_cancel(root, "again");
	CHECK(strcmp(cause_of(root), "enough") == 0);

	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_ECANCELED);
	CHECK_EQUAL(unlock(&d, mutex, co_now()), OBJECT_OK);
	CHECK_TRACE("C locked\n");
	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_ECANCELED);
	CHECK_EQUAL(unlock(&c, mutex, co_now()), OBJECT_OK);
	CHECK_EQUAL(try_lock(&b, mutex), OBJECT_ECANCELED);
	object_unref(mutex_object(mutex));
	drop(root);
	drop(child);
	drop(other);
	tear_down();
}

COROUTINE_TEST(a_child_of_an_ended_parent_is_born_ended)
{
	struct context *parent, *child;

	set_up(CO_SECOND);
	parent = make("p", NULL, 0, NULL);
	context_cancel(parent, "why not");
	child = make("c", parent, 0, &a.owner);
	CHECK(child != NULL);
	CHECK_EQUAL(context_error(child), OBJECT_ECANCELED);
	CHECK(strcmp(cause_of(child), "why not") == 0);
	CHECK(!context_is_owned(child));
	drop(parent);
	drop(child);
	tear_down();
}

COROUTINE_TEST(a_deadline_is_never_later_than_the_parents)
{
	struct context *parent, *child;

	set_up(CO_SECOND);
	parent = make("p", NULL, 20 * MS, NULL);
	child = make("c", parent, 3600 * CO_SECOND, NULL);
	CHECK_EQUAL(co_context_deadline(context_runtime(child)), co_context_deadline(context_runtime(parent)));
	CHECK_EVENTUALLY(context_error(child) == OBJECT_EDEADLINE);
	CHECK(co_now() >= co_context_deadline(context_runtime(parent)));
	CHECK(strcmp(cause_of(child), "context deadline exceeded") == 0);
	drop(parent);
	drop(child);
	tear_down();
}

COROUTINE_TEST(the_end_of_a_session_cancels_what_it_owns)
{
	struct context *owned, *below, *detached;

	set_up(CO_SECOND);
	owned = make("owned", NULL, 0, &a.owner);
	below = make("below", owned, 0, &b.owner);
	detached = make("detached", NULL, 0, NULL);
	CHECK(context_is_owned(owned));
	CHECK_EQUAL(a.owner.hold_count, 1);
	actor_call(&a);
	actor_end(&a, co_now());
	CHECK(strcmp(cause_of(owned), "session ended") == 0);
	CHECK(strcmp(cause_of(below), "session ended") == 0);
	CHECK_EQUAL(b.owner.hold_count, 0);
	CHECK_EQUAL(context_error(detached), OBJECT_OK);
	CHECK(make("late", NULL, 0, &a.owner) == NULL);
	drop(owned);
	drop(below);
	drop(detached);
	tear_down();
}

/* ---- waiting for the end ----------------------------------------------------------------------------------------- */

static struct context *awaited;

static void run_wait(void *arg)
{
	struct actor *actor = arg;

	actor->result = context_wait(awaited, &actor->entry);
	actor_report(actor, "done");
}

static void run_select(void *arg)
{
	struct actor *actor = arg;
	struct select_case *happened = NULL;
	struct select_case done = {.object = context_object(awaited), .type = &context_done_case};

	seat_init(&done.seat, &actor->entry);
	actor->result = select_wait(&actor->entry, &done, 1, false, &happened);
	actor_report(actor, happened == &done ? "selected" : "selected nothing");
}

COROUTINE_TEST(done_waits_for_the_end_or_its_own)
{
	struct context *own;

	set_up(CO_SECOND);
	awaited = make("p", NULL, 0, NULL);
	own = make("own", NULL, 0, NULL);
	b.context = context_runtime(own);
	d.deadline_ns = co_now() + 5 * MS;
	actor_start(&a, run_wait);
	actor_start(&b, run_wait);
	actor_start(&c, run_select);
	actor_start(&d, run_wait);
	CHECK_TRACE("D deadline\n");
	context_cancel(own, NULL);
	CHECK_TRACE("B canceled\n");
	context_cancel(awaited, NULL);
	CHECK_TRACE_LINES("A done\nC selected\n");
	actor_start(&a, run_wait);
	CHECK_TRACE("A done\n");
	actor_start(&c, run_select);
	CHECK_TRACE("C selected\n");
	drop(own);
	drop(awaited);
	tear_down();
}

/* ---- what it carries --------------------------------------------------------------------------------------------- */

static bool value_is(struct context *context, const char *key, const char *text)
{
	struct message *value = context_value(context, key);
	const bool is = value != NULL ? text != NULL && value->length == strlen(text) &&
						memcmp(value->bytes, text, value->length) == 0
				      : text == NULL;

	message_unref(value);
	return is;
}

COROUTINE_TEST(the_nearest_value_wins)
{
	struct message *one = message_new("one", 3);
	struct message *two = message_new("two", 3);
	const struct context_value upper[] = {{"k", one}, {"only above", one}, {"twice", one}, {"twice", two}};
	const struct context_value lower[] = {{"k", two}};
	struct context_options options = {.deadline_ns = CO_NEVER, .values = upper, .value_count = 4};
	struct context *parent, *child, *grandchild;

	set_up(CO_SECOND);
	CHECK_EQUAL(contexts_make("p", &options, NULL, &parent), OBJECT_OK);
	options =
		(struct context_options){.parent = parent, .deadline_ns = CO_NEVER, .values = lower, .value_count = 1};
	CHECK_EQUAL(contexts_make("c", &options, NULL, &child), OBJECT_OK);
	grandchild = make("g", child, 0, NULL);
	CHECK(value_is(parent, "k", "one"));
	CHECK(value_is(parent, "twice", "two"));
	CHECK(value_is(grandchild, "k", "two"));
	CHECK(value_is(grandchild, "only above", "one"));
	CHECK(value_is(grandchild, "none", NULL));
	message_unref(one);
	message_unref(two);
	drop(parent);
	drop(child);
	drop(grandchild);
	tear_down();
}

COROUTINE_TEST(children_are_listed_in_order_page_by_page)
{
	enum { CHILDREN = 700, PAGE = 100 };
	struct context *found[PAGE + 1];
	struct context *parent;
	uint64_t after = 0;
	size_t total = 0;
	bool more = true;

	set_up(CO_SECOND);
	parent = make("p", NULL, 0, NULL);
	for (int i = 0; i < CHILDREN; i++)
		drop(make("", parent, 0, NULL));
	while (more) {
		const size_t count = context_children(parent, after, PAGE, found, &more);

		for (size_t i = 0; i < count; i++) {
			CHECK(context_number(found[i]) == after + 1);
			after = context_number(found[i]);
			drop(found[i]);
		}
		total += count;
	}
	CHECK_EQUAL(total, CHILDREN);
	drop(parent);
	tear_down();
}

COROUTINE_TEST(a_long_chain_ends_and_goes_without_deep_stacks)
{
	struct context *top, *context;

	set_up(CO_SECOND);
	top = make("top", NULL, 0, NULL);
	context = top;
	object_ref(context_object(top));
	for (int i = 0; i < 20000; i++) {
		struct context *next = make("", context, 0, NULL);

		CHECK(next != NULL);
		drop(context);
		context = next;
	}
	context_cancel(top, "enough");
	CHECK(strcmp(cause_of(context), "enough") == 0);
	drop(context);
	drop(top);
	tear_down();
}

/* ---- ids and names ----------------------------------------------------------------------------------------------- */

COROUTINE_TEST(a_name_goes_to_a_new_context_once_the_old_one_has_ended)
{
	struct context_options options = {.deadline_ns = CO_NEVER};
	char id[CONTEXTS_TEXT_BYTES];
	struct context *first, *second, *found;

	set_up(CO_SECOND);
	first = make("n", NULL, 0, NULL);
	contexts_format(context_id(first), id);
	CHECK_EQUAL(contexts_make("n", &options, NULL, &second), CONTEXTS_EEXISTS);
	context_cancel(first, NULL);
	second = make("n", NULL, 0, NULL);
	CHECK(second != NULL && second != first);
	CHECK_EQUAL(contexts_find("n", &found), OBJECT_OK);
	CHECK(found == second);
	drop(found);
	CHECK_EQUAL(contexts_find(id, &found), OBJECT_OK);
	CHECK(found == first);
	drop(found);
	options = (struct context_options){.deadline_ns = CO_NEVER};
	CHECK_EQUAL(contexts_make("@0123", &options, NULL, &found), CONTEXTS_ENAME);
	CHECK_EQUAL(contexts_make("todo", &options, NULL, &found), CONTEXTS_ENAME);
	CHECK_EQUAL(contexts_find("never", &found), CONTEXTS_ENONE);
	CHECK_EQUAL(contexts_find("todo", &found), OBJECT_OK);
	CHECK(found == contexts_background());
	drop(found);
	drop(first);
	drop(second);
	tear_down();
}

COROUTINE_TEST(an_ended_context_is_kept_for_a_while_and_then_gone)
{
	char id[CONTEXTS_TEXT_BYTES];
	struct context *context, *found;
	int64_t ended_ns;

	set_up(30 * MS);
	context = make("n", NULL, 0, NULL);
	contexts_format(context_id(context), id);
	drop(context);
	ended_ns = co_now();
	context_cancel(context, "enough");
	CHECK_EQUAL(contexts_find("n", &found), OBJECT_OK);
	drop(found);
	CHECK_EVENTUALLY(registry_count() == 0);
	CHECK(co_now() >= ended_ns + 30 * MS);
	CHECK_EQUAL(contexts_find(id, &found), CONTEXTS_EGONE);
	CHECK_EQUAL(contexts_find("n", &found), CONTEXTS_ENONE);
	CHECK_EQUAL(context_error(contexts_gone()), OBJECT_ECANCELED);
	CHECK(strcmp(cause_of(contexts_gone()), "context gone") == 0);
	tear_down();
}

COROUTINE_TEST(a_deleted_context_is_cancelled_and_gone_at_once)
{
	char id[CONTEXTS_TEXT_BYTES];
	struct context *context, *child, *found;

	set_up(3600 * CO_SECOND);
	context = make("n", NULL, 0, &a.owner);
	child = make("c", context, 0, NULL);
	contexts_format(context_id(context), id);
	contexts_delete(context);
	contexts_delete(context);
	CHECK(strcmp(cause_of(child), "deleted") == 0);
	CHECK_EQUAL(contexts_find(id, &found), CONTEXTS_EGONE);
	CHECK_EQUAL(contexts_find("n", &found), CONTEXTS_ENONE);
	CHECK_EQUAL(contexts_find("c", &found), OBJECT_OK);
	drop(found);
	drop(child);
	drop(context);
	tear_down();
}

COROUTINE_TEST(without_memory_nothing_is_made_and_nothing_lost)
{
	struct context_options options = {.deadline_ns = CO_NEVER};
	struct context *context;
	int r = OBJECT_ENOMEM;

	set_up(CO_SECOND);
	for (long number = 0; r == OBJECT_ENOMEM; number++) {
		options = (struct context_options){.deadline_ns = co_now() + CO_SECOND};
		fail_allocation(number, false);
		r = contexts_make("n", &options, &a.owner, &context);
		failed_allocation();
		CHECK(r == OBJECT_OK || registry_count() == 0);
	}
	CHECK_EQUAL(r, OBJECT_OK);
	context_cancel(context, NULL);
	drop(context);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cancel_ends_what_is_below_and_the_calls_bound_to_it),
		cmocka_unit_test(a_child_of_an_ended_parent_is_born_ended),
		cmocka_unit_test(a_deadline_is_never_later_than_the_parents),
		cmocka_unit_test(the_end_of_a_session_cancels_what_it_owns),
		cmocka_unit_test(done_waits_for_the_end_or_its_own),
		cmocka_unit_test(the_nearest_value_wins),
		cmocka_unit_test(children_are_listed_in_order_page_by_page),
		cmocka_unit_test(a_long_chain_ends_and_goes_without_deep_stacks),
		cmocka_unit_test(a_name_goes_to_a_new_context_once_the_old_one_has_ended),
		cmocka_unit_test(an_ended_context_is_kept_for_a_while_and_then_gone),
		cmocka_unit_test(a_deleted_context_is_cancelled_and_gone_at_once),
		cmocka_unit_test(without_memory_nothing_is_made_and_nothing_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
