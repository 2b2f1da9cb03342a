/* SPDX-License-Identifier: MIT
 *
 * notify.c - the only file but main.c that knows libsystemd.
 */
#include "daemon/notify.h"

#include <stdint.h>
#include <systemd/sd-daemon.h>

#include "runtime/co.h"

static struct {
	struct co_timer timer;
	int64_t period_ns;
} watchdog;

int notify_take_sockets(int (*adopt)(int fd))
{
	int count = sd_listen_fds(1);

	for (int i = 0; i < count; i++) {
		int r = adopt(SD_LISTEN_FDS_START + i);

		if (r < 0)
			return r;
	}
	return count;
}

void notify_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

/* Fires on the runtime's own thread: it proves that timers and the poller turn. */
static void feed(struct co_timer *timer)
{
	(void)sd_notify(0, "WATCHDOG=1");
	(void)co_timer_start(timer, co_deadline_after(co_now(), watchdog.period_ns));
}

void notify_watchdog(void)
{
	uint64_t limit_us;

	if (sd_watchdog_enabled(0, &limit_us) <= 0)
		return;
	watchdog.period_ns = (int64_t)(limit_us / 3) * CO_MICROSECOND;
	watchdog.timer.fired = feed;
	feed(&watchdog.timer);
}
