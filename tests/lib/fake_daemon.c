/* SPDX-License-Identifier: MIT
 *
 * fake_daemon.c - a scripted daemon on a real socket.
 */
#include "tests/lib/fake_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "baton/v1/status.pb-c.h"

#define PATIENCE_MS 60000
#define READ_BYTES 65536

void fake_check(bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

static void *run(void *arg)
{
	struct fake_daemon *daemon = arg;

	daemon->script(daemon);
	return NULL;
}

void fake_listen(struct fake_daemon *daemon)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", daemon->folder);
	daemon->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fake_require(daemon->listener >= 0);
	fake_require(bind(daemon->listener, (struct sockaddr *)&name, sizeof(name)) == 0);
	fake_require(listen(daemon->listener, 16) == 0);
}

void fake_deafen(struct fake_daemon *daemon)
{
	if (daemon->listener >= 0)
		close(daemon->listener);
	daemon->listener = -1;
	unlink(daemon->address + strlen("unix:"));
}

void fake_start(struct fake_daemon *daemon, void (*script)(struct fake_daemon *daemon), void *arg)
{
	*daemon = (struct fake_daemon){.folder = "/tmp/baton-test-XXXXXX",
		.connection = -1,
		.passed = -1,
		.script = script,
		.arg = arg,
		.rig.max_frame = FRAME_DEFAULT_MAX_BYTES};
	fake_require(mkdtemp(daemon->folder) != NULL);
	snprintf(daemon->address, sizeof(daemon->address), "unix:%s/socket", daemon->folder);
	fake_listen(daemon);
	fake_require(pthread_create(&daemon->thread, NULL, run, daemon) == 0);
}

void fake_join(struct fake_daemon *daemon)
{
	fake_require(pthread_join(daemon->thread, NULL) == 0);
	fake_close(daemon);
	fake_deafen(daemon);
	if (daemon->passed >= 0)
		close(daemon->passed);
	rmdir(daemon->folder);
	buffer_clear(&daemon->in);
	buffer_clear(&daemon->rig.script);
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

static void wait_for(int fd, short events)
{
	struct pollfd polled = {.fd = fd, .events = events};
	int r;

	do
		r = poll(&polled, 1, PATIENCE_MS);
	while (r < 0 && errno == EINTR);
	fake_require(r == 1);
}

void fake_close(struct fake_daemon *daemon)
{
	if (daemon->connection >= 0)
		close(daemon->connection);
	daemon->connection = -1;
}

void fake_accept(struct fake_daemon *daemon)
{
	fake_close(daemon);
	buffer_clear(&daemon->in);
	wait_for(daemon->listener, POLLIN);
	daemon->connection = accept4(daemon->listener, NULL, NULL, SOCK_CLOEXEC);
	fake_require(daemon->connection >= 0);
	daemon->length = 0;
	daemon->header.length = 0;
}

void fake_accept_session(struct fake_daemon *daemon, int64_t ttl_ns)
{
	fake_accept(daemon);
	fake_require(fake_read(daemon) && daemon->header.kind == FRAME_HELLO);
	fake_require(fake_read(daemon) && daemon->header.kind == FRAME_REQUEST);
	rig_say_hello(&daemon->rig, RIG_INCARNATION);
	if (daemon->header.method == BATON__V1__METHOD__METHOD_SESSION_OPEN)
		rig_say_opened(&daemon->rig, daemon->header.call, ttl_ns);
	else
		rig_say_attached(&daemon->rig,
			&(struct rig_frame){.header = daemon->header, .body = daemon->body, .length = daemon->length},
			ttl_ns);
	fake_flush(daemon);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static void keep_passed(struct fake_daemon *daemon, struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);

	if (header == NULL || header->cmsg_type != SCM_RIGHTS)
		return;
	fake_require(daemon->passed < 0);
	memcpy(&daemon->passed, CMSG_DATA(header), sizeof(daemon->passed));
}

/* Reads some bytes. False at the end. */
static bool read_more(struct fake_daemon *daemon)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec vector = {.iov_len = READ_BYTES};
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n;

	fake_require(buffer_reserve(&daemon->in, READ_BYTES));
	vector.iov_base = daemon->in.bytes + daemon->in.end;
	wait_for(daemon->connection, POLLIN);
	n = recvmsg(daemon->connection, &message, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return false;
	keep_passed(daemon, &message);
	daemon->in.end += (size_t)n;
	return true;
}

bool fake_read(struct fake_daemon *daemon)
{
	int r;

	buffer_consume(&daemon->in, daemon->header.length);
	daemon->header.length = 0;
	for (;;) {
		struct frame_request header = {0};

		r = buffer_length(&daemon->in) == 0
			    ? FRAME_INCOMPLETE
			    : frame_get_request(daemon->in.bytes + daemon->in.begin, buffer_length(&daemon->in),
				      FRAME_DEFAULT_MAX_BYTES, &header);
		if (r == FRAME_OK)
			daemon->header = header;
		if (r != FRAME_INCOMPLETE)
			break;
		if (!read_more(daemon))
			return false;
	}
	fake_require(r == FRAME_OK);
	daemon->body = daemon->in.bytes + daemon->in.begin + FRAME_REQUEST_HEADER_BYTES;
	daemon->length = daemon->header.length - FRAME_REQUEST_HEADER_BYTES;
	return true;
}

void fake_expect(struct fake_daemon *daemon, unsigned kind, unsigned method, unsigned skip)
{
	do
		fake_require(fake_read(daemon));
	while (skip != 0 && daemon->header.kind == skip);
	if (daemon->header.kind != kind || daemon->header.method != method)
		fprintf(stderr, "a frame of kind %u, method 0x%04x came\n", daemon->header.kind, daemon->header.method);
	fake_require(daemon->header.kind == kind && daemon->header.method == method);
}

void fake_flush(struct fake_daemon *daemon)
{
	struct buffer *script = &daemon->rig.script;

	while (buffer_length(script) > 0) {
		const ssize_t n =
			send(daemon->connection, script->bytes + script->begin, buffer_length(script), MSG_NOSIGNAL);

		fake_require(n > 0);
		buffer_consume(script, (size_t)n);
	}
}
