/* SPDX-License-Identifier: MIT
 *
 * operations_locks.h - how mutexes, RWMutexes and semaphores are asked and their answers read: for the table in
 * operations.c.
 */
#ifndef BATON_CLIENTLIB_OPERATIONS_LOCKS_H
#define BATON_CLIENTLIB_OPERATIONS_LOCKS_H

#include "clientlib/operations.h"

/* As operation.fill and operation.read. */
const char *fill_mutex_lock(const struct baton_call *call, struct operation_request *request);
const char *fill_mutex_unlock(const struct baton_call *call, struct operation_request *request);
const char *fill_mutex_check(const struct baton_call *call, struct operation_request *request);
const char *fill_mutex_lock_all(const struct baton_call *call, struct operation_request *request);
const char *fill_mutex_unlock_all(const struct baton_call *call, struct operation_request *request);
const char *fill_mutex_hand_over(const struct baton_call *call, struct operation_request *request);
int read_mutex_lock(const ProtobufCMessage *response, struct result *result);
int read_mutex_check(const ProtobufCMessage *response, struct result *result);

const char *fill_rwmutex_lock(const struct baton_call *call, struct operation_request *request);
const char *fill_rwmutex_rlock(const struct baton_call *call, struct operation_request *request);
const char *fill_rwmutex_unlock(const struct baton_call *call, struct operation_request *request);
const char *fill_rwmutex_check(const struct baton_call *call, struct operation_request *request);
const char *fill_rwmutex_downgrade(const struct baton_call *call, struct operation_request *request);
const char *fill_rwmutex_hand_over(const struct baton_call *call, struct operation_request *request);
int read_rwmutex_lock(const ProtobufCMessage *response, struct result *result);
int read_rwmutex_rlock(const ProtobufCMessage *response, struct result *result);
int read_rwmutex_check(const ProtobufCMessage *response, struct result *result);

const char *fill_sem_make(const struct baton_call *call, struct operation_request *request);
const char *fill_sem_acquire(const struct baton_call *call, struct operation_request *request);
const char *fill_sem_release(const struct baton_call *call, struct operation_request *request);
const char *fill_sem_check(const struct baton_call *call, struct operation_request *request);
const char *fill_sem_delete(const struct baton_call *call, struct operation_request *request);
int read_sem_make(const ProtobufCMessage *response, struct result *result);
int read_sem_acquire(const ProtobufCMessage *response, struct result *result);
int read_sem_check(const ProtobufCMessage *response, struct result *result);

#endif
