/* SPDX-License-Identifier: MIT
 *
 * operations_map.h - how maps and atomics are asked and their answers read: for the table in operations.c.
 */
#ifndef BATON_CLIENTLIB_OPERATIONS_MAP_H
#define BATON_CLIENTLIB_OPERATIONS_MAP_H

#include "clientlib/operations.h"

/* As operation.fill and operation.read. */
const char *fill_map(const struct baton_call *call, struct operation_request *request);
const char *fill_map_range(const struct baton_call *call, struct operation_request *request);
const char *fill_map_clear(const struct baton_call *call, struct operation_request *request);
const char *fill_map_length(const struct baton_call *call, struct operation_request *request);
const char *fill_atomic(const struct baton_call *call, struct operation_request *request);
int read_map(const ProtobufCMessage *response, struct result *result);
int read_map_range(const ProtobufCMessage *response, struct result *result);
int read_map_length(const ProtobufCMessage *response, struct result *result);
int read_atomic(const ProtobufCMessage *response, struct result *result);

#endif
