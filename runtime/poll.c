/* SPDX-License-Identifier: MIT
 *
 * poll.c - the poller: libevent, and nothing else of the runtime knows it.
 *
 * Only the M that has the poller touches the event base (which has no lock). Everyone else leaves a record in `changes`
 * and wakes that M if it sleeps; changes are carried out around each poll, never inside a callback, so that a record
 * lives until all reports that name it are through. It is found through poll->private under the lock alone, since it
 * may be gone; and it is not let go before the call that added it is through.
 *
 * A descriptor is registered once, for READ and CLOSED, edge-triggered; WRITE is asked for one report at a time.
 * libevent reports EPOLLERR as READ alone (its epoll backend drops EPOLLRDHUP then), so data and a reset that come
 * together would look like data and nothing more. Each descriptor is therefore also in a second epoll set that waits
 * for errors and hang-ups only and never fires else; these are reported as READ and CLOSED.
 *
 * The sleep is bounded by a timerfd, exact to the nanosecond and never early. It is set again only for an earlier time:
 * a timer that was stopped costs at most one useless wake-up.
 *
 * Lock: poller.lock guards `changes`, `records`, each record's asked_* fields and is_changed, and poll->private; no
 * call is made under it.
 */
#include "runtime/poll.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "runtime/co.h"
#include "runtime/idle.h"
#include "runtime/local.h"
#include "runtime/sched.h"

enum { HANGUPS_AT_ONCE = 64 };

/* What stands behind a registered struct co_poll. */
struct record {
	struct co_poll *poll;
	struct list link;    /* in poller.records */
	struct record *next; /* in poller.changes */
	bool is_changed;     /* stands in poller.changes */
	bool is_system;
	bool is_watched; /* read_event is added; the polling M's */
	bool asked_write;
	atomic_bool asked_removal; /* written under the lock */
	struct event read_event;
	struct event write_event;
};

static struct {
	struct event_base *base;
	int wake_fd;
	int timer_fd;
	int hangup_fd;
	struct event wake_event;
	struct event timer_event;
	struct event hangup_event;
	int64_t armed; /* when timer_fd will be readable; CO_NEVER if not set */
	struct co_spin lock;
	struct record *_Atomic changes; /* written under the lock */
	struct list records;
	atomic_size_t registered; /* records that the kernel may report or that are changed */
	atomic_ullong polls;
} poller = {.wake_fd = -1, .timer_fd = -1, .hangup_fd = -1};

/* ---- reports --------------------------------------------------------------------------------- */

static void report(struct record *record, unsigned events)
{
	co_idle_leave(co_m_self());
	if (!atomic_load(&record->asked_removal))
		record->poll->on_events(record->poll, events);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	unsigned events = CO_POLL_READ;

	(void)fd;
	if ((what & EV_CLOSED) != 0)
		events |= CO_POLL_CLOSED;
	report(arg, events);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	report(arg, CO_POLL_WRITE);
}

static void on_hangups(evutil_socket_t fd, short what, void *arg)
{
	struct epoll_event events[HANGUPS_AT_ONCE];
	int count;

	(void)what;
	(void)arg;
	do {
		count = epoll_wait(fd, events, HANGUPS_AT_ONCE, 0);
		for (int i = 0; i < count; i++)
			report(events[i].data.ptr, CO_POLL_READ | CO_POLL_CLOSED);
	} while (count == HANGUPS_AT_ONCE);
}

/* The wake-up and the timer have done their work by ending the sleep: edge-triggered, they need not be read. */
static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	poller.armed = CO_NEVER;
}

/* ---- changes --------------------------------------------------------------------------------- */

/* Under the lock: puts RECORD, which is marked as changed, into `changes`. */
static void put_change(struct record *record)
{
	record->next = atomic_load_explicit(&poller.changes, memory_order_relaxed);
	atomic_store_explicit(&poller.changes, record, memory_order_relaxed);
}

/* Under the lock: has RECORD carried out. */
static void change(struct record *record)
{
	if (record->is_changed)
		return;
	record->is_changed = true;
	put_change(record);
}

static void let_go(struct record *record)
{
	struct co_poll *poll = record->poll;

	(void)epoll_ctl(poller.hangup_fd, EPOLL_CTL_DEL, poll->fd, NULL);
	(void)event_del(&record->read_event);
	(void)event_del(&record->write_event);
	if (!record->is_system)
		co_outside_add(-1);
	co_spin_lock(&poller.lock);
	list_remove(&record->link);
	poll->private = NULL;
	co_spin_unlock(&poller.lock);
	atomic_fetch_sub_explicit(&poller.registered, 1, memory_order_relaxed);
	memory_free(record);
	if (poll->on_removed != NULL)
		poll->on_removed(poll);
}

static void carry_out(struct record *record, bool asked_removal, bool asked_write)
{
	if (asked_removal) {
		let_go(record);
		return;
	}
	/* Where libevent has no memory, a report lets the owner find out by trying. */
	if (!record->is_watched) {
		record->is_watched = true;
		if (event_add(&record->read_event, NULL) != 0)
			report(record, CO_POLL_READ | CO_POLL_CLOSED);
	}
	if (asked_write && event_add(&record->write_event, NULL) != 0)
		report(record, CO_POLL_WRITE);
}

bool co_poller_carry_out(void)
{
	struct record *record;
	bool any = false;

	do {
		bool asked_removal = false;
		bool asked_write = false;

		co_spin_lock(&poller.lock);
		record = atomic_load_explicit(&poller.changes, memory_order_relaxed);
		if (record != NULL) {
			atomic_store_explicit(&poller.changes, record->next, memory_order_relaxed);
			record->is_changed = false; /* what is asked for from now on brings it back here */
			asked_removal = atomic_load_explicit(&record->asked_removal, memory_order_relaxed);
			asked_write = record->asked_write;
			record->asked_write = false;
		}
		co_spin_unlock(&poller.lock);
		if (record != NULL) {
			co_idle_leave(co_m_self()); /* on_removed may make a coroutine runnable */
			carry_out(record, asked_removal, asked_write);
			any = true;
		}
	} while (record != NULL);
	return any;
}

bool co_poller_has_changes(void)
{
	return atomic_load_explicit(&poller.changes, memory_order_relaxed) != NULL;
}

/* Lets others see RECORD, which nobody takes away before it is in `changes`: it is marked as being there. */
static void enter(struct record *record)
{
	if (!record->is_system)
		co_outside_add(1);
	atomic_fetch_add_explicit(&poller.registered, 1, memory_order_relaxed);
	co_spin_lock(&poller.lock);
	record->is_changed = true;
	record->poll->private = record;
	list_add_tail(&poller.records, &record->link);
	co_spin_unlock(&poller.lock);
}

/* Undoes it: the kernel refuses the descriptor. */
static void leave(struct record *record)
{
	co_spin_lock(&poller.lock);
	list_remove(&record->link);
	record->poll->private = NULL;
	co_spin_unlock(&poller.lock);
	atomic_fetch_sub_explicit(&poller.registered, 1, memory_order_relaxed);
	if (!record->is_system)
		co_outside_add(-1);
	memory_free(record);
}

int co_poll_add(struct co_poll *poll, bool system)
{
	struct epoll_event event = {.events = EPOLLET};
	struct record *record = memory_zalloc(sizeof(*record));

	if (record == NULL)
		return CO_ENOMEM;
	record->poll = poll;
	record->is_system = system;
	(void)event_assign(&record->read_event, poller.base, poll->fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST,
		on_readable, record);
	(void)event_assign(&record->write_event, poller.base, poll->fd, EV_WRITE | EV_ET, on_writable, record);
	event.data.ptr = record;
	enter(record);
	if (epoll_ctl(poller.hangup_fd, EPOLL_CTL_ADD, poll->fd, &event) != 0) {
		int r = -errno;

		leave(record);
		return r;
	}
	co_spin_lock(&poller.lock);
	put_change(record);
	co_spin_unlock(&poller.lock);
	co_poller_wake();
	return 0;
}

int co_poller_ask_write(struct co_poll *poll)
{
	struct record *record;

	co_spin_lock(&poller.lock);
	record = poll->private;
	if (record != NULL) {
		record->asked_write = true;
		change(record);
	}
	co_spin_unlock(&poller.lock);
	return record != NULL ? 0 : CO_EINVAL;
}

int co_poll_want_write(struct co_poll *poll)
{
	int r = co_poller_ask_write(poll);

	if (r == 0)
		co_poller_wake();
	return r;
}

void co_poll_remove(struct co_poll *poll)
{
	struct record *record;

	co_spin_lock(&poller.lock);
	record = poll->private;
	if (record != NULL && !atomic_exchange(&record->asked_removal, true))
		change(record);
	co_spin_unlock(&poller.lock);
	co_poller_wake();
}

/* ---- polling --------------------------------------------------------------------------------- */

static void arm(int64_t until)
{
	struct itimerspec time = {.it_value = {until / CO_SECOND, until % CO_SECOND}};

	if (poller.armed <= until)
		return;
	(void)timerfd_settime(poller.timer_fd, TFD_TIMER_ABSTIME, &time, NULL);
	poller.armed = until;
}

void co_poller_poll(int64_t until)
{
	bool has_anything = atomic_load_explicit(&poller.registered, memory_order_relaxed) > 0;

	if (until == 0 && !has_anything)
		return;
	if (co_poller_carry_out())
		until = 0; /* there may be work by now */
	if (until != 0)
		arm(until);
	atomic_fetch_add_explicit(&poller.polls, 1, memory_order_relaxed);
	(void)event_base_loop(poller.base, until == 0 ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
	(void)co_poller_carry_out();
}

void co_poller_wake(void)
{
	if (atomic_load(&co_runtime.sleeping) && atomic_exchange(&co_runtime.sleeping, false))
		(void)eventfd_write(poller.wake_fd, 1);
}

uint64_t co_poller_polls(void)
{
	return atomic_load_explicit(&poller.polls, memory_order_relaxed);
}

/* ---- opening and closing --------------------------------------------------------------------- */

static struct event_base *new_base(void)
{
	struct event_config *config;
	struct event_base *base = NULL;

	event_set_mem_functions(memory_alloc, memory_realloc, memory_free);
	config = event_config_new();
	if (config == NULL)
		return NULL;
	if (event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE) == 0 &&
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
		event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static int watch(struct event *event, int fd, short what, event_callback_fn function)
{
	(void)event_assign(event, poller.base, fd, (short)(what | EV_READ | EV_PERSIST), function, NULL);
	return event_add(event, NULL) == 0 ? 0 : CO_ENOMEM;
}

int co_poller_open(void)
{
	int r;

	list_init(&poller.records);
	atomic_store(&poller.changes, NULL);
	poller.armed = CO_NEVER;
	atomic_store(&poller.polls, 0);
	atomic_store(&poller.registered, 0);
	poller.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	poller.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	poller.hangup_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poller.wake_fd < 0 || poller.timer_fd < 0 || poller.hangup_fd < 0) {
		r = -errno;
		goto fail;
	}
	r = CO_ENOMEM;
	poller.base = new_base();
	if (poller.base == NULL)
		goto fail;
	r = watch(&poller.wake_event, poller.wake_fd, EV_ET, on_wake);
	if (r == 0)
		r = watch(&poller.timer_event, poller.timer_fd, EV_ET, on_timer);
	if (r == 0)
		r = watch(&poller.hangup_event, poller.hangup_fd, 0, on_hangups);
	if (r == 0)
		return 0;
fail:
	co_poller_close();
	return r;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void co_poller_close(void)
{
	struct list *link;

	(void)co_poller_carry_out(); /* who was promised on_removed gets it */
	if (poller.base != NULL)
		event_base_free(poller.base); /* takes all events out */
	poller.base = NULL;
	while ((link = list_pop_head(&poller.records)) != NULL) {
		struct record *record = container_of(link, struct record, link);

		record->poll->private = NULL;
		memory_free(record);
	}
	close_fd(&poller.wake_fd);
	close_fd(&poller.timer_fd);
	close_fd(&poller.hangup_fd);
}
