/* SPDX-License-Identifier: MIT
 *
 * test_siphash.c - against the example worked out in the paper's appendix.
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
		cmocka_unit_test(every_byte_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
