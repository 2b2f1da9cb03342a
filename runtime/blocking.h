/* SPDX-License-Identifier: MIT
 *
 * blocking.h - the helper threads, as the rest of the runtime sees them.
 */
#ifndef BATON_RUNTIME_BLOCKING_H
#define BATON_RUNTIME_BLOCKING_H

#include <stddef.h>

/* How many there are. */
size_t co_blocking_threads(void);

/* Waits until the helper threads have finished the jobs they are at, drops the jobs not begun, ends the threads. */
void co_blocking_close(void);

#endif
