/* SPDX-License-Identifier: MIT
 *
 * state.h - what a daemon must know of the one before it: which fencing tokens are used up, and for how long its
 * holders may still be at work.
 *
 * It is one small file, batond.state in the folder of --state, replaced as a whole (written aside, synced, renamed, the
 * folder synced). It says
 *   - the first fencing token that was never reserved: tokens are reserved 2^20 ahead, in the background;
 *   - for how long holders may go on after the daemon is gone: the longest ttl plus grace of all sessions that were
 *     granted a lock; 0 when none was. Noted before the first grant that needs it, taken back at a clean stop with no
 *     lock out.
 * A start that finds holders noted shuts the gate of token.h for that time. A file that cannot be read back exactly
 * ends the start: guessing a time could grant a lock twice.
 *
 * Without a folder nothing is kept: tokens start from CLOCK_REALTIME in microseconds (they rise over restarts as long
 * as that clock is not set back), and a restart knows no grace: what ran under a lock before it may overlap with what
 * is granted after it.
 */
#ifndef BATON_DAEMON_STATE_H
#define BATON_DAEMON_STATE_H

#include <stddef.h>
#include <stdint.h>

/* The grace of a session that said none: how long a command that lost its lock may take to die. */
#define STATE_DEFAULT_GRACE_NS INT64_C(5000000000)

/* Reads the file in FOLDER (NULL: nothing is kept), reserves tokens, shuts the gate if there were holders and starts
 * the coroutine that opens it again. Parks while it reads and writes. 0 or a negative errno, with the whole story in
 * the SIZE bytes at RET_WHY. -EBUSY: another daemon has the folder. After registry_init. */
int state_open(const char *folder, char *ret_why, size_t size);

/* To be called before a lock may be granted to a session of TTL_NS and GRACE_NS (0: the default). Parks for one synced
 * write the first time, and when a longer time than ever before is asked; else returns at once. 0, or the negative
 * errno for which no lock can be granted now. */
int state_before_grant(int64_t ttl_ns, int64_t grace_ns);

/* How long locks are still withheld because of a restart, in ns; 0: not at all. */
int64_t state_grace_left(void);

/* At a clean stop, while sessions still have what they hold: shuts the gate for good, and takes the note of holders
 * back if no lock is out. Parks. 0 or a negative errno. */
int state_stop(void);

/* Lets the folder go. */
void state_close(void);

/* The file's path for messages; "" when nothing is kept. */
const char *state_path(void);

#endif
