/* SPDX-License-Identifier: MIT
 *
 * fd.c - descriptors for straight-line code: try the system call, park on EAGAIN.
 *
 * Each direction has a latch that the poller sets and a slot for the one coroutine that waits. The latch is cleared
 * before the system call, so that what becomes ready after an EAGAIN is not missed.
 *
 * Invariant: memory and descriptor live while `references` is above 0: the owner's, the poller's, one per call under
 * way. So no call meets another descriptor of the same number.
 * Lock: fd->lock guards the fields marked so; open_fds.lock the list of all.
 */
#include "runtime/fd.h"

#include <errno.h>

#include "base/list.h"
#include "base/memory.h"
#include "runtime/co.h"
#include "runtime/descriptor.h"
#include "runtime/poll.h"
#include "runtime/sched.h"

struct direction {
	bool is_ready;        /* under the lock: reported since the last attempt began */
	struct co_wait *wait; /* under the lock: who waits; NULL: nobody */
};

struct co_fd {
	struct co_poll poll;
	struct list link; /* in open_fds */
	struct co_spin lock;
	bool is_closed;      /* under lock */
	unsigned references; /* under lock */
	struct direction reader;
	struct direction writer;
};

static struct {
	struct co_spin lock;
	struct list list;
} open_fds = {.list = {&open_fds.list, &open_fds.list}};

/* ---- life ------------------------------------------------------------------------------------ */

static void drop(struct co_fd *fd)
{
	unsigned left;

	co_spin_lock(&fd->lock);
	left = --fd->references;
	co_spin_unlock(&fd->lock);
	if (left > 0)
		return;
	co_spin_lock(&open_fds.lock);
	list_remove(&fd->link);
	co_spin_unlock(&open_fds.lock);
	co_descriptor_close(fd->poll.fd);
	memory_free(fd);
}

/* Under the lock: notes that DIRECTION is ready, or why it never will be. The wait to be readied after the lock. */
static struct co_wait *wake(struct direction *direction, int result)
{
	struct co_wait *wait = direction->wait;

	direction->is_ready = true;
	if (wait == NULL || !co_wait_claim(wait, NULL, result))
		return NULL;
	direction->wait = NULL;
	return wait;
}

static void on_events(struct co_poll *poll, unsigned events)
{
	struct co_fd *fd = container_of(poll, struct co_fd, poll);
	struct co_wait *reader = NULL;
	struct co_wait *writer = NULL;

	co_spin_lock(&fd->lock);
	if ((events & (CO_POLL_READ | CO_POLL_CLOSED)) != 0)
		reader = wake(&fd->reader, 0);
	if ((events & (CO_POLL_WRITE | CO_POLL_CLOSED)) != 0)
		writer = wake(&fd->writer, 0);
	co_spin_unlock(&fd->lock);
	if (reader != NULL)
		co_wait_ready(reader);
	if (writer != NULL)
		co_wait_ready(writer);
}

static void on_removed(struct co_poll *poll)
{
	drop(container_of(poll, struct co_fd, poll));
}

int co_fd_open(int number, struct co_fd **ret)
{
	int r = co_descriptor_unblock(number);
	struct co_fd *fd;

	if (r < 0)
		return r;
	fd = memory_zalloc(sizeof(*fd));
	if (fd == NULL)
		return CO_ENOMEM;
	fd->poll = (struct co_poll){.fd = number, .on_events = on_events, .on_removed = on_removed};
	fd->references = 2;
	r = co_poll_add(&fd->poll, true);
	if (r != 0) {
		memory_free(fd);
		return r;
	}
	co_spin_lock(&open_fds.lock);
	list_add_tail(&open_fds.list, &fd->link);
	co_spin_unlock(&open_fds.lock);
	*ret = fd;
	return 0;
}

int co_fd_number(const struct co_fd *fd)
{
	return fd->poll.fd;
}

void co_fd_close(struct co_fd *fd)
{
	struct co_wait *reader;
	struct co_wait *writer;

	co_spin_lock(&fd->lock);
	fd->is_closed = true;
	reader = wake(&fd->reader, -EBADF);
	writer = wake(&fd->writer, -EBADF);
	co_spin_unlock(&fd->lock);
	if (reader != NULL)
		co_wait_ready(reader);
	if (writer != NULL)
		co_wait_ready(writer);
	co_poll_remove(&fd->poll);
	drop(fd);
}

void co_fds_close(void)
{
	struct list *link;

	while ((link = list_pop_head(&open_fds.list)) != NULL) {
		struct co_fd *fd = container_of(link, struct co_fd, link);

		co_descriptor_close(fd->poll.fd);
		memory_free(fd);
	}
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Begins a call: a reference, and the latch down. 0, or -EBADF. */
static int begin(struct co_fd *fd)
{
	int r = 0;

	co_spin_lock(&fd->lock);
	if (fd->is_closed)
		r = -EBADF;
	else
		fd->references++;
	co_spin_unlock(&fd->lock);
	return r;
}

static void clear_latch(struct co_fd *fd, struct direction *direction)
{
	co_spin_lock(&fd->lock);
	direction->is_ready = false;
	co_spin_unlock(&fd->lock);
}

/* Parks until DIRECTION is reported ready. 0; -EBADF once closed; CO_EINVAL if another waits; the context's error. */
static int await(struct co_context *context, struct co_fd *fd, struct direction *direction, const char *reason)
{
	struct co_wait wait;
	int r = 0;

	co_wait_init(&wait, reason);
	co_spin_lock(&fd->lock);
	if (fd->is_closed)
		r = -EBADF;
	else if (direction->wait != NULL)
		r = CO_EINVAL;
	if (r != 0 || direction->is_ready) {
		co_spin_unlock(&fd->lock);
		return r;
	}
	// cppcheck-suppress autoVariables ; it is taken out below
	direction->wait = &wait;
	co_outside_add(1);
	r = co_wait_park(&wait, context, CO_NEVER, &fd->lock);
	co_outside_add(-1);
	co_spin_lock(&fd->lock);
	if (direction->wait == &wait)
		direction->wait = NULL;
	co_spin_unlock(&fd->lock);
	return r;
}

/* Asks the poller to report when DIRECTION can go on, where it does not by itself. */
static int ask(struct co_fd *fd, const struct direction *direction)
{
	int r;

	if (direction != &fd->writer)
		return 0;
	co_spin_lock(&fd->lock);
	r = fd->is_closed ? -EBADF : co_poller_ask_write(&fd->poll);
	co_spin_unlock(&fd->lock);
	co_poller_wake();
	return r;
}

static bool would_block(ssize_t result)
{
	return result == -EAGAIN || result == -EWOULDBLOCK;
}

/* One attempt at a system call on the descriptor: what it returned, or a negative errno. */
struct attempt {
	ssize_t (*call)(int fd, void *buffer, size_t length);
	void *buffer;
	size_t length;
};

/* Repeats the attempt until it does not say EAGAIN. */
static ssize_t perform(struct co_context *context, struct co_fd *fd, struct direction *direction,
	const struct attempt *attempt, const char *reason)
{
	ssize_t n = co_context_error(context);

	while (n == 0) {
		clear_latch(fd, direction);
		do
			n = attempt->call(fd->poll.fd, attempt->buffer, attempt->length);
		while (n == -EINTR);
		if (!would_block(n))
			break;
		n = ask(fd, direction);
		if (n == 0)
			n = await(context, fd, direction, reason);
	}
	return n;
}

ssize_t co_read(struct co_context *context, struct co_fd *fd, void *buffer, size_t length)
{
	struct attempt attempt = {.call = co_descriptor_read, .buffer = buffer, .length = length};
	ssize_t n = begin(fd);

	if (n != 0)
		return n;
	n = perform(context, fd, &fd->reader, &attempt, "IO wait (read)");
	drop(fd);
	return n;
}

ssize_t co_write(struct co_context *context, struct co_fd *fd, const void *buffer, size_t length)
{
	struct attempt attempt = {.call = co_descriptor_write, .buffer = (void *)(uintptr_t)buffer, .length = length};
	ssize_t n = begin(fd);

	if (n != 0)
		return n;
	while (attempt.length > 0 && n >= 0) {
		n = perform(context, fd, &fd->writer, &attempt, "IO wait (write)");
		if (n > 0) {
			attempt.buffer = (char *)attempt.buffer + n;
			attempt.length -= (size_t)n;
		}
	}
	drop(fd);
	return n < 0 ? n : (ssize_t)length;
}

int co_accept(struct co_context *context, struct co_fd *fd)
{
	struct attempt attempt = {.call = co_descriptor_accept};
	ssize_t n = begin(fd);

	if (n != 0)
		return (int)n;
	n = perform(context, fd, &fd->reader, &attempt, "IO wait (accept)");
	drop(fd);
	return (int)n;
}
