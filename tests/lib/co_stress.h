/* SPDX-License-Identifier: MIT
 *
 * co_stress.h - what the stress tests of the runtime share: numbered workers, contexts that end at a random moment, and
 * turns that are given up at random.
 */
#ifndef BATON_TESTS_LIB_CO_STRESS_H
#define BATON_TESTS_LIB_CO_STRESS_H

#include "tests/lib/co_test.h"

/* Starts COUNT members of GROUP, 5000 at most: each gets a pointer to a constant int, its number from 0. */
#define co_test_go_each(group, count, function)                                                                        \
	co_test_go_each_from((group), (count), (function), #function " at " __FILE__ ":" CO_LINE_TEXT(__LINE__))
void co_test_go_each_from(struct co_test_group *group, size_t count, void (*function)(void *number), const char *site);

/* NULL, one time in four; else a context that another coroutine cancels after a few turns, or one whose deadline is up
 * to LONGEST_NS away. The reference is the caller's. The cancelling coroutines are members of KILLERS. */
struct co_context *co_test_doomed(struct test_random *random, struct co_test_group *killers, int64_t longest_ns);

/* True if R is what the end of a context makes a call return. */
bool co_test_is_end(int r);

/* Gives the turn to others a random number of times: none in two cases of three. */
void co_test_dawdle(struct test_random *random);

#endif
