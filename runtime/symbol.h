/* SPDX-License-Identifier: MIT
 *
 * symbol.h - names for code addresses, for reports.
 */
#ifndef BATON_RUNTIME_SYMBOL_H
#define BATON_RUNTIME_SYMBOL_H

#include <stdint.h>

#include "runtime/text.h"

/* Puts what is known of the code at ADDRESS: "function+0x12" if the program or library has symbols, also those that are
 * local to it; else "file+0x1234", which addr2line takes. Opens and maps the file at first, allocates nothing. Not for
 * signal handlers. By one thread at a time. */
void co_symbol_put(struct co_text *text, uintptr_t address);

#endif
