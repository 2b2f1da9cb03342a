/* SPDX-License-Identifier: MIT
 *
 * session_expiry.h - what ends sessions that nobody closes: silence longer than their ttl, or their process's end.
 */
#ifndef BATON_DAEMON_SESSION_EXPIRY_H
#define BATON_DAEMON_SESSION_EXPIRY_H

#include "daemon/session.h"

/* Prepares a session that nobody knows yet. PIDFD is the process's where it lives by one, else -1. */
void session_expiry_init(struct session *session, int pidfd);

/* Watches a session just opened, after its kind of life. 0, and the pidfd is taken over; or a negative errno. */
int session_expiry_watch(struct session *session);

/* Stops watching one that has ended. */
void session_expiry_unwatch(struct session *session);

/* Watches the daemon's own punctuality until CONTEXT ends: when it was late by more than a second or a quarter of the
 * smallest ttl, every session gets its ttl anew. The body of a coroutine. */
void session_expiry_pulse(struct co_context *context);

/* Takes SESSION out of the table; the table's reference goes. For session_end.c. */
void session_forget(struct session *session);

#endif
