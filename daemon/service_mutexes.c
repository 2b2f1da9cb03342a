/* SPDX-License-Identifier: MIT
 *
 * service_mutexes.c - the service Mutex for several names in one call.
 */
#include <baton/v1/status.pb-c.h>
#include <string.h>

#include "base/memory.h"
#include "base/name.h"
#include "daemon/objects/mutex_many.h"
#include "daemon/service_mutex.h"
#include "daemon/session.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

/* The mutexes of a call, with a reference to each. Off the stack. */
struct set {
	size_t count;
	struct mutex_place places[MUTEX_MANY_MAX];
	char names[]; /* all but the first, separated by spaces */
};

static void set_free(struct set *set)
{
	for (size_t i = 0; i < set->count; i++)
		registry_release(mutex_object(set->places[i].mutex));
	memory_free(set);
}

/* The first word of *REST into NAME; *REST is behind it then. False: it is no name, and *RET_WHY says why. */
static bool take_name(const char **rest, char name[NAME_MAX_BYTES + 1], const char **ret_why)
{
	const size_t length = strcspn(*rest, " ");

	if (!name_is_valid(*rest, length, ret_why))
		return false;
	memcpy(name, *rest, length);
	name[length] = '\0';
	*rest += length + ((*rest)[length] == ' ');
	return true;
}

static int fail(struct call *call, const char *name, const char *why)
{
	return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_NAME), "mutex \"%.255s\": %s", name, why);
}

static bool has(const struct set *set, const struct object *object)
{
	for (size_t i = 0; i < set->count; i++)
		if (mutex_object(set->places[i].mutex) == object)
			return true;
	return false;
}

/* Adds the mutex called NAME: made with OPTIONS where it is not there, unless they are NULL. 0, or the status. */
static int add(struct call *call, struct set *set, const char *name, const struct lock_options *options)
{
	int status = STATUS(OK);
	struct object *object = options != NULL ? lock_open(call, &mutex_kind, name, options, &status)
						: lock_find(call, &mutex_kind, name, &status);

	if (object == NULL)
		return status;
	if (!has(set, object) && set->count < MUTEX_MANY_MAX) {
		set->places[set->count++].mutex = mutex_of(object);
		return STATUS(OK);
	}
	status = fail(call, name, has(set, object) ? "named twice" : "one name too many: at most 16");
	registry_release(object);
	return status;
}

/* The mutexes called FIRST and, separated by spaces, MORE, in the order in which they are locked. Parks if OPTIONS are
 * given. NULL: *RET_STATUS is the answer to the call. */
static struct set *collect(
	struct call *call, const char *first, const char *more, const struct lock_options *options, int *ret_status)
{
	const size_t length = strlen(more);
	struct set *set = memory_zalloc(sizeof(*set) + length + 1);
	const char *rest;
	const char *why;

	if (set == NULL) {
		*ret_status = call_fail_object(call, mutex_kind.name, first, OBJECT_ENOMEM);
		return NULL;
	}
	memcpy(set->names, more, length + 1);
	rest = set->names;
	*ret_status = add(call, set, first, options);
	while (*ret_status == STATUS(OK) && *rest != '\0') {
		char name[NAME_MAX_BYTES + 1];

		if (take_name(&rest, name, &why))
			*ret_status = add(call, set, name, options);
		else
			*ret_status = fail(call, rest, why);
	}
	if (*ret_status == STATUS(OK)) {
		mutex_sort_places(set->places, set->count);
		return set;
	}
	set_free(set);
	return NULL;
}

int mutexes_lock(struct call *call, const Baton__V1__MutexLockRequest *request, const struct lock_options *options,
	Baton__V1__MutexLockResponse *response)
{
	const bool no_wait = request->no_wait;
	struct lock_grant grant = {0};
	int status;
	struct set *set = collect(call, request->name, request->more, options, &status);
	int r;

	if (set == NULL)
		return status;
	r = mutex_lock_all(set->places, set->count, call_entry(call), no_wait, &grant);
	if (r != OBJECT_OK && r != OBJECT_EWOULDBLOCK)
		status = lock_fail(call, &mutex_kind, mutex_object(set->places[0].mutex)->name, r);
	response->would_block = grant.token == 0;
	response->token = grant.token;
	response->abandoned = grant.abandoned;
	set_free(set);
	return status;
}

int mutexes_unlock(struct call *call, const Baton__V1__MutexUnlockRequest *request)
{
	struct lock_loser loser = {.caller = call_session(call)};
	int status;
	struct set *set = collect(call, request->name, request->more, NULL, &status);
	size_t failed = 0;
	int r;

	if (set == NULL)
		return status;
	r = mutex_unlock_all(
		set->places, set->count, request->token, co_now_cached(), lock_note_loser, &loser, &failed);
	lock_tell_loser(&loser, mutex_kind.name, mutex_object(set->places[0].mutex)->name, request->token);
	if (r != OBJECT_OK)
		status = lock_fail(call, &mutex_kind, mutex_object(set->places[failed].mutex)->name, r);
	set_free(set);
	return status;
}
