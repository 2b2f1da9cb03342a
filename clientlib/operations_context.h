/* SPDX-License-Identifier: MIT
 *
 * operations_context.h - how contexts are asked and their answers read: for the table in operations.c.
 */
#ifndef BATON_CLIENTLIB_OPERATIONS_CONTEXT_H
#define BATON_CLIENTLIB_OPERATIONS_CONTEXT_H

#include "clientlib/operations.h"

/* As operation.fill and operation.read. */
const char *fill_context_make(const struct baton_call *call, struct operation_request *request);
const char *fill_context_cancel(const struct baton_call *call, struct operation_request *request);
const char *fill_context_done(const struct baton_call *call, struct operation_request *request);
const char *fill_context_state(const struct baton_call *call, struct operation_request *request);
const char *fill_context_value(const struct baton_call *call, struct operation_request *request);
const char *fill_context_children(const struct baton_call *call, struct operation_request *request);
const char *fill_context_delete(const struct baton_call *call, struct operation_request *request);
int read_context_make(const ProtobufCMessage *response, struct result *result);
int read_context_done(const ProtobufCMessage *response, struct result *result);
int read_context_state(const ProtobufCMessage *response, struct result *result);
int read_context_value(const ProtobufCMessage *response, struct result *result);
int read_context_children(const ProtobufCMessage *response, struct result *result);

#endif
