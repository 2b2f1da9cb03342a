/* SPDX-License-Identifier: MIT
 *
 * rfc3339.h - points in time as RFC 3339 writes them: 2026-11-23T07:05:00Z, 2026-11-23T07:05:00.5+01:00.
 */
#ifndef BATON_CLI_RFC3339_H
#define BATON_CLI_RFC3339_H

#include <stdbool.h>
#include <stdint.h>

/* Parses all of TEXT into nanoseconds since 1970-01-01T00:00:00Z. False, with *RET_NS untouched, when it is none. */
bool rfc3339_parse(const char *text, int64_t *ret_ns);

#endif
