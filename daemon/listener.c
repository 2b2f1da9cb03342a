/* SPDX-License-Identifier: MIT
 *
 * listener.c - listening sockets: opening, adopting, accepting.
 *
 * Out of descriptors: accepting pauses for a tenth of a second and goes on; who is connected is served meanwhile.
 *
 * Accepting may be begun by the poller and by the timer at once, on two threads. The poller has a reference, and so has
 * the timer from when it is armed until it has fired; the last one closes the socket.
 */
#include "daemon/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/connection.h"
#include "daemon/log.h"
#include "daemon/socket.h"
#include "runtime/co.h"

#define PAUSE_NS (100 * CO_MILLISECOND)
#define ACCEPTS_PER_TURN 64
#define GROUP_NAME "baton"

struct listener {
	struct list link;
	atomic_uint references;
	struct co_poll poll;
	struct co_timer again;
	atomic_bool is_timed; /* `again` is armed, or about to be */
	char *path;           /* the socket file that we made; NULL: none */
};

static struct list listeners = {&listeners, &listeners};

static void on_events(struct co_poll *poll, unsigned events);
static void on_removed(struct co_poll *poll);
static void on_again(struct co_timer *timer);

static int add(int fd, const char *path)
{
	struct listener *listener = memory_zalloc(sizeof *listener);

	if (listener == NULL)
		return -ENOMEM;
	atomic_init(&listener->references, 1); /* the poller's */
	listener->poll = (struct co_poll){.fd = fd, .on_events = on_events, .on_removed = on_removed};
	listener->again.fired = on_again;
	if (path != NULL) {
		listener->path = memory_copy(path, strlen(path));
		if (listener->path == NULL) {
			memory_free(listener);
			return -ENOMEM;
		}
	}
	list_add_tail(&listeners, &listener->link);
	return 0;
}

/* As root the group `baton` may connect, if there is one; else the owner alone. */
static int open_unix(const char *path)
{
	const struct group *group = geteuid() == 0 ? getgrnam(GROUP_NAME) : NULL;

	if (group == NULL)
		return socket_listen_unix(path, 0600, (gid_t)-1);
	return socket_listen_unix(path, 0660, group->gr_gid);
}

static const char *explain(const struct address *address, int error)
{
	if (error == -EADDRINUSE && address->kind == ADDRESS_UNIX)
		return "another daemon listens there, or the file is no socket";
	return strerror(-error);
}

bool listener_open(const struct address *address, bool secure_only)
{
	char text[ADDRESS_TEXT_BYTES];
	int fd;
	int r;

	address_format(address, text, sizeof text);
	if (address->kind == ADDRESS_TCP && secure_only && !socket_is_loopback(address->host)) {
		log_error(
			"cannot listen address=%s why=\"not a loopback address, and TCP is not authenticated: --insecure "
			"allows it\"",
			text);
		return false;
	}
	fd = address->kind == ADDRESS_UNIX ? open_unix(address->path) : socket_listen_tcp(address->host, address->port);
	if (fd < 0) {
		log_error("cannot listen address=%s why=\"%s\"", text, explain(address, fd));
		return false;
	}
	r = add(fd, address->kind == ADDRESS_UNIX ? address->path : NULL);
	if (r < 0) {
		socket_close(fd);
		log_error("cannot listen address=%s why=\"%s\"", text, strerror(-r));
		return false;
	}
	log_info("listening address=%s", text);
	return true;
}

int listener_adopt(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return add(fd, NULL);
}

/* ---- accepting
 * --------------------------------------------------------------------------------------------------------- */

static void unref(struct listener *listener)
{
	if (atomic_fetch_sub_explicit(&listener->references, 1, memory_order_acq_rel) != 1)
		return;
	socket_close(listener->poll.fd);
	memory_free(listener->path);
	memory_free(listener);
}

/* Has more accepted after PAUSE_NS, unless that is to come already. */
static void accept_again(struct listener *listener, int64_t pause_ns)
{
	if (atomic_exchange(&listener->is_timed, true))
		return;
	atomic_fetch_add_explicit(&listener->references, 1, memory_order_relaxed);
	if (co_timer_start(&listener->again, co_deadline_after(co_now(), pause_ns)) == 0)
		return;
	log_error("no memory for a timer action=\"accepting goes on with the next connection\"");
	atomic_store(&listener->is_timed, false);
	unref(listener);
}

static void accept_some(struct listener *listener)
{
	struct peer peer;
	int r = 0;

	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = socket_accept(listener->poll.fd, &peer);

		if (fd == -ECONNABORTED || fd == -EINTR)
			continue;
		if (fd == -EAGAIN)
			return;
		if (fd < 0) {
			log_warning("cannot accept why=\"%s\"", strerror(-fd));
			r = fd;
			break;
		}
		if (connection_new(fd, &peer) < 0)
			log_warning("connection refused why=\"no room for another\"");
	}
	accept_again(listener, r < 0 ? PAUSE_NS : 0);
}

static void on_events(struct co_poll *poll, unsigned events)
{
	if (events & CO_POLL_READ)
		accept_some(container_of(poll, struct listener, poll));
}

static void on_again(struct co_timer *timer)
{
	struct listener *listener = container_of(timer, struct listener, again);

	atomic_store(&listener->is_timed, false);
	accept_some(listener);
	unref(listener);
}

static void on_removed(struct co_poll *poll)
{
	unref(container_of(poll, struct listener, poll));
}

int listener_start(void)
{
	list_for_each (at, &listeners) {
		struct listener *listener = container_of(at, struct listener, link);
		int r = co_poll_add(&listener->poll, false);

		if (r < 0)
			return r;
		accept_again(listener, 0);
	}
	return 0;
}

void listener_stop(void)
{
	struct list *node;

	while ((node = list_pop_head(&listeners)) != NULL) {
		struct listener *listener = container_of(node, struct listener, link);

		if (listener->path != NULL)
			(void)unlink(listener->path);
		if (co_timer_stop(&listener->again))
			unref(listener);
		co_poll_remove(&listener->poll);
	}
}
