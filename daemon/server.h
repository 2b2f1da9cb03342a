/* SPDX-License-Identifier: MIT
 *
 * server.h - the daemon as a whole: what it was started with, its listeners, its stop.
 */
#ifndef BATON_DAEMON_SERVER_H
#define BATON_DAEMON_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/options.h"

/* Serves as OPTIONS say, in the main coroutine, until SIGTERM or SIGINT; then stops in order. Returns the exit status.
 */
int server_run(const struct options *options);

/* Frees what calls that were still under way at the end of the run may have used. Once nothing runs any more. */
void server_clean_up(void);

/* A random number, another after each start. */
uint64_t server_incarnation(void);

/* Whether it takes no new calls any more. */
bool server_is_stopping(void);

/* Nanoseconds since it started. */
int64_t server_uptime(void);

#endif
