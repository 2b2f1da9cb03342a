/* SPDX-License-Identifier: MIT
 *
 * client.h - the client's structure, and how the drivers move it: blocking.c, pollable.c, keeper.c.
 *
 * All of a client is guarded by its lock, pollable or not. System calls that may take long are made without it: whoever
 * leaves the lock with a descriptor of the client in hand counts itself in `using` first; a descriptor is closed, and
 * the core connected anew, only when nobody does. Two roles are held by one thread at a time: the writer, who writes
 * what all have appended, and the leader, who polls and reads for all.
 *
 * Lock order: contexts -> the list of fork.c -> client. No lock is held in callbacks.
 */
#ifndef BATON_CLIENTLIB_CLIENT_H
#define BATON_CLIENTLIB_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "clientlib/baton.h"
#include "clientlib/core.h"
#include "clientlib/fork.h"
#include "clientlib/transport.h"

/* The client's descriptors, by their place in baton_client.descriptors; -1: none. */
enum client_descriptor {
	CLIENT_SOCKET,
	CLIENT_WAKE,        /* an eventfd that ends the leader's poll; blocking clients */
	CLIENT_KEEPER_WAKE, /* one that ends the keeper's; where there is one */
	CLIENT_PASS,        /* to go to the daemon with the first bytes */
	CLIENT_DESCRIPTORS
};

struct baton_client {
	pthread_mutex_t lock;
	struct fork_member fork;
	int descriptors[CLIENT_DESCRIPTORS];
	bool pollable;
	struct core *core;
	struct transport *transport;
	void (*on_notice)(const struct baton_notice *notice, void *arg);
	void *arg;
	/* Tells the owner of a finished call, and takes care of its handing over. */
	void (*on_finished)(struct baton_client *client, struct core_call *call);

	bool connecting;    /* the socket is not connected yet */
	bool hung_up;       /* the socket is to be closed when nobody uses it */
	bool write_blocked; /* the socket takes no more now */
	bool write_failed;  /* it never will: what can be read still is */
	int64_t open_by;    /* monotonic: when the opening is given up */
	int64_t attempt_by; /* when this attempt to connect again is */
	int64_t retry_at;   /* when the next one is made */
	int64_t retry_delay;

	unsigned using;   /* threads that use descriptors without the lock */
	unsigned callers; /* threads in baton_invoke() */
	bool closing;
	bool writing; /* somebody is the writer */
	bool leading; /* somebody is the leader */
	bool telling; /* somebody calls on_notice */
	struct list followers;
	uint64_t invocations;
	pthread_cond_t alone;  /* callers reached 0 while closing */
	struct keeper *keeper; /* NULL: none */
};

struct core_time client_now(const struct baton_client *client);

/* BATON_EFORKED, or BATON_EINVAL where POLLABLE is not what the client is; else 0. Without the lock. */
int client_check(const struct baton_client *client, bool pollable);

/* ---- with the lock; those that make system calls or callbacks leave it for them ---------------------------------- */

/* Gets an unconnected client further towards a connection, without blocking; gives up an opening whose time is over. */
void client_advance(struct baton_client *client);

/* Writes all there is, unless somebody else does, or until the socket takes no more. */
void client_write(struct baton_client *client);

/* Reads once, as the leader. Whether there may be more. */
bool client_read(struct baton_client *client);

/* Hangs up what is broken, and tells the owners of finished calls. */
void client_settle(struct baton_client *client);

/* Calls on_notice for what is new. */
void client_tell(struct baton_client *client);

/* Whether there is a connected socket to read. */
bool client_is_readable(const struct baton_client *client);

/* When the client is to be looked at again, on the monotonic clock. */
int64_t client_deadline(const struct baton_client *client);

/* Polls the socket and the eventfd WAKE until UNTIL, without the lock; drains the eventfd. Whether the socket is ready.
 */
bool client_poll(struct baton_client *client, enum client_descriptor wake, int64_t until);

/* Ends the poll of who polls with WAKE. */
void client_wake(struct baton_client *client, enum client_descriptor wake);

/* Makes an eventfd. 0 or BATON_ESYSTEM. */
int client_make_wake(struct baton_client *client, enum client_descriptor wake);

/* ---- blocking.c -------------------------------------------------------------------------------------------------- */

void blocking_on_finished(struct baton_client *client, struct core_call *call);

/* Drives the client from here until the session is open or the client has ended, or until it has left; with the lock.
 */
void blocking_open(struct baton_client *client);
void blocking_leave(struct baton_client *client, int64_t until);

/* Ends the calls of other threads, and waits until they have left. */
void blocking_expel(struct baton_client *client);

/* Lets a follower lead, if there is one and something to read; else wakes a keeper that rests. */
void blocking_hand_on(struct baton_client *client);

/* ---- pollable.c -------------------------------------------------------------------------------------------------- */

void pollable_on_finished(struct baton_client *client, struct core_call *call);

/* ---- keeper.c ---------------------------------------------------------------------------------------------------- */

/* Starts the thread that keeps the session alive. 0, BATON_ENOMEM, BATON_ESYSTEM. With the lock. */
int keeper_start(struct baton_client *client);

/* Ends it and waits for that. Without the lock. */
void keeper_stop(struct baton_client *client);

/* A caller begins to lead: the keeper is not to poll meanwhile. A leader has left without a successor. */
void keeper_yield(struct baton_client *client);
void keeper_take_over(struct baton_client *client);

/* In a forked child: forgets it. */
void keeper_forget(struct baton_client *client);

#endif
