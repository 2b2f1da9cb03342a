/* SPDX-License-Identifier: MIT
 *
 * test_registry.c - names: found, made once, forgotten when idle, listed in order, walked while they come and go.
 */
#include "daemon/registry.h"

#include "tests/objects/actors.h"

#define MANY 1000

static struct actor a;

static int make_mutex(const char *name, void *arg, struct object **ret)
{
	struct mutex *mutex;
	const int r = mutex_new(name, &(struct lock_options){0}, &mutex);

	(void)arg;
	if (r == OBJECT_OK)
		*ret = mutex_object(mutex);
	return r;
}

static int make_channel(const char *name, void *arg, struct object **ret)
{
	struct channel *channel;
	const int r = channel_new(name, &(struct channel_options){.capacity = 0}, &channel);

	(void)arg;
	if (r == OBJECT_OK)
		*ret = channel_object(channel);
	return r;
}

static void open_mutex(const char *name, struct object **ret)
{
	CHECK_EQUAL(registry_open(OBJECT_MUTEX, name, make_mutex, NULL, ret, NULL), OBJECT_OK);
}

static void open_channel(const char *name)
{
	struct object *object = NULL;

	CHECK_EQUAL(registry_open(OBJECT_CHANNEL, name, make_channel, NULL, &object, NULL), OBJECT_OK);
	registry_release(object);
}

/* Has A lock the mutex called NAME, so that it stays. */
static void hold(const char *name)
{
	struct object *object = NULL;

	open_mutex(name, &object);
	CHECK_EQUAL(try_lock(&a, mutex_of(object)), OBJECT_OK);
	registry_release(object);
}

static void set_up(uint64_t max_objects)
{
	token_reset();
	token_set_range(1, UINT64_MAX);
	actor_init(&a, "A");
	registry_init(max_objects);
}

static void tear_down(void)
{
	registry_done();
	CHECK_EQUAL(registry_count(), 0);
	CHECK_EQUAL(a.owner.hold_count, 0);
}

static bool is_known(const char *name)
{
	struct object *object = registry_find(OBJECT_MUTEX, name);

	if (object != NULL)
		object_unref(object);
	return object != NULL;
}

COROUTINE_TEST(a_name_leads_to_one_object_per_kind)
{
	struct object *first;
	struct object *second;
	bool created;

	set_up(0);
	CHECK(registry_find(OBJECT_MUTEX, "x") == NULL);
	CHECK_EQUAL(registry_open(OBJECT_MUTEX, "x", make_mutex, NULL, &first, &created), OBJECT_OK);
	CHECK(created);
	CHECK_EQUAL(registry_open(OBJECT_MUTEX, "x", make_mutex, NULL, &second, &created), OBJECT_OK);
	CHECK(!created);
	CHECK(first == second);
	registry_release(second);
	second = registry_find(OBJECT_MUTEX, "x");
	CHECK(first == second);
	registry_release(second);

	CHECK(registry_find(OBJECT_CHANNEL, "x") == NULL);
	open_channel("x");
	second = registry_find(OBJECT_CHANNEL, "x");
	CHECK(second != NULL && second != first);
	registry_release(second);
	CHECK_EQUAL(registry_count(), 2);
	registry_release(first);
	tear_down();
}

COROUTINE_TEST(a_mutex_is_forgotten_when_nobody_is_at_it)
{
	struct object *object;
	struct object *again;

	set_up(0);
	open_mutex("x", &object);
	again = registry_find(OBJECT_MUTEX, "x");
	registry_release(object);
	CHECK_EQUAL(registry_count(), 1);
	registry_release(again);
	CHECK_EQUAL(registry_count(), 0);

	hold("x");
	CHECK_EQUAL(registry_count(), 1);
	object = registry_find(OBJECT_MUTEX, "x");
	CHECK_EQUAL(unlock(&a, mutex_of(object), co_now()), OBJECT_OK);
	registry_release(object);
	CHECK_EQUAL(registry_count(), 0);
	tear_down();
}

COROUTINE_TEST(an_abandoned_mutex_is_kept)
{
	set_up(0);
	hold("x");
	actor_end(&a, co_now());
	CHECK(is_known("x"));
	tear_down();
}

COROUTINE_TEST(a_channel_stays_until_it_is_removed)
{
	struct object *object;

	set_up(0);
	open_channel("x");
	CHECK_EQUAL(registry_count(), 1);
	object = registry_find(OBJECT_CHANNEL, "x");
	CHECK(registry_remove(object));
	CHECK(!registry_remove(object));
	CHECK(registry_find(OBJECT_CHANNEL, "x") == NULL);

	/* A namesake may come while the old one is still in use. */
	open_channel("x");
	registry_release(object);
	object = registry_find(OBJECT_CHANNEL, "x");
	CHECK(object != NULL);
	registry_release(object);
	tear_down();
}

/* Released by others than the registry's users: left behind until a sweep comes by. */
COROUTINE_TEST(idle_objects_left_behind_are_swept_up)
{
	set_up(0);
	hold("kept");
	for (int i = 0; i < MANY; i++) {
		char name[16];
		struct object *object = NULL;

		snprintf(name, sizeof(name), "left%d", i);
		open_mutex(name, &object);
		object_unref(object);
	}
	CHECK(registry_count() < MANY / 2);
	CHECK(is_known("kept"));
	tear_down();
}

COROUTINE_TEST(there_is_a_limit_to_objects)
{
	struct object *object;

	set_up(2);
	hold("1");
	open_channel("2");
	CHECK_EQUAL(registry_open(OBJECT_MUTEX, "3", make_mutex, NULL, &object, NULL), REGISTRY_EFULL);
	open_mutex("1", &object);
	CHECK_EQUAL(unlock(&a, mutex_of(object), co_now()), OBJECT_OK);
	registry_release(object);
	open_mutex("3", &object);
	registry_release(object);
	tear_down();
}

COROUTINE_TEST(without_memory_nothing_is_made)
{
	struct object *object;
	long number = 0;
	bool failed;

	set_up(0);
	do {
		int r;

		fail_allocation(number++, false);
		r = registry_open(OBJECT_MUTEX, "x", make_mutex, NULL, &object, NULL);
		failed = failed_allocation();
		CHECK_EQUAL(r, failed ? OBJECT_ENOMEM : OBJECT_OK);
		CHECK_EQUAL(registry_count(), !failed);
	} while (failed);
	CHECK(number > 2);
	registry_release(object);
	tear_down();

	/* A registry that got no memory for its tables at first makes them later. */
	fail_allocation(0, true);
	registry_init(0);
	memory_set_fault(NULL);
	open_mutex("x", &object);
	registry_release(object);
	CHECK_EQUAL(registry_count(), 0);
	registry_done();
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static struct object *rows[MANY];
static bool more;

/* Lists and writes down what there is, as "kind/name ...". */
static void list(int kind, const char *pattern, const char *after_kind, const char *after_name, size_t limit)
{
	const size_t count = registry_list(kind, pattern, after_kind, after_name, limit, rows, &more);

	forget_trace();
	for (size_t i = 0; i < count; i++) {
		trace_line(rows[i]->type->name, rows[i]->name);
		registry_release(rows[i]);
	}
}

COROUTINE_TEST(lists_are_sorted_and_come_in_pages)
{
	set_up(0);
	hold("b");
	hold("a/2");
	hold("a/1");
	open_channel("z");
	open_channel("a/9");

	list(-1, "", "", "", 100);
	CHECK(!more);
	CHECK_TRACE("chan a/9\nchan z\nmutex a/1\nmutex a/2\nmutex b\n");
	list(-1, "", NULL, NULL, 2);
	CHECK(more);
	CHECK_TRACE("chan a/9\nchan z\n");
	list(-1, "", "chan", "z", 2);
	CHECK(more);
	CHECK_TRACE("mutex a/1\nmutex a/2\n");
	list(-1, "", "mutex", "a/2", 2);
	CHECK(!more);
	CHECK_TRACE("mutex b\n");
	list(OBJECT_MUTEX, "a*", "", "", 100);
	CHECK_TRACE("mutex a/1\nmutex a/2\n");
	list(-1, "a*", "", "", 1);
	CHECK(more);
	CHECK_TRACE("chan a/9\n");
	list(-1, "", "", "", 0);
	CHECK(more);
	CHECK_TRACE("");
	list(-1, "nothing", "", "", 100);
	CHECK(!more);
	CHECK_TRACE("");
	tear_down();
}

COROUTINE_TEST(kinds_have_names)
{
	CHECK_EQUAL(registry_kind("chan"), OBJECT_CHANNEL);
	CHECK_EQUAL(registry_kind("mutex"), OBJECT_MUTEX);
	CHECK_EQUAL(registry_kind("nothing"), -1);
	CHECK_EQUAL(strcmp(registry_kind_name(OBJECT_MUTEX), "mutex"), 0);
}

/* ---- walks ------------------------------------------------------------------------------------------------------- */

static size_t visited;
static size_t removed;

/* Removes the visited one, and the one behind it in the order of making: a walk's cursor may stand on it. */
static void remove_two(struct object *object)
{
	char name[16];
	struct object *next;

	visited++;
	removed += registry_remove(object);
	snprintf(name, sizeof(name), "%d", atoi(object->name) + 1);
	next = registry_find(OBJECT_CHANNEL, name);
	if (next != NULL) {
		removed += registry_remove(next);
		registry_release(next);
	}
}

static void count_visit(struct object *object)
{
	(void)object;
	visited++;
}

COROUTINE_TEST(a_walk_survives_removals)
{
	set_up(0);
	for (int i = 0; i < MANY; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		open_channel(name);
	}
	visited = removed = 0;
	registry_each(OBJECT_CHANNEL, count_visit);
	CHECK_EQUAL(visited, MANY);
	registry_each(OBJECT_MUTEX, count_visit);
	CHECK_EQUAL(visited, MANY);

	visited = 0;
	registry_each(OBJECT_CHANNEL, remove_two);
	CHECK_EQUAL(removed, MANY);
	CHECK(visited < MANY);
	CHECK_EQUAL(registry_count(), 0);
	tear_down();
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

static void lock_and_unlock(void *arg)
{
	const uint64_t stream = (uint64_t)(uintptr_t)arg;
	struct test_random random = test_random_stream(stream);
	struct actor actor;

	actor_init(&actor, "worker");
	for (size_t i = test_scale(5000); i > 0; i--) {
		const char name[] = {(char)('a' + (char)test_random_below(&random, 4)), '\0'};
		struct object *object = NULL;

		open_mutex(name, &object);
		if (try_lock(&actor, mutex_of(object)) == OBJECT_OK) {
			co_yield();
			CHECK_EQUAL(unlock(&actor, mutex_of(object), co_now()), OBJECT_OK);
		}
		registry_release(object);
	}
	CHECK_EQUAL(actor.owner.hold_count, 0);
}

COROUTINE_TEST(names_come_and_go_under_many_hands)
{
	struct co_test_group group = {0};

	set_up(0);
	for (uintptr_t i = 0; i < 8; i++)
		co_test_go(&group, lock_and_unlock, (void *)i);
	co_test_wait(&group);
	CHECK_EQUAL(registry_count(), 0);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_leads_to_one_object_per_kind),
		cmocka_unit_test(a_mutex_is_forgotten_when_nobody_is_at_it),
		cmocka_unit_test(an_abandoned_mutex_is_kept),
		cmocka_unit_test(a_channel_stays_until_it_is_removed),
		cmocka_unit_test(idle_objects_left_behind_are_swept_up),
		cmocka_unit_test(there_is_a_limit_to_objects),
		cmocka_unit_test(without_memory_nothing_is_made),
		cmocka_unit_test(lists_are_sorted_and_come_in_pages),
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(a_walk_survives_removals),
		cmocka_unit_test(names_come_and_go_under_many_hands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
