/* SPDX-License-Identifier: MIT
 *
 * Connections of the daemon, served in this process over socket pairs, while allocations fail: each one in turn, and
 * all from each one on. Whatever is refused, the end of the peer is seen and nothing of it is left.
 */
#include <baton/v1/channel.pb-c.h>
#include <baton/v1/connection.pb-c.h>
#include <baton/v1/mutex.pb-c.h>
#include <baton/v1/session.pb-c.h>
#include <baton/v1/status.pb-c.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/connection.h"
#include "daemon/log.h"
#include "daemon/registry.h"
#include "daemon/session.h"
#include "daemon/state.h"
#include "proto/frame.h"
#include "tests/lib/co_test.h"

/* ---- what a peer says -------------------------------------------------------------------------------------------- */

struct script {
	size_t length;
	uint64_t last_call;
	uint8_t bytes[4096];
};

static void say(struct script *script, uint8_t kind, uint16_t method, const void *body)
{
	struct frame_request header = {.kind = kind, .method = method};
	uint8_t *to = script->bytes + script->length;

	header.call = kind == FRAME_REQUEST ? ++script->last_call : script->last_call;
	header.length = FRAME_REQUEST_HEADER_BYTES;
	if (body != NULL)
		header.length += (uint32_t)protobuf_c_message_pack(body, to + FRAME_REQUEST_HEADER_BYTES);
	frame_put_request(to, &header);
	script->length += header.length;
}

/* Opens a session, locks, waits for the lock that it has, receives before it sends, waits again, is cancelled. */
static void write_script(struct script *script)
{
	Baton__V1__ClientHello hello = BATON__V1__CLIENT_HELLO__INIT;
	Baton__V1__SessionOpenRequest open = BATON__V1__SESSION_OPEN_REQUEST__INIT;
	Baton__V1__ChannelMakeRequest make = BATON__V1__CHANNEL_MAKE_REQUEST__INIT;
	Baton__V1__MutexLockRequest lock = BATON__V1__MUTEX_LOCK_REQUEST__INIT;
	Baton__V1__ChannelSendRequest send = BATON__V1__CHANNEL_SEND_REQUEST__INIT;
	Baton__V1__ChannelReceiveRequest receive = BATON__V1__CHANNEL_RECEIVE_REQUEST__INIT;
	static char name[] = "memory";
	static uint8_t value[] = "value";

	*script = (struct script){0};
	hello.protocol = 1;
	make.name = lock.name = send.name = receive.name = name;
	send.value = (ProtobufCBinaryData){.data = value, .len = sizeof(value)};
	say(script, FRAME_HELLO, 0, &hello);
	say(script, FRAME_REQUEST, BATON__V1__METHOD__METHOD_SESSION_OPEN, &open);
	say(script, FRAME_REQUEST, BATON__V1__METHOD__METHOD_CHANNEL_MAKE, &make);
	say(script, FRAME_REQUEST, BATON__V1__METHOD__METHOD_MUTEX_LOCK, &lock);
	say(script, FRAME_REQUEST, BATON__V1__METHOD__METHOD_MUTEX_LOCK, &lock);
	say(script, FRAME_REQUEST, BATON__V1__METHOD__METHOD_CHANNEL_RECEIVE, &receive);
	say(script, FRAME_REQUEST, BATON__V1__METHOD__METHOD_CHANNEL_SEND, &send);
	say(script, FRAME_REQUEST, BATON__V1__METHOD__METHOD_CHANNEL_RECEIVE, &receive);
	say(script, FRAME_CANCEL, 0, NULL);
	say(script, FRAME_PING, 0, NULL);
}

/* ---- memory that fails ------------------------------------------------------------------------------------------- */

static struct {
	unsigned long left; /* until the first that fails */
	bool goes_on;       /* all after it fail too */
	bool failed;
} fault;

static bool fails(size_t bytes)
{
	(void)bytes;
	if (fault.left > 1) {
		fault.left--;
		return false;
	}
	if (fault.failed && !fault.goes_on)
		return false;
	fault.failed = true;
	return true;
}

/* ---- no coroutine to spare --------------------------------------------------------------------------------------- */

/* The runtime keeps records for coroutines that ended. These take them all, so that the next coroutine needs memory. */
static struct {
	struct co_mutex gate; /* locked while they are to stay */
	unsigned alive;
} fillers;

static void fill(void *unused)
{
	(void)unused;
	(void)co_mutex_lock(NULL, &fillers.gate);
	(void)co_mutex_unlock(&fillers.gate);
	fillers.alive--;
}

static void take_spare_coroutines(void)
{
	(void)co_mutex_lock(NULL, &fillers.gate);
	fault.left = 0;
	fault.goes_on = true;
	memory_set_fault(fails);
	while (co_go(fill, NULL) == 0)
		fillers.alive++;
	memory_set_fault(NULL);
}

static void give_spare_coroutines_back(void)
{
	(void)co_mutex_unlock(&fillers.gate);
	CHECK_EVENTUALLY(fillers.alive == 0);
}

/* ---- a connection's life ------------------------------------------------------------------------------------------
 */

/* Whether the PONG, the last that the script asks for, has come; what comes is read. */
static bool has_answered(int fd, uint64_t *received)
{
	static uint8_t bytes[4096];
	const ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	*received += n > 0 ? (uint64_t)n : 0;
	for (ssize_t at = 0; at + FRAME_REPLY_HEADER_BYTES <= n;) {
		struct frame_reply header;

		if (frame_get_reply(bytes + at, (size_t)(n - at), UINT32_MAX, &header) != FRAME_OK)
			break;
		if (header.kind == FRAME_PONG)
			return true;
		at += header.length;
	}
	return n == 0;
}

/* One life in which the NUMBERth allocation fails. *RET_FAILED: there were so many. */
static void live(unsigned long number, bool goes_on, bool *ret_failed)
{
	const struct peer peer = {.local = true};
	struct script script;
	uint64_t received = 0;
	int fds[2];

	write_script(&script);
	take_spare_coroutines();
	CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	fault.left = number;
	fault.goes_on = goes_on;
	fault.failed = false;
	memory_set_fault(fails);
	(void)connection_new(fds[0], &peer);
	CHECK(send(fds[1], script.bytes, script.length, MSG_NOSIGNAL) > 0 || fault.failed);
	for (unsigned i = 0; i < 20 && goes_on; i++)
		co_test_pause();
	if (goes_on)
		memory_set_fault(NULL);
	CHECK_EVENTUALLY(has_answered(fds[1], &received));
	close(fds[1]);
	CHECK_EVENTUALLY(connection_count() == 0 && session_count() == 0);
	memory_set_fault(NULL);
	give_spare_coroutines_back();
	*ret_failed = fault.failed;
}

static void live_through_all(bool goes_on)
{
	unsigned long number = 0;
	bool failed = true;

	log_set_level(LOG_LEVEL_ERROR);
	registry_init(0);
	CHECK_EQUAL(state_open(NULL, (char[1]){0}, 1), 0);
	while (failed)
		live(++number, goes_on, &failed);
	CHECK(number > 10);
	state_close();
	registry_done();
}

SINGLE_P_TEST(each_allocation_fails_once)
{
	live_through_all(false);
}

SINGLE_P_TEST(all_allocations_fail_for_a_while)
{
	live_through_all(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails_once),
		cmocka_unit_test(all_allocations_fail_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
