/* SPDX-License-Identifier: MIT
 *
 * siphash.c - SipHash-2-4 and SipHash-1-3, byte order as on every machine we know: words are read little-endian.
 */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0;
	uint64_t v1;
	uint64_t v2;
	uint64_t v3;
};

static uint64_t rotate(uint64_t word, unsigned by)
{
	return word << by | word >> (64 - by);
}

static inline __attribute__((always_inline)) void mix(struct state *s, unsigned rounds)
{
#pragma GCC unroll 4
	while (rounds-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 = rotate(s->v2, 32);
	}
}

static uint64_t read_word(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

static inline __attribute__((always_inline)) void absorb(struct state *s, uint64_t word, unsigned rounds)
{
	s->v3 ^= word;
	mix(s, rounds);
	s->v0 ^= word;
}

/* Inlined, so that the compiler knows the rounds. */
static inline __attribute__((always_inline)) uint64_t hash(
	const uint8_t *key, const void *bytes, size_t length, unsigned compression, unsigned final)
{
	const uint64_t k0 = read_word(key);
	const uint64_t k1 = read_word(key + 8);
	const uint8_t *at = bytes;
	uint8_t tail[8] = {0};
	struct state s = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};

	for (size_t left = length / 8; left > 0; left--, at += 8)
		absorb(&s, read_word(at), compression);
	if (length % 8 > 0)
		memcpy(tail, at, length % 8);
	tail[7] = (uint8_t)length;
	absorb(&s, read_word(tail), compression);
	s.v2 ^= 0xff;
	mix(&s, final);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_BYTES], const void *bytes, size_t length)
{
	return hash(key, bytes, length, 2, 4);
}

uint64_t siphash_1_3(const uint8_t key[SIPHASH_KEY_BYTES], const void *bytes, size_t length)
{
	return hash(key, bytes, length, 1, 3);
}
