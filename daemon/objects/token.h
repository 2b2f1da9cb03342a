/* SPDX-License-Identifier: MIT
 *
 * token.h - fencing tokens: 64-bit numbers that only ever rise, over all names and, with the state file, over restarts.
 *
 * Numbers are handed out below a limit that the daemon has made durable ahead of time; this file does no I/O. While the
 * gate is shut (a restart's grace) nothing is granted: objects queue their callers as if somebody held the lock.
 */
#ifndef BATON_OBJECTS_TOKEN_H
#define BATON_OBJECTS_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

/* Sets the next number and the first one that must not be handed out. NEXT never lowers what was set before. */
void token_set_range(uint64_t next, uint64_t limit);

/* Raises the limit. */
void token_raise_limit(uint64_t limit);

/* How many are left below the limit. */
uint64_t token_remaining(void);

/* The highest number given out; 0: none. */
uint64_t token_last(void);

/* Hands out a number. False while the gate is shut or when none is left: the caller waits as if the lock were held. */
bool token_take(uint64_t *ret);

/* Whether token_take would hand out a number now. */
bool token_is_available(void);

/* Hands out a number for a delivery: another series, which no gate or limit holds up. It begins where the fencing
 * tokens do, so that the numbers of before a restart are none of it. Never 0. */
uint64_t token_take_delivery(void);

/* Opens or shuts the gate. Who opens it then calls object_type.admit on every object. It is open at first. */
void token_set_gate(bool open);

/* Forgets everything, for tests. */
void token_reset(void);

#endif
