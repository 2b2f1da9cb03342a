/* SPDX-License-Identifier: MIT
 *
 * operations_locks.c - mutexes, RWMutexes and semaphores on the wire.
 */
#include "clientlib/operations_locks.h"

#include <string.h>

/* protobuf-c's structures take no const; the encoder only reads. */
static char *text(const char *string)
{
	return (char *)(uintptr_t)(string != NULL ? string : "");
}

/* In whole microseconds, rounded up: a delay is never shortened. */
static uint64_t to_us(int64_t ns)
{
	return ns > 0 ? (uint64_t)ns / 1000 + ((uint64_t)ns % 1000 != 0) : 0;
}

/* What a lock was answered. */
static int take_grant(struct result *result, bool would_block, uint64_t token, bool abandoned)
{
	if (would_block)
		return BATON_EWOULDBLOCK;
	result_face(result)->token = token;
	result_face(result)->abandoned = abandoned;
	return BATON_OK;
}

/* ---- mutexes ----------------------------------------------------------------------------------------------------- */

const char *fill_mutex_lock(const struct baton_call *call, struct operation_request *request)
{
	request->mutex_lock = (Baton__V1__MutexLockRequest)BATON__V1__MUTEX_LOCK_REQUEST__INIT;
	request->mutex_lock.name = text(call->name);
	request->mutex_lock.no_wait = call->no_wait;
	request->mutex_lock.fifo = call->fifo;
	request->mutex_lock.lock_delay_us = to_us(call->lock_delay_ns);
	return NULL;
}

int read_mutex_lock(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__MutexLockResponse *lock = (const Baton__V1__MutexLockResponse *)response;

	return take_grant(result, lock->would_block, lock->token, lock->abandoned);
}

const char *fill_mutex_unlock(const struct baton_call *call, struct operation_request *request)
{
	request->mutex_unlock = (Baton__V1__MutexUnlockRequest)BATON__V1__MUTEX_UNLOCK_REQUEST__INIT;
	request->mutex_unlock.name = text(call->name);
	request->mutex_unlock.token = call->token;
	return NULL;
}

const char *fill_mutex_check(const struct baton_call *call, struct operation_request *request)
{
	request->mutex_check = (Baton__V1__MutexCheckRequest)BATON__V1__MUTEX_CHECK_REQUEST__INIT;
	request->mutex_check.name = text(call->name);
	request->mutex_check.token = call->token;
	return NULL;
}

int read_mutex_check(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__MutexCheckResponse *check = (const Baton__V1__MutexCheckResponse *)response;

	result_face(result)->holds = check->holds;
	result_face(result)->token = check->token;
	return BATON_OK;
}

/* Splits the names: the first goes into the request, the others are returned. */
static const char *split_names(const struct baton_call *call, struct operation_request *request)
{
	const size_t length = strcspn(call->name, " ");

	memcpy(request->first_name, call->name, length); /* each is a name: it fits */
	request->first_name[length] = '\0';
	return call->name + length + (call->name[length] == ' ');
}

const char *fill_mutex_lock_all(const struct baton_call *call, struct operation_request *request)
{
	(void)fill_mutex_lock(call, request);
	request->mutex_lock.more = text(split_names(call, request));
	request->mutex_lock.name = request->first_name;
	return NULL;
}

const char *fill_mutex_unlock_all(const struct baton_call *call, struct operation_request *request)
{
	(void)fill_mutex_unlock(call, request);
	request->mutex_unlock.more = text(split_names(call, request));
	request->mutex_unlock.name = request->first_name;
	return NULL;
}

const char *fill_mutex_hand_over(const struct baton_call *call, struct operation_request *request)
{
	request->mutex_hand_over = (Baton__V1__MutexHandOverRequest)BATON__V1__MUTEX_HAND_OVER_REQUEST__INIT;
	request->mutex_hand_over.name = text(call->name);
	request->mutex_hand_over.token = call->token;
	return NULL;
}

/* ---- RWMutexes --------------------------------------------------------------------------------------------------- */

const char *fill_rwmutex_lock(const struct baton_call *call, struct operation_request *request)
{
	request->rwmutex_lock = (Baton__V1__RWMutexLockRequest)BATON__V1__RWMUTEX_LOCK_REQUEST__INIT;
	request->rwmutex_lock.name = text(call->name);
	request->rwmutex_lock.no_wait = call->no_wait;
	request->rwmutex_lock.fifo = call->fifo;
	request->rwmutex_lock.lock_delay_us = to_us(call->lock_delay_ns);
	return NULL;
}

int read_rwmutex_lock(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__RWMutexLockResponse *lock = (const Baton__V1__RWMutexLockResponse *)response;

	return take_grant(result, lock->would_block, lock->token, lock->abandoned);
}

const char *fill_rwmutex_rlock(const struct baton_call *call, struct operation_request *request)
{
	request->rwmutex_rlock = (Baton__V1__RWMutexRLockRequest)BATON__V1__RWMUTEX_RLOCK_REQUEST__INIT;
	request->rwmutex_rlock.name = text(call->name);
	request->rwmutex_rlock.no_wait = call->no_wait;
	request->rwmutex_rlock.fifo = call->fifo;
	request->rwmutex_rlock.lock_delay_us = to_us(call->lock_delay_ns);
	return NULL;
}

int read_rwmutex_rlock(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__RWMutexRLockResponse *lock = (const Baton__V1__RWMutexRLockResponse *)response;

	return take_grant(result, lock->would_block, lock->token, lock->abandoned);
}

const char *fill_rwmutex_unlock(const struct baton_call *call, struct operation_request *request)
{
	request->rwmutex_unlock = (Baton__V1__RWMutexUnlockRequest)BATON__V1__RWMUTEX_UNLOCK_REQUEST__INIT;
	request->rwmutex_unlock.name = text(call->name);
	request->rwmutex_unlock.token = call->token;
	return NULL;
}

const char *fill_rwmutex_check(const struct baton_call *call, struct operation_request *request)
{
	request->rwmutex_check = (Baton__V1__RWMutexCheckRequest)BATON__V1__RWMUTEX_CHECK_REQUEST__INIT;
	request->rwmutex_check.name = text(call->name);
	request->rwmutex_check.token = call->token;
	return NULL;
}

int read_rwmutex_check(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__RWMutexCheckResponse *check = (const Baton__V1__RWMutexCheckResponse *)response;

	result_face(result)->holds = check->holds;
	result_face(result)->writes = check->writes;
	return BATON_OK;
}

const char *fill_rwmutex_downgrade(const struct baton_call *call, struct operation_request *request)
{
	request->rwmutex_downgrade = (Baton__V1__RWMutexDowngradeRequest)BATON__V1__RWMUTEX_DOWNGRADE_REQUEST__INIT;
	request->rwmutex_downgrade.name = text(call->name);
	request->rwmutex_downgrade.token = call->token;
	return NULL;
}

const char *fill_rwmutex_hand_over(const struct baton_call *call, struct operation_request *request)
{
	request->rwmutex_hand_over = (Baton__V1__RWMutexHandOverRequest)BATON__V1__RWMUTEX_HAND_OVER_REQUEST__INIT;
	request->rwmutex_hand_over.name = text(call->name);
	request->rwmutex_hand_over.token = call->token;
	return NULL;
}

/* ---- semaphores -------------------------------------------------------------------------------------------------- */

const char *fill_sem_make(const struct baton_call *call, struct operation_request *request)
{
	request->semaphore_make = (Baton__V1__SemaphoreMakeRequest)BATON__V1__SEMAPHORE_MAKE_REQUEST__INIT;
	request->semaphore_make.name = text(call->name);
	request->semaphore_make.size = call->number;
	return NULL;
}

int read_sem_make(const ProtobufCMessage *response, struct result *result)
{
	result_face(result)->created = ((const Baton__V1__SemaphoreMakeResponse *)response)->created;
	return BATON_OK;
}

const char *fill_sem_acquire(const struct baton_call *call, struct operation_request *request)
{
	request->semaphore_acquire = (Baton__V1__SemaphoreAcquireRequest)BATON__V1__SEMAPHORE_ACQUIRE_REQUEST__INIT;
	request->semaphore_acquire.name = text(call->name);
	request->semaphore_acquire.count = call->number;
	request->semaphore_acquire.no_wait = call->no_wait;
	return NULL;
}

int read_sem_acquire(const ProtobufCMessage *response, struct result *result)
{
	const Baton__V1__SemaphoreAcquireResponse *acquired = (const Baton__V1__SemaphoreAcquireResponse *)response;

	return take_grant(result, acquired->would_block, acquired->token, false);
}

const char *fill_sem_release(const struct baton_call *call, struct operation_request *request)
{
	request->semaphore_release = (Baton__V1__SemaphoreReleaseRequest)BATON__V1__SEMAPHORE_RELEASE_REQUEST__INIT;
	request->semaphore_release.name = text(call->name);
	request->semaphore_release.token = call->token;
	return NULL;
}

const char *fill_sem_check(const struct baton_call *call, struct operation_request *request)
{
	request->semaphore_check = (Baton__V1__SemaphoreCheckRequest)BATON__V1__SEMAPHORE_CHECK_REQUEST__INIT;
	request->semaphore_check.name = text(call->name);
	request->semaphore_check.token = call->token;
	return NULL;
}

int read_sem_check(const ProtobufCMessage *response, struct result *result)
{
	result_face(result)->holds = ((const Baton__V1__SemaphoreCheckResponse *)response)->holds;
	return BATON_OK;
}

const char *fill_sem_delete(const struct baton_call *call, struct operation_request *request)
{
	request->semaphore_delete = (Baton__V1__SemaphoreDeleteRequest)BATON__V1__SEMAPHORE_DELETE_REQUEST__INIT;
	request->semaphore_delete.name = text(call->name);
	return NULL;
}
