/* SPDX-License-Identifier: MIT
 *
 * rfc3339.c - points in time.
 */
#include "cli/rfc3339.h"

#include <string.h>
#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define LAST_SECOND (INT64_MAX / NS_PER_SECOND - 1)

/* Two digits at TEXT, up to HIGH. */
static bool take_two(const char *text, int high, int *ret)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return false;
	*ret = (text[0] - '0') * 10 + (text[1] - '0');
	return *ret <= high;
}

/* ".5" and what follows the seconds else; what is below a nanosecond is cut off. */
static const char *take_fraction(const char *text, int64_t *ns)
{
	int64_t unit = NS_PER_SECOND / 10;

	if (*text != '.' || text[1] < '0' || text[1] > '9')
		return text;
	for (text++; *text >= '0' && *text <= '9'; text++) {
		*ns += (*text - '0') * unit;
		unit /= 10;
	}
	return text;
}

/* "Z", "+01:00": what is to be taken off, in seconds. */
static bool take_zone(const char *text, int64_t *ret)
{
	int hours;
	int minutes;

	*ret = 0;
	if ((*text == 'Z' || *text == 'z') && text[1] == '\0')
		return true;
	if (strlen(text) != strlen("+01:00") || (*text != '+' && *text != '-') || text[3] != ':' ||
		!take_two(text + 1, 23, &hours) || !take_two(text + 4, 59, &minutes))
		return false;
	*ret = (*text == '-' ? -1 : 1) * (hours * INT64_C(3600) + minutes * INT64_C(60));
	return true;
}

bool rfc3339_parse(const char *text, int64_t *ret_ns)
{
	struct tm parts = {0};
	const char *rest;
	int64_t seconds;
	int64_t zone;
	int64_t ns = 0;

	if (strspn(text, "0123456789") != 4 || strlen(text) < strlen("2026-11-23T07:05:00Z"))
		return false;
	rest = strptime(text, text[10] == 't' ? "%Y-%m-%dt%H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &parts);
	if (rest != text + strlen("2026-11-23T07:05:00"))
		return false;
	rest = take_fraction(rest, &ns);
	if (!take_zone(rest, &zone))
		return false;
	seconds = (int64_t)timegm(&parts) - zone;
	if (seconds > LAST_SECOND || seconds < -LAST_SECOND)
		return false;
	*ret_ns = seconds * NS_PER_SECOND + ns;
	return true;
}
