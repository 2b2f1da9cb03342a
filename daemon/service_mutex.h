/* SPDX-License-Identifier: MIT
 *
 * service_mutex.h - what service_mutex.c and service_mutexes.c share: the service Mutex for one name, and for several.
 */
#ifndef BATON_DAEMON_SERVICE_MUTEX_H
#define BATON_DAEMON_SERVICE_MUTEX_H

#include <baton/v1/mutex.pb-c.h>

#include "daemon/service_lock.h"

extern const struct lock_kind mutex_kind;

/* Lock and Unlock for requests with more names than one. Return the status. */
int mutexes_lock(struct call *call, const Baton__V1__MutexLockRequest *request, const struct lock_options *options,
	Baton__V1__MutexLockResponse *response);
int mutexes_unlock(struct call *call, const Baton__V1__MutexUnlockRequest *request);

#endif
