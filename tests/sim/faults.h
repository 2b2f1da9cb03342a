/* SPDX-License-Identifier: MIT
 *
 * faults.h - what goes wrong while the workload runs.
 */
#ifndef BATON_TESTS_SIM_FAULTS_H
#define BATON_TESTS_SIM_FAULTS_H

#include <stdbool.h>

#include "tests/sim/client.h"

/* What the faults strike: returns a client that is drawn among those that live, or NULL. */
typedef struct sim_client *faults_victim(void);

/* Starts a coroutine that plays a fault now and then, of kinds and as often as the seed says. */
void faults_start(faults_victim *victim);

/* Ends it, and parks until it has; takes back what lasts. */
void faults_stop(void);

#endif
