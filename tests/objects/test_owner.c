/* SPDX-License-Identifier: MIT
 *
 * test_owner.c - what a session's end gives back, and in which order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/objects/object.h"

#define MANY 600

static uint64_t released[MANY];
static size_t released_count;

static void note_release(struct object *object, enum release_step step, uint64_t token, int64_t now_ns)
{
	(void)object;
	(void)step;
	(void)now_ns;
	released[released_count++] = token;
}

static const struct object_type lock_like = {
	.name = "lock",
	.release = note_release,
};
static const struct object_type channel_like = {
	.name = "channel",
	.release = note_release,
};

static struct object lock;
static struct object channel;
static struct owner owner;
static struct hold holds[MANY];

static int set_up(void **state)
{
	(void)state;
	released_count = 0;
	lock = (struct object){.type = &lock_like};
	channel = (struct object){.type = &channel_like};
	atomic_init(&lock.references, 1);
	atomic_init(&channel.references, 1);
	owner_init(&owner);
	for (size_t i = 0; i < MANY; i++) {
		holds[i] = (struct hold){.object = i % 2 == 0 ? &channel : &lock,
			.step = i % 2 == 0 ? RELEASE_MESSAGES : RELEASE_LOCKS,
			.token = i};
		list_init(&holds[i].link);
		assert_true(owner_take(&owner, &holds[i]));
	}
	return 0;
}

static void locks_are_released_before_messages_each_oldest_first(void **state)
{
	bool more = true;

	(void)state;
	owner_end(&owner);

	while (more) {
		size_t before = released_count;

		more = owner_release_some(&owner, 0);
		assert_true(released_count - before <= 256);
	}

	assert_int_equal(released_count, MANY);
	for (size_t i = 0; i < MANY / 2; i++) {
		assert_int_equal(released[i], 2 * i + 1);
		assert_int_equal(released[MANY / 2 + i], 2 * i);
	}
	assert_int_equal(owner.hold_count, 0);
}

static void an_ended_owner_is_given_nothing(void **state)
{
	struct hold late = {.object = &lock, .token = 7};

	(void)state;
	list_init(&late.link);
	owner_end(&owner);

	assert_false(owner_take(&owner, &late));
	assert_null(late.owner);
	assert_int_equal(owner.hold_count, MANY);
}

static void what_was_dropped_is_not_released(void **state)
{
	(void)state;
	owner_drop(&holds[1]);
	owner_drop(&holds[2]);
	owner_end(&owner);

	while (owner_release_some(&owner, 0))
		continue;

	assert_int_equal(released_count, MANY - 2);
	for (size_t i = 0; i < released_count; i++)
		assert_true(released[i] != 1 && released[i] != 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(locks_are_released_before_messages_each_oldest_first, set_up),
		cmocka_unit_test_setup(an_ended_owner_is_given_nothing, set_up),
		cmocka_unit_test_setup(what_was_dropped_is_not_released, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
