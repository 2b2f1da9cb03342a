/* SPDX-License-Identifier: MIT
 *
 * sanitizer.c - what dropped coroutines pointed to, kept for LeakSanitizer. Empty in other builds.
 */
#include "runtime/sanitizer.h"

#if CO_ASAN

#include <stdint.h>
#include <stdlib.h>

/* A copy of a dropped stack. All of them hang on one list, where LeakSanitizer finds them. They are the tool's: not
 * from memory_alloc, for no test's faults and counts are about them. */
struct copy {
	struct copy *next;
	uintptr_t words[];
};

static struct copy *copies;

/* Unchecked: between a stack's variables lie bytes that ASan forbids. */
__attribute__((no_sanitize_address, noinline)) static void copy_words(
	uintptr_t *to, const uintptr_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = ((const volatile uintptr_t *)from)[i];
}

void co_tool_remember(const void *low, size_t bytes)
{
	size_t count = bytes / sizeof(uintptr_t);
	struct copy *copy = malloc(sizeof(*copy) + count * sizeof(copy->words[0]));

	if (copy == NULL)
		return; /* a false report of a leak, no more */
	copy_words(copy->words, low, count);
	copy->next = copies;
	copies = copy;
}

#endif
