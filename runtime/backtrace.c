/* SPDX-License-Identifier: MIT
 *
 * backtrace.c - a stack at rest, walked by its frame pointers.
 *
 * x86-64 and arm64 lay a frame out alike: at the frame pointer the caller's, above it the return address.
 */
#include "runtime/backtrace.h"

#include <stdbool.h>

#include "runtime/sanitizer.h"

/* Where the words of a stack may lie. */
struct bounds {
	uintptr_t low;
	uintptr_t high;
};

static bool holds_frame(const struct bounds *bounds, uintptr_t frame)
{
	return frame != 0 && frame % sizeof(uintptr_t) == 0 && frame >= bounds->low && frame < bounds->high &&
	       bounds->high - frame >= 2 * sizeof(uintptr_t);
}

/* No sanitizer is to watch: the stack may be running again, and what is below a frame is poisoned. */
CO_UNINSTRUMENTED __attribute__((no_sanitize("address"))) static size_t walk(
	const struct bounds *bounds, uintptr_t address, uintptr_t frame, uintptr_t frames[CO_FRAMES_MAX])
{
	size_t count = 0;

	while (address != 0 && count < CO_FRAMES_MAX) {
		uintptr_t former = frame;

		frames[count++] = address;
		if (!holds_frame(bounds, frame))
			break;
		frame = ((const volatile uintptr_t *)frame)[0];
		address = ((const volatile uintptr_t *)former)[1];
		if (frame != 0 && frame <= former)
			break;
	}
	return count;
}

CO_UNINSTRUMENTED __attribute__((no_sanitize("address"))) size_t co_backtrace(
	struct co *coroutine, uintptr_t frames[CO_FRAMES_MAX])
{
	struct co_stack *const stack = *(struct co_stack *const volatile *)&coroutine->stack;
	struct bounds bounds;
	uintptr_t address;
	uintptr_t frame;
	const void *lowest;

	if (stack == NULL)
		return 0;
	bounds.low = (uintptr_t)co_stack_low(stack);
	bounds.high = bounds.low + co_stack_bytes(stack);
	lowest = co_machine_stack_pointer(&coroutine->fiber.machine);
	if (lowest != NULL && ((uintptr_t)lowest < bounds.low || (uintptr_t)lowest >= bounds.high - CO_MACHINE_BYTES))
		return 0;
	if (!co_machine_caller(&coroutine->fiber.machine, &address, &frame))
		return 0;
	return walk(&bounds, address, frame, frames);
}
