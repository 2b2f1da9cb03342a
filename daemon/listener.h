/* SPDX-License-Identifier: MIT
 *
 * listener.h - the sockets that batond accepts connections on.
 */
#ifndef BATON_DAEMON_LISTENER_H
#define BATON_DAEMON_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"

/* Opens ADDRESS. SECURE_ONLY: TCP beyond the loopback is refused. False after a line in the log. Before the run. */
bool listener_open(const struct address *address, bool secure_only);

/* Takes over a listening descriptor from systemd. 0 or a negative errno. */
int listener_adopt(int fd);

/* Starts accepting on all of them. 0 or a negative errno. */
int listener_start(void);

/* Accepts no more; socket files that we made are taken away. */
void listener_stop(void);

#endif
