/* SPDX-License-Identifier: MIT
 *
 * operations_sync.h - how wait groups, onces and conds are asked and their answers read: for the table in operations.c.
 */
#ifndef BATON_CLIENTLIB_OPERATIONS_SYNC_H
#define BATON_CLIENTLIB_OPERATIONS_SYNC_H

#include "clientlib/operations.h"

/* As operation.fill and operation.read. */
const char *fill_wg_add(const struct baton_call *call, struct operation_request *request);
const char *fill_wg_done(const struct baton_call *call, struct operation_request *request);
const char *fill_wg_wait(const struct baton_call *call, struct operation_request *request);
const char *fill_wg_adopt(const struct baton_call *call, struct operation_request *request);
int read_wg_wait(const ProtobufCMessage *response, struct result *result);

const char *fill_once_begin(const struct baton_call *call, struct operation_request *request);
const char *fill_once_complete(const struct baton_call *call, struct operation_request *request);
const char *fill_once_fail(const struct baton_call *call, struct operation_request *request);
const char *fill_once_get(const struct baton_call *call, struct operation_request *request);
const char *fill_once_reset(const struct baton_call *call, struct operation_request *request);
int read_once_begin(const ProtobufCMessage *response, struct result *result);
int read_once_get(const ProtobufCMessage *response, struct result *result);
int read_once_reset(const ProtobufCMessage *response, struct result *result);

const char *fill_cond_wait(const struct baton_call *call, struct operation_request *request);
const char *fill_cond_signal(const struct baton_call *call, struct operation_request *request);
const char *fill_cond_broadcast(const struct baton_call *call, struct operation_request *request);
int read_cond_wait(const ProtobufCMessage *response, struct result *result);
int read_cond_signal(const ProtobufCMessage *response, struct result *result);
int read_cond_broadcast(const ProtobufCMessage *response, struct result *result);

#endif
