/* SPDX-License-Identifier: MIT
 *
 * alarm.c - Go's time.Timer in its two forms: one that sends on a channel, and one that calls a function (AfterFunc).
 *
 * The first is a ticker that ticks once. The second has a call to come, and at each reset a new one in its place: so
 * that what a call needs is there before its time comes.
 * Lock: alarm->lock guards `pending`, and is held where that is armed. Nothing but a timer heap's lock is taken under
 * it.
 */
#include "base/memory.h"
#include "runtime/pending.h"
#include "runtime/poll.h"
#include "runtime/ticker.h"
#include "runtime/timer.h"

struct co_alarm {
	struct co_ticker *ticker; /* NULL: it calls a function */
	void (*function)(void *arg);
	void *arg;
	struct co_spin lock;
	struct co_pending *pending; /* NULL once it was stopped */
};

int co_alarm_new(int64_t duration_ns, struct co_alarm **ret)
{
	struct co_alarm *alarm = memory_zalloc(sizeof(*alarm));
	int r = CO_ENOMEM;

	if (alarm != NULL)
		r = co_ticker_new_once(duration_ns, &alarm->ticker);
	if (r == 0)
		*ret = alarm;
	else
		memory_free(alarm);
	return r;
}

/* Puts a call that is to come in DURATION_NS in the place of the one there is, which *RET_FORMER gets. */
static int replace(struct co_alarm *alarm, int64_t duration_ns, struct co_pending **ret_former)
{
	bool wake_poller = false;
	struct co_pending *fresh;
	int r = co_pending_new(alarm->function, alarm->arg, "co_after_func", true, &fresh);

	if (r != 0)
		return r;
	co_spin_lock(&alarm->lock);
	r = co_pending_arm(fresh, co_deadline_after(co_now(), duration_ns), &wake_poller);
	if (r == 0) {
		*ret_former = alarm->pending;
		alarm->pending = fresh;
	}
	co_spin_unlock(&alarm->lock);
	if (wake_poller)
		co_poller_wake();
	if (r != 0)
		co_pending_drop(fresh);
	return r;
}

/* A call that nobody will take back. */
static int call_later(int64_t duration_ns, void (*function)(void *arg), void *arg)
{
	bool wake_poller = false;
	struct co_pending *pending;
	int r = co_pending_new(function, arg, "co_after_func", false, &pending);

	if (r != 0)
		return r;
	r = co_pending_arm(pending, co_deadline_after(co_now(), duration_ns), &wake_poller);
	if (r != 0)
		co_pending_drop(pending);
	if (wake_poller)
		co_poller_wake();
	return r;
}

int co_after_func(int64_t duration_ns, void (*function)(void *arg), void *arg, struct co_alarm **ret)
{
	struct co_pending *none;
	struct co_alarm *alarm;
	int r;

	if (ret == NULL)
		return call_later(duration_ns, function, arg);
	alarm = memory_zalloc(sizeof(*alarm));
	if (alarm == NULL)
		return CO_ENOMEM;
	alarm->function = function;
	alarm->arg = arg;
	*ret = alarm; /* FUNCTION may begin before this returns */
	r = replace(alarm, duration_ns, &none);
	if (r != 0)
		memory_free(alarm);
	return r;
}

struct co_channel *co_alarm_channel(struct co_alarm *alarm)
{
	return alarm->ticker != NULL ? co_ticker_channel(alarm->ticker) : NULL;
}

bool co_alarm_stop(struct co_alarm *alarm)
{
	struct co_pending *pending;

	if (alarm->ticker != NULL)
		return co_ticker_take_back(alarm->ticker);
	co_spin_lock(&alarm->lock);
	pending = alarm->pending;
	alarm->pending = NULL;
	co_spin_unlock(&alarm->lock);
	return co_pending_stop(pending);
}

int co_alarm_reset(struct co_alarm *alarm, int64_t duration_ns)
{
	struct co_pending *former;
	bool was_to_come;
	int r;

	if (alarm->ticker != NULL) {
		was_to_come = co_ticker_take_back(alarm->ticker);
		r = co_ticker_once_more(alarm->ticker, duration_ns);
		return r == 0 ? was_to_come : r;
	}
	r = replace(alarm, duration_ns, &former);
	return r == 0 ? co_pending_stop(former) : r;
}

void co_alarm_free(struct co_alarm *alarm)
{
	if (alarm == NULL)
		return;
	(void)co_alarm_stop(alarm);
	co_ticker_free(alarm->ticker);
	memory_free(alarm);
}
