/* SPDX-License-Identifier: MIT
 *
 * test_runtime_stack.c - stacks: overflow is reported and aborts in every guard mode, many stacks live at once, used
 * ones are used again and given back.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/child.h"
#include "tests/lib/co_test.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static const enum co_guard modes[] = {CO_GUARD_AUTO, CO_GUARD_INSTALL, CO_GUARD_MPROTECT, CO_GUARD_SLAB};

static struct test_child child;

/* True when the kernel has guard markers; without them the next mode stands in. */
static bool has_guard_markers(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const bool has = madvise(map, page, MADV_GUARD_INSTALL) == 0 && access(map, F_OK) != 0 && errno == EFAULT;

	munmap(map, page);
	return has;
}

static enum co_guard mode_in_use(enum co_guard asked)
{
	if (asked == CO_GUARD_AUTO || asked == CO_GUARD_INSTALL)
		return has_guard_markers() ? CO_GUARD_INSTALL : CO_GUARD_MPROTECT;
	return asked;
}

/* ---- use up to the rim ------------------------------------------------------------------------------------------- */

/* Fills about BYTES of the stack, a frame of 512 after the other, and returns how many frames came back whole. */
static size_t use_stack(size_t bytes)
{
	volatile unsigned char frame[512];
	size_t below = 0;
	bool whole = true;

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (unsigned char)(bytes >> 4);
	if (bytes > sizeof(frame) + 128)
		below = use_stack(bytes - sizeof(frame) - 128);
	for (size_t i = 0; i < sizeof(frame); i++)
		whole = whole && frame[i] == (unsigned char)(bytes >> 4);
	return below + whole;
}

static size_t use_bytes;
static size_t frames_expected;

static void use_much(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		CHECK_EQUAL(use_stack(use_bytes), frames_expected);
		co_yield();
	}
}

static void use_much_together(void)
{
	struct co_test_group group = {0};

	for (size_t bytes = use_bytes; bytes > 0; bytes = bytes > 640 ? bytes - 640 : 0)
		frames_expected++;
	for (int i = 0; i < 40; i++)
		co_test_go(&group, use_much, NULL);
	co_test_wait(&group);
}

/* Two thirds of a stack can be used, in every mode, by many at once. */
static void most_of_a_stack_can_be_used(void **state)
{
	static const size_t sizes[] = {0, 256 * 1024, 1024 * 1024};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			const struct co_options options = {.procs = 1, .guard = modes[i], .stack_bytes = sizes[j]};

			frames_expected = 0;
			use_bytes = (sizes[j] == 0 ? 64 * 1024 : sizes[j]) / 3 * (TEST_SANITIZED ? 1 : 2);
			co_test_run(__func__, use_much_together, &options);
		}
}

static void check_mode(void)
{
	CHECK(co_guard_in_use() != CO_GUARD_AUTO);
	CHECK(strlen(co_guard_name(co_guard_in_use())) > 0);
	for (size_t i = 1; i < sizeof(modes) / sizeof(modes[0]); i++)
		CHECK_EQUAL(strcmp(co_guard_name(modes[i]), co_guard_name(co_guard_in_use())) == 0,
			modes[i] == co_guard_in_use());
}

static enum co_guard seen_mode;

static int note_mode(void *unused)
{
	(void)unused;
	seen_mode = co_guard_in_use();
	return 0;
}

/* A mode that is asked for is in use where the kernel has it. */
static void guard_mode_can_be_forced(void **state)
{
	int status;

	(void)state;
	co_test_run(__func__, check_mode, NULL);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(co_run(&(struct co_options){.guard = modes[i]}, note_mode, NULL, &status), 0);
		assert_int_equal(seen_mode, mode_in_use(modes[i]));
	}
}

/* ---- overflow ---------------------------------------------------------------------------------------------------- */

#define FRAME 1024

static uintptr_t overflow_limit; /* the address at which to turn back; 0: never */

static size_t overflow(size_t depth)
{
	volatile char frame[FRAME];

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (char)depth;
	if ((uintptr_t)frame > overflow_limit && depth < SIZE_MAX / 2)
		depth = overflow(depth + 1);
	return depth + (size_t)(frame[depth % FRAME] == 0);
}

static void overflow_for_ever(void *unused)
{
	(void)unused;
	overflow_limit = 0;
	printf("%zu\n", overflow(0));
}

/* Goes just past the end of its 64 KiB and comes back: without a guard page only the canary knows. */
static void overflow_a_little(void *exits)
{
	char here = 0;

	overflow_limit = (uintptr_t)&here - 64 * 1024 + FRAME / 2;
	overflow(0);
	if (exits == NULL)
		co_sleep(NULL, CO_SECOND);
}

static void lie_there(void *unused)
{
	(void)unused;
	co_sleep(NULL, 3600 * CO_SECOND);
}

struct fall {
	unsigned procs;
	enum co_guard guard;
	void (*function)(void *arg);
	void *arg;
};

/* The culprit has a neighbour on either side, whose stacks nobody needs any more. */
static int fall_main(void *arg)
{
	const struct fall *fall = arg;

	co_go(lie_there, NULL);
	co_sleep(NULL, CO_MILLISECOND);
	co_go(lie_there, NULL);
	co_sleep(NULL, CO_MILLISECOND);
	co_go_from(fall->function, fall->arg, "the culprit");
	return co_sleep(NULL, 10 * CO_SECOND);
}

static int fall_run(void *arg)
{
	const struct fall *fall = arg;
	int status;

	return co_run(&(struct co_options){.procs = fall->procs, .guard = fall->guard}, fall_main, arg, &status);
}

static void expect_overflow(enum co_guard guard, void (*function)(void *arg), void *arg)
{
	struct fall fall = {.guard = guard, .function = function, .arg = arg};

	for (fall.procs = 1; fall.procs <= co_test_most_procs(); fall.procs += 3) {
		test_child_run(&child, fall_run, &fall);
		test_child_signalled(&child, SIGABRT);
		test_child_said(&child, "fatal error: stack overflow");
		test_child_said(&child, "the culprit");
		if (fall.procs == 1)
			test_child_said(&child, "goroutine 4 "); /* after main and two neighbours */
	}
}

/* With a guard page per stack an overflow is caught at the page. */
static void overflow_hits_the_guard(void **state)
{
	(void)state;
	expect_overflow(CO_GUARD_AUTO, overflow_for_ever, NULL);
	expect_overflow(CO_GUARD_INSTALL, overflow_for_ever, NULL);
	expect_overflow(CO_GUARD_MPROTECT, overflow_for_ever, NULL);
	expect_overflow(CO_GUARD_AUTO, overflow_a_little, NULL);
	expect_overflow(CO_GUARD_MPROTECT, overflow_a_little, NULL);
}

/* Without one the canary tells at the next park, and at the coroutine's exit. */
static void overflow_kills_the_canary(void **state)
{
	static int exits;

	(void)state;
	if (TEST_SANITIZED)
		skip(); /* what lies below is poisoned there, or looks different */
	expect_overflow(CO_GUARD_SLAB, overflow_a_little, NULL);
	expect_overflow(CO_GUARD_SLAB, overflow_a_little, &exits);
}

static int crash(void *unused)
{
	volatile uintptr_t nowhere = 16;

	(void)unused;
	*(int *)nowhere = 1;
	return 0;
}

static int crash_run(void *unused)
{
	int status;

	(void)unused;
	return co_run(NULL, crash, NULL, &status);
}

/* Another crash is not called an overflow, and dies of its own signal. */
static void other_crash_is_no_overflow(void **state)
{
	(void)state;
	if (TEST_SANITIZED)
		skip(); /* they have their own handler */
	test_child_run(&child, crash_run, NULL);
	test_child_signalled(&child, SIGSEGV);
	assert_null(strstr(child.errors, "stack overflow"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_of_a_stack_can_be_used),
		cmocka_unit_test(guard_mode_can_be_forced),
		cmocka_unit_test(overflow_hits_the_guard),
		cmocka_unit_test(overflow_kills_the_canary),
		cmocka_unit_test(other_crash_is_no_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
