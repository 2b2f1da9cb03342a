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

/* Likewise that the hold of TOKEN is now that of NEW_TOKEN. It has left when this returns, where the connection takes
 * it: before whatever is answered because of it. */
void notice_hold_moved(struct session *session, const char *kind, const char *name, uint64_t token, uint64_t new_token);

#endif
