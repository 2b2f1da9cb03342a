/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_locks.c - RWMutexes, semaphores, and several mutexes at a time through libbaton, against a real daemon.
 */
#include "tests/lib/clients.h"
#include "tests/lib/daemon_group.h"

/* ---- RWMutexes --------------------------------------------------------------------------------------------------- */

static void readers_share_and_a_writer_is_alone(void **state)
{
	baton_client *a = open_client();
	baton_client *b = open_client();
	uint64_t first;
	uint64_t second;
	bool holds = false;
	bool writes = true;

	(void)state;
	is_ok(baton_rwmutex_rlock(a, NULL, "share", &first, NULL));
	is_ok(baton_rwmutex_try_rlock(b, "share", &second, NULL));
	assert_int_equal(baton_rwmutex_try_lock(b, "share", &second, NULL), BATON_EWOULDBLOCK);
	is_ok(baton_rwmutex_check(b, "share", first, &holds, &writes));
	assert_true(holds && !writes);
	is_ok(baton_rwmutex_unlock(a, "share", first));
	assert_int_equal(baton_rwmutex_unlock(a, "share", first), BATON_ESTALE);
	is_ok(baton_rwmutex_unlock(a, "share", second)); /* whoever presents the token */
	assert_int_equal(baton_rwmutex_unlock(b, "share", second), BATON_EUNLOCKED);
	assert_string_equal(baton_last_error(), "rwmutex \"share\": Unlock of unlocked RWMutex");

	is_ok(baton_rwmutex_lock(a, NULL, "share", &first, NULL));
	assert_int_equal(baton_rwmutex_try_rlock(b, "share", &second, NULL), BATON_EWOULDBLOCK);
	is_ok(baton_rwmutex_downgrade(a, "share", first));
	is_ok(baton_rwmutex_try_rlock(b, "share", &second, NULL));
	is_ok(baton_rwmutex_hand_over(b, "share", second));
	baton_close(a);
	baton_close(b);
}

static void a_dead_writer_is_told(void **state)
{
	baton_client *a = open_client();
	baton_client *b = open_client();
	uint64_t token;
	bool abandoned = false;

	(void)state;
	is_ok(baton_rwmutex_lock(a, NULL, "dead", &token, NULL));
	baton_abandon(a);
	is_ok(baton_rwmutex_lock(b, NULL, "dead", &token, &abandoned));
	assert_true(abandoned);
	assert_int_equal(baton_mutex_try_lock(b, "dead", &token, NULL), BATON_EKIND);
	baton_close(b);
}

/* ---- semaphores -------------------------------------------------------------------------------------------------- */

static void permits_go_by_tokens(void **state)
{
	baton_client *a = open_client();
	baton_client *b = open_client();
	uint64_t first;
	uint64_t second;
	bool holds = false;

	(void)state;
	assert_int_equal(baton_sem_acquire(a, NULL, "permits", 1, &first), BATON_ENOTMADE);
	is_ok(baton_sem_make(a, "permits", 3));
	assert_int_equal(baton_sem_make(b, "permits", 4), BATON_EEXISTS);
	assert_int_equal(baton_sem_acquire(a, NULL, "permits", 4, &first), BATON_EINVAL);
	is_ok(baton_sem_acquire(a, NULL, "permits", 2, &first));
	assert_int_equal(baton_sem_try_acquire(b, "permits", 2, &second), BATON_EWOULDBLOCK);
	is_ok(baton_sem_try_acquire(b, "permits", 1, &second));
	is_ok(baton_sem_check(b, "permits", first, &holds));
	assert_true(holds);
	is_ok(baton_sem_release(a, "permits", first));
	assert_int_equal(baton_sem_release(a, "permits", first), BATON_ESTALE);
	baton_abandon(b);
	is_ok(baton_sem_acquire(a, NULL, "permits", 3, &first));
	is_ok(baton_sem_delete(a, "permits"));
	assert_int_equal(baton_sem_delete(a, "permits"), BATON_ENOTMADE);
	baton_close(a);
}

/* ---- several mutexes --------------------------------------------------------------------------------------------- */

static void several_are_locked_in_one_step(void **state)
{
	baton_client *a = open_client();
	baton_client *b = open_client();
	uint64_t token;
	uint64_t other;
	bool holds = false;

	(void)state;
	is_ok(baton_mutex_lock_all(a, NULL, "many/1 many/2 many/3", &token, NULL));
	is_ok(baton_mutex_check(b, "many/3", token, &holds));
	assert_true(holds);
	assert_int_equal(baton_mutex_try_lock(b, "many/2", &other, NULL), BATON_EWOULDBLOCK);
	assert_int_equal(baton_mutex_try_lock_all(b, "many/0 many/2", &other, NULL), BATON_EWOULDBLOCK);
	assert_int_equal(baton_mutex_unlock_all(a, "many/1 many/4", token), BATON_EUNLOCKED);
	is_ok(baton_mutex_check(b, "many/1", token, &holds));
	assert_true(holds);
	is_ok(baton_mutex_unlock_all(a, "many/3 many/1 many/2", token));
	is_ok(baton_mutex_try_lock_all(b, "many/0 many/2", &other, NULL));
	assert_true(other > token);
	assert_int_equal(baton_mutex_try_lock_all(a, "many/1 many/1", &other, NULL), BATON_EINVAL);
	assert_int_equal(baton_mutex_try_lock_all(a, "many/1  many/2", &other, NULL), BATON_EINVAL);
	baton_close(a);
	baton_close(b);
}

static void options_come_with_the_first_call(void **state)
{
	baton_client *client = open_client();
	const struct baton_call strict = {
		.size = sizeof(strict), .operation = BATON_MUTEX_LOCK, .name = "strict", .fifo = true};
	const struct baton_call slow = {.size = sizeof(slow),
		.operation = BATON_MUTEX_LOCK,
		.name = "strict",
		.no_wait = true,
		.lock_delay_ns = SECOND};
	struct baton_result *result = NULL;

	(void)state;
	is_ok(baton_invoke(client, NULL, &strict, &result));
	assert_int_equal(baton_invoke(client, NULL, &slow, NULL), BATON_EEXISTS);
	is_ok(baton_mutex_hand_over(client, "strict", result->token));
	is_ok(baton_mutex_unlock(client, "strict", result->token));
	baton_result_free(result);
	baton_close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_share_and_a_writer_is_alone),
		cmocka_unit_test(a_dead_writer_is_told),
		cmocka_unit_test(permits_go_by_tokens),
		cmocka_unit_test(several_are_locked_in_one_step),
		cmocka_unit_test(options_come_with_the_first_call),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
