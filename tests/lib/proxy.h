/* SPDX-License-Identifier: MIT
 *
 * proxy.h - a bad network: stands between clients and a daemon on Unix sockets, and splits, stalls and cuts at random.
 */
#ifndef BATON_TESTS_LIB_PROXY_H
#define BATON_TESTS_LIB_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define PROXY_PAIRS 64

/* One in so many chunks that pass has the fault; 0: none has. A cut comes before or behind the chunk. */
struct proxy_faults {
	uint32_t cut;
	uint32_t stall; /* for up to 20 ms */
	uint32_t split; /* a part of it now, the rest with the next round */
};

struct proxy {
	char address[160]; /* for baton_open() */
	atomic_uint cuts;  /* connections cut so far */
	struct proxy_faults faults;
	uint64_t seed;
	const char *target; /* a socket's path */
	int listener;
	int wake[2];
	pthread_t thread;
	struct proxy_pair *pairs;
};

/* Listens at PATH and passes everything on to the socket at TARGET. Both must stay valid. Fails the program where it
 * cannot. */
void proxy_start(struct proxy *proxy, const char *path, const char *target, struct proxy_faults faults, uint64_t seed);

/* Cuts all connections and takes no more. */
void proxy_stop(struct proxy *proxy);

#endif
