/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_batch.c - several messages in one call, against a real daemon.
 */
#include <pthread.h>
#include <string.h>

#include "tests/lib/clients.h"
#include "tests/lib/daemon_fixture.h"

static struct daemon_fixture fixture;
static baton_client *here, *there;

static const struct baton_value abc[] = {{"a", 1}, {"b", 1}, {"c", 1}};

static int start_daemon(void **state)
{
	(void)state;
	daemon_fixture_start(&fixture);
	here = open_with(fixture.address, NULL);
	there = open_with(fixture.address, NULL);
	return 0;
}

static int stop_daemon(void **state)
{
	(void)state;
	baton_close(here);
	baton_close(there);
	daemon_fixture_stop(&fixture);
	return 0;
}

static struct baton_object_info look_at(const char *name)
{
	const struct baton_call call = {.size = sizeof(call), .operation = BATON_INSPECT, .kind = "chan", .name = name};
	struct baton_object_info info;
	struct baton_result *result;

	is_ok(baton_invoke(here, NULL, &call, &result));
	info = result->objects[0];
	baton_result_free(result);
	return info;
}

/* Receives TEXT at once. */
static void receives(const char *name, const char *text)
{
	void *value;
	size_t length;

	is_ok(baton_chan_receive(here, NULL, name, &value, &length));
	assert_string_equal(value, text);
	baton_free(value);
}

/* The messages of a batch, each of one letter. */
static void has_letters(const struct baton_result *result, const char *letters)
{
	assert_int_equal(result->message_count, strlen(letters));
	for (size_t i = 0; i < result->message_count; i++) {
		assert_int_equal(result->messages[i].length, 1);
		assert_memory_equal(result->messages[i].value, &letters[i], 1);
	}
}

static void a_batch_receives_what_is_there_up_to_its_size(void **state)
{
	struct baton_result *result;
	size_t sent;

	(void)state;
	is_ok(baton_chan_make(here, "some", 9));
	is_ok(baton_chan_send_batch(here, NULL, "some", abc, 3, &sent));
	assert_int_equal(sent, 3);
	is_ok(baton_chan_receive_batch(there, NULL, "some", 2, false, &result));
	has_letters(result, "ab");
	baton_result_free(result);
	is_ok(baton_chan_receive_batch(there, NULL, "some", 100, false, &result));
	has_letters(result, "c");
	baton_result_free(result);
	EVENTUALLY(look_at("some").deliveries == 0); /* acknowledged */
	is_ok(baton_chan_close(here, "some"));
	assert_int_equal(baton_chan_receive_batch(there, NULL, "some", 2, false, &result), BATON_ECLOSED);
}

static void each_of_a_batch_is_acknowledged_by_hand(void **state)
{
	struct baton_result *result;
	size_t sent;

	(void)state;
	is_ok(baton_chan_make(here, "hand", 9));
	is_ok(baton_chan_send_batch(here, NULL, "hand", abc, 3, &sent));
	is_ok(baton_chan_receive_batch(there, NULL, "hand", 3, true, &result));
	has_letters(result, "abc");
	is_ok(baton_chan_ack(there, "hand", result->messages[0].token));
	is_ok(baton_chan_nack(there, "hand", result->messages[1].token));
	baton_result_free(result);
	is_ok(baton_chan_receive_batch(there, NULL, "hand", 3, true, &result));
	has_letters(result, "b");
	assert_int_equal(result->messages[0].attempt, 1);
	baton_result_free(result);
}

static void what_dies_with_a_batch_out_gives_all_of_it_back(void **state)
{
	baton_client *dying = open_with(fixture.address, NULL);
	struct baton_result *result;
	size_t sent;

	(void)state;
	is_ok(baton_chan_make(here, "dies", 9));
	is_ok(baton_chan_send_batch(here, NULL, "dies", abc, 3, &sent));
	is_ok(baton_chan_receive_batch(dying, NULL, "dies", 3, true, &result));
	baton_result_free(result);
	baton_abandon(dying);
	receives("dies", "a");
	receives("dies", "b");
	receives("dies", "c");
}

/* A batch in a thread of its own. */
static struct {
	pthread_t thread;
	baton_context *context;
	int error;
	size_t sent;
} batch;

static void *send_batch(void *name)
{
	batch.error = baton_chan_send_batch(there, batch.context, name, abc, 3, &batch.sent);
	return NULL;
}

static void start_batch(const char *name)
{
	assert_int_equal(pthread_create(&batch.thread, NULL, send_batch, (void *)(uintptr_t)name), 0);
	EVENTUALLY(look_at(name).waiters == 1);
}

static void a_batch_that_waits_keeps_its_place_until_it_is_through(void **state)
{
	baton_client *later = open_with(
		fixture.address, &(struct baton_options){.size = sizeof(struct baton_options), .pollable = true});
	const struct baton_call call = {
		.size = sizeof(call), .operation = BATON_CHAN_SEND, .name = "place", .value = "z", .value_length = 1};

	(void)state;
	is_ok(baton_chan_make(here, "place", 0));
	start_batch("place");
	is_ok(baton_start(later, &call, -1, NULL, NULL, NULL));
	EVENTUALLY(baton_process(later) == BATON_OK && look_at("place").waiters == 2);
	receives("place", "a");
	receives("place", "b");
	assert_int_equal(look_at("place").waiters, 2);
	receives("place", "c");
	receives("place", "z");
	assert_int_equal(pthread_join(batch.thread, NULL), 0);
	is_ok(batch.error);
	assert_int_equal(batch.sent, 3);
	baton_close(later);
}

static void a_batch_that_is_ended_says_how_many(void **state)
{
	(void)state;
	is_ok(baton_chan_make(here, "ended", 0));
	is_ok(baton_with_cancel(NULL, &batch.context));
	start_batch("ended");
	receives("ended", "a");
	baton_cancel(batch.context, NULL);
	assert_int_equal(pthread_join(batch.thread, NULL), 0);
	is_ok(batch.error);
	assert_int_equal(batch.sent, 1);
	baton_context_unref(batch.context);

	is_ok(baton_with_cancel(NULL, &batch.context));
	start_batch("ended");
	baton_cancel(batch.context, NULL);
	assert_int_equal(pthread_join(batch.thread, NULL), 0);
	assert_int_equal(batch.error, BATON_ECANCELED); /* without effect */
	assert_int_equal(batch.sent, 0);
	baton_context_unref(batch.context);
	batch.context = NULL;
	assert_int_equal(look_at("ended").waiters, 0);
}

static void a_batch_has_its_limit(void **state)
{
	static struct baton_value many[257];
	struct baton_result *result;
	size_t sent;

	(void)state;
	is_ok(baton_chan_make(here, "limit", 1000));
	assert_int_equal(baton_chan_send_batch(here, NULL, "limit", many, 257, &sent), BATON_EINVAL);
	is_ok(baton_chan_send_batch(here, NULL, "limit", many, 256, &sent));
	assert_int_equal(sent, 256);
	is_ok(baton_chan_receive_batch(here, NULL, "limit", 1000, false, &result));
	assert_int_equal(result->message_count, 256);
	baton_result_free(result);
	is_ok(baton_chan_send_batch(here, NULL, "limit", many, 0, &sent));
	assert_int_equal(sent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_receives_what_is_there_up_to_its_size),
		cmocka_unit_test(each_of_a_batch_is_acknowledged_by_hand),
		cmocka_unit_test(what_dies_with_a_batch_out_gives_all_of_it_back),
		cmocka_unit_test(a_batch_that_waits_keeps_its_place_until_it_is_through),
		cmocka_unit_test(a_batch_that_is_ended_says_how_many),
		cmocka_unit_test(a_batch_has_its_limit),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
