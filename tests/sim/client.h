/* SPDX-License-Identifier: MIT
 *
 * client.h - a client in a simulation: libbaton's core, driven by a coroutine over the network in memory.
 *
 * As drive.c does it for threads, and with the same rules for connecting again. Any number of coroutines may call.
 */
#ifndef BATON_TESTS_SIM_CLIENT_H
#define BATON_TESTS_SIM_CLIENT_H

#include "clientlib/core.h"
#include "runtime/sim/sim.h"

struct sim_client;

struct sim_client_options {
	const char *address;
	struct sim_peer peer;
	struct sim_link link;
	int64_t ttl_ns; /* 0: the session ends with its connection */
};

/* Starts one; it connects by itself. NULL: no memory. The caller's: sim_client_free(), once sim_client_has_ended(). */
struct sim_client *sim_client_new(const struct sim_client_options *options);
void sim_client_free(struct sim_client *client); /* NULL is allowed */

/* Makes a call and parks until it has its verdict. TIMEOUT_NS below 0: none; CANCEL_AFTER_NS below 0: it is not
 * cancelled. *RET is the caller's: baton_result_free(); NULL where there was no memory. Returns the result's error. */
int sim_client_call(struct sim_client *client, const struct baton_call *call, int64_t timeout_ns,
	int64_t cancel_after_ns, struct baton_result **ret);

/* Ends the session in order, and parks until that is done. */
void sim_client_close(struct sim_client *client);

/* The process dies: its connection closes without a word, its calls return BATON_ECLIENTCLOSED. */
void sim_client_kill(struct sim_client *client);

/* Its thread that reads and writes stops for so long. */
void sim_client_pause(struct sim_client *client, int64_t ns);

/* True once it will do nothing any more. */
bool sim_client_has_ended(const struct sim_client *client);

/* Faults on its connection: sim_cut(), by which a session without ttl ends; sim_hold(); sim_lose(). Nothing without
 * one. */
void sim_client_cut(struct sim_client *client);
void sim_client_hold(struct sim_client *client, int64_t ns);
void sim_client_lose(struct sim_client *client);

/* True if what it had from the daemon at AT (sim_process_time) may be thought not to have reached it: it broke soon
 * after AT, or there was a fault on its connection about that time, for what is unacknowledged goes back with its
 * connection. */
bool sim_client_is_doubtful(const struct sim_client *client, int64_t at);

/* True if what it holds is its own for sure: nobody has broken its connection, and the ttl has not run out. */
bool sim_client_is_certain(const struct sim_client *client);

/* When it ceased to be in order, of sim_process_time: killed, cut without ttl, session lost; INT64_MAX: it did not.
 */
int64_t sim_client_broken_at(const struct sim_client *client);

bool sim_client_has_ttl(const struct sim_client *client);
uint32_t sim_client_pid(const struct sim_client *client);

#endif
