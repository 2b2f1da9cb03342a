/* SPDX-License-Identifier: MIT
 *
 * locks.c - the blocking functions of mutexes, RWMutexes and semaphores: each is one call.
 */
#include "clientlib/baton.h"

/* CALL is all but its size. */
static int lock(
	baton_client *client, baton_context *context, struct baton_call call, uint64_t *ret_token, bool *ret_abandoned)
{
	struct baton_result *result = NULL;
	int r;

	call.size = sizeof(call);
	r = baton_invoke(client, context, &call, &result);
	if (r == BATON_OK) {
		*ret_token = result->token;
		if (ret_abandoned != NULL)
			*ret_abandoned = result->abandoned;
	}
	baton_result_free(result);
	return r;
}

/* What is done with a hold by its token. */
static int by_token(baton_client *client, enum baton_operation operation, const char *name, uint64_t token)
{
	return baton_invoke(client, NULL,
		&(struct baton_call){
			.size = sizeof(struct baton_call), .operation = operation, .name = name, .token = token},
		NULL);
}

static int check(baton_client *client, enum baton_operation operation, const char *name, uint64_t token,
	bool *ret_holds, bool *ret_writes)
{
	const struct baton_call call = {.size = sizeof(call), .operation = operation, .name = name, .token = token};
	struct baton_result *result = NULL;
	const int r = baton_invoke(client, NULL, &call, &result);

	if (r == BATON_OK) {
		*ret_holds = result->holds;
		if (ret_writes != NULL)
			*ret_writes = result->writes;
	}
	baton_result_free(result);
	return r;
}

/* ---- mutexes ----------------------------------------------------------------------------------------------------- */

int baton_mutex_lock(
	baton_client *client, baton_context *context, const char *name, uint64_t *ret_token, bool *ret_abandoned)
{
	return lock(client, context, (struct baton_call){.operation = BATON_MUTEX_LOCK, .name = name}, ret_token,
		ret_abandoned);
}

int baton_mutex_try_lock(baton_client *client, const char *name, uint64_t *ret_token, bool *ret_abandoned)
{
	return lock(client, NULL, (struct baton_call){.operation = BATON_MUTEX_LOCK, .name = name, .no_wait = true},
		ret_token, ret_abandoned);
}

int baton_mutex_unlock(baton_client *client, const char *name, uint64_t token)
{
	return by_token(client, BATON_MUTEX_UNLOCK, name, token);
}

int baton_mutex_lock_all(
	baton_client *client, baton_context *context, const char *names, uint64_t *ret_token, bool *ret_abandoned)
{
	return lock(client, context, (struct baton_call){.operation = BATON_MUTEX_LOCK_ALL, .name = names}, ret_token,
		ret_abandoned);
}

int baton_mutex_try_lock_all(baton_client *client, const char *names, uint64_t *ret_token, bool *ret_abandoned)
{
	return lock(client, NULL,
		(struct baton_call){.operation = BATON_MUTEX_LOCK_ALL, .name = names, .no_wait = true}, ret_token,
		ret_abandoned);
}

int baton_mutex_unlock_all(baton_client *client, const char *names, uint64_t token)
{
	return by_token(client, BATON_MUTEX_UNLOCK_ALL, names, token);
}

int baton_mutex_hand_over(baton_client *client, const char *name, uint64_t token)
{
	return by_token(client, BATON_MUTEX_HAND_OVER, name, token);
}

int baton_mutex_check(baton_client *client, const char *name, uint64_t token, bool *ret_holds)
{
	return check(client, BATON_MUTEX_CHECK, name, token, ret_holds, NULL);
}

/* ---- RWMutexes --------------------------------------------------------------------------------------------------- */

int baton_rwmutex_lock(
	baton_client *client, baton_context *context, const char *name, uint64_t *ret_token, bool *ret_abandoned)
{
	return lock(client, context, (struct baton_call){.operation = BATON_RWMUTEX_LOCK, .name = name}, ret_token,
		ret_abandoned);
}

int baton_rwmutex_try_lock(baton_client *client, const char *name, uint64_t *ret_token, bool *ret_abandoned)
{
	return lock(client, NULL, (struct baton_call){.operation = BATON_RWMUTEX_LOCK, .name = name, .no_wait = true},
		ret_token, ret_abandoned);
}

int baton_rwmutex_rlock(
	baton_client *client, baton_context *context, const char *name, uint64_t *ret_token, bool *ret_abandoned)
{
	return lock(client, context, (struct baton_call){.operation = BATON_RWMUTEX_RLOCK, .name = name}, ret_token,
		ret_abandoned);
}

int baton_rwmutex_try_rlock(baton_client *client, const char *name, uint64_t *ret_token, bool *ret_abandoned)
{
	return lock(client, NULL, (struct baton_call){.operation = BATON_RWMUTEX_RLOCK, .name = name, .no_wait = true},
		ret_token, ret_abandoned);
}

int baton_rwmutex_unlock(baton_client *client, const char *name, uint64_t token)
{
	return by_token(client, BATON_RWMUTEX_UNLOCK, name, token);
}

int baton_rwmutex_downgrade(baton_client *client, const char *name, uint64_t token)
{
	return by_token(client, BATON_RWMUTEX_DOWNGRADE, name, token);
}

int baton_rwmutex_hand_over(baton_client *client, const char *name, uint64_t token)
{
	return by_token(client, BATON_RWMUTEX_HAND_OVER, name, token);
}

int baton_rwmutex_check(baton_client *client, const char *name, uint64_t token, bool *ret_holds, bool *ret_writes)
{
	return check(client, BATON_RWMUTEX_CHECK, name, token, ret_holds, ret_writes);
}

/* ---- semaphores -------------------------------------------------------------------------------------------------- */

int baton_sem_make(baton_client *client, const char *name, uint64_t size)
{
	return baton_invoke(client, NULL,
		&(struct baton_call){
			.size = sizeof(struct baton_call), .operation = BATON_SEM_MAKE, .name = name, .number = size},
		NULL);
}

int baton_sem_acquire(
	baton_client *client, baton_context *context, const char *name, uint64_t count, uint64_t *ret_token)
{
	return lock(client, context, (struct baton_call){.operation = BATON_SEM_ACQUIRE, .name = name, .number = count},
		ret_token, NULL);
}

int baton_sem_try_acquire(baton_client *client, const char *name, uint64_t count, uint64_t *ret_token)
{
	return lock(client, NULL,
		(struct baton_call){.operation = BATON_SEM_ACQUIRE, .name = name, .number = count, .no_wait = true},
		ret_token, NULL);
}

int baton_sem_release(baton_client *client, const char *name, uint64_t token)
{
	return by_token(client, BATON_SEM_RELEASE, name, token);
}

int baton_sem_check(baton_client *client, const char *name, uint64_t token, bool *ret_holds)
{
	return check(client, BATON_SEM_CHECK, name, token, ret_holds, NULL);
}

int baton_sem_delete(baton_client *client, const char *name)
{
	return by_token(client, BATON_SEM_DELETE, name, 0);
}
