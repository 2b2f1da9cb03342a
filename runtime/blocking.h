/* SPDX-License-Identifier: MIT
 *
 * blocking.h - the end of the helper threads.
 */
#ifndef BATON_RUNTIME_BLOCKING_H
#define BATON_RUNTIME_BLOCKING_H

/* Waits until the helper threads have finished the jobs they are at, drops the jobs not begun, ends the threads. */
void co_blocking_close(void);

#endif
