/* SPDX-License-Identifier: MIT
 *
 * fork.h - what fork(2) does to clients: in the child their descriptors are closed without a word, and their handles
 * answer BATON_EFORKED.
 *
 * fork() is held off while any of the library's locks is held, so that a child finds memory whole, locks free, and
 * every descriptor where it is looked for. (vfork, posix_spawn and exec run nothing of this; there they close on exec.)
 */
#ifndef BATON_CLIENTLIB_FORK_H
#define BATON_CLIENTLIB_FORK_H

#include <pthread.h>
#include <stdbool.h>

#include "base/list.h"

/* What a client has to do with fork(). Its memory is the client's. */
struct fork_member {
	struct list link;
	pthread_mutex_t *lock; /* taken over fork(); whoever makes a descriptor has it until it is stored */
	int *descriptors;      /* closed in the child, and set to -1 */
	size_t count;
	bool forked; /* in the child: the client is its parent's. Changes only where there is one thread */
};

/* Counts MEMBER in. 0, or an errno of pthread_atfork(3). */
int fork_join(struct fork_member *member);
void fork_leave(struct fork_member *member);

#endif
