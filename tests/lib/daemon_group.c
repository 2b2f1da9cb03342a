/* SPDX-License-Identifier: MIT
 *
 * daemon_group.c - one real daemon for all tests of a program.
 */
#include "tests/lib/daemon_group.h"

#include "tests/lib/clients.h"

struct daemon_fixture test_daemon;

int start_daemon(void **state)
{
	(void)state;
	daemon_fixture_start(&test_daemon);
	return 0;
}

int stop_daemon(void **state)
{
	(void)state;
	daemon_fixture_stop(&test_daemon);
	return 0;
}

baton_client *open_client(void)
{
	return open_with(test_daemon.address, NULL);
}
