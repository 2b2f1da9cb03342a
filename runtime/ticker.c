/* SPDX-License-Identifier: MIT
 *
 * ticker.c - channels that time sends on: Go's time.After and time.Ticker, and what a time.Timer with a channel is made
 * of (see alarm.c). The first is a ticker that ticks once and goes with its channel.
 *
 * While a tick is sent the timer counts as firing; it is then armed again or declared ended, under the lock. Who stops
 * the ticker says so under the lock, and then waits for a tick that is under way: so none comes later.
 * Lock: ticker->lock guards is_stopped and period, and is held where the timer is armed. Nothing but a timer heap's
 * lock is taken under it.
 */
#include "runtime/ticker.h"

#include "base/memory.h"
#include "runtime/channel_private.h"
#include "runtime/timer.h"

struct co_ticker {
	struct co_spin lock;
	bool is_stopped;
	int64_t period; /* 0: it ticks once */
	struct co_timer timer;
	struct co_channel *channel;
};

static int64_t next_tick(const struct co_ticker *ticker, int64_t now)
{
	const int64_t missed = (now - ticker->timer.when) / ticker->period;

	return co_deadline_after(ticker->timer.when + missed * ticker->period, ticker->period);
}

static void tick(struct co_timer *timer)
{
	struct co_ticker *ticker = container_of(timer, struct co_ticker, timer);
	const int64_t now = co_now();
	bool goes_on;
	int r = 0;

	(void)co_try_send(ticker->channel, &now); /* a full channel: the tick is dropped */
	co_spin_lock(&ticker->lock);
	goes_on = ticker->period > 0 && !ticker->is_stopped;
	if (goes_on)
		r = co_timer_start(timer, next_tick(ticker, now));
	co_spin_unlock(&ticker->lock);
	if (goes_on && r == 0)
		return; /* from here on it is the next tick's */
	if (r != 0)
		(void)co_channel_close(ticker->channel);
	co_timer_set_ended(timer);
}

static int start(struct co_ticker *ticker, int64_t duration_ns)
{
	int r;

	co_spin_lock(&ticker->lock);
	r = co_timer_start(&ticker->timer, co_deadline_after(co_now(), duration_ns));
	ticker->is_stopped = r != 0;
	co_spin_unlock(&ticker->lock);
	return r;
}

static int new_ticker(int64_t duration_ns, int64_t period_ns, struct co_ticker **ret)
{
	struct co_ticker *ticker = memory_zalloc(sizeof(*ticker));
	int r = CO_ENOMEM;

	if (ticker == NULL)
		return r;
	ticker->period = period_ns;
	ticker->timer.fired = tick;
	ticker->channel = co_channel_new(sizeof(int64_t), 1);
	if (ticker->channel != NULL)
		r = start(ticker, duration_ns);
	if (r == 0) {
		*ret = ticker;
		return 0;
	}
	co_channel_free(ticker->channel);
	memory_free(ticker);
	return r;
}

int co_ticker_new(int64_t period_ns, struct co_ticker **ret)
{
	return period_ns > 0 ? new_ticker(period_ns, period_ns, ret) : CO_EINVAL;
}

int co_ticker_new_once(int64_t duration_ns, struct co_ticker **ret)
{
	return new_ticker(duration_ns, 0, ret);
}

int co_after(int64_t duration_ns, struct co_channel **ret)
{
	struct co_ticker *ticker;
	int r = co_ticker_new_once(duration_ns, &ticker);

	if (r != 0)
		return r;
	ticker->channel->ticker = ticker;
	*ret = ticker->channel;
	return 0;
}

struct co_channel *co_ticker_channel(struct co_ticker *ticker)
{
	return ticker->channel;
}

bool co_ticker_take_back(struct co_ticker *ticker)
{
	bool was_armed;

	co_spin_lock(&ticker->lock);
	ticker->is_stopped = true;
	was_armed = co_timer_stop(&ticker->timer);
	co_spin_unlock(&ticker->lock);
	if (!was_armed)
		co_timer_wait_ended(&ticker->timer);
	return co_try_receive(ticker->channel, NULL) == 0 || was_armed;
}

void co_ticker_stop(struct co_ticker *ticker)
{
	(void)co_ticker_take_back(ticker);
}

int co_ticker_once_more(struct co_ticker *ticker, int64_t duration_ns)
{
	return start(ticker, duration_ns);
}

int co_ticker_reset(struct co_ticker *ticker, int64_t period_ns)
{
	co_ticker_stop(ticker);
	if (period_ns <= 0)
		return CO_EINVAL;
	ticker->period = period_ns;
	return start(ticker, period_ns);
}

void co_ticker_free(struct co_ticker *ticker)
{
	if (ticker == NULL)
		return;
	co_ticker_stop(ticker);
	ticker->channel->ticker = NULL;
	co_channel_free(ticker->channel);
	memory_free(ticker);
}
