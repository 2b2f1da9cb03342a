/* SPDX-License-Identifier: MIT
 *
 * arm64_switch.c - the assembly stack switch alone, for an emulator of another machine.
 *
 * A program of its own without cmocka, linked statically, so that qemu-user runs it with nothing of that machine
 * installed. Two stacks hand control to each other; each keeps more values over a switch than there are registers that
 * a call preserves, so that a register that is not saved shows.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/switch.h"

enum {
	ROUNDS = 100000,
	INTEGERS = 12,
	REALS = 8,
	STACK_BYTES = 16384,
};

static struct co_machine home;
static struct co_machine away;
static volatile uint64_t in[INTEGERS] = {3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41};
static volatile double real[REALS] = {2.5, 3.5, 5.5, 7.5, 11.5, 13.5, 17.5, 19.5};
static _Alignas(16) char stack[STACK_BYTES];
static bool was_aligned;
static bool was_on_stack;
static uint64_t visits;

static void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

/* Switches from SAVE to LOAD with all preserved registers in use, and checks each of them. The values come from
 * volatile memory, so that the compiler cannot work them out again afterwards; ADD makes each side's values its own. */
static void switch_with_full_registers(struct co_machine *save, struct co_machine *load, uint64_t add)
{
	uint64_t a = in[0] + add, b = in[1] + add, c = in[2] + add, d = in[3] + add, e = in[4] + add, f = in[5] + add;
	uint64_t g = in[6] + add, h = in[7] + add, i = in[8] + add, j = in[9] + add, k = in[10] + add, l = in[11] + add;
	double p = real[0] + (double)add, q = real[1] + (double)add, r = real[2] + (double)add;
	double s = real[3] + (double)add, t = real[4] + (double)add, u = real[5] + (double)add;
	double v = real[6] + (double)add, w = real[7] + (double)add;

	co_machine_switch(save, load);
	if (a != in[0] + add || b != in[1] + add || c != in[2] + add || d != in[3] + add || e != in[4] + add ||
		f != in[5] + add || g != in[6] + add || h != in[7] + add || i != in[8] + add || j != in[9] + add ||
		k != in[10] + add || l != in[11] + add)
		fail("an integer register was lost");
	if (p != real[0] + (double)add || q != real[1] + (double)add || r != real[2] + (double)add ||
		s != real[3] + (double)add || t != real[4] + (double)add || u != real[5] + (double)add ||
		v != real[6] + (double)add || w != real[7] + (double)add)
		fail("a floating-point register was lost");
}

static void visit(void)
{
	_Alignas(16) char local[16];

	was_aligned = (uintptr_t)local % 16 == 0;
	was_on_stack = &local[0] > &stack[0] && &local[0] < &stack[STACK_BYTES];
	for (;;) {
		visits++;
		switch_with_full_registers(&away, &home, UINT64_C(0x123456789abc) + visits);
	}
}

int main(void)
{
	co_machine_prepare(&away, stack, sizeof(stack), visit);
	for (uint64_t round = 0; round < ROUNDS; round++)
		switch_with_full_registers(&home, &away, round * 3);
	if (visits != ROUNDS)
		fail("a visit is missing");
	if (!was_aligned || !was_on_stack)
		fail("the first frame is wrong");
	printf("%d switches each way, every register kept\n", ROUNDS);
	return 0;
}
