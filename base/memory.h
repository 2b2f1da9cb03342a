/* SPDX-License-Identifier: MIT
 *
 * memory.h - the one way to the allocator, so that a test or a simulation can make any allocation fail.
 *
 * Every function is safe from any thread and never parks. A failure is an answer (NULL), never an abort.
 */
#ifndef BATON_BASE_MEMORY_H
#define BATON_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Allocates BYTES of undefined content. The caller owns them: memory_free(). NULL when there is no memory. */
void *memory_alloc(size_t bytes) __attribute__((malloc, alloc_size(1)));

/* As memory_alloc, zeroed. */
void *memory_zalloc(size_t bytes) __attribute__((malloc, alloc_size(1)));

/* As realloc(3); on NULL the old block is untouched and still the caller's. */
void *memory_realloc(void *block, size_t bytes) __attribute__((alloc_size(2)));

/* Copies LENGTH bytes and a final NUL. The caller owns the copy. NULL when there is no memory. */
char *memory_copy(const void *bytes, size_t length);

/* Gives a block back; NULL is allowed. */
void memory_free(void *block);

/* Lets FAILS decide, before each allocation of BYTES, whether it is to fail; NULL takes the decision back.
 * For tests and the simulation. An allocation that is under way in another thread may have asked before. */
void memory_set_fault(bool (*fails)(size_t bytes));

#endif
