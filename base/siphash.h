/* SPDX-License-Identifier: MIT
 *
 * siphash.h - a keyed hash: with a secret key nobody can make keys collide on purpose; with a fixed one, a checksum.
 *
 * SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012).
 */
#ifndef BATON_BASE_SIPHASH_H
#define BATON_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_BYTES 16

/* The hash of LENGTH bytes under KEY. */
uint64_t siphash(const uint8_t key[SIPHASH_KEY_BYTES], const void *bytes, size_t length);

/* SipHash-1-3: half the work; enough for tables, whose hashes nobody sees. */
uint64_t siphash_1_3(const uint8_t key[SIPHASH_KEY_BYTES], const void *bytes, size_t length);

#endif
