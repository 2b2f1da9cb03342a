/* SPDX-License-Identifier: MIT
 *
 * dump.h - reports on coroutines, written with nothing but write(2), so that they work in a signal handler.
 */
#ifndef BATON_RUNTIME_DUMP_H
#define BATON_RUNTIME_DUMP_H

#include <stdint.h>

struct co;

/* Reports the deadlock and ends the program as the options say. Returns only if options.fatal did: the run then ends
 * with -EDEADLK; 0. */
int64_t co_fatal_deadlock(void);

/* Writes MESSAGE to standard error and aborts. */
_Noreturn void co_fatal(const char *message);

/* Reports that COROUTINE has overflowed its stack, calls options.fatal if there is one, and aborts. */
_Noreturn void co_fatal_overflow(const struct co *coroutine);

#endif
