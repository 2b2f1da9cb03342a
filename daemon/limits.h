/* SPDX-License-Identifier: MIT
 *
 * limits.h - what one peer may take of the daemon. Past a limit a call answers RESOURCE_EXHAUSTED; nothing dies.
 */
#ifndef BATON_DAEMON_LIMITS_H
#define BATON_DAEMON_LIMITS_H

#include <stdint.h>

#define LIMIT_FRAME_BYTES (17u << 20)           /* a frame, header included */
#define LIMIT_VALUE_BYTES (16u << 20)           /* a message's value */
#define LIMIT_CONNECTIONS 100000u               /* at once; further ones are closed at accept */
#define LIMIT_SESSIONS 100000u                  /* at once */
#define LIMIT_BLOCKED_CALLS 2000000u            /* at once, per session */
#define LIMIT_OBJECTS 10000000u                 /* at once */
#define LIMIT_MESSAGE_BYTES (UINT64_C(8) << 30) /* values in all channels */
#define LIMIT_OUTPUT_BYTES (1u << 20) /* replies not yet taken by a peer: it is not read from; at twice, cut */
#define LIMIT_OUTPUT_STALL_NS INT64_C(10000000000) /* no progress on output for so long: cut */
#define LIMIT_LANES 10000u                         /* at once, per session */
/* Received messages and kept outcomes of a lane whose replies are not acknowledged: past it, cut. */
#define LIMIT_UNACKNOWLEDGED 100000u
#define LIMIT_SELECT_CASES 256u
#define LIMIT_LABEL_BYTES 255u
#define LIMIT_PING_BYTES 1024u
#define LIMIT_CAUSE_BYTES 127u
#define LIMIT_CONTEXT_VALUES 256u
#define LIMIT_LANE_CONTEXTS 256u     /* opened at once on a lane: the highest number */
#define LIMIT_ENDED_CONTEXTS 250000u /* kept: past it the first that ended is forgotten before its time */
#define LIMIT_KEY_BYTES (64u << 10)
#define LIMIT_MAP_PAIRS 256u              /* in a page of a range */
#define LIMIT_MAP_PAGE_BYTES (256u << 10) /* past it the page ends */
#define LIMIT_LIST_ROWS 1000u
#define LIMIT_PARTIES 10000u
#define LIMIT_TTL_LEAST_NS INT64_C(100000000)      /* a shorter ttl but 0 is raised to it: nobody could keep it */
#define LIMIT_TTL_NS (INT64_C(86400) * 1000000000) /* the longest ttl and grace: a day */

#endif
