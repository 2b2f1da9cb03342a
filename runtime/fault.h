/* SPDX-License-Identifier: MIT
 *
 * fault.h - stack overflow: caught on a signal stack, reported by coroutine.
 */
#ifndef BATON_RUNTIME_FAULT_H
#define BATON_RUNTIME_FAULT_H

/* Installs the handlers for the process and the signal stack for the calling thread. 0 or a negative errno. */
int co_fault_open(void);

/* Puts back what was there before. */
void co_fault_close(void);

#endif
