/* SPDX-License-Identifier: MIT
 *
 * notice.h - what sessions are told unasked.
 */
#ifndef BATON_DAEMON_NOTICE_H
#define BATON_DAEMON_NOTICE_H

#include <stdint.h>

struct session;

/* Tells SESSION, on one of its connections if it has any, that its hold of TOKEN on the object of KIND ("mutex") called
 * NAME was ended by somebody else. Never blocks. */
void notice_hold_lost(struct session *session, const char *kind, const char *name, uint64_t token);

#endif
