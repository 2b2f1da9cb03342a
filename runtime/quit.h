/* SPDX-License-Identifier: MIT
 *
 * quit.h - SIGQUIT: asks for a report on all coroutines.
 *
 * It is blocked in every thread of the run but the monitor's. A program that waits for it itself (co_signal_wait) gets
 * it from then on, and there is no report.
 */
#ifndef BATON_RUNTIME_QUIT_H
#define BATON_RUNTIME_QUIT_H

#include <stdbool.h>

/* Installs the handler, which calls WAKE. 0 or a negative errno. */
int co_quit_open(void (*wake)(void));

/* Puts back what was there before. */
void co_quit_close(void);

/* Lets the signal reach the calling thread. */
void co_quit_listen(void);

/* True if it came; co_quit_take also forgets it. */
bool co_quit_is_asked(void);
bool co_quit_take(void);

/* The program waits for the signal from now on. */
void co_quit_leave_to_program(void);

#endif
