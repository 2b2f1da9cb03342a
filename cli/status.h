/* SPDX-License-Identifier: MIT
 *
 * status.h - the exit statuses of baton. Where it runs a CMD, CMD's own status is the answer unless one of these is.
 */
#ifndef BATON_CLI_STATUS_H
#define BATON_CLI_STATUS_H

enum status {
	STATUS_DONE = 0,
	STATUS_NO = 1,         /* the answer is no: closed and drained, would block, -w ran out, absent */
	STATUS_USAGE = 2,      /* the command line is wrong */
	STATUS_FAILED = 3,     /* the daemon said no or could not be reached, or the machine did not let us */
	STATUS_LOST = 121,     /* the lock was lost while CMD ran */
	STATUS_GIVEN_UP = 123, /* chan range: a message was given up */
	STATUS_DEADLINE = 124, /* -t ran out */
	STATUS_CANCELED = 125,
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128, /* plus the number of the signal that killed CMD */
};

#endif
