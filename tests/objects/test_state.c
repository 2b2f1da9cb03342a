/* SPDX-License-Identifier: MIT
 *
 * test_state.c - the state file over restarts: tokens rise, holders are waited for, damage is noticed, a full disk
 * said.
 */
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/registry.h"
#include "tests/objects/actors.h"

#define MS CO_MILLISECOND

static char folder[64];
static char path[160];
static char why[256];
static struct actor a, b;

static int make_mutex(const char *name, void *arg, struct object **ret)
{
	struct mutex *mutex;
	const int r = mutex_new(name, &(struct lock_options){0}, &mutex);

	(void)arg;
	if (r == OBJECT_OK)
		*ret = mutex_object(mutex);
	return r;
}

static void set_up(void)
{
	strcpy(folder, "/tmp/batond-state-XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/batond.state", folder);
	actor_init(&a, "A");
	actor_init(&b, "B");
	token_reset();
	registry_init(0);
}

/* The daemon is gone, however it went; the next one starts. */
static int restart(void)
{
	state_close();
	registry_done();
	registry_init(0);
	token_reset();
	actor_init(&a, "A");
	actor_init(&b, "B");
	return state_open(folder, why, sizeof(why));
}

static void tear_down(void)
{
	state_close();
	registry_done();
	token_reset();
	(void)unlink(path);
	CHECK_EQUAL(rmdir(folder), 0);
}

static int lock(struct actor *actor)
{
	struct object *object = NULL;
	int r = registry_open(OBJECT_MUTEX, "m", make_mutex, NULL, &object, NULL);

	if (r == OBJECT_OK) {
		r = try_lock(actor, mutex_of(object));
		registry_release(object);
	}
	return r;
}

static int give_back(struct actor *actor)
{
	struct object *object = registry_find(OBJECT_MUTEX, "m");
	int r = OBJECT_EUNLOCKED;

	if (object != NULL) {
		r = unlock(actor, mutex_of(object), co_now());
		registry_release(object);
	}
	return r;
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

COROUTINE_TEST(tokens_rise_over_restarts)
{
	uint64_t last = (uint64_t)(co_realtime() / 1000) - 1;

	set_up();
	for (int i = 0; i < 3; i++) {
		CHECK_EQUAL(restart(), 0);
		CHECK_EQUAL(state_grace_left(), 0);
		for (int j = 0; j < 3; j++) {
			CHECK_EQUAL(lock(&a), OBJECT_OK);
			CHECK(a.grant.token > last);
			last = a.grant.token;
			CHECK_EQUAL(give_back(&a), OBJECT_OK);
		}
	}
	tear_down();
}

/* As if the clock had been set back: the file's numbers are ahead of it. */
COROUTINE_TEST(tokens_rise_when_the_clock_does_not)
{
	uint64_t last;

	set_up();
	CHECK_EQUAL(restart(), 0);
	last = token_last() + token_remaining();
	CHECK_EQUAL(restart(), 0);
	CHECK_EQUAL(lock(&a), OBJECT_OK);
	CHECK(a.grant.token >= last);
	CHECK(a.grant.token > (uint64_t)(co_realtime() / 1000));
	tear_down();
}

COROUTINE_TEST(tokens_are_reserved_before_they_run_out)
{
	struct object *object = NULL;
	uint64_t token = 0;

	set_up();
	CHECK_EQUAL(restart(), 0);
	CHECK_EQUAL(token_remaining(), 1 << 20);
	CHECK_EQUAL(state_before_grant(0, 0), 0);
	while (token_remaining() > 1 << 18)
		CHECK(token_take(&token));
	CHECK_EQUAL(state_before_grant(0, 0), 0);
	CHECK_EVENTUALLY(token_remaining() > 1 << 20);

	/* Faster than the background: those who wait get theirs when there are more. */
	while (token_take(&token))
		;
	CHECK_EQUAL(lock(&a), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(registry_open(OBJECT_MUTEX, "m", make_mutex, NULL, &object, NULL), OBJECT_OK);
	start_lock(&b, mutex_of(object));
	CHECK_EQUAL(state_before_grant(0, 0), 0);
	CHECK_TRACE("B locked\n");
	CHECK(b.grant.token > token);
	registry_release(object);
	tear_down();
}

COROUTINE_TEST(without_a_folder_tokens_come_from_the_clock)
{
	const uint64_t now_us = (uint64_t)co_realtime() / 1000;

	set_up();
	state_close();
	CHECK_EQUAL(state_open(NULL, why, sizeof(why)), 0);
	CHECK_EQUAL(strcmp(state_path(), ""), 0);
	CHECK_EQUAL(state_before_grant(CO_SECOND, 0), 0);
	CHECK_EQUAL(lock(&a), OBJECT_OK);
	CHECK(a.grant.token >= now_us);
	CHECK_EQUAL(state_grace_left(), 0);
	CHECK_EQUAL(state_stop(), 0);
	tear_down();
}

/* ---- holders ----------------------------------------------------------------------------------------------------- */

/* One P: that the time is up does not say that what was to happen then has. */
SINGLE_P_TEST(after_holders_nothing_is_granted_until_they_are_gone)
{
	int64_t begin;
	struct object *object = NULL;

	set_up();
	CHECK_EQUAL(restart(), 0);
	CHECK_EQUAL(state_before_grant(20 * MS, 30 * MS), 0);
	CHECK_EQUAL(state_before_grant(40 * MS, 60 * MS), 0);
	CHECK_EQUAL(state_before_grant(0, 10 * MS), 0);
	CHECK_EQUAL(lock(&a), OBJECT_OK);

	begin = co_now();
	CHECK_EQUAL(restart(), 0);
	CHECK(state_grace_left() > 0 && state_grace_left() <= 100 * MS);
	CHECK_EQUAL(lock(&a), OBJECT_EWOULDBLOCK);
	CHECK_EQUAL(registry_open(OBJECT_MUTEX, "m", make_mutex, NULL, &object, NULL), OBJECT_OK);
	CHECK_EQUAL(state_before_grant(0, 10 * MS), 0);
	start_lock(&b, mutex_of(object));
	CHECK_TRACE("B locked\n");
	CHECK(co_now() - begin >= 100 * MS);
	CHECK_EQUAL(state_grace_left(), 0);

	/* What counts from here on is what was asked for in this run, grace included. */
	CHECK_EQUAL(unlock(&b, mutex_of(object), co_now()), OBJECT_OK);
	registry_release(object);
	CHECK_EQUAL(restart(), 0);
	CHECK(state_grace_left() > 0 && state_grace_left() <= 10 * MS);
	CHECK_EVENTUALLY(state_grace_left() == 0);
	CHECK_EQUAL(restart(), 0);
	CHECK_EQUAL(state_grace_left(), 0);
	tear_down();
}

COROUTINE_TEST(a_stop_within_the_grace_keeps_the_note)
{
	set_up();
	CHECK_EQUAL(restart(), 0);
	CHECK_EQUAL(state_before_grant(3600 * CO_SECOND, 0), 0);
	CHECK_EQUAL(lock(&a), OBJECT_OK);
	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(restart(), 0);
		CHECK(state_grace_left() > 3590 * CO_SECOND);
		CHECK_EQUAL(state_stop(), 0);
	}
	tear_down();
}

COROUTINE_TEST(a_clean_stop_with_no_lock_out_takes_the_note_back)
{
	for (int held = 0; held < 2; held++) {
		set_up();
		CHECK_EQUAL(restart(), 0);
		CHECK_EQUAL(state_before_grant(3600 * CO_SECOND, 0), 0);
		CHECK_EQUAL(lock(&a), OBJECT_OK);
		if (held == 0)
			CHECK_EQUAL(give_back(&a), OBJECT_OK);
		CHECK_EQUAL(state_stop(), 0);
		CHECK_EQUAL(state_before_grant(0, 0), -ESHUTDOWN);
		CHECK_EQUAL(lock(&b), OBJECT_EWOULDBLOCK);
		CHECK_EQUAL(restart(), 0);
		CHECK_EQUAL(state_grace_left() > 0, held == 1);
		tear_down();
	}
}

COROUTINE_TEST(a_session_without_a_grace_is_given_five_seconds)
{
	set_up();
	CHECK_EQUAL(restart(), 0);
	CHECK_EQUAL(state_before_grant(0, 0), 0);
	CHECK_EQUAL(lock(&a), OBJECT_OK);
	CHECK_EQUAL(restart(), 0);
	CHECK(state_grace_left() > 4 * CO_SECOND && state_grace_left() <= 5 * CO_SECOND);
	tear_down();
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static size_t read_file(char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t length = read(fd, text, size);

	close(fd);
	return length > 0 ? (size_t)length : 0;
}

static void write_file(const char *text, size_t length)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK_EQUAL(write(fd, text, length), length);
	close(fd);
}

static void must_be_damaged(void)
{
	why[0] = '\0';
	CHECK_EQUAL(restart(), -EBADMSG);
	CHECK(strstr(why, path) != NULL);
	CHECK_EQUAL(strcmp(state_path(), ""), 0);
}

COROUTINE_TEST(a_damaged_file_ends_the_start)
{
	char good[256];
	char bad[257];
	size_t length;

	set_up();
	CHECK_EQUAL(restart(), 0);
	length = read_file(good, sizeof(good));
	CHECK(length > 50 && length < sizeof(good));
	state_close();
	for (size_t i = 0; i < length; i++) {
		write_file(good, i); /* torn; also empty */
		must_be_damaged();
		memcpy(bad, good, length);
		bad[i] = (char)(bad[i] ^ (1 << (i % 7)));
		write_file(bad, length);
		must_be_damaged();
	}
	memcpy(bad, good, length);
	bad[length] = '\n';
	write_file(bad, length + 1);
	must_be_damaged();
	write_file(good, length);
	CHECK_EQUAL(restart(), 0);
	tear_down();
}

COROUTINE_TEST(a_folder_has_one_daemon)
{
	int fd;

	set_up();
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQUAL(flock(fd, LOCK_EX), 0);
	CHECK_EQUAL(restart(), -EBUSY);
	CHECK(strstr(why, folder) != NULL);
	close(fd);
	CHECK_EQUAL(restart(), 0);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQUAL(flock(fd, LOCK_EX | LOCK_NB), -1);
	state_close();
	CHECK_EQUAL(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	tear_down();
}

COROUTINE_TEST(a_folder_is_made_and_what_is_none_is_an_error)
{
	char inner[96];

	set_up();
	state_close();
	snprintf(inner, sizeof(inner), "%s/new", folder);
	CHECK_EQUAL(state_open(inner, why, sizeof(why)), 0);
	state_close();
	snprintf(path, sizeof(path), "%s/batond.state", inner);
	CHECK_EQUAL(state_open(path, why, sizeof(why)), -ENOTDIR);
	CHECK(strstr(why, path) != NULL);
	CHECK_EQUAL(unlink(path), 0);
	CHECK_EQUAL(rmdir(inner), 0);
	snprintf(inner, sizeof(inner), "%s/no/where", folder);
	CHECK_EQUAL(state_open(inner, why, sizeof(why)), -ENOENT);
	tear_down();
}

/* A disk that takes nothing, played by a folder in the new file's place. */
COROUTINE_TEST(a_write_that_fails_withholds_only_the_grants_that_need_it)
{
	char aside[192];

	set_up();
	CHECK_EQUAL(restart(), 0);
	CHECK_EQUAL(state_before_grant(CO_SECOND, 0), 0);
	snprintf(aside, sizeof(aside), "%s.new", path);
	CHECK_EQUAL(mkdir(aside, 0700), 0);
	CHECK_EQUAL(state_before_grant(CO_SECOND, 0), 0);
	CHECK_EQUAL(state_before_grant(2 * CO_SECOND, 0), -EISDIR);
	CHECK_EQUAL(state_before_grant(CO_SECOND, 0), 0);

	CHECK_EQUAL(rmdir(aside), 0);
	CHECK_EQUAL(state_before_grant(2 * CO_SECOND, 0), 0);
	CHECK_EQUAL(restart(), 0);
	CHECK(state_grace_left() > 6 * CO_SECOND);
	tear_down();
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

static void ask(void *arg)
{
	const int64_t ttl_ns = (int64_t)(uintptr_t)arg * CO_SECOND;

	CHECK_EQUAL(state_before_grant(ttl_ns, CO_SECOND), 0);
}

COROUTINE_TEST(the_longest_of_many_is_noted)
{
	struct co_test_group group = {0};

	set_up();
	CHECK_EQUAL(restart(), 0);
	for (uintptr_t i = 0; i < 100; i++)
		co_test_go(&group, ask, (void *)(i * 37 % 100));
	co_test_wait(&group);
	CHECK_EQUAL(restart(), 0);
	CHECK(state_grace_left() > 99 * CO_SECOND && state_grace_left() <= 100 * CO_SECOND);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_rise_over_restarts),
		cmocka_unit_test(tokens_rise_when_the_clock_does_not),
		cmocka_unit_test(tokens_are_reserved_before_they_run_out),
		cmocka_unit_test(without_a_folder_tokens_come_from_the_clock),
		cmocka_unit_test(after_holders_nothing_is_granted_until_they_are_gone),
		cmocka_unit_test(a_stop_within_the_grace_keeps_the_note),
		cmocka_unit_test(a_clean_stop_with_no_lock_out_takes_the_note_back),
		cmocka_unit_test(a_session_without_a_grace_is_given_five_seconds),
		cmocka_unit_test(a_damaged_file_ends_the_start),
		cmocka_unit_test(a_folder_has_one_daemon),
		cmocka_unit_test(a_folder_is_made_and_what_is_none_is_an_error),
		cmocka_unit_test(a_write_that_fails_withholds_only_the_grants_that_need_it),
		cmocka_unit_test(the_longest_of_many_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
