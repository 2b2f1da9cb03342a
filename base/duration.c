/* SPDX-License-Identifier: MIT
 *
 * duration.c - spans of time from text and to text.
 */
#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_SECOND UINT64_C(1000000000)
#define NS_PER_MINUTE (60 * NS_PER_SECOND)
#define NS_PER_HOUR (60 * NS_PER_MINUTE)

struct unit {
	const char *name;
	uint64_t ns;
};

/* Longer names before their prefixes. "µ" exists twice in Unicode: micro sign and Greek letter. */
static const struct unit units[] = {
	{"ns", 1},
	{"us", 1000},
	{"\xC2\xB5s", 1000},
	{"\xCE\xBCs", 1000},
	{"ms", 1000000},
	{"s", NS_PER_SECOND},
	{"m", NS_PER_MINUTE},
	{"h", NS_PER_HOUR},
};

static const char too_long[] = "is too long";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal number: WHOLE + PART / SCALE. */
struct decimal {
	uint64_t whole;
	uint64_t part;
	uint64_t scale;
};

/* Reads digits with at most one point in them. Returns what is wrong, or NULL. */
static const char *read_decimal(const char **at, struct decimal *ret)
{
	const char *p = *at;
	size_t digits = 0;

	*ret = (struct decimal){.scale = 1};
	for (; is_digit(*p); p++, digits++)
		if (__builtin_mul_overflow(ret->whole, UINT64_C(10), &ret->whole) ||
			__builtin_add_overflow(ret->whole, (uint64_t)(*p - '0'), &ret->whole))
			return too_long;
	if (*p == '.')
		for (p++; is_digit(*p); p++, digits++)
			if (ret->scale < UINT64_C(1000000000000000)) { /* digits beyond are below a nanosecond */
				ret->part = ret->part * 10 + (uint64_t)(*p - '0');
				ret->scale *= 10;
			}
	*at = p;
	return digits == 0 ? "is not a duration (as 150ms, 2s, 1h30m)" : NULL;
}

static const struct unit *read_unit(const char **at)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const size_t length = strlen(units[i].name);

		if (strncmp(*at, units[i].name, length) == 0) {
			*at += length;
			return &units[i];
		}
	}
	return NULL;
}

/* Adds NUMBER times UNIT to *NS. */
static const char *add_term(const struct decimal *number, uint64_t unit_ns, int64_t *ns)
{
	__extension__ const unsigned __int128 part = (unsigned __int128)number->part * unit_ns / number->scale;
	uint64_t term;

	if (__builtin_mul_overflow(number->whole, unit_ns, &term) ||
		__builtin_add_overflow(term, (uint64_t)part, &term) || __builtin_add_overflow(*ns, term, ns))
		return too_long;
	return NULL;
}

static const char *parse(const char *text, int64_t *ret_ns)
{
	const char *at = text;
	int64_t ns = 0;

	do {
		const bool first = at == text;
		struct decimal number;
		const struct unit *unit;
		const char *why = read_decimal(&at, &number);

		if (why != NULL)
			return why;
		if (*at == '\0' && !first)
			return "ends without a unit";
		unit = *at == '\0' ? &(const struct unit){"", NS_PER_SECOND} : read_unit(&at);
		if (unit == NULL)
			return "has an unknown unit (there are ns, us, ms, s, m, h)";
		why = add_term(&number, unit->ns, &ns);
		if (why != NULL)
			return why;
	} while (*at != '\0');
	*ret_ns = ns;
	return NULL;
}

bool duration_parse(const char *text, int64_t *ret_ns, const char **ret_why)
{
	const char *why = parse(text, ret_ns);

	if (why != NULL && ret_why != NULL)
		*ret_why = why;
	return why == NULL;
}

/* Writes NS in units of 10^DIGITS ns, without trailing zeros behind the point. */
static void format_units(uint64_t ns, int digits, const char *unit, char *to, size_t size)
{
	uint64_t unit_ns = 1;
	uint64_t fraction;

	for (int i = 0; i < digits; i++)
		unit_ns *= 10;
	fraction = ns % unit_ns;
	for (; fraction != 0 && fraction % 10 == 0; fraction /= 10)
		digits--;
	if (fraction == 0)
		snprintf(to, size, "%" PRIu64 "%s", ns / unit_ns, unit);
	else
		snprintf(to, size, "%" PRIu64 ".%0*" PRIu64 "%s", ns / unit_ns, digits, fraction, unit);
}

char *duration_format(int64_t ns, char *to, size_t size)
{
	const uint64_t span = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	const char *sign = ns < 0 ? "-" : "";
	char last[64];

	if (span == 0)
		snprintf(last, sizeof(last), "0s");
	else if (span < 1000)
		format_units(span, 0, "ns", last, sizeof(last));
	else if (span < 1000000)
		format_units(span, 3, "\xC2\xB5s", last, sizeof(last));
	else if (span < NS_PER_SECOND)
		format_units(span, 6, "ms", last, sizeof(last));
	else
		format_units(span % NS_PER_MINUTE, 9, "s", last, sizeof(last));
	if (span >= NS_PER_HOUR)
		snprintf(to, size, "%s%" PRIu64 "h%" PRIu64 "m%s", sign, span / NS_PER_HOUR,
			span % NS_PER_HOUR / NS_PER_MINUTE, last);
	else if (span >= NS_PER_MINUTE)
		snprintf(to, size, "%s%" PRIu64 "m%s", sign, span / NS_PER_MINUTE, last);
	else
		snprintf(to, size, "%s%s", sign, last);
	return to;
}
