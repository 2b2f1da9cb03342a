/* SPDX-License-Identifier: MIT
 *
 * name.h - the rule for the names of objects.
 *
 * A name is 1 to 255 bytes of printable UTF-8 without white space or '=', not beginning with '-'. '/' is the customary
 * separator and means nothing here.
 */
#ifndef BATON_BASE_NAME_H
#define BATON_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_MAX_BYTES 255

/* Whether the LENGTH bytes at NAME are a name. If not, *RET_WHY (may be NULL) is the rule that they break, to stand
 * behind the name in a message ("is empty", "has white space in it"); static. */
bool name_is_valid(const char *name, size_t length, const char **ret_why);

#endif
