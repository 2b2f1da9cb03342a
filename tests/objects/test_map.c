/* SPDX-License-Identifier: MIT
 *
 * test_map.c - maps and atomics as objects: what operations answer, ranges among changes, wrapping, kinds, failures.
 */
#include <stdlib.h>

#include "daemon/objects/atomic.h"
#include "daemon/objects/map.h"
#include "tests/objects/actors.h"

static struct map *map;

static struct message *text(const char *string)
{
	return string != NULL ? message_new(string, strlen(string)) : NULL;
}

/* OPERATION by texts; the answer's value as text in memory of this function's, "" for none. */
static struct map_answer apply(enum map_operation operation, const char *key, const char *value, const char *expected)
{
	struct message *k = text(key);
	struct message *v = text(value);
	struct message *e = text(expected);
	struct map_answer answer = {0};

	if (map_apply(map, operation, k, v, e, &answer) != OBJECT_OK)
		co_test_fail(__FILE__, __LINE__, "no answer");
	message_unref(k);
	message_unref(v);
	message_unref(e);
	return answer;
}

static bool answers(struct map_answer answer, bool found, bool done, const char *value)
{
	const bool is = answer.found == found && answer.done == done &&
			(answer.value != NULL ? value != NULL && answer.value->length == strlen(value) &&
							memcmp(answer.value->bytes, value, strlen(value)) == 0
					      : value == NULL);

	message_unref(answer.value);
	return is;
}

static void set_up(void)
{
	CHECK_EQUAL(map_new("m", &map), OBJECT_OK);
}

static void tear_down(void)
{
	object_unref(map_object(map));
	CHECK_EQUAL(message_bytes_in_use(), 0);
}

COROUTINE_TEST(operations_answer_as_gos)
{
	set_up();
	CHECK(answers(apply(MAP_LOAD, "k", NULL, NULL), false, false, NULL));
	CHECK(answers(apply(MAP_LOAD_OR_STORE, "k", "a", NULL), false, false, "a"));
	CHECK(answers(apply(MAP_LOAD_OR_STORE, "k", "b", NULL), true, false, "a"));
	CHECK(answers(apply(MAP_SWAP, "k", "b", NULL), true, false, "a"));
	CHECK(answers(apply(MAP_COMPARE_AND_SWAP, "k", "c", "a"), false, false, NULL));
	CHECK(answers(apply(MAP_COMPARE_AND_SWAP, "k", "c", "b"), false, true, NULL));
	CHECK(answers(apply(MAP_LOAD, "k", NULL, NULL), true, false, "c"));
	CHECK(answers(apply(MAP_COMPARE_AND_DELETE, "k", NULL, "b"), false, false, NULL));
	CHECK(answers(apply(MAP_COMPARE_AND_DELETE, "k", NULL, "c"), false, true, NULL));
	CHECK(answers(apply(MAP_COMPARE_AND_DELETE, "k", NULL, "c"), false, false, NULL));
	CHECK(answers(apply(MAP_LOAD_AND_DELETE, "k", NULL, NULL), false, false, NULL));
	CHECK(answers(apply(MAP_SWAP, "k", "d", NULL), false, false, NULL));
	CHECK(answers(apply(MAP_LOAD_AND_DELETE, "k", NULL, NULL), true, false, "d"));
	CHECK_EQUAL(map_length(map), 0);
	tear_down();
}

/* ---- ranges ------------------------------------------------------------------------------------------------------ */

static void store_number(unsigned number)
{
	char key[16];

	snprintf(key, sizeof(key), "%u", number);
	message_unref(apply(MAP_SWAP, key, key, NULL).value);
}

static void delete_number(unsigned number)
{
	char key[16];

	snprintf(key, sizeof(key), "%u", number);
	message_unref(apply(MAP_LOAD_AND_DELETE, key, NULL, NULL).value);
}

#define KEYS 2000u

static unsigned seen[2 * KEYS];

/* Ranges over the map in pages of LIMIT, and lets CHANGE(key) change it for each. Returns how many keys came. */
static unsigned range(size_t limit, void (*change)(unsigned key))
{
	struct map_cursor cursor = {.limit = limit, .byte_limit = SIZE_MAX};
	struct map_pair pairs[64];
	unsigned total = 0;
	bool more = true;

	memset(seen, 0, sizeof(seen));
	while (more) {
		const size_t count = map_range(map, &cursor, pairs, &more);

		for (size_t i = 0; i < count; i++) {
			char key[16] = {0};

			memcpy(key, pairs[i].key->bytes, pairs[i].key->length);
			message_unref(pairs[i].key);
			message_unref(pairs[i].value);
			seen[atoi(key)]++;
			total++;
			if (change != NULL)
				change((unsigned)atoi(key));
		}
	}
	message_unref(cursor.key);
	return total;
}

static bool each_was_seen_once(unsigned from, unsigned to)
{
	for (unsigned key = from; key < to; key++)
		if (seen[key] != 1)
			return false;
	return true;
}

static void delete_and_store_anew(unsigned key)
{
	delete_number(key);
	store_number(key);
	store_number(key + KEYS);
}

COROUTINE_TEST(a_range_meets_each_key_once_whatever_changes_meanwhile)
{
	set_up();
	for (unsigned key = 0; key < KEYS; key++)
		store_number(key);
	CHECK_EQUAL(range(64, NULL), KEYS);
	CHECK(each_was_seen_once(0, KEYS));
	CHECK_EQUAL(range(7, delete_and_store_anew), KEYS);
	CHECK(each_was_seen_once(0, KEYS));
	CHECK_EQUAL(map_length(map), 2 * KEYS);
	CHECK_EQUAL(range(64, delete_number), 2 * KEYS);
	CHECK_EQUAL(map_length(map), 0);
	tear_down();
}

COROUTINE_TEST(a_page_ends_past_its_bytes_but_is_never_empty)
{
	struct map_cursor cursor = {.limit = 64, .byte_limit = 4};
	struct map_pair pairs[64];
	bool more;

	set_up();
	for (unsigned key = 10; key < 20; key++)
		store_number(key);
	CHECK_EQUAL(map_range(map, &cursor, pairs, &more), 1);
	CHECK(more);
	message_unref(pairs[0].key);
	message_unref(pairs[0].value);
	message_unref(cursor.key);
	tear_down();
}

COROUTINE_TEST(clear_deletes_all_and_a_range_ends)
{
	struct map_cursor cursor = {.limit = 2, .byte_limit = SIZE_MAX};
	struct map_pair pairs[2];
	bool more;

	set_up();
	for (unsigned key = 0; key < KEYS; key++)
		store_number(key);
	CHECK_EQUAL(map_range(map, &cursor, pairs, &more), 2);
	for (size_t i = 0; i < 2; i++) {
		message_unref(pairs[i].key);
		message_unref(pairs[i].value);
	}
	CHECK_EQUAL(map_clear(map), OBJECT_OK);
	CHECK_EQUAL(map_length(map), 0);
	store_number(5);
	CHECK_EQUAL(map_range(map, &cursor, pairs, &more), 0);
	CHECK(!more);
	CHECK(answers(apply(MAP_LOAD, "5", NULL, NULL), true, false, "5"));
	CHECK(answers(apply(MAP_LOAD, "6", NULL, NULL), false, false, NULL));
	message_unref(cursor.key);
	tear_down();
}

COROUTINE_TEST(without_memory_nothing_changes)
{
	struct message *key, *value;
	struct map_answer answer;

	set_up();
	key = text("k");
	value = text("v");
	fail_allocation(0, true);
	CHECK_EQUAL(map_apply(map, MAP_STORE, key, value, NULL, &answer), OBJECT_ENOMEM);
	CHECK_EQUAL(map_clear(map), OBJECT_ENOMEM);
	CHECK(failed_allocation());
	CHECK_EQUAL(map_length(map), 0);
	message_unref(key);
	message_unref(value);
	tear_down();
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

enum { ADDERS = 8, ADDS = 500 };

static atomic_uint adders_left;

/* Adds 1 to the number under "n", by compare and swap. */
static void run_adder(void *unused)
{
	(void)unused;
	for (int i = 0; i < ADDS;) {
		struct map_answer now = apply(MAP_LOAD, "n", NULL, NULL);
		char old[16] = {0};
		char new[16];
		struct map_answer swapped;

		memcpy(old, now.value->bytes, now.value->length);
		message_unref(now.value);
		snprintf(new, sizeof(new), "%d", atoi(old) + 1);
		co_yield();
		swapped = apply(MAP_COMPARE_AND_SWAP, "n", new, old);
		i += swapped.done;
	}
	atomic_fetch_sub(&adders_left, 1);
}

COROUTINE_TEST(compare_and_swap_loses_no_update)
{
	char sum[16];

	set_up();
	message_unref(apply(MAP_SWAP, "n", "0", NULL).value);
	atomic_store(&adders_left, ADDERS);
	for (int i = 0; i < ADDERS; i++)
		CHECK_EQUAL(co_go(run_adder, NULL), 0);
	CHECK_EVENTUALLY(atomic_load(&adders_left) == 0);
	snprintf(sum, sizeof(sum), "%d", ADDERS * ADDS);
	CHECK(answers(apply(MAP_LOAD, "n", NULL, NULL), true, false, sum));
	tear_down();
}

/* ---- atomics ----------------------------------------------------------------------------------------------------- */

static struct atomic *number;

static uint64_t does(enum atomic_operation operation, enum atomic_kind kind, int64_t value)
{
	struct atomic_answer answer = {0};

	if (atomic_apply(number, operation, kind, (uint64_t)value, 0, &answer) != OBJECT_OK)
		co_test_fail(__FILE__, __LINE__, "no answer");
	return answer.value;
}

COROUTINE_TEST(an_atomic_wraps_and_has_the_kind_of_its_first_use)
{
	struct atomic_answer answer;

	CHECK_EQUAL(atomic_new("n", &number), OBJECT_OK);
	CHECK_EQUAL(does(ATOMIC_ADD, ATOMIC_INT32, INT32_MAX), INT32_MAX);
	CHECK_EQUAL((int64_t)does(ATOMIC_ADD, ATOMIC_NONE, 1), INT32_MIN);
	CHECK_EQUAL(atomic_apply(number, ATOMIC_LOAD, ATOMIC_INT64, 0, 0, &answer), ATOMIC_EKIND);
	CHECK_EQUAL(answer.kind, ATOMIC_INT32);
	CHECK_EQUAL(atomic_apply(number, ATOMIC_STORE, ATOMIC_NONE, (uint64_t)1 << 40, 0, &answer), ATOMIC_ERANGE);
	CHECK_EQUAL((int64_t)does(ATOMIC_AND, ATOMIC_NONE, -1), INT32_MIN);
	CHECK_EQUAL((int64_t)does(ATOMIC_OR, ATOMIC_NONE, 5), INT32_MIN);
	CHECK_EQUAL((int64_t)does(ATOMIC_SWAP, ATOMIC_NONE, 0), INT32_MIN + 5);
	CHECK_EQUAL(does(ATOMIC_ADD, ATOMIC_UINT32, -1), UINT32_MAX);
	CHECK_EQUAL(does(ATOMIC_ADD, ATOMIC_NONE, 1), 0);
	CHECK_EQUAL(does(ATOMIC_ADD, ATOMIC_UINT64, -1), UINT64_MAX);
	CHECK_EQUAL(atomic_apply(number, ATOMIC_COMPARE_AND_SWAP, ATOMIC_NONE, 0, 1, &answer), OBJECT_OK);
	CHECK(!answer.done);
	CHECK_EQUAL(atomic_apply(number, ATOMIC_COMPARE_AND_SWAP, ATOMIC_NONE, 0, UINT64_MAX, &answer), OBJECT_OK);
	CHECK(answer.done);
	CHECK(atomic_type.is_idle(atomic_object(number), 0));
	object_unref(atomic_object(number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_answer_as_gos),
		cmocka_unit_test(a_range_meets_each_key_once_whatever_changes_meanwhile),
		cmocka_unit_test(a_page_ends_past_its_bytes_but_is_never_empty),
		cmocka_unit_test(clear_deletes_all_and_a_range_ends),
		cmocka_unit_test(without_memory_nothing_changes),
		cmocka_unit_test(compare_and_swap_loses_no_update),
		cmocka_unit_test(an_atomic_wraps_and_has_the_kind_of_its_first_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
