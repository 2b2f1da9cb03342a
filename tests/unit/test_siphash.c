/* SPDX-License-Identifier: MIT
 *
 * test_siphash.c - against the example worked out in the paper's appendix; 1-3 against Python's hash of
 * bytes, which is that with a zero key where PYTHONHASHSEED is 0.
 */
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void the_papers_example_comes_out(void **state)
{
	uint8_t key[SIPHASH_KEY_BYTES];
	uint8_t input[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	for (uint8_t i = 0; i < sizeof(input); i++)
		input[i] = i;
	assert_true(siphash(key, input, sizeof(input)) == UINT64_C(0xa129ca6149be45e5));
}

static void the_short_one_is_pythons(void **state)
{
	const uint8_t key[SIPHASH_KEY_BYTES] = {0};

	(void)state;
	assert_true(siphash_1_3(key, "a", 1) == UINT64_C(0x407448d2b89b1813));
	assert_true(siphash_1_3(key, "0123456", 7) == UINT64_C(0x810aaf7acf670379));
	assert_true(siphash_1_3(key, "01234567", 8) == UINT64_C(0xda3dcedf84ea6cc6));
	assert_true(siphash_1_3(key, "a name of an object", 19) == UINT64_C(0xeac034c1866ffe03));
}

static void every_byte_counts(void **state)
{
	const uint8_t key[SIPHASH_KEY_BYTES] = {1};
	uint8_t input[33] = {0};
	const uint64_t before = siphash(key, input, sizeof(input));

	(void)state;
	for (size_t i = 0; i < sizeof(input); i++) {
		input[i] = 1;
		assert_true(siphash(key, input, sizeof(input)) != before);
		input[i] = 0;
		assert_true(siphash(key, input, i) != before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_papers_example_comes_out),
		cmocka_unit_test(the_short_one_is_pythons),
		cmocka_unit_test(every_byte_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
