/* SPDX-License-Identifier: MIT
 *
 * daemon_group.h - one real daemon for all tests of a program, and clients of it.
 */
#ifndef BATON_TESTS_LIB_DAEMON_GROUP_H
#define BATON_TESTS_LIB_DAEMON_GROUP_H

#include "clientlib/baton.h"
#include "tests/lib/daemon_fixture.h"

extern struct daemon_fixture test_daemon;

/* For cmocka_run_group_tests(): start it before the first test, and stop it after the last. */
int start_daemon(void **state);
int stop_daemon(void **state);

/* A client of it, at its Unix socket; the test fails where there is none. */
baton_client *open_client(void);

#endif
