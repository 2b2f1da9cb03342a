/* SPDX-License-Identifier: MIT
 *
 * result.h - what became of a call: the public struct baton_result with the memory of all it points at.
 *
 * The memory is an arena with room for the usual answer from the start, so that a call that failed for want of memory
 * can still say so. It is capped: what a hostile daemon sends cannot blow it up without bound.
 */
#ifndef BATON_CLIENTLIB_RESULT_H
#define BATON_CLIENTLIB_RESULT_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "clientlib/baton.h"

struct result;

/* A result without error and with empty strings. The caller owns it. NULL: no memory. */
struct result *result_new(void);
void result_free(struct result *result);

/* The public face of a result, and the result behind a face. */
struct baton_result *result_face(struct result *result);
struct result *result_of(struct baton_result *face);

/* BYTES of the result's own memory, aligned for any type, not zeroed. NULL: no memory, or more than its cap. */
void *result_memory(struct result *result, size_t bytes);

/* A copy of LENGTH bytes and a NUL, in the result's memory. NULL: as result_memory. */
char *result_copy(struct result *result, const void *bytes, size_t length);

/* Whether memory was asked for that was not there. */
bool result_is_exhausted(const struct result *result);

/* Decodes LENGTH bytes into the result's memory, and sets the cap by them. NULL: undecodable, or no memory. */
ProtobufCMessage *result_unpack(
	struct result *result, const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length);

/* Makes the result an error, with its one-line text: control characters are replaced. Returns ERROR. */
int result_fail(struct result *result, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
