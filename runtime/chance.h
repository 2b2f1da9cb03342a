/* SPDX-License-Identifier: MIT
 *
 * chance.h - quick random numbers for the runtime's own choices. Nothing secret may hang on them.
 */
#ifndef BATON_RUNTIME_CHANCE_H
#define BATON_RUNTIME_CHANCE_H

#include <stdint.h>

/* 64 random bits. From any thread. */
uint64_t co_chance(void);

/* A number below LIMIT, which is not 0, each as likely as the others (but for LIMIT / 2^32). */
uint32_t co_chance_below(uint32_t limit);

#endif
