/* SPDX-License-Identifier: MIT
 *
 * channel_call.h - what the handlers of the service Channel share.
 */
#ifndef BATON_DAEMON_CHANNEL_CALL_H
#define BATON_DAEMON_CHANNEL_CALL_H

#include "daemon/call.h"
#include "daemon/objects/channel.h"

/* The channel called NAME, with a reference for channel_exit(); NULL, and the call has failed, if there is none. */
struct channel *channel_enter(struct call *call, const char *name);

/* Likewise for one who sends or receives: by HANDLE (0: none), messages of TYPE ("": none is said). */
struct channel *channel_enter_end(
	struct call *call, const char *name, uint64_t handle, enum channel_direction direction, const char *type);

/* Ends the call with what CHANNEL said, and gives it back. Returns the status. */
int channel_exit(struct call *call, struct channel *channel, int r);

#endif
