/* SPDX-License-Identifier: MIT
 *
 * test_table.c - what was added is found, and nothing else, however large the table grows and whatever fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/table.h"

#define COUNT 5000

struct item {
	struct table_link link;
	unsigned key;
};

static struct item items[COUNT];

static bool is_key(const struct table_link *link, const void *key)
{
	return ((const struct item *)(const void *)link)->key == *(const unsigned *)key;
}

/* Four keys each share a hash. */
static uint64_t hash_of(unsigned key)
{
	return (key / 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
}

static struct item *find(const struct table *table, unsigned key)
{
	return (struct item *)(void *)table_find(table, hash_of(key), is_key, &key);
}

static void grow_if_wanted(struct table *table)
{
	const size_t wanted = table_wants(table);

	if (wanted > 0)
		memory_free(table_grow(table, table_spare(wanted)));
}

static bool always(size_t bytes)
{
	(void)bytes;
	return true;
}

static void fill(struct table *table)
{
	for (unsigned key = 0; key < COUNT; key++) {
		items[key].key = key;
		table_add(table, &items[key].link, hash_of(key));
		grow_if_wanted(table);
		assert_ptr_equal(find(table, key), &items[key]);
		assert_ptr_equal(find(table, key / 2), &items[key / 2]);
	}
	assert_int_equal(table->count, COUNT);
}

static void what_was_added_is_found_while_the_table_grows(void **state)
{
	struct table table;

	(void)state;
	assert_true(table_init(&table));
	fill(&table);
	assert_true(table.array.count >= COUNT / 2);
	for (unsigned key = 0; key < COUNT; key++)
		assert_ptr_equal(find(&table, key), &items[key]);
	assert_null(find(&table, COUNT));
	table_done(&table);
}

static void what_was_removed_is_found_no_more(void **state)
{
	struct table table;

	(void)state;
	assert_true(table_init(&table));
	fill(&table);
	for (unsigned key = 0; key < COUNT; key += 2)
		table_remove(&table, &items[key].link);
	assert_int_equal(table.count, COUNT / 2);
	for (unsigned key = 0; key < COUNT; key++)
		assert_ptr_equal(find(&table, key), key % 2 == 0 ? NULL : &items[key]);
	table_done(&table);
}

static void without_memory_to_grow_it_still_holds_all(void **state)
{
	struct table table;

	(void)state;
	assert_true(table_init(&table));
	memory_set_fault(always);
	fill(&table);
	memory_set_fault(NULL);
	assert_int_equal(table.array.count, 8);
	for (unsigned key = 0; key < COUNT; key++)
		assert_ptr_equal(find(&table, key), &items[key]);
	table_done(&table);
}

static void a_growth_under_way_is_asked_for_once(void **state)
{
	struct table table;
	size_t wanted = 0;

	(void)state;
	assert_true(table_init(&table));
	for (unsigned key = 0; wanted == 0; key++) {
		items[key].key = key;
		table_add(&table, &items[key].link, hash_of(key));
		wanted = table_wants(&table);
	}
	assert_int_equal(table_wants(&table), 0);
	memory_free(table_grow(&table, (struct table_array){0}));
	assert_int_equal(table_wants(&table), wanted);
	table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found_while_the_table_grows),
		cmocka_unit_test(what_was_removed_is_found_no_more),
		cmocka_unit_test(without_memory_to_grow_it_still_holds_all),
		cmocka_unit_test(a_growth_under_way_is_asked_for_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
