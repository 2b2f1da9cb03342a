/* SPDX-License-Identifier: MIT
 *
 * network.c - descriptors of a simulation: listeners, connections, processes.
 *
 * A connection is two ends; each has the bytes that are on the way to it, in segments with a time of arrival each, in
 * order, and those that have arrived. What is written may arrive in pieces. The end of a stream is a segment too.
 *
 * Invariants: an end's `comes` is planned while a segment is on the way to it; times of arrival never fall within an
 * end's segments; numbers of descriptors are not used again, so that a call on a closed one is found out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/co.h"
#include "runtime/sim/private.h"

enum {
	DESCRIPTORS_MAX = 1 << 17,
	SHORT_PERCENT = 3, /* of writes take less than there is room for */
};

#define NOTICE_NS (5 * CO_MILLISECOND) /* the most that an end takes to find out that its connection is cut */

enum kind {
	KIND_STREAM,
	KIND_LISTENER,
	KIND_PROCESS,
};

struct segment {
	struct list link;
	int64_t arrives;
	bool is_end;
	int passed; /* a descriptor that comes with its first byte, or -1 */
	size_t taken;
	size_t length;
	uint8_t bytes[];
};

/* What a descriptor stands for; one end of a connection. */
struct end {
	enum kind kind;
	int fd;              /* -1: not accepted yet */
	struct end *peer;    /* NULL: closed */
	struct sim_peer who; /* the client's credentials, on both ends */
	struct sim_link traits;
	struct list on_the_way; /* segments */
	struct list arrived;
	struct sim_event comes; /* the next of those on the way */
	size_t held;            /* bytes on the way and arrived */
	int64_t held_until;     /* nothing arrives before */
	bool at_end;            /* the end of the stream has arrived */
	bool is_shut;           /* nothing more is written from here */
	bool loses;             /* what is written from here goes nowhere */
	bool waits_for_room;
	/* a listener's */
	char *address;
	struct list knocking; /* ends that it has not heard of yet, by `queued` */
	struct list waiting;  /* ends that are to be accepted, likewise */
	struct list queued;
	struct sim_event connects; /* an end's: the listener hears of it */
	struct end *listener;
	/* a process's */
	uint32_t pid;
	bool has_ended;
};

const struct sim_link sim_link_default = {
	.delay_min_ns = CO_MICROSECOND,
	.delay_max_ns = 50 * CO_MICROSECOND,
	.split_percent = 10,
	.room = 64 << 10,
};

static struct {
	struct end *ends[DESCRIPTORS_MAX]; /* by number */
	int count;
	size_t open;
	bool (*fails)(void);
} net;

void sim_set_descriptor_fault(bool (*fails)(void))
{
	net.fails = fails;
}

size_t sim_open_descriptors(void)
{
	return net.open;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static void *allocate(size_t bytes)
{
	void *memory = calloc(1, bytes); /* the simulation's own: neither counted nor made to fail */

	if (memory == NULL)
		abort();
	return memory;
}

static void give_number(struct end *end)
{
	if (net.count == DESCRIPTORS_MAX)
		abort();
	net.ends[net.count] = end;
	end->fd = SIM_FD_FIRST + net.count++;
	net.open++;
}

/* What stands under the number; NULL: it is not open. */
static struct end *look_up(int fd)
{
	return fd >= SIM_FD_FIRST && fd < SIM_FD_FIRST + net.count ? net.ends[fd - SIM_FD_FIRST] : NULL;
}

static struct end *find(int fd, enum kind kind)
{
	struct end *end = look_up(fd);

	if (end != NULL && end->kind == kind)
		return end;
	sim_fail("descriptor %d is not open, or is something else", fd);
	return NULL;
}

static void arrive(struct sim_event *event);
static void hear_of(struct sim_event *event);

static struct end *new_end(enum kind kind)
{
	struct end *end = allocate(sizeof(*end));

	end->kind = kind;
	end->fd = -1;
	list_init(&end->on_the_way);
	list_init(&end->arrived);
	list_init(&end->knocking);
	list_init(&end->waiting);
	list_init(&end->queued);
	sim_event_init(&end->comes, arrive);
	sim_event_init(&end->connects, hear_of);
	return end;
}

static void drop_segments(struct list *segments)
{
	list_for_each_safe (at, segments) {
		struct segment *segment = container_of(at, struct segment, link);

		list_remove(&segment->link);
		if (segment->passed >= 0)
			sim_close(segment->passed);
		free(segment);
	}
}

static void free_end(struct end *end)
{
	sim_event_drop(&end->comes);
	sim_event_drop(&end->connects);
	drop_segments(&end->on_the_way);
	drop_segments(&end->arrived);
	list_remove(&end->queued);
	if (end->peer != NULL)
		end->peer->peer = NULL;
	if (end->fd >= SIM_FD_FIRST) {
		net.ends[end->fd - SIM_FD_FIRST] = NULL;
		net.open--;
	}
	free(end->address);
	free(end);
}

unsigned sim_network_events(int fd)
{
	struct end *end = look_up(fd);
	unsigned events = 0;

	if (end == NULL)
		return 0;
	if (end->kind == KIND_PROCESS)
		return end->has_ended ? CO_POLL_READ : 0;
	if (end->kind == KIND_LISTENER)
		return list_is_empty(&end->waiting) ? 0 : CO_POLL_READ;
	if (!list_is_empty(&end->arrived) || end->at_end)
		events |= CO_POLL_READ;
	if (end->at_end)
		events |= CO_POLL_CLOSED;
	if (end->peer == NULL || end->loses || end->peer->held < end->traits.room)
		events |= CO_POLL_WRITE;
	return events;
}

/* ---- bytes on the way ------------------------------------------------------------------------ */

static void plan_arrival(struct end *end)
{
	int64_t when;

	if (list_is_empty(&end->on_the_way) || list_is_linked(&end->comes.link))
		return;
	when = container_of(end->on_the_way.next, struct segment, link)->arrives;
	sim_event_plan(&end->comes, when > end->held_until ? when : end->held_until);
}

static void take_in(struct end *end, struct segment *segment)
{
	list_remove(&segment->link);
	list_add_tail(&end->arrived, &segment->link);
	end->at_end |= segment->is_end;
}

static void arrive(struct sim_event *event)
{
	struct end *end = container_of(event, struct end, comes);

	if (sim_now() >= end->held_until) {
		while (!list_is_empty(&end->on_the_way)) {
			struct segment *segment = container_of(end->on_the_way.next, struct segment, link);

			if (segment->arrives > sim_now())
				break;
			take_in(end, segment);
		}
		if (end->fd >= 0)
			sim_poll_report(end->fd, CO_POLL_READ | (end->at_end ? CO_POLL_CLOSED : 0));
	}
	plan_arrival(end);
}

/* Sends BYTES, or the end, on the way to END. */
static void send_on(struct end *end, const uint8_t *bytes, size_t length, int passed, int64_t delay)
{
	struct segment *segment = allocate(sizeof(*segment) + length);
	int64_t arrives = sim_now() + delay;

	if (!list_is_empty(&end->on_the_way)) {
		int64_t last = container_of(end->on_the_way.prev, struct segment, link)->arrives;

		arrives = last > arrives ? last : arrives;
	}
	segment->arrives = arrives;
	segment->is_end = length == 0;
	segment->passed = passed;
	segment->length = length;
	if (length > 0)
		memcpy(segment->bytes, bytes, length);
	list_add_tail(&end->on_the_way, &segment->link);
	end->held += length;
	plan_arrival(end);
}

static int64_t draw_delay(const struct end *end)
{
	return sim_between(end->traits.delay_min_ns, end->traits.delay_max_ns);
}

/* Says to END's peer that nothing more comes. */
static void send_end(struct end *end)
{
	if (end->is_shut)
		return;
	end->is_shut = true;
	if (end->peer != NULL && !end->loses)
		send_on(end->peer, NULL, 0, -1, draw_delay(end));
}

/* ---- reading and writing --------------------------------------------------------------------- */

static void give_room(struct end *end, size_t length)
{
	struct end *writer = end->peer;

	end->held -= length;
	if (writer == NULL || !writer->waits_for_room)
		return;
	writer->waits_for_room = false;
	sim_poll_report(writer->fd, CO_POLL_WRITE);
}

static void take_passed(struct segment *segment, int *passed)
{
	if (passed == NULL || *passed >= 0)
		sim_close(segment->passed);
	else
		*passed = segment->passed;
	segment->passed = -1;
}

ssize_t sim_read(int fd, void *buffer, size_t length, int *passed)
{
	struct end *end = find(fd, KIND_STREAM);
	size_t done = 0;

	if (end == NULL)
		return -EBADF;
	list_for_each_safe (at, &end->arrived) {
		struct segment *segment = container_of(at, struct segment, link);
		size_t left = segment->length - segment->taken;
		size_t n = left < length - done ? left : length - done;

		if (segment->passed >= 0) {
			if (done > 0)
				break;
			take_passed(segment, passed);
		}
		memcpy((uint8_t *)buffer + done, segment->bytes + segment->taken, n);
		segment->taken += n;
		done += n;
		if (segment->taken < segment->length)
			break;
		list_remove(&segment->link);
		free(segment);
	}
	give_room(end, done);
	sim_trace("read %d %zu", fd, done);
	if (done > 0 || length == 0)
		return (ssize_t)done;
	return end->at_end ? 0 : -EAGAIN;
}

ssize_t sim_write_passing(int fd, const void *buffer, size_t length, int pass)
{
	struct end *end = find(fd, KIND_STREAM);
	const uint8_t *bytes = buffer;
	size_t room;

	if (end == NULL)
		return -EBADF;
	if (end->is_shut || (end->peer == NULL && !end->loses))
		return -EPIPE;
	if (end->loses || length == 0)
		return (ssize_t)length;
	room = end->peer->held < end->traits.room ? end->traits.room - end->peer->held : 0;
	if (room == 0) {
		end->waits_for_room = true;
		return -EAGAIN;
	}
	length = length < room ? length : room;
	if (sim_percent(SHORT_PERCENT))
		length = 1 + (size_t)sim_below(length);
	sim_trace("write %d %zu", fd, length);
	while (length > 1 && sim_percent(end->traits.split_percent)) {
		size_t piece = 1 + (size_t)sim_below(length - 1);

		send_on(end->peer, bytes, piece, pass, draw_delay(end));
		bytes += piece;
		length -= piece;
		pass = -1;
	}
	send_on(end->peer, bytes, length, pass, draw_delay(end));
	return (ssize_t)(bytes + length - (const uint8_t *)buffer);
}

ssize_t sim_write(int fd, const void *buffer, size_t length)
{
	return sim_write_passing(fd, buffer, length, -1);
}

void sim_shutdown(int fd)
{
	struct end *end = find(fd, KIND_STREAM);

	if (end == NULL)
		return;
	sim_trace("shutdown %d", fd);
	send_end(end);
	drop_segments(&end->on_the_way);
	sim_event_drop(&end->comes);
	end->at_end = true;
	sim_poll_report(fd, CO_POLL_READ | CO_POLL_CLOSED);
}

static void refuse_all(struct list *ends)
{
	struct list *link;

	while ((link = list_pop_head(ends)) != NULL) {
		struct end *end = container_of(link, struct end, queued);

		send_end(end);
		free_end(end);
	}
}

void sim_close(int fd)
{
	struct end *end = look_up(fd);

	if (end == NULL) {
		sim_fail("descriptor %d is closed, and is not open", fd);
		return;
	}
	sim_trace("close %d", fd);
	if (end->kind == KIND_LISTENER) {
		refuse_all(&end->knocking);
		refuse_all(&end->waiting);
	}
	if (end->kind == KIND_STREAM)
		send_end(end);
	free_end(end);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static struct end *find_listener(const char *address)
{
	for (int i = 0; i < net.count; i++)
		if (net.ends[i] != NULL && net.ends[i]->kind == KIND_LISTENER &&
			strcmp(net.ends[i]->address, address) == 0)
			return net.ends[i];
	return NULL;
}

int sim_listen(const char *address)
{
	struct end *listener;

	if (find_listener(address) != NULL)
		return -EADDRINUSE;
	listener = new_end(KIND_LISTENER);
	listener->address = allocate(strlen(address) + 1);
	memcpy(listener->address, address, strlen(address));
	give_number(listener);
	return listener->fd;
}

static void hear_of(struct sim_event *event)
{
	struct end *end = container_of(event, struct end, connects);
	struct end *listener = end->listener;

	list_remove(&end->queued);
	list_add_tail(&listener->waiting, &end->queued);
	sim_poll_report(listener->fd, CO_POLL_READ);
}

int sim_connect(const char *address, const struct sim_peer *peer, const struct sim_link *link)
{
	struct end *listener = find_listener(address);
	struct end *ours;
	struct end *theirs;

	if (listener == NULL)
		return -ECONNREFUSED;
	ours = new_end(KIND_STREAM);
	theirs = new_end(KIND_STREAM);
	ours->peer = theirs;
	theirs->peer = ours;
	ours->who = theirs->who = *peer;
	ours->traits = theirs->traits = *link;
	theirs->listener = listener;
	list_add_tail(&listener->knocking, &theirs->queued);
	give_number(ours);
	sim_event_plan(&theirs->connects, sim_now() + draw_delay(ours));
	sim_trace("connect %d pid %u", ours->fd, peer->pid);
	return ours->fd;
}

int sim_accept(int listener_fd, struct sim_peer *ret_peer)
{
	struct end *listener = find(listener_fd, KIND_LISTENER);
	struct end *end;

	if (listener == NULL)
		return -EBADF;
	if (list_is_empty(&listener->waiting))
		return -EAGAIN;
	if (net.fails != NULL && net.fails())
		return -EMFILE;
	end = container_of(list_pop_head(&listener->waiting), struct end, queued);
	give_number(end);
	if (ret_peer != NULL)
		*ret_peer = end->who;
	sim_trace("accept %d pid %u", end->fd, end->who.pid);
	return end->fd;
}

/* ---- processes ------------------------------------------------------------------------------- */

int sim_process_open(uint32_t pid)
{
	struct end *process = new_end(KIND_PROCESS);

	process->pid = pid;
	give_number(process);
	return process->fd;
}

void sim_process_end(uint32_t pid)
{
	sim_trace("process %u ends", pid);
	for (int i = 0; i < net.count; i++)
		if (net.ends[i] != NULL && net.ends[i]->kind == KIND_PROCESS && net.ends[i]->pid == pid) {
			net.ends[i]->has_ended = true;
			sim_poll_report(net.ends[i]->fd, CO_POLL_READ);
		}
}

bool sim_is_process(int fd)
{
	const struct end *end = look_up(fd);

	return end != NULL && end->kind == KIND_PROCESS;
}

/* ---- faults ---------------------------------------------------------------------------------- */

/* What is on the way to END is lost, and it will find the end. */
static void cut_end(struct end *end)
{
	drop_segments(&end->on_the_way);
	sim_event_drop(&end->comes);
	end->held = 0;
	list_for_each (at, &end->arrived) {
		struct segment *segment = container_of(at, struct segment, link);

		end->held += segment->length - segment->taken;
	}
	end->loses = true;
	send_on(end, NULL, 0, -1, sim_between(0, NOTICE_NS));
}

void sim_cut(int fd)
{
	struct end *end = find(fd, KIND_STREAM);

	if (end == NULL)
		return;
	sim_trace("cut %d", fd);
	if (end->peer != NULL) {
		struct end *peer = end->peer;

		cut_end(peer);
		if (peer->waits_for_room)
			sim_poll_report(peer->fd, CO_POLL_WRITE);
	}
	cut_end(end);
}

static void hold(struct end *end, int64_t until)
{
	end->held_until = until;
	sim_event_drop(&end->comes);
	plan_arrival(end);
}

void sim_hold(int fd, int64_t ns)
{
	struct end *end = find(fd, KIND_STREAM);

	if (end == NULL)
		return;
	sim_trace("hold %d %lld", fd, (long long)ns);
	hold(end, sim_now() + ns);
	if (end->peer != NULL)
		hold(end->peer, sim_now() + ns);
}

void sim_lose(int fd)
{
	struct end *end = find(fd, KIND_STREAM);

	if (end == NULL)
		return;
	sim_trace("lose %d", fd);
	end->loses = true;
}
