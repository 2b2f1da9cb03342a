/* SPDX-License-Identifier: MIT
 *
 * lock.c - options of locks, and what a holder that died left behind.
 *
 * The timer has a reference to its object while it is armed, and takes the object's lock when it fires.
 */
#include "daemon/objects/lock.h"

#define ABANDONED_KEPT_NS (3600 * CO_SECOND)

const char *lock_options_conflict(const struct lock_options *had, const struct lock_options *wanted)
{
	if (wanted->fifo && !had->fifo)
		return "fifo";
	if (wanted->delay_ns != 0 && wanted->delay_ns != had->delay_ns)
		return "lock_delay";
	return NULL;
}

/* The delay is over, or has grown meanwhile. */
static void end_delay(struct co_timer *timer)
{
	struct lock_past *past = container_of(timer, struct lock_past, timer);
	struct object *object = past->object;
	const int64_t now_ns = timer->when;

	co_spin_lock(&object->lock);
	past->is_timed = past->quiet_until_ns > now_ns && co_timer_start(timer, past->quiet_until_ns) == 0;
	if (past->is_timed) {
		co_spin_unlock(&object->lock);
		return;
	}
	past->quiet_until_ns = 0;
	co_spin_unlock(&object->lock);
	object->type->admit(object, now_ns);
	object_unref(object);
}

void lock_past_init(struct lock_past *past, struct object *object)
{
	*past = (struct lock_past){.object = object, .timer.fired = end_delay};
}

void lock_past_begin(struct lock_past *past, int64_t now_ns, int64_t delay_ns, bool is_told)
{
	if (is_told) {
		past->is_abandoned = true;
		past->abandoned_ns = now_ns;
	}
	if (delay_ns == 0)
		return;
	past->quiet_until_ns = co_deadline_after(now_ns, delay_ns);
	if (past->is_timed)
		return;
	past->is_timed = co_timer_start(&past->timer, past->quiet_until_ns) == 0;
	if (past->is_timed)
		object_ref(past->object);
	else
		past->quiet_until_ns = 0;
}

bool lock_past_is_abandoned(const struct lock_past *past, int64_t now_ns)
{
	return past->is_abandoned && now_ns - past->abandoned_ns < ABANDONED_KEPT_NS;
}

void lock_past_told(struct lock_past *past)
{
	past->is_abandoned = false;
}

bool lock_past_delays(const struct lock_past *past, int64_t now_ns)
{
	return past->is_timed && now_ns < past->quiet_until_ns;
}
