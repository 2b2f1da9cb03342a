/* SPDX-License-Identifier: MIT
 *
 * strings.h - the check of strings that protobuf-c leaves out.
 */
#ifndef BATON_DAEMON_STRINGS_H
#define BATON_DAEMON_STRINGS_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether none of the strings in the LENGTH bytes, which are a flat message of TYPE, has a NUL in it: C would take it
 * for another, shorter one. */
bool strings_are_whole(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length);

#endif
