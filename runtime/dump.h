/* SPDX-License-Identifier: MIT
 *
 * dump.h - reports on coroutines. Written with nothing but write(2).
 */
#ifndef BATON_RUNTIME_DUMP_H
#define BATON_RUNTIME_DUMP_H

#include <stdint.h>

struct co;
struct co_snapshot;

/* The report that SIGQUIT asks for: as co_dump, with the backtraces of what runs, whose threads are interrupted for it.
 * By the monitor. */
void co_dump_at_quit(int fd);

/* Reports the deadlock and ends the program as the options say. Returns only if options.fatal did: the run then ends
 * with -EDEADLK; 0. */
int64_t co_fatal_deadlock(void);

/* Reports that what the snapshot shows has kept its P for long. */
void co_report_hog(const struct co_snapshot *snapshot);

/* Writes MESSAGE to standard error and aborts. Safe in signal handlers. */
_Noreturn void co_fatal(const char *message);

/* Reports that COROUTINE has overflowed its stack, calls options.fatal if there is one, and aborts. Safe in
 * signal handlers. */
_Noreturn void co_fatal_overflow(const struct co *coroutine);

#endif
