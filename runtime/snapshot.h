/* SPDX-License-Identifier: MIT
 *
 * snapshot.h - what an M runs at this moment: asked of its thread by a signal (SIGURG).
 */
#ifndef BATON_RUNTIME_SNAPSHOT_H
#define BATON_RUNTIME_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/backtrace.h"

struct co_m;

struct co_snapshot {
	uint64_t id; /* of the coroutine; 0: the thread's own stack runs */
	const char *site;
	uintptr_t frames[CO_FRAMES_MAX];
	size_t count;
};

/* Installs the handler. 0 or a negative errno. */
int co_snapshot_open(void);

/* Puts back what was there before. */
void co_snapshot_close(void);

/* Interrupts M's thread and has it tell what it runs. False where it does not answer within a second. By the monitor.
 */
bool co_snapshot_take(struct co_m *m, struct co_snapshot *ret);

#endif
