/* SPDX-License-Identifier: MIT
 *
 * fuzz.h - what the fuzz targets share. Each is one LLVMFuzzerTestOneInput(), linked with libFuzzer by `make fuzz`, and
 * with replay.c by `make check`, which runs its corpus.
 */
#ifndef BATON_TESTS_FUZZ_FUZZ_H
#define BATON_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One input. Returns 0; a broken promise aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, saying where, unless CONDITION holds. */
#define fuzz_require(condition)                                                                                        \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                        \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

#endif
