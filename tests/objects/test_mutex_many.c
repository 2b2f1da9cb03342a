/* SPDX-License-Identifier: MIT
 *
 * test_mutex_many.c - several mutexes in one step: all or none, who may pass and how long, what ends a wait.
 */
#include "daemon/objects/mutex_many.h"
#include "tests/objects/actors.h"

static struct mutex *x, *y;
static struct actor a, b, c;
static struct mutex_place places[2];

static void set_up(void)
{
	token_reset();
	token_set_range(100, UINT64_MAX);
	actor_init(&a, "A");
	actor_init(&b, "B");
	actor_init(&c, "C");
	CHECK_EQUAL(mutex_new("x", &(struct lock_options){0}, &x), OBJECT_OK);
	CHECK_EQUAL(mutex_new("y", &(struct lock_options){0}, &y), OBJECT_OK);
	places[0].mutex = y;
	places[1].mutex = x;
	mutex_sort_places(places, 2);
	CHECK(places[0].mutex == x && places[1].mutex == y);
}

static void tear_down(void)
{
	struct object_description description;

	for (int i = 0; i < 2; i++) {
		mutex_type.describe(mutex_object(places[i].mutex), &description);
		CHECK_EQUAL(description.holders, 0);
		CHECK_EQUAL(description.waiters, 0);
		object_unref(mutex_object(places[i].mutex));
	}
	CHECK_EQUAL(a.owner.hold_count + b.owner.hold_count + c.owner.hold_count, 0);
}

static void run_lock_all(void *arg)
{
	struct actor *actor = arg;

	actor->result = mutex_lock_all(places, 2, &actor->entry, false, &actor->grant);
	actor_report(actor, actor->grant.abandoned ? "has both, abandoned" : "has both");
}

static int try_all(struct actor *actor)
{
	return mutex_lock_all(places, 2, actor_call(actor), true, &actor->grant);
}

static int unlock_all(const struct actor *actor)
{
	size_t failed;

	return mutex_unlock_all(places, 2, actor->grant.token, co_now(), NULL, NULL, &failed);
}

COROUTINE_TEST(all_or_none_under_one_token)
{
	set_up();
	CHECK_EQUAL(try_all(&a), OBJECT_OK);
	CHECK(mutex_holds(x, a.grant.token));
	CHECK(mutex_holds(y, a.grant.token));
	CHECK_EQUAL(try_lock(&b, x), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(try_lock(&b, y), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(unlock_all(&a), OBJECT_OK);
	CHECK_EQUAL(unlock_all(&a), OBJECT_EUNLOCKED);

	CHECK_EQUAL(try_lock(&b, y), OBJECT_OK);
	CHECK_EQUAL(try_all(&a), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(try_lock(&c, x), OBJECT_OK);
	CHECK_EQUAL(unlock(&c, x, co_now()), OBJECT_OK);
	CHECK_EQUAL(unlock(&b, y, co_now()), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(it_waits_until_all_are_free)
{
	set_up();
	CHECK_EQUAL(try_lock(&b, x), OBJECT_OK);
	CHECK_EQUAL(try_lock(&c, y), OBJECT_OK);
	actor_start(&a, run_lock_all);
	CHECK_EQUAL(unlock(&b, x, co_now()), OBJECT_OK);
	CHECK_TRACE("");
	CHECK_EQUAL(unlock(&c, y, co_now()), OBJECT_OK);
	CHECK_TRACE("A has both\n");
	CHECK_EQUAL(unlock_all(&a), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(for_its_first_second_others_may_pass)
{
	set_up();
	CHECK_EQUAL(try_lock(&c, y), OBJECT_OK);
	actor_start(&a, run_lock_all);
	CHECK_EVENTUALLY(try_lock(&b, x) == OBJECT_OK);
	CHECK_EQUAL(unlock(&b, x, co_now()), OBJECT_OK);
	CHECK_EQUAL(unlock(&c, y, co_now()), OBJECT_OK);
	CHECK_TRACE("A has both\n");
	CHECK_EQUAL(unlock_all(&a), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(after_a_second_nobody_who_came_later_passes)
{
	set_up();
	CHECK_EQUAL(try_lock(&c, y), OBJECT_OK);
	a.since_ns = co_now() - 2 * CO_SECOND;
	actor_start(&a, run_lock_all);
	CHECK_EQUAL(try_lock(&b, x), OBJECT_EWOULDBLOCK);
	start_lock(&b, x);
	CHECK_TRACE("");
	CHECK_EQUAL(unlock(&c, y, co_now()), OBJECT_OK);
	CHECK_TRACE("A has both\n");
	CHECK_EQUAL(unlock_all(&a), OBJECT_OK);
	CHECK_TRACE("B locked\n");
	CHECK_EQUAL(unlock(&b, x, co_now()), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(one_that_gives_up_lets_others_in)
{
	set_up();
	CHECK_EQUAL(try_lock(&c, y), OBJECT_OK);
	a.since_ns = co_now() - 2 * CO_SECOND;
	actor_start(&a, run_lock_all);
	start_lock(&b, x);
	entry_stop(&a.entry, OBJECT_ECANCELED);
	CHECK_TRACE_LINES("A canceled\nB locked\n");
	CHECK_EQUAL(unlock(&b, x, co_now()), OBJECT_OK);
	CHECK_EQUAL(unlock(&c, y, co_now()), OBJECT_OK);
	tear_down();
}

COROUTINE_TEST(a_session_that_ends_abandons_each)
{
	set_up();
	CHECK_EQUAL(try_all(&a), OBJECT_OK);
	actor_start(&c, run_lock_all);
	actor_end(&a, co_now());
	CHECK_TRACE("C has both, abandoned\n");
	CHECK_EQUAL(unlock_all(&c), OBJECT_OK);
	owner_end(&b.owner);
	CHECK_EQUAL(try_all(&b), OBJECT_EENDED);
	tear_down();
}

COROUTINE_TEST(behind_a_shut_gate_it_waits)
{
	set_up();
	token_set_gate(false);
	CHECK_EQUAL(try_all(&a), OBJECT_EWOULDBLOCK);
	actor_start(&a, run_lock_all);
	token_set_gate(true);
	mutex_type.admit(mutex_object(x), co_now());
	CHECK_TRACE("A has both\n");
	CHECK_EQUAL(unlock_all(&a), OBJECT_OK);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_or_none_under_one_token),
		cmocka_unit_test(it_waits_until_all_are_free),
		cmocka_unit_test(for_its_first_second_others_may_pass),
		cmocka_unit_test(after_a_second_nobody_who_came_later_passes),
		cmocka_unit_test(one_that_gives_up_lets_others_in),
		cmocka_unit_test(a_session_that_ends_abandons_each),
		cmocka_unit_test(behind_a_shut_gate_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
