/* SPDX-License-Identifier: MIT
 *
 * select_kind.h - what a service knows of a kind of case of a select. The table of kinds is service_select.c's.
 *
 * To add a kind: its number in select.proto, its row (here declared, defined in its primitive's service), its place in
 * the table.
 */
#ifndef BATON_DAEMON_SELECT_KIND_H
#define BATON_DAEMON_SELECT_KIND_H

#include <baton/v1/select.pb-c.h>

#include "daemon/objects/select.h"

struct call;

struct select_kind {
	const char *object; /* "chan": what texts call the object */

	/* Fills in CHOICE, with a reference to its object from the registry. REQUEST's name is one. 0, or the status
	 * with which the call has failed; nothing is left then. */
	int (*open)(struct call *call, const Baton__V1__SelectCase *request, struct select_case *choice);

	/* CHOICE happened, with OBJECT_OK: what it brought goes into RESPONSE. */
	void (*take)(struct call *call, const struct select_case *choice, Baton__V1__SelectWaitResponse *response);

	/* For every case opened, when the select has ended and before its object is given back; NULL: nothing. */
	void (*close)(struct select_case *choice);
};

/* The number of SelectWaitResponse.value, for call_reply_value(). */
#define SELECT_FIELD_VALUE 4

extern const struct select_kind select_send, select_receive; /* service_channel.c */
extern const struct select_kind select_lock;                 /* service_mutex.c */
extern const struct select_kind select_rlock, select_wlock;  /* service_rwmutex.c */
extern const struct select_kind select_ended;                /* service_context.c */
extern const struct select_kind select_acquire;              /* service_semaphore.c */
extern const struct select_kind select_zero;                 /* service_waitgroup.c */
extern const struct select_kind select_done;                 /* service_once.c */

#endif
