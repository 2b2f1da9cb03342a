/* SPDX-License-Identifier: MIT
 *
 * backtrace.h - the calls that stand on a coroutine's stack.
 */
#ifndef BATON_RUNTIME_BACKTRACE_H
#define BATON_RUNTIME_BACKTRACE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/coroutine.h"

enum { CO_FRAMES_MAX = 64 };

/* The return addresses on the stack of COROUTINE, which is parked or ready, the innermost first, by frame pointers:
 * code that was compiled without them ends it early. It may run again meanwhile: what is then read is checked to lie on
 * the stack, and may be wrong, or nothing. Returns how many; 0 also where it never ran. */
size_t co_backtrace(struct co *coroutine, uintptr_t frames[CO_FRAMES_MAX]);

#endif
