/* SPDX-License-Identifier: MIT
 *
 * memory.c - libc's allocator behind a seam for planted failures.
 */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static bool (*_Atomic fault)(size_t bytes);

static bool is_made_to_fail(size_t bytes)
{
	bool (*fails)(size_t bytes) = atomic_load_explicit(&fault, memory_order_acquire);

	return __builtin_expect(fails != NULL, 0) && fails(bytes);
}

void *memory_alloc(size_t bytes)
{
	return is_made_to_fail(bytes) ? NULL : malloc(bytes);
}

void *memory_zalloc(size_t bytes)
{
	return is_made_to_fail(bytes) ? NULL : calloc(1, bytes);
}

void *memory_realloc(void *block, size_t bytes)
{
	return is_made_to_fail(bytes) ? NULL : realloc(block, bytes);
}

char *memory_copy(const void *bytes, size_t length)
{
	char *copy = memory_alloc(length + 1);

	if (copy == NULL)
		return NULL;
	if (length > 0)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

void memory_free(void *block)
{
	free(block);
}

void memory_set_fault(bool (*fails)(size_t bytes))
{
	atomic_store_explicit(&fault, fails, memory_order_release);
}
