/* SPDX-License-Identifier: MIT
 *
 * cases.h - the cases of a select: their encoding, and what must be known of them when the verdict comes.
 *
 * To add a kind: its number in baton.h, its row in cases.c.
 */
#ifndef BATON_CLIENTLIB_CASES_H
#define BATON_CLIENTLIB_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clientlib/baton.h"

/* The encoding of CALL's cases as a baton.v1.SelectCases, in memory of the caller's (memory_free()). NULL: *RET_WHY is
 * the rule that they break; or, where that is NULL, no memory. */
uint8_t *cases_pack(const struct baton_call *call, size_t *ret_length, const char **ret_why);

/* Kinds and names of a call's cases. */
struct case_list;

/* A copy of what matters of CALL's cases, the caller's: memory_free(). NULL: no memory. */
struct case_list *case_list_new(const struct baton_call *call);

size_t case_list_count(const struct case_list *list);

/* Whether the case at INDEX receives a message that is acknowledged with the reply; whether any does. */
bool case_list_delivers(const struct case_list *list, size_t index);
bool case_list_may_deliver(const struct case_list *list);

/* The name at INDEX, and what gives back what that case was granted; BATON_OPERATION_COUNT: nothing needs it. */
const char *case_list_name(const struct case_list *list, size_t index);
enum baton_operation case_list_give_back(const struct case_list *list, size_t index);

#endif
