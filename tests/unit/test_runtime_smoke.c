/* SPDX-License-Identifier: MIT
 *
 * test_runtime_smoke.c - what the runtime's parts do together in corners that its interface alone does not show: memory
 * that fails, ends of descriptors that libevent reports by halves, threads that are not the runtime's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/lib/co_test.h"
#include "tests/lib/sockets.h"

/* ---- memory ---------------------------------------------------------------------------------- */

static long allocations_left;

static bool fails_when_used_up(size_t bytes)
{
	(void)bytes;
	return allocations_left-- <= 0;
}

static void count_up(void *count)
{
	atomic_fetch_add((atomic_int *)count, 1);
}

/* Uses what allocates; stops at the first refusal. */
static int use_memory(void *arg)
{
	struct co_channel *channel = co_channel_new(8, 1);
	struct co_context *context = NULL;
	struct co_fd *fd = NULL;
	int ends[2];
	atomic_int count = 0;
	int r = channel != NULL ? 0 : CO_ENOMEM;

	(void)arg;
	if (r == 0)
		r = co_with_timeout(NULL, CO_SECOND, &context);
	if (r == 0)
		r = co_go(count_up, &count);
	if (r == 0 && pipe(ends) == 0) {
		r = co_fd_open(ends[0], &fd);
		if (r != 0)
			close(ends[0]);
		close(ends[1]);
	}
	if (r == 0 && co_read(context, fd, &ends, 1) != 0)
		r = 1;
	if (fd != NULL)
		co_fd_close(fd);
	if (r == 0)
		r = co_sleep(context, 1);
	co_context_unref(context);
	co_channel_free(channel);
	if (r == 0 && count != 1)
		r = 2;
	return r;
}

/* Whichever allocation fails, the run says so, or goes on; nothing is lost, nothing crashes. */
static void every_allocation_may_fail(void **state)
{
	int status = -1;
	int refused = 0;
	int r = CO_ENOMEM;

	(void)state;
	for (long n = 0; n < 200 && (r != 0 || status != 0); n++) {
		allocations_left = n;
		memory_set_fault(fails_when_used_up);
		r = co_run(&(struct co_options){.procs = 1}, use_memory, NULL, &status);
		memory_set_fault(NULL);
		assert_true(r == 0 || r == CO_ENOMEM);
		assert_true(r != 0 || status == 0 || status == CO_ENOMEM);
		refused += r != 0 || status != 0;
	}
	assert_int_equal(r, 0);
	assert_int_equal(status, 0);
	assert_true(refused > 5);
}

static atomic_int failing;

static bool fails_while_told(size_t bytes)
{
	(void)bytes;
	return atomic_load(&failing) != 0;
}

static void allow_again(struct co_timer *timer)
{
	(void)timer;
	atomic_store(&failing, 0);
}

static atomic_int started;
static atomic_int ended;

static void hold_stack(void *gate)
{
	atomic_fetch_add(&started, 1);
	(void)co_receive(NULL, gate, NULL);
	atomic_fetch_add(&ended, 1);
}

static int start_without_memory_for_stacks(void *arg)
{
	struct co_channel *gate = co_channel_new(0, 0);
	struct co_timer timer = {.fired = allow_again};
	const int count = 1000; /* more than a slab has stacks */
	int64_t limit = co_now() + 20 * CO_SECOND;
	int r = gate != NULL ? co_timer_start(&timer, CO_NEVER - 1) : CO_ENOMEM;

	(void)arg;
	atomic_store(&started, 0);
	atomic_store(&ended, 0);
	for (int i = 0; r == 0 && i < count; i++)
		r = co_go(hold_stack, gate);
	atomic_store(&failing, 1);
	if (r == 0)
		r = co_timer_start(&timer, co_now() + 5 * CO_MILLISECOND); /* moved, which takes no memory */
	while (r == 0 && atomic_load(&started) < count && co_now() < limit)
		co_yield();
	if (r == 0 && (atomic_load(&started) != count || atomic_load(&failing) != 0))
		r = 1;
	(void)co_channel_close(gate);
	while (r == 0 && atomic_load(&ended) < count && co_now() < limit)
		co_yield();
	if (r == 0)
		co_channel_free(gate);
	return r;
}

/* A coroutine that was started runs, even if there is no memory for its stack for a while. */
static void stack_is_waited_for(void **state)
{
	(void)state;
	for (unsigned procs = 1; procs <= co_test_most_procs(); procs *= 2) {
		const struct co_options options = {.procs = procs};
		int status = -1;

		memory_set_fault(fails_while_told);
		assert_int_equal(co_run(&options, start_without_memory_for_stacks, NULL, &status), 0);
		memory_set_fault(NULL);
		assert_int_equal(status, 0);
	}
}

/* ---- ends that come with data ---------------------------------------------------------------- */

struct listener {
	struct co_poll poll;
	unsigned seen;
	size_t bytes;
	bool is_drained;
	bool is_removed;
};

static void close_removed(struct co_poll *poll)
{
	close(poll->fd);
	container_of(poll, struct listener, poll)->is_removed = true;
}

/* Reads as the interface allows: a short read without CLOSED is the last. */
static void read_short(struct co_poll *poll, unsigned events)
{
	struct listener *listener = container_of(poll, struct listener, poll);
	char bytes[64];
	ssize_t n;

	listener->seen |= events;
	do {
		n = read(poll->fd, bytes, sizeof(bytes));
		if (n > 0)
			listener->bytes += (size_t)n;
	} while (n == (ssize_t)sizeof(bytes) || (n > 0 && (events & CO_POLL_CLOSED) != 0));
	listener->is_drained = n == 0 || (n < 0 && errno != EAGAIN);
}

/* Data and a reset that are there before the poller looks: the end is not missed behind the data. */
COROUTINE_TEST(reset_behind_data_is_seen)
{
	for (enum socket_kind kind = 0; kind < SOCKETS_KINDS; kind++) {
		struct listener listener = {.poll = {.on_events = read_short, .on_removed = close_removed}};
		const struct linger at_once = {.l_onoff = 1};
		int ends[2];

		CHECK_EQUAL(sockets_pair(kind, ends), 0);
		listener.poll.fd = sockets_nonblocking(ends[0]);
		CHECK_EQUAL(co_poll_add(&listener.poll, false), 0);
		CHECK_EQUAL(write(ends[0], "never read", 10), 10);
		CHECK_EQUAL(write(ends[1], "data", 4), 4);
		(void)setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(ends[1]);
		CHECK_EVENTUALLY(listener.is_drained);
		CHECK((listener.seen & CO_POLL_CLOSED) != 0);
		co_poll_remove(&listener.poll);
		CHECK_EVENTUALLY(listener.is_removed);
	}
}

/* ---- other threads --------------------------------------------------------------------------- */

static void ring(void *channel)
{
	(void)co_send(NULL, channel, NULL);
}

static void *ring_later(void *channel)
{
	usleep(150000); /* until the run has been asleep for a while */
	(void)co_go_from_thread(ring, channel);
	return NULL;
}

/* While a thread that the runtime does not know may still hand in a coroutine, all asleep is no deadlock. */
COROUTINE_TEST(foreign_thread_is_waited_for)
{
	struct co_channel *channel = co_channel_new(0, 0);
	pthread_t thread;

	CHECK(channel != NULL);
	CHECK_EQUAL(pthread_create(&thread, NULL, ring_later, channel), 0);
	CHECK_EQUAL(co_receive(NULL, channel, NULL), 0);
	pthread_join(thread, NULL);
	co_channel_free(channel);
}

/* A context that is told to wait for itself, or for its parent and child, ends once. */
COROUTINE_TEST(context_waits_for_itself)
{
	struct co_context *parent;
	struct co_context *child;

	CHECK_EQUAL(co_with_timeout(NULL, 2 * CO_MILLISECOND, &parent), 0);
	CHECK_EQUAL(co_with_cancel(parent, &child), 0);
	CHECK_EQUAL(co_context_done(child, parent), CO_EDEADLINE);
	CHECK_EQUAL(co_context_done(parent, parent), CO_EDEADLINE);
	co_context_unref(child);
	co_context_unref(parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(stack_is_waited_for),
		cmocka_unit_test(reset_behind_data_is_seen),
		cmocka_unit_test(foreign_thread_is_waited_for),
		cmocka_unit_test(context_waits_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
