/* SPDX-License-Identifier: MIT
 *
 * sanitizer.h - what AddressSanitizer, LeakSanitizer, ThreadSanitizer and valgrind are told about stacks.
 *
 * Without a tool all of it is empty. CO_ASAN and CO_TSAN say which sanitizer this build has.
 */
#ifndef BATON_RUNTIME_SANITIZER_H
#define BATON_RUNTIME_SANITIZER_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define CO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CO_ASAN 1
#endif
#endif
#ifndef CO_ASAN
#define CO_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define CO_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CO_TSAN 1
#endif
#endif
#ifndef CO_TSAN
#define CO_TSAN 0
#endif

#if CO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if CO_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define CO_VALGRIND 1
#endif
#endif
#ifndef CO_VALGRIND
#define CO_VALGRIND 0
#endif

/* A function in which a stack is left by one path and entered by another: TSan's own record of calls must not see it.
 */
#if defined(__clang__) && CO_TSAN
#define CO_UNINSTRUMENTED __attribute__((noinline, disable_sanitizer_instrumentation))
#elif CO_TSAN
#define CO_UNINSTRUMENTED __attribute__((noinline, no_sanitize_thread))
#else
#define CO_UNINSTRUMENTED __attribute__((noinline))
#endif

/* A stack (its guard excluded) was carved: until co_tool_stack_gone its bytes may hold the only pointer to a block.
 * Returns valgrind's number for it. */
static inline unsigned co_tool_stack_made(char *low, size_t bytes)
{
#if CO_ASAN
	__lsan_register_root_region(low, bytes);
#endif
#if CO_VALGRIND
	return (unsigned)VALGRIND_STACK_REGISTER(low, low + bytes);
#else
	(void)low;
	(void)bytes;
	return 0;
#endif
}

static inline void co_tool_stack_gone(char *low, size_t bytes, unsigned number)
{
#if CO_ASAN
	__lsan_unregister_root_region(low, bytes);
	ASAN_UNPOISON_MEMORY_REGION(low, bytes);
#endif
#if CO_VALGRIND
	VALGRIND_STACK_DEREGISTER(number);
#endif
	(void)low;
	(void)bytes;
	(void)number;
}

#if CO_ASAN
/* The bytes, on a stack that is about to be unmapped, may hold the only pointer to a block that the program never
 * freed: keeps a copy for LeakSanitizer to find. The report would blame the program for what dropping a coroutine does.
 */
void co_tool_remember(const void *low, size_t bytes);
#else
static inline void co_tool_remember(const void *low, size_t bytes)
{
	(void)low;
	(void)bytes;
}
#endif

/* A stack goes back to the pool: to touch it is an error from here on ... */
static inline void co_tool_stack_free(char *low, size_t bytes)
{
#if CO_ASAN
	ASAN_POISON_MEMORY_REGION(low, bytes);
#endif
	(void)low;
	(void)bytes;
}

/* ... until it is taken out again. */
static inline void co_tool_stack_used(char *low, size_t bytes)
{
#if CO_ASAN
	ASAN_UNPOISON_MEMORY_REGION(low, bytes);
#endif
	(void)low;
	(void)bytes;
}

#endif
