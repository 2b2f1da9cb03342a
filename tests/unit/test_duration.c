/* SPDX-License-Identifier: MIT
 *
 * test_duration.c - spans of time, read and written as Go does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/duration.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static void is_span(const char *text, int64_t expected)
{
	const char *why = "";
	int64_t ns = -1;

	if (!duration_parse(text, &ns, &why))
		fail_msg("\"%s\" %s", text, why);
	if (ns != expected)
		fail_msg("\"%s\" is %lld, not %lld", text, (long long)ns, (long long)expected);
}

static void is_refused(const char *text, const char *expected)
{
	const char *why = "";
	int64_t ns = -7;

	if (duration_parse(text, &ns, &why))
		fail_msg("\"%s\" was taken as %lld", text, (long long)ns);
	assert_non_null(strstr(why, expected));
	assert_int_equal(ns, -7);
}

static void units_add_up(void **state)
{
	(void)state;
	is_span("150ms", 150 * MS);
	is_span("2s", 2 * SECOND);
	is_span("1h30m", HOUR + 30 * MINUTE);
	is_span("1h2m3s4ms5us6ns", HOUR + 2 * MINUTE + 3 * SECOND + 4 * MS + 5006);
	is_span("1.5h", HOUR + 30 * MINUTE);
	is_span(".5s", 500 * MS);
	is_span("1.s", SECOND);
	is_span("3\xC2\xB5s", 3000);
	is_span("3\xCE\xBCs", 3000);
	is_span("1m1m", 2 * MINUTE);
	is_span("0s", 0);
}

static void a_bare_number_is_seconds(void **state)
{
	(void)state;
	is_span("0", 0);
	is_span("2", 2 * SECOND);
	is_span("0.25", 250 * MS);
	is_span(".001", MS);
	is_span("0.0000000019", 1);
	is_span("0.123456789012345678901234567890", 123456789);
	is_refused("1h30", "without a unit");
}

static void what_is_no_span_is_refused(void **state)
{
	(void)state;
	is_refused("", "is not a duration");
	is_refused(".", "is not a duration");
	is_refused("s", "is not a duration");
	is_refused("-1s", "is not a duration");
	is_refused("+1s", "is not a duration");
	is_refused("1s ", "is not a duration");
	is_refused(" 1s", "is not a duration");
	is_refused("1d", "unknown unit");
	is_refused("1.2.3s", "unknown unit");
	is_refused("1e9", "unknown unit");
	is_refused("1S", "unknown unit");
}

static void too_long_is_refused_and_not_wrapped(void **state)
{
	(void)state;
	is_span("9223372036854775807ns", INT64_MAX);
	is_span("9223372036.854775807", INT64_MAX);
	is_span("2562047h47m16.854775807s", INT64_MAX);
	is_refused("9223372036854775808ns", "too long");
	is_refused("2562048h", "too long");
	is_refused("18446744073709551616ns", "too long");
	is_refused("9999999999999999999999", "too long");
	is_refused("2562047h48m", "too long");
}

static void prints_as(int64_t ns, const char *expected)
{
	char text[DURATION_TEXT_BYTES];
	int64_t again;

	assert_string_equal(duration_format(ns, text, sizeof(text)), expected);
	if (ns < 0)
		return;
	assert_true(duration_parse(text, &again, NULL));
	assert_true(again == ns);
}

static void prints_as_go_does(void **state)
{
	(void)state;
	prints_as(0, "0s");
	prints_as(1, "1ns");
	prints_as(1100, "1.1\xC2\xB5s");
	prints_as(2200 * 1000, "2.2ms");
	prints_as(150 * MS, "150ms");
	prints_as(SECOND, "1s");
	prints_as(1500 * MS, "1.5s");
	prints_as(SECOND + 1, "1.000000001s");
	prints_as(5 * MINUTE + 5 * SECOND, "5m5s");
	prints_as(HOUR, "1h0m0s");
	prints_as(HOUR + 30 * MINUTE + 1500 * MS, "1h30m1.5s");
	prints_as(-1500 * MS, "-1.5s");
	prints_as(INT64_MAX, "2562047h47m16.854775807s");
	prints_as(INT64_MIN, "-2562047h47m16.854775808s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_add_up),
		cmocka_unit_test(a_bare_number_is_seconds),
		cmocka_unit_test(what_is_no_span_is_refused),
		cmocka_unit_test(too_long_is_refused_and_not_wrapped),
		cmocka_unit_test(prints_as_go_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
