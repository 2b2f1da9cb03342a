/* SPDX-License-Identifier: MIT
 *
 * test_name.c - the rule for names, and the UTF-8 under it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/name.h"
#include "base/utf8.h"

static void is_name(const char *name)
{
	const char *why = "";

	if (!name_is_valid(name, strlen(name), &why))
		fail_msg("\"%s\" %s", name, why);
}

static void breaks(const char *name, size_t length, const char *rule)
{
	const char *why = "";

	if (name_is_valid(name, length, &why))
		fail_msg("\"%s\" was taken", name);
	assert_string_equal(why, rule);
}

#define BREAKS(name, rule) breaks((name), sizeof(name) - 1, (rule))

static void names_may_be_anything_one_can_read(void **state)
{
	(void)state;
	is_name("a");
	is_name("deploy/db-1.lock");
	is_name("a-");
	is_name("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"); /* two, three and four bytes */
	is_name("\xE2\x80\x8D");                         /* a joiner */
	is_name("~!@#$%^&*()_+{}|:\"<>?[];',./`\\");
}

/* Plain bytes are taken eight at a time. */
static void a_bad_byte_is_found_anywhere(void **state)
{
	static const char bad[] = {'=', ' ', 0x1F, 0x7F, 0, 1, '\xC3', '\x80', '\xFF'};
	char name[24];

	(void)state;
	for (size_t at = 0; at < sizeof(name); at++)
		for (int byte = 0x21; byte < 0x7F; byte++) {
			memset(name, 'x', sizeof(name));
			name[at] = (char)byte;
			if (byte != '=' && !(byte == '-' && at == 0))
				assert_true(name_is_valid(name, sizeof(name), NULL));
		}
	for (size_t at = 0; at < sizeof(name); at++)
		for (size_t i = 0; i < sizeof(bad); i++) {
			memset(name, i % 2 == 0 ? '!' : '~', sizeof(name));
			name[at] = bad[i];
			assert_false(name_is_valid(name, sizeof(name), NULL));
		}
}

static void each_rule_has_its_words(void **state)
{
	(void)state;
	BREAKS("", "is empty");
	BREAKS("-x", "begins with '-'");
	BREAKS("a=b", "has a '=' in it");
	BREAKS("a b", "has white space in it");
	BREAKS("a\tb", "has white space in it");
	BREAKS("a\n", "has white space in it");
	BREAKS("a\xC2\xA0", "has white space in it");    /* no-break space */
	BREAKS("\xE3\x80\x80", "has white space in it"); /* ideographic space */
	BREAKS("\xE2\x80\xA8", "has white space in it"); /* line separator */
	BREAKS("a\x1B[m", "has an unprintable character in it");
	BREAKS("a\0b", "has an unprintable character in it");
	BREAKS("a\x7F", "has an unprintable character in it");
	BREAKS("\xC2\x9F", "has an unprintable character in it");
	BREAKS("x\xE2\x80\xAEy", "has an unprintable character in it");   /* right-to-left override */
	BREAKS("\xEF\xBB\xBFx", "has an unprintable character in it");    /* byte order mark */
	BREAKS("\xF0\x9F\xBF\xBE", "has an unprintable character in it"); /* U+1FFFE */
	BREAKS("a\xFF", "is not UTF-8");
	BREAKS("a\xC3", "is not UTF-8");
}

static void a_name_has_at_most_255_bytes(void **state)
{
	char name[257];

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_true(name_is_valid(name, 255, NULL));
	breaks(name, 256, "is longer than 255 bytes");
}

static void decodes(const char *bytes, size_t length, uint32_t expected)
{
	uint32_t point = 0;

	assert_int_equal(utf8_decode(bytes, length, &point), length);
	assert_int_equal(point, expected);
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(utf8_decode(bytes, cut, &point), 0);
}

static void utf8_ends_where_unicode_does(void **state)
{
	uint32_t point;

	(void)state;
	decodes("\x7F", 1, 0x7F);
	decodes("\xC2\x80", 2, 0x80);
	decodes("\xDF\xBF", 2, 0x7FF);
	decodes("\xE0\xA0\x80", 3, 0x800);
	decodes("\xED\x9F\xBF", 3, 0xD7FF);
	decodes("\xEE\x80\x80", 3, 0xE000);
	decodes("\xF0\x90\x80\x80", 4, 0x10000);
	decodes("\xF4\x8F\xBF\xBF", 4, 0x10FFFF);
	assert_int_equal(utf8_decode("\xC0\x80", 2, &point), 0);         /* overlong */
	assert_int_equal(utf8_decode("\xE0\x9F\xBF", 3, &point), 0);     /* overlong */
	assert_int_equal(utf8_decode("\xED\xA0\x80", 3, &point), 0);     /* a surrogate */
	assert_int_equal(utf8_decode("\xF0\x8F\xBF\xBF", 4, &point), 0); /* overlong */
	assert_int_equal(utf8_decode("\xF4\x90\x80\x80", 4, &point), 0); /* above */
	assert_int_equal(utf8_decode("\x80", 1, &point), 0);
	assert_true(utf8_is_valid("a\0\xC3\xA4", 4));
	assert_false(utf8_is_valid("a\xC3", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_may_be_anything_one_can_read),
		cmocka_unit_test(a_bad_byte_is_found_anywhere),
		cmocka_unit_test(each_rule_has_its_words),
		cmocka_unit_test(a_name_has_at_most_255_bytes),
		cmocka_unit_test(utf8_ends_where_unicode_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
