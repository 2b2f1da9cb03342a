/* SPDX-License-Identifier: MIT
 *
 * transport.c - stream sockets, Unix and TCP.
 */
#include "clientlib/transport.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "clientlib/baton.h"
#include "clientlib/error.h"

#define ADDRESSES_MAX 8 /* of one host */

struct transport {
	struct address address;
	char text[ADDRESS_TEXT_BYTES];
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	socklen_t lengths[ADDRESSES_MAX];
	size_t count;
	size_t current;
};

/* ---- finding it -------------------------------------------------------------------------------------------------- */

static void resolve_unix(struct transport *transport)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	memcpy(name.sun_path, transport->address.path, sizeof(name.sun_path));
	memcpy(&transport->addresses[0], &name, sizeof(name));
	transport->lengths[0] = sizeof(name);
	transport->count = 1;
}

static int resolve_tcp(struct transport *transport)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
	struct addrinfo *found = NULL;
	char port[8];
	int r;

	snprintf(port, sizeof(port), "%u", transport->address.port);
	r = getaddrinfo(transport->address.host, port, &hints, &found);
	if (r != 0)
		return error_say(BATON_EUNREACHABLE, "cannot find the host \"%s\": %s", transport->address.host,
			r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	for (struct addrinfo *at = found; at != NULL && transport->count < ADDRESSES_MAX; at = at->ai_next) {
		memcpy(&transport->addresses[transport->count], at->ai_addr, at->ai_addrlen);
		transport->lengths[transport->count++] = at->ai_addrlen;
	}
	freeaddrinfo(found);
	return BATON_OK;
}

int transport_new(const char *text, struct transport **ret)
{
	struct transport *transport = memory_zalloc(sizeof(*transport));
	const char *why = "";
	int r = BATON_OK;

	if (transport == NULL)
		return error_keep(BATON_ENOMEM, baton_strerror(BATON_ENOMEM));
	if (!address_parse(text, &transport->address, &why))
		r = error_say(BATON_EINVAL, "the address \"%s\" %s", text, why);
	else if (transport->address.kind == ADDRESS_UNIX)
		resolve_unix(transport);
	else
		r = resolve_tcp(transport);
	if (r != BATON_OK) {
		memory_free(transport);
		return r;
	}
	address_format(&transport->address, transport->text, sizeof(transport->text));
	*ret = transport;
	return BATON_OK;
}

void transport_free(struct transport *transport)
{
	memory_free(transport);
}

bool transport_is_tcp(const struct transport *transport)
{
	return transport->address.kind == ADDRESS_TCP;
}

const char *transport_text(const struct transport *transport)
{
	return transport->text;
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

static int refuse(const struct transport *transport, int error)
{
	int code = BATON_EUNREACHABLE;

	if (error == EACCES || error == EPERM)
		code = BATON_EDENIED;
	else if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
		code = BATON_ESYSTEM;
	return error_say(code, "cannot connect to %s: %s", transport->text, strerror(error));
}

void transport_close(int *slot)
{
	const int fd = *slot;

	if (fd < 0)
		return;
	*slot = -1;
	close(fd);
}

/* One attempt at the current address. As transport_connect(), and -errno for errors. */
static int attempt(const struct transport *transport, int *slot)
{
	const struct sockaddr *address = (const struct sockaddr *)&transport->addresses[transport->current];
	const int on = 1;
	int error = 0;

	*slot = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*slot < 0)
		return -errno;
	if (address->sa_family != AF_UNIX)
		setsockopt(*slot, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slower without, no worse */
	if (connect(*slot, address, transport->lengths[transport->current]) == 0)
		return TRANSPORT_CONNECTED;
	error = errno;
	if (error == EINPROGRESS)
		return TRANSPORT_CONNECTING;
	transport_close(slot);
	return error == EAGAIN ? TRANSPORT_BUSY : -error;
}

/* Attempts the current address and those behind it. ERROR is how the one before failed. */
static int attempt_from_here(struct transport *transport, int *slot, int error)
{
	for (; transport->current < transport->count; transport->current++) {
		const int r = attempt(transport, slot);

		if (r >= 0)
			return r;
		error = -r;
	}
	return refuse(transport, error);
}

int transport_connect(struct transport *transport, int *slot)
{
	transport->current = 0;
	return attempt_from_here(transport, slot, EHOSTUNREACH);
}

int transport_finish(struct transport *transport, int *slot)
{
	struct pollfd polled = {.fd = *slot, .events = POLLOUT};
	socklen_t length = sizeof(int);
	int error = 0;

	if (poll(&polled, 1, 0) == 0)
		return TRANSPORT_CONNECTING;
	if (getsockopt(*slot, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error == 0)
		return TRANSPORT_CONNECTED;
	transport_close(slot);
	transport->current++;
	return attempt_from_here(transport, slot, error);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static bool is_passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void attach(struct msghdr *message, void *control, size_t size, const int *pass)
{
	struct cmsghdr *header;

	memset(control, 0, size);
	message->msg_control = control;
	message->msg_controllen = size;
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(*pass));
	memcpy(CMSG_DATA(header), pass, sizeof(*pass));
}

ssize_t transport_write(int fd, const void *bytes, size_t length, int pass, const char **ret_why)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(pass))];
	struct iovec vector = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	ssize_t n;

	if (pass >= 0) {
		attach(&message, control, sizeof(control), &pass);
		n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} else {
		n = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (n >= 0)
		return n;
	if (is_passing(errno))
		return 0;
	*ret_why = strerror(errno);
	return -1;
}

ssize_t transport_read(int fd, void *bytes, size_t room, const char **ret_why)
{
	const ssize_t n = recv(fd, bytes, room, MSG_DONTWAIT);

	if (n > 0)
		return n;
	if (n < 0 && is_passing(errno))
		return 0;
	*ret_why = n == 0 ? "the daemon closed the connection" : strerror(errno);
	return -1;
}
