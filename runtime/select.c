/* SPDX-License-Identifier: MIT
 *
 * select.c - Go's select over channels of this process (after the three passes of selectgo in Go's runtime/select.go).
 *
 * A case that looks ready without a lock, drawn at random, is carried out under its channel's lock, if it is. Else all
 * channels are locked, in the order in which they were made and each once. If cases are ready then, one of them is
 * carried out. Else the select stands as a party in the queue of every case, all on one wait, and parks;
 * a peer that claims the wait has carried out its case. Then it leaves the other queues.
 *
 * Invariant: before co_select returns it has locked every channel once more, but for the one whose peer claimed it: so
 * none that found its party in a queue still looks at it. Lock order: channels by number.
 */
#include "runtime/channel_private.h"
#include "runtime/wait.h"

/* ---- the order of locks ---------------------------------------------------------------------- */

/* Merges two lists that are in order. */
static struct co_case *merge(struct co_case *a, struct co_case *b)
{
	struct co_case *merged = NULL;
	struct co_case **last = &merged;

	while (a != NULL && b != NULL) {
		struct co_case **least = b->channel->number < a->channel->number ? &b : &a;

		*last = *least;
		last = &(*least)->next_locked;
		*least = *last;
	}
	*last = a != NULL ? a : b;
	return merged;
}

/* The cases that have a channel, as a list by its number. */
static struct co_case *sort(struct co_case *cases, size_t count)
{
	if (count > 1)
		return merge(sort(cases, count / 2), sort(cases + count / 2, count - count / 2));
	if (count == 0 || cases->channel == NULL)
		return NULL;
	cases->next_locked = NULL;
	return cases;
}

/* As sort(); quickly where they are in order already, as for one who makes his channels in the order of his cases. */
static struct co_case *in_order(struct co_case *cases, size_t count)
{
	struct co_case *first = NULL;
	struct co_case **last = &first;
	uint64_t number = 0;

	for (size_t i = 0; i < count; i++) {
		struct co_case *at = &cases[i];

		if (at->channel == NULL)
			continue;
		if (at->channel->number < number)
			return sort(cases, count);
		number = at->channel->number;
		*last = at;
		last = &at->next_locked;
	}
	*last = NULL;
	return first;
}

static void lock_all(struct co_case *first)
{
	const struct co_channel *held = NULL;

	if (co_runtime.is_alone)
		return;
	for (struct co_case *at = first; at != NULL; at = at->next_locked) {
		if (at->channel != held)
			co_channel_lock(at->channel);
		held = at->channel;
	}
}

/* Also the commit of a park. */
static void unlock_all(void *first)
{
	struct co_case *at = co_runtime.is_alone ? NULL : first;

	while (at != NULL) {
		struct co_channel *channel = at->channel;

		while (at != NULL && at->channel == channel)
			at = at->next_locked;
		co_channel_unlock(channel);
	}
}

/* ---- what is ready --------------------------------------------------------------------------- */

/* Whether CASE looks ready: a peer in the queue may have been claimed by another. Its channel is locked. */
static bool looks_ready(const struct co_case *each)
{
	return each->is_send ? co_channel_can_send(each->channel) : co_channel_can_receive(each->channel);
}

/* One of those that look ready, each as likely; NULL if none does. All are locked. */
static struct co_case *draw_ready(struct co_case *first)
{
	struct co_case *one = NULL;
	uint32_t count = 0;
	uint32_t drawn;

	for (struct co_case *at = first; at != NULL; at = at->next_locked) {
		if (looks_ready(at)) {
			one = at;
			count++;
		}
	}
	if (count <= 1)
		return one;
	drawn = co_random_below(count);
	for (struct co_case *at = first; at != NULL; at = at->next_locked)
		if (looks_ready(at) && drawn-- == 0)
			return at;
	return NULL; /* not reached: so many look ready */
}

static void do_case(struct co_case *each, struct co_wait **ret_ready)
{
	if (each->is_send)
		each->result = co_channel_send_at_once(each->channel, each->element, ret_ready);
	else
		each->result = co_channel_receive_at_once(each->channel, each->element, ret_ready);
}

/* Carries out a ready case, if there is one. All are locked. *RET_READY as channels have it. */
static struct co_case *do_ready(struct co_case *first, struct co_wait **ret_ready)
{
	struct co_case *drawn;

	/* A case whose peers were all claimed by others is not ready after all, and then looks so no more. */
	while ((drawn = draw_ready(first)) != NULL) {
		do_case(drawn, ret_ready);
		if (drawn->result != CO_EWOULDBLOCK)
			return drawn;
	}
	return NULL;
}

/* One of those that look ready without a lock, each as likely; NULL if none does. */
static struct co_case *draw_unlocked(struct co_case *cases, size_t count)
{
	struct co_case *drawn = NULL;
	uint32_t ready = 0;

	for (size_t i = 0; i < count; i++) {
		struct co_case *at = &cases[i];

		if (at->channel == NULL || !co_channel_looks_ready(at->channel, at->is_send))
			continue;
		if (++ready == 1 || co_random_below(ready) == 0)
			drawn = at;
	}
	return drawn;
}

/* Carries out a case that looked ready, under its channel's lock alone. False: it was not, after all. */
static bool do_drawn(struct co_case *drawn, struct co_wait **ret_ready)
{
	co_channel_lock(drawn->channel);
	do_case(drawn, ret_ready);
	co_channel_unlock(drawn->channel);
	return drawn->result != CO_EWOULDBLOCK;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static struct co_waitq *queue_of(const struct co_case *each)
{
	return each->is_send ? &each->channel->senders : &each->channel->receivers;
}

static void join_queue(struct co_case *each, struct co_wait *wait)
{
	each->party.element = each->element;
	co_waitq_push(queue_of(each), &each->party.waiter, wait);
}

/* Joins one queue with all cases from AT on that stand for it, one drawn at random before the others: a peer takes the
 * first. */
static void join_queue_often(struct co_case *at, struct co_wait *wait)
{
	struct co_channel *channel = at->channel;
	const bool is_send = at->is_send;
	struct co_case *drawn = at;
	uint32_t count = 0;

	for (struct co_case *each = at; each != NULL && each->channel == channel; each = each->next_locked)
		if (each->is_send == is_send && (++count == 1 || co_random_below(count) == 0))
			drawn = each;
	join_queue(drawn, wait);
	for (struct co_case *each = at; each != NULL && each->channel == channel; each = each->next_locked)
		if (each->is_send == is_send && each != drawn)
			join_queue(each, wait);
}

/* True where no other case has the channel of AT. */
static bool stands_alone(const struct co_case *before, const struct co_case *at)
{
	return (before == NULL || before->channel != at->channel) &&
	       (at->next_locked == NULL || at->next_locked->channel != at->channel);
}

static void join_queues(struct co_case *first, struct co_wait *wait)
{
	const struct co_case *before = NULL;

	for (struct co_case *at = first; at != NULL; at = at->next_locked)
		at->party.waiter.queued = false;
	for (struct co_case *at = first; at != NULL; before = at, at = at->next_locked) {
		if (stands_alone(before, at))
			join_queue(at, wait);
		else if (!at->party.waiter.queued)
			join_queue_often(at, wait);
	}
}

static void leave_queues(struct co_case *first, const struct co_waiter *winner)
{
	for (struct co_case *at = first; at != NULL; at = at->next_locked) {
		if (&at->party.waiter == winner)
			continue;
		co_channel_lock(at->channel);
		co_waitq_remove(queue_of(at), &at->party.waiter);
		co_channel_unlock(at->channel);
	}
}

/* Parks until a peer has carried out a case; all are locked, and unlocked on return. NULL, and the error in *RET_ERROR,
 * when the context ended first. */
static struct co_case *wait_for_peer(struct co_context *context, struct co_case *first, int *ret_error)
{
	struct co_case *done;
	struct co_wait wait;
	int r;

	co_wait_init_within(&wait, first != NULL ? "select" : "select (no cases)",
		context == NULL ? CO_WAIT_BY_LOCKS : CO_WAIT_OPEN);
	join_queues(first, &wait);
	if (context == NULL && co_runtime.is_alone)
		r = co_wait_park_within(&wait, NULL);
	else
		r = co_wait_park_commit(&wait, context, CO_NEVER, unlock_all, first);
	leave_queues(first, wait.winner);
	if (wait.winner == NULL) {
		*ret_error = r;
		return NULL;
	}
	done = container_of(wait.winner, struct co_case, party.waiter);
	done->result = r;
	return done;
}

/* ---- select ---------------------------------------------------------------------------------- */

int co_select(struct co_context *context, struct co_case *cases, size_t count)
{
	struct co_case *done = draw_unlocked(cases, count);
	const bool is_sure = done == NULL && co_runtime.is_alone; /* that none is ready */
	struct co_wait *ready = NULL;
	struct co_case *first;
	int r = context != NULL ? co_context_error(context) : 0;

	if (r != 0)
		return r;
	if (done == NULL || !do_drawn(done, &ready)) {
		first = in_order(cases, count);
		lock_all(first);
		done = is_sure ? NULL : do_ready(first, &ready);
		if (done == NULL) {
			done = wait_for_peer(context, first, &r);
			return done != NULL ? (int)(done - cases) : r;
		}
		unlock_all(first);
	}
	if (ready != NULL)
		co_wait_ready_inline(ready);
	return (int)(done - cases);
}

int co_try_select(struct co_case *cases, size_t count)
{
	struct co_case *done = draw_unlocked(cases, count);
	struct co_wait *ready = NULL;
	struct co_case *first;

	if (done == NULL && co_runtime.is_alone)
		return CO_EWOULDBLOCK;
	if (done == NULL || !do_drawn(done, &ready)) { /* others may have become ready meanwhile: all at one moment */
		first = in_order(cases, count);
		lock_all(first);
		done = do_ready(first, &ready);
		unlock_all(first);
	}
	if (ready != NULL)
		co_wait_ready_inline(ready);
	return done != NULL ? (int)(done - cases) : CO_EWOULDBLOCK;
}
