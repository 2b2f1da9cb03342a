/* SPDX-License-Identifier: MIT
 *
 * raw.h - frames of the reference server, rawd.
 */
#ifndef BATON_TESTS_BENCH_PEERS_RAW_H
#define BATON_TESTS_BENCH_PEERS_RAW_H

#include <stdint.h>

enum { RAW_ECHO, RAW_SEND, RAW_RECV, RAW_CLEAR };
struct raw_hdr {
	uint32_t len; /* with this header */
	uint16_t op, ch;
	uint32_t tag; /* comes back in the reply */
	uint32_t pad;
};

#endif
