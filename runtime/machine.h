/* SPDX-License-Identifier: MIT
 *
 * machine.h - the threads of a run.
 */
#ifndef BATON_RUNTIME_MACHINE_H
#define BATON_RUNTIME_MACHINE_H

/* Makes the Ms of co_runtime, one for each P. The calling thread becomes the first. Fewer than all where it fails: 0 or
 * a negative errno. */
int co_machines_open(void);

/* Starts a thread for every M but the first. 0 or a negative errno; then none runs. */
int co_machines_start(void);

/* Waits for the end of the threads that were started; the run is stopping. */
void co_machines_join(void);

/* Frees the Ms. The calling thread is none any more. */
void co_machines_close(void);

/* How many processors the calling thread may use, at least 1. */
unsigned co_machines_cpus(void);

#endif
