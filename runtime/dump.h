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

/* Reports that COROUTINE (NULL: a callback on a thread's own stack) has kept its P for long; the COUNT addresses at
 * FRAMES are its calls. */
void co_report_hog(const struct co *coroutine, void *const *frames, int count);

/* Writes MESSAGE to standard error and aborts. */
_Noreturn void co_fatal(const char *message);

/* Reports that COROUTINE has overflowed its stack, calls options.fatal if there is one, and aborts. */
_Noreturn void co_fatal_overflow(const struct co *coroutine);

#endif
