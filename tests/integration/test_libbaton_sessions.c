/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_sessions.c - libbaton's sessions against a real daemon: children, joining, processes, workers, a
 * restart.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/lib/clients.h"
#include "tests/lib/daemon_group.h"

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static baton_client *open_kind(enum baton_session_kind kind, const char *session, int pidfd)
{
	return open_with(test_daemon.address, &(struct baton_options){
						      .size = sizeof(struct baton_options),
						      .session_kind = kind,
						      .session = session,
						      .pidfd = pidfd,
						      .ttl_ns = kind == BATON_SESSION_DETACHED ? 2 * SECOND : 0,
					      });
}

static void a_child_session_ends_with_its_parent(void **state)
{
	baton_client *parent = open_client();
	baton_client *child = open_kind(BATON_SESSION_OWN, baton_session(parent), -1);
	baton_client *other = open_client();
	uint64_t token;

	(void)state;
	is_ok(baton_mutex_lock(child, NULL, "child", &token, NULL));
	baton_close(parent);
	EVENTUALLY(baton_mutex_try_lock(other, "child", &token, NULL) == BATON_OK);
	EVENTUALLY(baton_ping(child) != BATON_OK);
	assert_int_equal(baton_ping(child), BATON_ESESSION);
	baton_close(child);
	baton_close(other);
}

static void a_joined_session_outlives_the_client(void **state)
{
	baton_client *opened = open_kind(BATON_SESSION_DETACHED, NULL, -1);
	char session[100];
	baton_client *joined;
	baton_client *other = open_client();
	const struct baton_call close = {.size = sizeof(close), .operation = BATON_SESSION_CLOSE, .session = session};
	uint64_t token;
	bool holds = false;

	(void)state;
	snprintf(session, sizeof(session), "%s", baton_session(opened));
	is_ok(baton_mutex_lock(opened, NULL, "kept", &token, NULL));
	baton_close(opened);
	is_ok(baton_mutex_check(other, "kept", token, &holds));
	assert_true(holds);
	joined = open_kind(BATON_SESSION_ATTACH, session, -1);
	is_ok(baton_mutex_unlock(joined, "kept", token));
	is_ok(baton_mutex_lock(joined, NULL, "kept", &token, NULL));
	baton_close(joined);
	is_ok(baton_mutex_check(other, "kept", token, &holds));
	assert_true(holds);
	is_ok(baton_invoke(other, NULL, &close, NULL));
	is_ok(baton_mutex_try_lock(other, "kept", &token, NULL));
	assert_int_equal(baton_open(test_daemon.address,
				 &(struct baton_options){.size = sizeof(struct baton_options),
					 .session_kind = BATON_SESSION_ATTACH,
					 .session = session},
				 &joined),
		BATON_ESESSION);
	baton_close(other);
}

static void a_session_of_a_process_ends_with_it(void **state)
{
	const pid_t pid = fork();
	baton_client *client;
	baton_client *other;
	uint64_t token;
	int pidfd;

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(pidfd >= 0);
	client = open_kind(BATON_SESSION_OF_PROCESS, NULL, pidfd);
	is_ok(baton_mutex_lock(client, NULL, "process", &token, NULL));
	baton_close(client);
	other = open_client();
	assert_int_equal(baton_mutex_try_lock(other, "process", &token, NULL), BATON_EWOULDBLOCK);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EVENTUALLY(baton_mutex_try_lock(other, "process", &token, NULL) == BATON_OK);
	baton_close(other);
	close(pidfd);
}

/* Prefork: workers open sessions of their own, and the parent's lock is not theirs to lose. */
static void workers_open_sessions_of_their_own(void **state)
{
	baton_client *client = open_client();
	uint64_t token;
	bool holds = false;

	(void)state;
	is_ok(baton_mutex_lock(client, NULL, "master", &token, NULL));
	for (int i = 0; i < 4; i++) {
		const pid_t pid = fork();
		int status;

		if (pid == 0) {
			baton_client *own = NULL;
			uint64_t other_token;
			const bool well = baton_ping(client) == BATON_EFORKED &&
					  baton_open(test_daemon.address, NULL, &own) == BATON_OK &&
					  baton_mutex_lock(own, NULL, "worker", &other_token, NULL) == BATON_OK;

			_exit(well ? 0 : 1); /* as a killed one: nothing is closed */
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	is_ok(baton_mutex_check(client, "master", token, &holds));
	assert_true(holds);
	EVENTUALLY(baton_mutex_try_lock(client, "worker", &token, NULL) == BATON_OK);
	baton_close(client);
}

/* ---- sessions with a ttl
 * --------------------------------------------------------------------------------------------- */

/* What a session was told, from its keeper. */
struct told {
	atomic_int event; /* the last */
	_Atomic uint64_t token;
};

static void note_told(const struct baton_notice *notice, void *arg)
{
	struct told *told = arg;

	atomic_store(&told->token, notice->token);
	atomic_store(&told->event, (int)notice->event);
}

static baton_client *open_lasting(const char *address, struct told *told)
{
	return open_with(address, &(struct baton_options){
					  .size = sizeof(struct baton_options),
					  .ttl_ns = 3 * SECOND,
					  .on_notice = note_told,
					  .arg = told,
				  });
}

/* On a Unix socket and over TCP. */
static void a_hold_outlives_its_connection(void **state)
{
	const char *addresses[] = {test_daemon.address, test_daemon.tcp};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct told told = {0};
		baton_client *client = open_lasting(addresses[i], &told);
		uint64_t token;
		int64_t safe;
		bool holds = false;

		is_ok(baton_mutex_lock(client, NULL, "lasting", &token, NULL));
		safe = baton_guaranteed_until(client);
		shutdown(baton_fd(client), SHUT_RDWR);
		EVENTUALLY(baton_mutex_check(client, "lasting", token, &holds) == BATON_OK);
		assert_true(holds);
		assert_true(baton_guaranteed_until(client) > safe);
		is_ok(baton_mutex_unlock(client, "lasting", token));
		assert_int_equal(atomic_load(&told.event), 0);
		baton_close(client);
	}
}

static void who_loses_a_hold_is_told_at_once(void **state)
{
	struct told told = {0};
	baton_client *client = open_lasting(test_daemon.address, &told);
	baton_client *other = open_client();
	uint64_t token;

	(void)state;
	is_ok(baton_mutex_lock(client, NULL, "taken", &token, NULL));
	is_ok(baton_mutex_unlock(other, "taken", token));
	EVENTUALLY(atomic_load(&told.event) == BATON_EVENT_HOLD_LOST);
	assert_int_equal(atomic_load(&told.token), token);
	assert_true(baton_guaranteed_until(client) > clock_boottime());
	baton_close(client);
	baton_close(other);
}

static void a_killed_session_is_lost_at_once(void **state)
{
	struct told told = {0};
	baton_client *client = open_lasting(test_daemon.address, &told);
	baton_client *other = open_client();
	const struct baton_call kill_it = {
		.size = sizeof(kill_it),
		.operation = BATON_SESSION_KILL,
		.number = strtoull(baton_session(client), NULL, 10),
	};
	uint64_t token;

	(void)state;
	is_ok(baton_mutex_lock(client, NULL, "killed", &token, NULL));
	is_ok(baton_invoke(other, NULL, &kill_it, NULL));
	is_ok(baton_mutex_try_lock(other, "killed", &token, NULL));
	EVENTUALLY(atomic_load(&told.event) == BATON_EVENT_LOST);
	assert_true(baton_guaranteed_until(client) == INT64_MIN);
	EVENTUALLY(baton_ping(client) == BATON_ESESSION);
	baton_close(client);
	baton_close(other);
}

/* ---- the daemon's death ------------------------------------------------------------------------------------------ */

static void note_event(const struct baton_notice *notice, void *arg)
{
	atomic_store((atomic_int *)arg, (int)notice->event);
}

static void a_daemon_that_is_killed_and_restarted(void **state)
{
	atomic_int event = 0;
	struct baton_options options = {
		.size = sizeof(options), .ttl_ns = 2 * SECOND, .on_notice = note_event, .arg = &event};
	baton_client *lasting;
	baton_client *brief;
	uint64_t before;
	uint64_t after;

	(void)state;
	lasting = open_with(test_daemon.address, &options);
	brief = open_client();
	is_ok(baton_mutex_lock(lasting, NULL, "restart", &before, NULL));
	daemon_fixture_end(&test_daemon, SIGKILL);
	daemon_fixture_restart(&test_daemon);
	EVENTUALLY(atomic_load(&event) == BATON_EVENT_LOST);
	assert_int_equal(baton_ping(lasting), BATON_ERESTARTED);
	assert_true(baton_guaranteed_until(lasting) == INT64_MIN);
	assert_int_equal(baton_ping(brief), BATON_EUNREACHABLE);
	baton_close(lasting);
	baton_close(brief);
	brief = open_client();
	EVENTUALLY(baton_mutex_lock(brief, NULL, "restart", &after, NULL) == BATON_OK); /* past the grace */
	assert_true(after > before);
	baton_close(brief);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_session_ends_with_its_parent),
		cmocka_unit_test(a_joined_session_outlives_the_client),
		cmocka_unit_test(a_session_of_a_process_ends_with_it),
		cmocka_unit_test(workers_open_sessions_of_their_own),
		cmocka_unit_test(a_hold_outlives_its_connection),
		cmocka_unit_test(who_loses_a_hold_is_told_at_once),
		cmocka_unit_test(a_killed_session_is_lost_at_once),
		cmocka_unit_test(a_daemon_that_is_killed_and_restarted),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
