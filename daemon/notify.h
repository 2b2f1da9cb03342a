/* SPDX-License-Identifier: MIT
 *
 * notify.h - systemd: sockets from it, and telling it how we are. Without it everything here does nothing.
 */
#ifndef BATON_DAEMON_NOTIFY_H
#define BATON_DAEMON_NOTIFY_H

/* Hands each listening socket that systemd passed to ADOPT. How many; a negative errno. */
int notify_take_sockets(int (*adopt)(int fd));

void notify_ready(void);
void notify_stopping(void);

/* Starts to feed the watchdog, where systemd set one, from this run's timers. */
void notify_watchdog(void);

#endif
