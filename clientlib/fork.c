/* SPDX-License-Identifier: MIT
 *
 * fork.c - clients over fork(2).
 *
 * Lock order: the contexts' lock -> the members' list -> each client, in the order they joined.
 */
#include "clientlib/fork.h"

#include <unistd.h>

#include "clientlib/context.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list members = {&members, &members};
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int handlers_error;

static void lock_all(void)
{
	context_lock_for_fork();
	pthread_mutex_lock(&lock);
	list_for_each (at, &members)
		pthread_mutex_lock(container_of(at, struct fork_member, link)->lock);
}

static void unlock_all(void)
{
	list_for_each (at, &members)
		pthread_mutex_unlock(container_of(at, struct fork_member, link)->lock);
	pthread_mutex_unlock(&lock);
	context_unlock_after_fork();
}

static void disown(struct fork_member *member)
{
	member->forked = true;
	for (size_t i = 0; i < member->count; i++) {
		if (member->descriptors[i] >= 0)
			close(member->descriptors[i]);
		member->descriptors[i] = -1;
	}
}

static void disown_all(void)
{
	unlock_all();
	list_for_each (at, &members)
		disown(container_of(at, struct fork_member, link));
}

static void install(void)
{
	handlers_error = pthread_atfork(lock_all, unlock_all, disown_all);
}

int fork_join(struct fork_member *member)
{
	pthread_once(&once, install);
	if (handlers_error != 0)
		return handlers_error;
	pthread_mutex_lock(&lock);
	list_add_tail(&members, &member->link);
	pthread_mutex_unlock(&lock);
	return 0;
}

void fork_leave(struct fork_member *member)
{
	pthread_mutex_lock(&lock);
	list_remove(&member->link);
	pthread_mutex_unlock(&lock);
}
