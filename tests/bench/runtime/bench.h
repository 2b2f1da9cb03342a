/* SPDX-License-Identifier: MIT
 *
 * bench.h - works that the runtime is measured on: each has a namesake in go/, which does the same in Go.
 */
#ifndef BATON_TESTS_BENCH_RUNTIME_BENCH_H
#define BATON_TESTS_BENCH_RUNTIME_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/co.h"

/* A table of works ends with one without a name. */
struct work {
	const char *name;
	void (*prepare)(void);    /* once, before any run; NULL: nothing */
	void (*run)(size_t n);    /* does N operations; main times it */
	void (*report)(size_t n); /* instead of RUN: measures itself with N coroutines, once, and tells its figures */
};

extern const struct work switching_works[];
extern const struct work channel_works[];
extern const struct work lock_works[];
extern const struct work context_works[];
extern const struct work many_works[];

/* Prints one figure, a line of name and value. */
void tell(const char *figure, double value);

/* CPU that the process has used, in ns. */
int64_t cpu_now(void);

/* Ends the program, naming WHAT and the error R. */
__attribute__((noreturn, cold)) void fail(int r, const char *what);

/* Ends the program where R is an error. */
static inline void must(int r, const char *what)
{
	if (r < 0)
		fail(r, what);
}

/* Calls BODY(N / COUNT + 1) in COUNT coroutines and waits for all. */
void fan_out(unsigned count, size_t n, void (*body)(size_t n));

/* Echoes whatever it reads, a coroutine per connection, until it is killed. ADDRESS: unix:PATH or tcp:HOST:PORT. */
int echo_server(unsigned procs, const char *address);

/* Plain epoll, no coroutine: keeps CONNECTIONS busy with one message of 64 bytes each for SECONDS, and tells what the
 * server SERVER spent on a message. */
int echo_client(const char *address, int server, double seconds, int connections);

#endif
