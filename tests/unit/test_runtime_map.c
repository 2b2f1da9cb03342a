/* SPDX-License-Identifier: MIT
 *
 * test_runtime_map.c - the map; after Go's sync/map_test.go and internal/sync/hashtriemap_test.go, whose names are
 * kept. The same with keys that are made to collide.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/map.h"
#include "tests/lib/co_test.h"

/* All bits; sixteen hashes; one shard; differences in the last bits alone; one hash. */
static const uint64_t masks[] = {UINT64_MAX, 0xF, 0x0FFFFFFFFFFFFFFF, 0x3, 0};

#define EACH_MASK(i) (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)

static void *as_value(uintptr_t number)
{
	return (void *)number;
}

static bool store(struct co_map *map, uint32_t key, uintptr_t value)
{
	return co_map_store(map, &key, sizeof(key), as_value(value)) == 0;
}

static uintptr_t load(struct co_map *map, uint32_t key)
{
	void *value;

	return co_map_load(map, &key, sizeof(key), &value) ? (uintptr_t)value : 0;
}

/* ---- TestMapMatchesRWMutex, TestMapMatchesDeepCopy --------------------------------------------------------------- */

#define KEYS 200

/* What the map should hold: 0 where a key is not in it. */
struct model {
	uintptr_t values[KEYS];
};

static size_t model_length(const struct model *model)
{
	size_t length = 0;

	for (int i = 0; i < KEYS; i++)
		length += model->values[i] != 0;
	return length;
}

/* One random operation on both, which must agree. */
static void apply(struct co_map *map, struct model *model, struct test_random *random)
{
	const uint32_t key = (uint32_t)test_random_below(random, KEYS);
	const uintptr_t value = 1 + test_random_below(random, 4);
	const uintptr_t expected = 1 + test_random_below(random, 4);
	uintptr_t *slot = &model->values[key];
	const uintptr_t before = *slot;
	void *got = as_value(99);

	switch (test_random_below(random, 9)) {
	case 0:
		CHECK_EQUAL(co_map_load(map, &key, sizeof(key), &got), before != 0);
		CHECK_EQUAL((uintptr_t)got, before);
		break;
	case 1:
		CHECK_EQUAL(co_map_store(map, &key, sizeof(key), as_value(value)), 0);
		*slot = value;
		break;
	case 2:
		CHECK_EQUAL(co_map_swap(map, &key, sizeof(key), as_value(value), &got), before != 0);
		CHECK_EQUAL((uintptr_t)got, before);
		*slot = value;
		break;
	case 3:
		CHECK_EQUAL(co_map_load_or_store(map, &key, sizeof(key), as_value(value), &got), before != 0);
		*slot = before != 0 ? before : value;
		CHECK_EQUAL((uintptr_t)got, *slot);
		break;
	case 4:
		CHECK_EQUAL(co_map_load_and_delete(map, &key, sizeof(key), &got), before != 0);
		CHECK_EQUAL((uintptr_t)got, before);
		*slot = 0;
		break;
	case 5:
		CHECK_EQUAL(co_map_delete(map, &key, sizeof(key)), before != 0);
		*slot = 0;
		break;
	case 6:
		CHECK_EQUAL(co_map_compare_and_swap(map, &key, sizeof(key), as_value(expected), as_value(value)),
			before == expected);
		*slot = before == expected ? value : before;
		break;
	case 7:
		CHECK_EQUAL(co_map_compare_and_delete(map, &key, sizeof(key), as_value(expected)), before == expected);
		*slot = before == expected ? 0 : before;
		break;
	default:
		CHECK_EQUAL(co_map_length(map), model_length(model));
		break;
	}
}

struct seen {
	const struct model *model;
	unsigned char counts[KEYS];
	size_t left; /* how many to visit */
};

static bool see(const void *key, size_t length, void *value, void *arg)
{
	struct seen *seen = arg;
	uint32_t number = 0;

	if (length != sizeof(number))
		return false;
	memcpy(&number, key, sizeof(number));
	if (number >= KEYS || (seen->model != NULL && seen->model->values[number] != (uintptr_t)value))
		return false;
	seen->counts[number]++;
	return --seen->left > 0;
}

/* A range sees what the model has, each key once; and stops when told to. */
static void check_range(struct co_map *map, const struct model *model)
{
	const size_t length = model_length(model);
	struct seen seen = {.model = model, .left = SIZE_MAX};

	co_map_range(map, see, &seen);
	for (int i = 0; i < KEYS; i++)
		CHECK_EQUAL(seen.counts[i], model->values[i] != 0);
	seen = (struct seen){.model = model, .left = length / 2 + 1};
	co_map_range(map, see, &seen);
	if (length > 0)
		CHECK_EQUAL(seen.left, 0);
}

COROUTINE_TEST(map_matches_model)
{
	const size_t rounds = test_scale(200000);

	for
		EACH_MASK(i)
		{
			struct co_map *map = co_map_new_masked(masks[i]);
			struct test_random random = test_random_stream(i);
			struct model model = {{0}};

			CHECK(map != NULL);
			for (size_t round = 0; round < rounds; round++) {
				apply(map, &model, &random);
				if (round % 1000 == 0)
					check_range(map, &model);
				if (round % 20000 == 19999) {
					co_map_clear(map);
					memset(&model, 0, sizeof(model));
				}
			}
			check_range(map, &model);
			co_map_free(map);
		}
}

/* Keys are told apart by length and by every byte; the empty key is one; the map has copies of its own. */
COROUTINE_TEST(keys_are_byte_strings)
{
	for
		EACH_MASK(i)
		{
			struct co_map *map = co_map_new_masked(masks[i]);
			char key[] = "a\0b";
			void *value;

			CHECK(map != NULL);
			CHECK_EQUAL(co_map_store(map, key, 3, as_value(1)), 0);
			CHECK_EQUAL(co_map_store(map, key, 1, as_value(2)), 0);
			CHECK_EQUAL(co_map_store(map, NULL, 0, as_value(3)), 0);
			key[2] = 'c';
			CHECK(!co_map_load(map, key, 3, &value));
			CHECK(value == NULL);
			CHECK(co_map_load(map, "a\0b", 3, &value) && value == as_value(1));
			CHECK(co_map_load(map, "a", 1, &value) && value == as_value(2));
			CHECK(co_map_load(map, NULL, 0, &value) && value == as_value(3));
			CHECK_EQUAL(co_map_length(map), 3);
			co_map_free(map);
		}
}

/* ---- TestConcurrentRange ----------------------------------------------------------------------------------------- */

static struct {
	struct co_map *map;
	atomic_bool over;
	atomic_size_t changes;
} changing;

/* The even keys stay, with values that change; the odd ones come and go. */
static void change(void *arg)
{
	struct test_random random = test_random_stream((uintptr_t)arg);

	while (!atomic_load(&changing.over)) {
		const uint32_t key = (uint32_t)test_random_below(&random, KEYS);

		if (key % 2 == 0 || test_random_below(&random, 2) == 0)
			CHECK(store(changing.map, key, 1 + test_random_below(&random, 5)));
		else
			co_map_delete(changing.map, &key, sizeof(key));
		atomic_fetch_add(&changing.changes, 1);
		if (test_random_below(&random, 4) == 0)
			co_yield();
	}
}

static bool see_slowly(const void *key, size_t length, void *value, void *arg)
{
	co_yield();
	return see(key, length, value, arg);
}

COROUTINE_TEST(concurrent_range)
{
	const size_t rounds = test_scale(100);

	for
		EACH_MASK(i)
		{
			struct co_test_group group = {0};

			changing.map = co_map_new_masked(masks[i]);
			CHECK(changing.map != NULL);
			atomic_store(&changing.over, false);
			for (uint32_t key = 0; key < KEYS; key++)
				CHECK(store(changing.map, key, 1));
			for (uintptr_t number = 1; number <= 3; number++)
				co_test_go(&group, change, (void *)number);
			for (size_t round = 0; round < rounds; round++) {
				struct seen seen = {.left = SIZE_MAX};

				co_map_range(changing.map, see_slowly, &seen);
				for (uint32_t key = 0; key < KEYS; key++)
					CHECK(seen.counts[key] <= 1 && (key % 2 == 1 || seen.counts[key] == 1));
			}
			atomic_store(&changing.over, true);
			co_test_wait(&group);
			CHECK(atomic_load(&changing.changes) > 0);
			co_map_free(changing.map);
		}
}

/* ---- TestMapRangeNestedCall, TestIssue40999 ---------------------------------------------------------------------- */

static bool change_inside(const void *key, size_t length, void *value, void *arg)
{
	struct co_map *map = arg;
	uint32_t other;
	uint32_t number;

	(void)value;
	memcpy(&number, key, sizeof(number));
	other = number + 1000;
	return co_map_delete(map, key, length) && store(map, other, 1) && load(map, number) == 0 &&
	       co_map_length(map) > 0;
}

static bool is_key(const void *key, size_t length, void *value, void *arg)
{
	(void)key;
	(void)length;
	(void)value;
	(*(size_t *)arg)++;
	return true;
}

/* A range whose visitor deletes what it visits and adds others ends, and has visited the first ones. */
COROUTINE_TEST(range_with_changes_inside)
{
	for
		EACH_MASK(i)
		{
			struct co_map *map = co_map_new_masked(masks[i]);
			size_t count = 0;

			CHECK(map != NULL);
			for (uint32_t key = 0; key < 500; key++)
				CHECK(store(map, key, 1));
			co_map_range(map, change_inside, map);
			for (uint32_t key = 0; key < 500; key++)
				CHECK_EQUAL(load(map, key), 0);
			co_map_range(map, is_key, &count);
			CHECK_EQUAL(count, 500);
			CHECK_EQUAL(co_map_length(map), 500);
			co_map_free(map);
		}
}

/* What is deleted is freed: a map that many keys pass through does not grow. */
COROUTINE_TEST(deleted_keys_are_released)
{
	struct co_map *map = co_map_new();
	size_t before = 0;

	CHECK(map != NULL);
	for (uint32_t key = 0; key < 300000; key++) {
		CHECK(store(map, key, 1));
		if (key >= 100) {
			const uint32_t old = key - 100;

			CHECK(co_map_delete(map, &old, sizeof(old)));
		}
		if (key == 10000)
			before = mallinfo2().uordblks;
	}
	CHECK_EQUAL(co_map_length(map), 100);
	if (!TEST_SANITIZED)
		CHECK(mallinfo2().uordblks < before + 64 * (size_t)1024);
	co_map_free(map);
}

/* ---- TestCompareAndSwap and its like: one winner ----------------------------------------------------------------- */

static struct {
	struct co_map *map;
	atomic_size_t stored;
	atomic_size_t deleted;
	size_t rounds;
} contest;

static void count_up(void *unused)
{
	static const uint32_t key = 7;

	(void)unused;
	for (size_t i = 0; i < contest.rounds; i++) {
		void *value;

		do {
			CHECK(co_map_load(contest.map, &key, sizeof(key), &value));
			if (i % 7 == 0)
				co_yield();
		} while (!co_map_compare_and_swap(
			contest.map, &key, sizeof(key), value, as_value((uintptr_t)value + 1)));
	}
}

static void store_and_delete(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < contest.rounds; i++) {
		const uint32_t key = 100 + (uint32_t)(i % 10);
		void *value;

		if (co_map_load_or_store(contest.map, &key, sizeof(key), as_value(1), &value) == 0)
			atomic_fetch_add(&contest.stored, 1);
		if (i % 3 == 0)
			co_yield();
		if (co_map_load_and_delete(contest.map, &key, sizeof(key), &value))
			atomic_fetch_add(&contest.deleted, 1);
	}
}

/* No increment is lost, and what was stored once is deleted once. */
COROUTINE_TEST(changes_have_one_winner)
{
	struct co_test_group group = {0};

	contest.map = co_map_new();
	contest.rounds = test_scale(10000);
	CHECK(contest.map != NULL && store(contest.map, 7, 1));
	for (int i = 0; i < 4; i++) {
		co_test_go(&group, count_up, NULL);
		co_test_go(&group, store_and_delete, NULL);
	}
	co_test_wait(&group);
	CHECK_EQUAL(load(contest.map, 7), 1 + 4 * contest.rounds);
	CHECK_EQUAL(atomic_load(&contest.stored), atomic_load(&contest.deleted));
	CHECK_EQUAL(co_map_length(contest.map), 1);
	co_map_free(contest.map);
}

/* ---- no memory --------------------------------------------------------------------------------------------------- */

static size_t allocations_left;

static bool fails(size_t bytes)
{
	(void)bytes;
	return allocations_left == 0 || allocations_left-- == 0;
}

/* Where an allocation fails, the map stays as it was, and works. */
SINGLE_P_TEST(no_memory)
{
	for
		EACH_MASK(i)
		{
			struct co_map *map = co_map_new_masked(masks[i]);
			uint32_t key = 0;

			CHECK(map != NULL);
			for (int round = 0; round < 400; round++) {
				void *value = NULL;
				int r;

				allocations_left = (size_t)round % 5;
				memory_set_fault(fails);
				r = co_map_load_or_store(map, &key, sizeof(key), as_value(key + 1), &value);
				memory_set_fault(NULL);
				CHECK(r == 0 || r == CO_ENOMEM);
				CHECK_EQUAL(load(map, key), r == 0 ? key + 1 : 0);
				key += r == 0;
				CHECK_EQUAL(co_map_length(map), key);
			}
			CHECK(key > 0 && key < 400);
			while (key-- > 0)
				CHECK(co_map_delete(map, &key, sizeof(key)));
			CHECK_EQUAL(co_map_length(map), 0);
			co_map_free(map);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_matches_model),
		cmocka_unit_test(keys_are_byte_strings),
		cmocka_unit_test(concurrent_range),
		cmocka_unit_test(range_with_changes_inside),
		cmocka_unit_test(deleted_keys_are_released),
		cmocka_unit_test(changes_have_one_winner),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
