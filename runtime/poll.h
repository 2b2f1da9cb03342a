/* SPDX-License-Identifier: MIT
 *
 * poll.h - the scheduler's side of the poller.
 */
#ifndef BATON_RUNTIME_POLL_H
#define BATON_RUNTIME_POLL_H

#include <stdbool.h>
#include <stdint.h>

/* Opens the poller of a run. 0 or a negative errno. */
int co_poller_open(void);

/* Closes it: removals that were asked for are carried out, what is still registered is forgotten. By an M. */
void co_poller_close(void);

/* Takes in what the kernel has to report and calls on_events, then carries out what was asked for since. UNTIL is when
 * to come back at the latest, ns of CLOCK_MONOTONIC: 0 without sleeping, CO_NEVER not before something happens. By the
 * one M that polls, on its own stack. */
void co_poller_poll(int64_t until);

/* Carries out what was asked for since the last poll; true if there was anything. By the M that polls. */
bool co_poller_carry_out(void);

/* Ends the sleep of the M that polls, if it sleeps. From any thread. */
void co_poller_wake(void);

/* How often the kernel was asked. */
uint64_t co_poller_polls(void);

#endif
