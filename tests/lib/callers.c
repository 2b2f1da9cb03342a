/* SPDX-License-Identifier: MIT
 *
 * callers.c - clients of a scripted daemon, and calls that block in threads of their own.
 */
#include "tests/lib/callers.h"

#include <string.h>
#include <unistd.h>

#include "tests/lib/co_test.h"

/* ---- clients ----------------------------------------------------------------------------------------------------- */

baton_client *open_fake(const struct fake_daemon *daemon)
{
	baton_client *client = NULL;
	const int r = baton_open(daemon->address, NULL, &client);

	if (r != BATON_OK)
		fail_msg("baton_open: %d %s", r, baton_last_error());
	return client;
}

static void *make_call(void *arg)
{
	struct caller *caller = arg;

	caller->call.size = sizeof(caller->call);
	caller->error = baton_invoke(caller->client, caller->context, &caller->call, &caller->result);
	return NULL;
}

void start_call(struct caller *caller)
{
	assert_int_equal(pthread_create(&caller->thread, NULL, make_call, caller), 0);
}

void start_caller(struct caller *caller, baton_client *client, baton_context *context, enum baton_operation operation)
{
	*caller = (struct caller){.client = client, .context = context, .call = {.operation = operation, .name = "x"}};
	start_call(caller);
}

void caller_ends(struct caller *caller, int error)
{
	pthread_join(caller->thread, NULL);
	if (caller->error != error)
		fail_msg("the call ended with %d (%s), not %d", caller->error,
			caller->result != NULL ? caller->result->text : "", error);
	baton_result_free(caller->result);
}

void wait_for_byte(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
}

int check_descriptors(void **state)
{
	static size_t before;

	if (*state == NULL) {
		before = test_count_entries("/proc/self/fd");
		*state = &before;
		return 0;
	}
	assert_int_equal(test_count_entries("/proc/self/fd"), before);
	return 0;
}

/* ---- scripts ----------------------------------------------------------------------------------------------------- */

void fake_reply(struct fake_daemon *daemon, uint64_t call, const uint8_t *body, size_t length)
{
	rig_say(&daemon->rig, FRAME_REPLY, 0, call, ++daemon->rig.number, body, length);
}

void fake_serve_the_end(struct fake_daemon *daemon)
{
	while (fake_read(daemon)) {
		if (daemon->header.kind != FRAME_REQUEST)
			continue;
		fake_reply(daemon, daemon->header.call, NULL, 0);
		fake_flush(daemon);
	}
}

void fake_answer_out_of_order(struct fake_daemon *daemon)
{
	uint64_t held = 0;
	uint8_t body[64];
	size_t length = 0;

	fake_accept_session(daemon, 0);
	while (fake_read(daemon)) {
		const bool more = buffer_length(&daemon->in) > daemon->header.length;

		if (daemon->header.method == METHOD(DAEMON_PING) && held == 0 && more) {
			held = daemon->header.call;
			length = daemon->length;
			memcpy(body, daemon->body, length);
			continue;
		}
		fake_reply(daemon, daemon->header.call, daemon->body, daemon->length);
		if (held != 0)
			fake_reply(daemon, held, body, length);
		held = 0;
		fake_flush(daemon);
	}
}

void fake_ignore_locks(struct fake_daemon *daemon)
{
	const int *pipe_end = daemon->arg;

	fake_accept_session(daemon, 0);
	while (fake_read(daemon)) {
		if (daemon->header.kind == FRAME_REQUEST && daemon->header.method != METHOD(MUTEX_LOCK)) {
			fake_reply(daemon, daemon->header.call, daemon->body, daemon->length);
			fake_flush(daemon);
		} else if (daemon->header.kind == FRAME_REQUEST) {
			fake_require(write(*pipe_end, "!", 1) == 1);
		}
	}
}
