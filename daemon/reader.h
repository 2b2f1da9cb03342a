/* SPDX-License-Identifier: MIT
 *
 * reader.h - the coroutine that reads a connection: bytes to frames to calls. See connection.h for its rules.
 */
#ifndef BATON_DAEMON_READER_H
#define BATON_DAEMON_READER_H

#include "daemon/connection.h"

/* The poller's word: there is something to read. Starts the reader if there is none. On a thread's own stack. */
void reader_wake(struct connection *connection);

/* The reader paused for output: start it again if the peer has taken enough. */
void reader_resume(struct connection *connection);

/* The coroutine's body; ARG is the connection with a reference that it takes over. */
void reader_main(void *arg);

#endif
