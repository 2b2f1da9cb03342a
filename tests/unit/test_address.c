/* SPDX-License-Identifier: MIT
 *
 * test_address.c - what an address may look like, and what is said of what may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"

static void parses_as(const char *text, const char *canonical)
{
	struct address address;
	struct address again;
	char formatted[ADDRESS_TEXT_BYTES];
	const char *why = "";

	if (!address_parse(text, &address, &why))
		fail_msg("\"%s\" %s", text, why);
	assert_string_equal(address_format(&address, formatted, sizeof(formatted)), canonical);
	assert_true(address_parse(formatted, &again, NULL));
	assert_memory_equal(&again, &address, sizeof(address));
}

static void is_refused(const char *text, const char *expected)
{
	struct address address;
	struct address before;
	const char *why = "";

	memset(&address, 0x5A, sizeof(address));
	before = address;
	if (address_parse(text, &address, &why))
		fail_msg("\"%s\" was taken", text);
	assert_non_null(strstr(why, expected));
	assert_memory_equal(&address, &before, sizeof(address));
}

static void unix_addresses_are_paths(void **state)
{
	(void)state;
	parses_as("unix:/run/baton/baton.sock", "unix:/run/baton/baton.sock");
	parses_as("unix:here", "unix:here");
	parses_as("unix:/with:colon and space", "unix:/with:colon and space");
	is_refused("unix:", "no path");
}

static void a_path_must_fit_a_socket_name(void **state)
{
	char text[5 + ADDRESS_PATH_BYTES + 1] = "unix:";

	(void)state;
	memset(text + 5, 'p', ADDRESS_PATH_BYTES - 1);
	parses_as(text, text);
	text[5 + ADDRESS_PATH_BYTES - 1] = 'p';
	is_refused(text, "longer than 107");
}

static void tcp_addresses_have_a_default_port(void **state)
{
	(void)state;
	parses_as("tcp:localhost", "tcp:localhost:22866");
	parses_as("tcp:10.0.0.1:80", "tcp:10.0.0.1:80");
	parses_as("tcp:[::1]", "tcp:[::1]:22866");
	parses_as("tcp:[fe80::1%eth0]:65535", "tcp:[fe80::1%eth0]:65535");
	parses_as("tcp:h:0", "tcp:h:0");
}

static void the_broken_rule_is_named(void **state)
{
	char long_host[4 + 256 + 1] = "tcp:";

	(void)state;
	memset(long_host + 4, 'h', 256);
	is_refused("", "is not an address");
	is_refused("localhost:80", "is not an address");
	is_refused("tcp:", "no host");
	is_refused("tcp::80", "no host");
	is_refused("tcp:[]:80", "no host");
	is_refused(long_host, "longer than 255");
	is_refused("tcp:h:", "no port");
	is_refused("tcp:h:65536", "above 65535");
	is_refused("tcp:h:99999999999999999999", "above 65535");
	is_refused("tcp:h:80x", "not a number");
	is_refused("tcp:h:-1", "not a number");
	is_refused("tcp:[::1", "without its ']'");
	is_refused("tcp:[::1]80", "behind its ']'");
	is_refused("tcp:::1", "brackets");
}

static void user_stands_for_the_runtime_folder(void **state)
{
	char folder[ADDRESS_PATH_BYTES];

	(void)state;
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	parses_as("user", "unix:/run/user/7/baton.sock");
	memset(folder, 'f', sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = '\0';
	setenv("XDG_RUNTIME_DIR", folder, 1);
	is_refused("user", "longer than 107");
	unsetenv("XDG_RUNTIME_DIR");
	is_refused("user", "XDG_RUNTIME_DIR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unix_addresses_are_paths),
		cmocka_unit_test(a_path_must_fit_a_socket_name),
		cmocka_unit_test(tcp_addresses_have_a_default_port),
		cmocka_unit_test(the_broken_rule_is_named),
		cmocka_unit_test(user_stands_for_the_runtime_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
