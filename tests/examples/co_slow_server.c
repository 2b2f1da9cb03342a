/* SPDX-License-Identifier: MIT
 *
 * co_slow_server.c - a server that is now and then slow, and a client whose calls may take 100 ms: it gives the slow
 * one up and goes on with the quick one.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/examples/example.h"

#define PATIENCE (100 * CO_MILLISECOND)
#define MUCH_PATIENCE (10 * CO_SECOND)
#define SLOW (20 * CO_SECOND)
#define REPLY_BYTES 40

static struct sockaddr_in address;

/* ---- the server ------------------------------------------------------------------------------ */

static void serve_one(void *arg)
{
	struct co_fd *peer = arg;
	char question;

	if (co_read(NULL, peer, &question, 1) == 1) {
		const char *answer = question == 's' ? "slow response" : "quick response";

		if (question == 's')
			co_sleep(NULL, SLOW);
		co_write(NULL, peer, answer, strlen(answer));
	}
	co_fd_close(peer);
}

static void serve(void *listener)
{
	int number;

	while ((number = co_accept(NULL, listener)) >= 0) {
		struct co_fd *peer;

		if (co_fd_open(number, &peer) != 0 || co_go(serve_one, peer) != 0)
			return;
	}
}

static int listen_somewhere(struct co_fd **ret)
{
	socklen_t length = sizeof(address);
	int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (number < 0 || bind(number, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(number, 10) != 0 ||
		getsockname(number, (struct sockaddr *)&address, &length) != 0)
		return -1;
	return co_fd_open(number, ret);
}

/* ---- the client ------------------------------------------------------------------------------ */

struct call {
	struct co_context *context;
	char question;
	struct co_channel *replies; /* of REPLY_BYTES; room for one, so that the caller need not wait for it */
	struct co_waitgroup done;
};

static void do_call(void *arg)
{
	struct call *call = arg;
	char reply[REPLY_BYTES] = "no connection";
	int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct co_fd *fd = NULL;

	if (number >= 0 && connect(number, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		co_fd_open(number, &fd) == 0) {
		co_write(call->context, fd, &call->question, 1);
		const ssize_t n = co_read(call->context, fd, reply, sizeof(reply) - 1);

		if (n < 0)
			snprintf(reply, sizeof(reply), "%s", co_strerror((int)n));
		else
			reply[n] = '\0';
		co_fd_close(fd);
	}
	co_send(NULL, call->replies, reply);
	co_waitgroup_done(&call->done);
}

static int call_server(char question, int64_t patience)
{
	struct call call = {.question = question, .replies = co_channel_new(REPLY_BYTES, 1)};
	char reply[REPLY_BYTES];
	struct co_case cases[] = {co_case_receive(call.replies, reply)};

	if (call.replies == NULL || co_with_timeout(NULL, patience, &call.context) != 0)
		return -1;
	co_waitgroup_add(&call.done, 1);
	if (co_go(do_call, &call) != 0)
		return -1;
	if (co_select(call.context, cases, 1) == 0)
		printf("call succeeded: %s\n", reply);
	else
		printf("call given up: %s\n", co_context_cause(call.context));
	co_cancel(call.context, NULL);
	co_waitgroup_wait(NULL, &call.done);
	co_context_unref(call.context);
	co_channel_free(call.replies);
	return 0;
}

static int main_coroutine(void *unused)
{
	struct co_fd *listener;

	(void)unused;
	if (listen_somewhere(&listener) != 0 || co_go(serve, listener) != 0)
		return 1;
	return call_server('s', PATIENCE) == 0 && call_server('q', MUCH_PATIENCE) == 0 ? 0 : 1;
}

int main(void)
{
	return run_example(main_coroutine);
}
