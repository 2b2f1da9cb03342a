/* SPDX-License-Identifier: MIT
 *
 * test_runtime_poll.c - descriptors registered with callbacks: the edge-triggered contract, data and end in one event,
 * writability asked for, removal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "tests/lib/co_test.h"
#include "tests/lib/sockets.h"

struct watched {
	struct co_poll poll;
	int peer;
	atomic_int reads;
	atomic_int writes;
	atomic_int closes;
	atomic_int removed;
	atomic_int in_coroutine;
};

static void note(struct co_poll *poll, unsigned events)
{
	struct watched *watched = container_of(poll, struct watched, poll);

	if (co_id() != 0)
		atomic_fetch_add(&watched->in_coroutine, 1);
	if (events & CO_POLL_READ)
		atomic_fetch_add(&watched->reads, 1);
	if (events & CO_POLL_WRITE)
		atomic_fetch_add(&watched->writes, 1);
	if (events & CO_POLL_CLOSED)
		atomic_fetch_add(&watched->closes, 1); /* last: it is waited for, and READ must have come with it */
}

static void note_removal(struct co_poll *poll)
{
	struct watched *watched = container_of(poll, struct watched, poll);

	close(poll->fd);
	atomic_fetch_add(&watched->removed, 1);
}

static void watch(struct watched *watched, enum socket_kind kind)
{
	int pair[2];

	*watched = (struct watched){.poll = {.on_events = note, .on_removed = note_removal}};
	CHECK_EQUAL(sockets_pair(kind, pair), 0);
	watched->poll.fd = sockets_nonblocking(pair[0]);
	watched->peer = sockets_nonblocking(pair[1]);
	CHECK_EQUAL(co_poll_add(&watched->poll, false), 0);
}

static void unwatch(struct watched *watched)
{
	co_poll_remove(&watched->poll);
	CHECK_EVENTUALLY(atomic_load(&watched->removed) == 1);
	CHECK_EQUAL(atomic_load(&watched->in_coroutine), 0);
	if (watched->peer >= 0)
		close(watched->peer);
}

/* Long enough for an event that is wrong to show itself. */
static void settle(void)
{
	for (int i = 0; i < 20; i++)
		co_test_pause();
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Called on new activity, and not again for data that lies there. */
COROUTINE_TEST(edge_triggered)
{
	for (enum socket_kind kind = 0; kind < SOCKETS_KINDS; kind++) {
		struct watched watched;
		char buffer[100];
		int reads;

		watch(&watched, kind);
		settle();
		CHECK_EQUAL(atomic_load(&watched.reads), 0);
		CHECK_EQUAL(atomic_load(&watched.writes), 0);
		for (int i = 0; i < 3; i++) {
			reads = atomic_load(&watched.reads);
			CHECK_EQUAL(write(watched.peer, "0123456789", 10), 10);
			CHECK_EVENTUALLY(atomic_load(&watched.reads) > reads);
			settle();
			CHECK_EQUAL(atomic_load(&watched.reads), reads + 1);
		}
		CHECK_EQUAL(read(watched.poll.fd, buffer, sizeof(buffer)), 30);
		reads = atomic_load(&watched.reads);
		CHECK_EQUAL(write(watched.peer, "x", 1), 1);
		CHECK_EVENTUALLY(atomic_load(&watched.reads) > reads);
		CHECK_EQUAL(atomic_load(&watched.closes), 0);
		unwatch(&watched);
	}
}

/* The end of the peer is told with READ and CLOSED, by close and by shutdown, with data and without. */
COROUTINE_TEST(closed_is_told)
{
	for (unsigned how = 0; how < 4 * SOCKETS_KINDS; how++) {
		struct watched watched;
		const bool with_data = how & 1;
		char buffer[10];

		watch(&watched, how / 4);
		if (with_data)
			CHECK_EQUAL(write(watched.peer, "last", 4), 4);
		if (how & 2) {
			CHECK_EQUAL(shutdown(watched.peer, SHUT_WR), 0);
		} else {
			close(watched.peer);
			watched.peer = -1;
		}
		CHECK_EVENTUALLY(atomic_load(&watched.closes) > 0);
		CHECK(atomic_load(&watched.reads) > 0);
		if (with_data)
			CHECK_EQUAL(read(watched.poll.fd, buffer, sizeof(buffer)), 4);
		CHECK_EQUAL(read(watched.poll.fd, buffer, sizeof(buffer)), 0);
		unwatch(&watched);
	}
}

struct drained {
	struct co_poll poll;
	size_t bytes;
	atomic_bool ended;
	atomic_bool removed;
};

/* Reads as the contract says: until EAGAIN or a short read, but to the end where CLOSED was told. */
static void drain(struct co_poll *poll, unsigned events)
{
	struct drained *drained = container_of(poll, struct drained, poll);
	char buffer[64];
	ssize_t n;

	if ((events & CO_POLL_READ) == 0)
		return;
	do {
		n = read(poll->fd, buffer, sizeof(buffer));
		if (n > 0)
			drained->bytes += (size_t)n;
	} while (n == sizeof(buffer) || (n > 0 && (events & CO_POLL_CLOSED)));
	if (n == 0)
		atomic_store(&drained->ended, true);
}

static void note_drained(struct co_poll *poll)
{
	close(poll->fd);
	atomic_store(&container_of(poll, struct drained, poll)->removed, true);
}

/* Data followed at once by the end: one who reads as the contract says gets all of it and hears of the end, whether
 * they come in one event or in two. */
static void data_then_end(enum socket_kind kind, size_t round)
{
	struct drained drained = {.poll = {.on_events = drain, .on_removed = note_drained}};
	const size_t length = round % 130;
	char bytes[130] = {0};
	int pair[2];

	CHECK_EQUAL(sockets_pair(kind, pair), 0);
	drained.poll.fd = sockets_nonblocking(pair[0]);
	CHECK_EQUAL(co_poll_add(&drained.poll, false), 0);
	if (round % 3 == 0)
		co_test_pause();
	CHECK_EQUAL(write(pair[1], bytes, length), length);
	if (round % 5 == 0)
		co_yield();
	if (round % 2 == 0)
		shutdown(pair[1], SHUT_WR);
	else
		close(pair[1]);
	CHECK_EVENTUALLY(atomic_load(&drained.ended));
	CHECK_EQUAL(drained.bytes, length);
	co_poll_remove(&drained.poll);
	CHECK_EVENTUALLY(atomic_load(&drained.removed));
	if (round % 2 == 0)
		close(pair[1]);
}

COROUTINE_TEST(data_then_end_at_once)
{
	const size_t rounds = test_scale(400);

	for (size_t round = 0; round < rounds; round++)
		for (enum socket_kind kind = 0; kind < SOCKETS_KINDS; kind++)
			data_then_end(kind, round);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static size_t fill(int fd)
{
	static const char bytes[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = write(fd, bytes, sizeof(bytes))) > 0)
		total += (size_t)n;
	return total;
}

/* Fills it until the kernel has stopped moving bytes on to the peer. */
static size_t fill_for_good(int fd)
{
	size_t total = 0;
	size_t more;

	do {
		more = fill(fd);
		total += more;
		co_sleep(NULL, CO_MILLISECOND);
	} while (more > 0);
	return total;
}

static size_t empty(int fd)
{
	char bytes[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		total += (size_t)n;
	return total;
}

/* One WRITE for each want_write: at once where there is room, else when the peer has made some. */
COROUTINE_TEST(want_write_is_answered_once)
{
	for (enum socket_kind kind = 0; kind < SOCKETS_KINDS; kind++) {
		struct watched watched;
		size_t filled;
		size_t emptied = 0;

		watch(&watched, kind);
		CHECK_EQUAL(co_poll_want_write(&watched.poll), 0);
		CHECK_EVENTUALLY(atomic_load(&watched.writes) == 1);
		settle();
		CHECK_EQUAL(atomic_load(&watched.writes), 1);

		filled = fill_for_good(watched.poll.fd);
		CHECK(filled > 0);
		CHECK_EQUAL(co_poll_want_write(&watched.poll), 0);
		settle();
		CHECK_EQUAL(atomic_load(&watched.writes), 1);
		CHECK_EVENTUALLY((emptied += empty(watched.peer)) == filled);
		CHECK_EVENTUALLY(atomic_load(&watched.writes) == 2);
		CHECK(fill_for_good(watched.poll.fd) > 0);
		CHECK(empty(watched.peer) > 0);
		settle();
		CHECK_EQUAL(atomic_load(&watched.writes), 2);
		unwatch(&watched);
	}
}

/* ---- adding and removing ----------------------------------------------------------------------------------------- */

/* After its removal a descriptor is silent, however much happens on it; on_removed comes once. */
COROUTINE_TEST(removed_is_silent)
{
	for (int i = 0; i < 100; i++) {
		struct watched watched;
		int seen;

		watch(&watched, SOCKETS_UNIX);
		if (i % 2 == 0)
			CHECK_EQUAL(write(watched.peer, "x", 1), 1);
		if (i % 3 == 0)
			CHECK_EQUAL(co_poll_want_write(&watched.poll), 0);
		if (i % 4 == 0)
			co_test_pause();
		co_poll_remove(&watched.poll);
		send(watched.peer, "y", 1, MSG_NOSIGNAL);
		CHECK_EVENTUALLY(atomic_load(&watched.removed) == 1);
		seen = atomic_load(&watched.reads) + atomic_load(&watched.writes);
		send(watched.peer, "z", 1, MSG_NOSIGNAL);
		co_test_pause();
		CHECK_EQUAL(atomic_load(&watched.removed), 1);
		CHECK_EQUAL(atomic_load(&watched.reads) + atomic_load(&watched.writes), seen);
		close(watched.peer);
	}
}

struct freed {
	struct co_poll poll;
	atomic_int *gone;
};

static void remove_itself(struct co_poll *poll, unsigned events)
{
	(void)events;
	co_poll_remove(poll);
}

static void free_itself(struct co_poll *poll)
{
	struct freed *freed = container_of(poll, struct freed, poll);

	close(poll->fd);
	atomic_fetch_add(freed->gone, 1);
	memory_free(freed);
}

/* It may be removed from its own callback, and its memory freed in on_removed. */
COROUTINE_TEST(removed_from_its_callback)
{
	static atomic_int gone;

	atomic_store(&gone, 0);
	for (int i = 0; i < 200; i++) {
		struct freed *freed = memory_zalloc(sizeof(*freed));
		int pair[2];

		CHECK(freed != NULL);
		CHECK_EQUAL(sockets_pair(SOCKETS_UNIX, pair), 0);
		*freed = (struct freed){.poll = {.on_events = remove_itself, .on_removed = free_itself}, .gone = &gone};
		freed->poll.fd = sockets_nonblocking(pair[0]);
		CHECK_EQUAL(co_poll_add(&freed->poll, i % 2 == 0), 0);
		CHECK_EQUAL(write(pair[1], "x", 1), 1);
		close(pair[1]);
		CHECK_EVENTUALLY(atomic_load(&gone) == i + 1);
	}
}

struct rival {
	struct watched watched;
	struct rival *other;
};

static void remove_the_other(struct co_poll *poll, unsigned events)
{
	struct rival *rival = container_of(container_of(poll, struct watched, poll), struct rival, watched);

	note(poll, events);
	co_poll_remove(&rival->other->watched.poll);
}

/* Two have something to tell at once; whoever is called first removes the other, which then stays silent. */
COROUTINE_TEST(removed_before_its_turn)
{
	for (int i = 0; i < 50; i++) {
		struct rival rivals[2];

		for (int j = 0; j < 2; j++) {
			watch(&rivals[j].watched, SOCKETS_UNIX);
			rivals[j].watched.poll.on_events = remove_the_other;
			rivals[j].other = &rivals[1 - j];
		}
		settle();
		for (int j = 0; j < 2; j++)
			CHECK_EQUAL(write(rivals[j].watched.peer, "x", 1), 1);
		CHECK_EVENTUALLY(atomic_load(&rivals[0].watched.removed) + atomic_load(&rivals[1].watched.removed) > 0);
		settle();
		CHECK_EQUAL(atomic_load(&rivals[0].watched.reads) + atomic_load(&rivals[1].watched.reads), 1);
		for (int j = 0; j < 2; j++)
			unwatch(&rivals[j].watched);
	}
}

/* A number that is used again for another descriptor is another registration. */
COROUTINE_TEST(reused_number_is_another_descriptor)
{
	for (int i = 0; i < 50; i++) {
		struct watched first;
		struct watched second;

		watch(&first, SOCKETS_UNIX);
		unwatch(&first);
		watch(&second, i % 2 == 0 ? SOCKETS_UNIX : SOCKETS_TCP);
		CHECK_EQUAL(write(second.peer, "x", 1), 1);
		CHECK_EVENTUALLY(atomic_load(&second.reads) == 1);
		CHECK_EQUAL(atomic_load(&first.reads), 0);
		unwatch(&second);
	}
}

/* What the kernel cannot poll is refused. */
COROUTINE_TEST(unpollable_is_refused)
{
	struct watched watched = {.poll = {.on_events = note, .on_removed = note_removal}};

	watched.poll.fd = memfd_create("unpollable", MFD_CLOEXEC);
	CHECK(watched.poll.fd >= 0);
	CHECK_EQUAL(co_poll_add(&watched.poll, false), -EPERM);
	close(watched.poll.fd);
	CHECK_EQUAL(co_poll_add(&watched.poll, false), -EBADF);
	CHECK_EQUAL(atomic_load(&watched.removed), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edge_triggered),
		cmocka_unit_test(closed_is_told),
		cmocka_unit_test(data_then_end_at_once),
		cmocka_unit_test(want_write_is_answered_once),
		cmocka_unit_test(removed_is_silent),
		cmocka_unit_test(removed_from_its_callback),
		cmocka_unit_test(removed_before_its_turn),
		cmocka_unit_test(reused_number_is_another_descriptor),
		cmocka_unit_test(unpollable_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
