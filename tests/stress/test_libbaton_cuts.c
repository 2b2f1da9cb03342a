/* SPDX-License-Identifier: MIT
 *
 * test_libbaton_cuts.c - a session with a ttl over a network that cuts, stalls and splits, through libbaton and a real
 * daemon: every call takes effect exactly once.
 *
 * TEST_SCALE=1: the connection is cut 200 times.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/clients.h"
#include "tests/lib/co_test.h"
#include "tests/lib/daemon_fixture.h"
#include "tests/lib/proxy.h"

#define SENDERS 4
#define TTL (60 * SECOND)

static struct daemon_fixture fixture;
static struct proxy proxy;
static char proxy_path[128];

static int start(void **state)
{
	(void)state;
	daemon_fixture_start(&fixture);
	snprintf(proxy_path, sizeof(proxy_path), "%s/proxy", fixture.folder);
	proxy_start(&proxy, proxy_path, fixture.address + strlen("unix:"),
		(struct proxy_faults){.cut = 8, .stall = 50, .split = 5}, 1);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	proxy_stop(&proxy);
	daemon_fixture_stop(&fixture);
	return 0;
}

/* A break before the session is open ends the client: it is opened until it is. */
static baton_client *open_over_proxy(void)
{
	const struct baton_options options = {.size = sizeof(options), .ttl_ns = TTL};
	baton_client *client;
	int r;

	while ((r = baton_open(proxy.address, &options, &client)) != BATON_OK)
		assert_int_equal(r, BATON_EUNREACHABLE);
	return client;
}

struct sender {
	baton_client *client;
	atomic_bool *enough;
	uint32_t number;
	uint32_t sent;
	int error;
	pthread_t thread;
};

/* Sends its number and a count that rises, until it is enough. */
static void *send_counts(void *arg)
{
	struct sender *sender = arg;

	while (!atomic_load(sender->enough) && sender->error == BATON_OK) {
		const uint32_t value[2] = {sender->number, sender->sent};

		sender->error = baton_chan_send(sender->client, NULL, "counts", value, sizeof(value));
		sender->sent += sender->error == BATON_OK;
	}
	return NULL;
}

/* Waits in one receive for the whole time. */
static void *wait_for_end(void *arg)
{
	struct sender *waiting = arg;
	void *value = NULL;
	size_t length;

	waiting->error = baton_chan_receive(waiting->client, NULL, "end", &value, &length);
	baton_free(value);
	return NULL;
}

/* Every message is there, once, and each sender's in the order sent. */
static void take_all(baton_client *client, const struct sender *senders)
{
	uint32_t next[SENDERS] = {0};
	uint32_t total = 0;

	for (int i = 0; i < SENDERS; i++)
		total += senders[i].sent;
	for (uint32_t i = 0; i < total; i++) {
		uint32_t *value;
		size_t length;

		is_ok(baton_chan_receive(client, NULL, "counts", (void **)&value, &length));
		assert_int_equal(length, 2 * sizeof(*value));
		assert_true(value[0] < SENDERS);
		assert_int_equal(value[1], next[value[0]]++);
		baton_free(value);
	}
}

static void every_call_takes_effect_once_however_often_the_connection_is_cut(void **state)
{
	const unsigned cuts = (unsigned)test_scale(200);
	struct sender senders[SENDERS];
	struct sender waiting = {.client = open_over_proxy()};
	baton_client *direct = open_with(fixture.address, NULL);
	atomic_bool enough = false;
	uint64_t length;

	(void)state;
	is_ok(baton_chan_make(direct, "counts", 1000000000));
	is_ok(baton_chan_make(direct, "end", 0));
	assert_int_equal(pthread_create(&waiting.thread, NULL, wait_for_end, &waiting), 0);
	for (uint32_t i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){.client = waiting.client, .enough = &enough, .number = i};
		assert_int_equal(pthread_create(&senders[i].thread, NULL, send_counts, &senders[i]), 0);
	}
	while (atomic_load(&proxy.cuts) < cuts)
		usleep(1000);
	atomic_store(&enough, true);
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(senders[i].thread, NULL);
		is_ok(senders[i].error);
	}
	is_ok(baton_chan_send(direct, NULL, "end", "", 0));
	pthread_join(waiting.thread, NULL);
	is_ok(waiting.error);
	take_all(direct, senders);
	is_ok(baton_chan_len(direct, "counts", &length));
	assert_int_equal(length, 0);
	baton_close(waiting.client);
	baton_close(direct);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_takes_effect_once_however_often_the_connection_is_cut),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
