/* SPDX-License-Identifier: MIT
 *
 * sim.h - a run of coroutines that a seed repeats exactly: one P, clocks that turn only when the simulation says so, a
 * network in memory, and every choice (which coroutine is next, which case a select takes, when bytes arrive) drawn
 * from the seed.
 *
 * A program is simulated by linking it with the files of this folder before libruntime.a: they define what clock.c,
 * poll.c, descriptor.c, blocking.c, monitor.c, signal.c, spin.c and base/memory.c define, so that these are left out.
 * The rest of the runtime is the same code. Nothing here is part of a program that is not simulated.
 *
 * One thread. Times are nanoseconds. Descriptors are numbers from SIM_FD_FIRST on, which no system call knows.
 */
#ifndef BATON_RUNTIME_SIM_SIM_H
#define BATON_RUNTIME_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define SIM_FD_FIRST 1000000

/* ---- the run -------------------------------------------------------------------------------------------------------
 */

struct sim_options {
	uint64_t seed;
	FILE *trace;           /* gets a line per event; NULL: none, they are only hashed */
	int64_t time_limit_ns; /* the run has failed when the clock comes to it; 0: an hour */
};

/* Runs MAIN(ARG) as the main coroutine of a simulation. Returns what MAIN returned, or -1 where the run could not start
 * or failed (sim_failure() says how). Once per process: what is simulated has state of its own. */
int sim_run(const struct sim_options *options, int (*main)(void *arg), void *arg);

/* Ends the run with a failure; the first counts. It returns, so that the caller can go on to a park, where it stays. */
void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How the run failed; NULL: it did not. */
const char *sim_failure(void);

/* ---- chance and the trace ------------------------------------------------------------------------------------------
 */

/* 64 bits of the seed's; a number below LIMIT, which is not 0; true in PERCENT of 100 cases; from LOW to HIGH. */
uint64_t sim_bits(void);
uint64_t sim_below(uint64_t limit);
bool sim_percent(unsigned percent);
int64_t sim_between(int64_t low, int64_t high);

/* Notes an event: a line with the time before it. Two runs of one seed give the same lines; so nothing of an address.
 */
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The hash over all lines so far, and how many. */
uint64_t sim_trace_hash(void);
uint64_t sim_trace_lines(void);

/* ---- clocks --------------------------------------------------------------------------------------------------------
 */

/* The process gets no CPU for so long: all clocks go on, nothing runs. */
void sim_stall_process(int64_t ns);

/* CLOCK_MONOTONIC without the time in which the process got no CPU. */
int64_t sim_process_time(void);

/* The machine sleeps for so long: CLOCK_BOOTTIME and CLOCK_REALTIME go on, CLOCK_MONOTONIC stands. */
void sim_suspend(int64_t ns);

/* The wall clock is set, forward or back. */
void sim_set_wall_clock(int64_t by_ns);

/* ---- the network ---------------------------------------------------------------------------------------------------
 */

/* Who connects, as the kernel would say. */
struct sim_peer {
	bool is_local; /* by a Unix socket */
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
};

/* How a connection carries bytes; each figure is drawn anew for each write. */
struct sim_link {
	int64_t delay_min_ns;
	int64_t delay_max_ns;
	unsigned split_percent; /* of writes arrive in pieces, each with a delay of its own; order is kept */
	size_t room;            /* bytes that one direction holds before the writer must wait */
};

/* 1 to 50 us, a tenth is split, 64 KiB. */
extern const struct sim_link sim_link_default;

/* A listening descriptor; -EADDRINUSE. */
int sim_listen(const char *address);

/* A connection to who listens at ADDRESS: the caller's end. -ECONNREFUSED, -ENOMEM. It is up at once; the listener
 * hears of it after a delay. */
int sim_connect(const char *address, const struct sim_peer *peer, const struct sim_link *link);

/* The other end of the oldest connection that has arrived; -EAGAIN; -EMFILE where a fault says so. RET_PEER may be
 * NULL. */
int sim_accept(int listener, struct sim_peer *ret_peer);

/* As read(2) and send(2) on a stream that does not block. PASSED (may be NULL): gets the descriptor that came along,
 * and the bytes end behind those it came with; else it is closed. */
ssize_t sim_read(int fd, void *buffer, size_t length, int *passed);
ssize_t sim_write(int fd, const void *buffer, size_t length);

/* As sim_write, and PASS goes along with the first byte; it stays the caller's. */
ssize_t sim_write_passing(int fd, const void *buffer, size_t length, int pass);

/* As shutdown(2) of both directions, and close(2). What was written arrives. */
void sim_shutdown(int fd);
void sim_close(int fd);

/* A descriptor that is readable once the process PID has ended (a pidfd). Any number of them may be opened. */
int sim_process_open(uint32_t pid);
void sim_process_end(uint32_t pid);
bool sim_is_process(int fd);

/* How many descriptors are open. */
size_t sim_open_descriptors(void);

/* ---- faults --------------------------------------------------------------------------------------------------------
 */

/* The connection breaks: what is on its way is lost; both ends read the end, after a delay. */
void sim_cut(int fd);

/* Nothing arrives on the connection, in either direction, for so long; then all does. */
void sim_hold(int fd, int64_t ns);

/* What FD's end writes from now on is lost, without a word; its end too. */
void sim_lose(int fd);

/* Lets FAILS decide before each descriptor is made whether there is none left (-EMFILE); NULL: there always is.
 * Allocations: memory_set_fault(). */
void sim_set_descriptor_fault(bool (*fails)(void));

/* How long jobs of co_blocking take at most (each draws); 1 ms at first. */
void sim_set_job_time(int64_t most_ns);

/* ---- signals, memory -----------------------------------------------------------------------------------------------
 */

/* Sends the process a signal, for co_signal_wait. */
void sim_signal(int number);

/* Blocks that are allocated now. Fresh memory is filled with rubbish, the same in each run; so is what is freed. */
size_t sim_live_blocks(void);

#endif
