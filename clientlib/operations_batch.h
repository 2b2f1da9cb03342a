/* SPDX-License-Identifier: MIT
 *
 * operations_batch.h - how batches of messages are asked and their answers read: for the table in operations.c.
 */
#ifndef BATON_CLIENTLIB_OPERATIONS_BATCH_H
#define BATON_CLIENTLIB_OPERATIONS_BATCH_H

#include "clientlib/operations.h"

/* As operation.fill and operation.read. */
const char *fill_send_batch(const struct baton_call *call, struct operation_request *request);
const char *fill_receive_batch(const struct baton_call *call, struct operation_request *request);
int read_send_batch(const ProtobufCMessage *response, struct result *result);
int read_receive_batch(const ProtobufCMessage *response, struct result *result);

#endif
