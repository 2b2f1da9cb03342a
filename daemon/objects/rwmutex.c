/* SPDX-License-Identifier: MIT
 *
 * rwmutex.c - Go's sync.RWMutex, held by sessions.
 *
 * Calls are numbered as they join a queue (seat->ticket). Readers are let in up to a mark: all whose ticket is below
 * `admitted` have been called in, though their grants may still follow, 256 at a time.
 *
 * Invariants, whenever the lock is free:
 *  1. A writer holds it alone; while readers hold it, or are called in, no writer is let in.
 *  2. While nobody holds it, is called in, and a token can be had and no delay runs, nobody waits.
 *  3. Readers wait only while a writer holds it or waits, or nobody is let in at all.
 *
 * Time comes with calls; `now_ns` is the latest that was told.
 * Locking: everything is under object.lock. A grant claims the waiter, then takes the owner's lock.
 */
#include "daemon/objects/rwmutex.h"

#include <string.h>

#include "base/memory.h"
#include "daemon/objects/holders.h"
#include "daemon/objects/token.h"
#include "daemon/objects/transition.h"

#define GRANTS_PER_STEP 256u

struct rwmutex {
	struct object object;
	struct lock_options options;
	struct hold writer; /* its owner is NULL while nobody writes */
	struct holders readers;
	struct co_waitq writers_waiting;
	struct co_waitq readers_waiting;
	uint64_t next_ticket;
	uint64_t admitted; /* readers with tickets below it are called in */
	struct lock_past past;
	int64_t now_ns;
};

int rwmutex_new(const char *name, const struct lock_options *options, struct rwmutex **ret)
{
	struct rwmutex *rwmutex = memory_alloc(sizeof(*rwmutex));
	int r;

	if (rwmutex == NULL)
		return OBJECT_ENOMEM;
	*rwmutex = (struct rwmutex){.options = *options, .writer.step = RELEASE_LOCKS};
	r = object_init(&rwmutex->object, &rwmutex_type, name);
	if (r != 0) {
		memory_free(rwmutex);
		return r;
	}
	list_init(&rwmutex->writer.link);
	rwmutex->writer.object = &rwmutex->object;
	holders_init(&rwmutex->readers);
	lock_past_init(&rwmutex->past, &rwmutex->object);
	*ret = rwmutex;
	return OBJECT_OK;
}

struct object *rwmutex_object(struct rwmutex *rwmutex)
{
	return &rwmutex->object;
}

struct rwmutex *rwmutex_of(struct object *object)
{
	return container_of(object, struct rwmutex, object);
}

const char *rwmutex_conflict(const struct rwmutex *rwmutex, const struct lock_options *wanted)
{
	return lock_options_conflict(&rwmutex->options, wanted);
}

static bool is_written(const struct rwmutex *rwmutex)
{
	return rwmutex->writer.owner != NULL;
}

static bool is_written_under(const struct rwmutex *rwmutex, uint64_t token)
{
	return is_written(rwmutex) && rwmutex->writer.token == token;
}

static void hear_time(struct rwmutex *rwmutex, int64_t now_ns)
{
	if (now_ns > rwmutex->now_ns)
		rwmutex->now_ns = now_ns;
}

static struct seat *first_seat(const struct co_waitq *queue)
{
	struct co_waiter *first = co_waitq_first(queue);

	return first != NULL ? seat_of(first) : NULL;
}

/* Whether readers that wait have been called in. */
static bool is_calling(const struct rwmutex *rwmutex)
{
	const struct seat *reader = first_seat(&rwmutex->readers_waiting);

	return reader != NULL && reader->ticket < rwmutex->admitted;
}

/* ---- granting ---------------------------------------------------------------------------------------------------- */

static struct owner *owner_for(const struct seat *seat)
{
	return seat->for_owner != NULL ? seat->for_owner : seat->entry->owner;
}

static void fill_hold(const struct rwmutex *rwmutex, struct hold *hold, const struct seat *seat, uint64_t token)
{
	hold->token = token;
	hold->since_ns = rwmutex->now_ns;
	hold->task = seat->for_owner != NULL ? seat->for_task : seat->entry->task;
}

static void tell(struct rwmutex *rwmutex, struct seat *seat, uint64_t token, enum transition_kind kind)
{
	seat->token = token;
	seat->detail = lock_past_is_abandoned(&rwmutex->past, rwmutex->now_ns);
	seat->entry->sequence = transition_commit_one(kind, &rwmutex->object);
}

/* Gives SEAT's call the lock under TOKEN: it may have it, and stands in no queue. 0 or OBJECT_EENDED. */
static int grant_write(struct rwmutex *rwmutex, struct seat *seat, uint64_t token)
{
	fill_hold(rwmutex, &rwmutex->writer, seat, token);
	if (!owner_take(owner_for(seat), &rwmutex->writer))
		return OBJECT_EENDED;
	tell(rwmutex, seat, token, TRANSITION_RWMUTEX_LOCKED);
	lock_past_told(&rwmutex->past);
	return OBJECT_OK;
}

static int grant_read(struct rwmutex *rwmutex, struct seat *seat, uint64_t token)
{
	struct holder *record = seat->slot;

	fill_hold(rwmutex, &record->hold, seat, token);
	if (!holders_add(&rwmutex->readers, record, owner_for(seat)))
		return OBJECT_EENDED;
	seat->slot = NULL;
	tell(rwmutex, seat, token, TRANSITION_RWMUTEX_RLOCKED);
	return OBJECT_OK;
}

/* Hands the lock to the first of QUEUE by GRANT. False: there is no token, and it waits on. */
static bool let_in(struct rwmutex *rwmutex, struct co_waitq *queue,
	int (*grant)(struct rwmutex *rwmutex, struct seat *seat, uint64_t token))
{
	struct co_waiter *waiter = co_waitq_first(queue);
	uint64_t token;

	if (!token_take(&token))
		return false;
	co_waitq_remove(queue, waiter);
	if (!co_wait_claim(waiter->wait, waiter, OBJECT_OK))
		return true;
	entry_fail(seat_of(waiter)->entry, grant(rwmutex, seat_of(waiter), token));
	co_wait_ready(waiter->wait);
	return true;
}

/* Nobody writes: calls in the readers whose turn it is. AFTER_WRITER: one has just unlocked. */
static void call_readers(struct rwmutex *rwmutex, bool after_writer)
{
	const struct seat *writer = first_seat(&rwmutex->writers_waiting);

	if (writer == NULL || (after_writer && !rwmutex->options.fifo))
		rwmutex->admitted = rwmutex->next_ticket;
	else if (rwmutex->options.fifo)
		rwmutex->admitted = writer->ticket;
}

/* Lets in whose turn it is, up to a step's worth. True: there is more to do. */
static bool settle(struct rwmutex *rwmutex)
{
	for (unsigned left = GRANTS_PER_STEP; !is_written(rwmutex); left--) {
		bool went_on;

		if (lock_past_delays(&rwmutex->past, rwmutex->now_ns))
			return false;
		if (!is_calling(rwmutex))
			call_readers(rwmutex, false);
		if (left == 0)
			return true;
		if (is_calling(rwmutex))
			went_on = let_in(rwmutex, &rwmutex->readers_waiting, grant_read);
		else if (rwmutex->readers.count == 0 && rwmutex->writers_waiting.length > 0)
			went_on = let_in(rwmutex, &rwmutex->writers_waiting, grant_write);
		else
			return false;
		if (!went_on)
			return false;
	}
	return false;
}

/* Settles, and gives the lock back. */
static void leave(struct rwmutex *rwmutex)
{
	while (settle(rwmutex)) {
		co_spin_unlock(&rwmutex->object.lock);
		co_spin_lock(&rwmutex->object.lock);
	}
	co_spin_unlock(&rwmutex->object.lock);
}

/* ---- locking ----------------------------------------------------------------------------------------------------- */

static int attempt(struct rwmutex *rwmutex, struct seat *seat, bool writes)
{
	const bool may_not = is_written(rwmutex) || rwmutex->writers_waiting.length > 0 || is_calling(rwmutex) ||
			     lock_past_delays(&rwmutex->past, rwmutex->now_ns) ||
			     (writes && rwmutex->readers.count > 0);
	uint64_t token;

	if (may_not || !token_take(&token))
		return OBJECT_EWOULDBLOCK;
	return writes ? grant_write(rwmutex, seat, token) : grant_read(rwmutex, seat, token);
}

static void join(struct rwmutex *rwmutex, struct seat *seat, bool writes)
{
	seat->ticket = rwmutex->next_ticket++;
	co_waitq_push(
		writes ? &rwmutex->writers_waiting : &rwmutex->readers_waiting, &seat->waiter, &seat->entry->wait);
}

static int lock(struct rwmutex *rwmutex, struct entry *entry, bool no_wait, bool writes)
{
	int r;

	hear_time(rwmutex, entry->since_ns);
	r = attempt(rwmutex, &entry->seat, writes);
	if (r != OBJECT_EWOULDBLOCK || no_wait)
		return r;
	entry_begin(entry, writes ? "rwmutex lock" : "rwmutex rlock");
	join(rwmutex, &entry->seat, writes);
	r = entry_park(entry, &rwmutex->object.lock);
	co_spin_lock(&rwmutex->object.lock);
	co_waitq_remove(writes ? &rwmutex->writers_waiting : &rwmutex->readers_waiting, &entry->seat.waiter);
	return r;
}

static int lock_and_tell(
	struct rwmutex *rwmutex, struct entry *entry, bool no_wait, bool writes, struct lock_grant *ret)
{
	struct holder *unused;
	int r = entry_refusal(entry);

	if (r != OBJECT_OK)
		return r;
	co_spin_lock(&rwmutex->object.lock);
	if (!writes)
		entry->seat.slot = holders_take_record(&rwmutex->readers, &rwmutex->object);
	r = writes || entry->seat.slot != NULL ? lock(rwmutex, entry, no_wait, writes) : OBJECT_ENOMEM;
	unused = holders_keep_record(&rwmutex->readers, entry->seat.slot);
	leave(rwmutex);
	memory_free(unused);
	if (r == OBJECT_OK)
		*ret = (struct lock_grant){.token = entry->seat.token, .abandoned = entry->seat.detail != 0};
	return r;
}

int rwmutex_rlock(struct rwmutex *rwmutex, struct entry *entry, bool no_wait, struct lock_grant *ret)
{
	return lock_and_tell(rwmutex, entry, no_wait, false, ret);
}

int rwmutex_lock(struct rwmutex *rwmutex, struct entry *entry, bool no_wait, struct lock_grant *ret)
{
	return lock_and_tell(rwmutex, entry, no_wait, true, ret);
}

/* ---- releasing --------------------------------------------------------------------------------------------------- */

/* The hold of TOKEN. NULL: there is none, and *RET_ERROR says how. */
static struct hold *find_hold(struct rwmutex *rwmutex, uint64_t token, int *ret_error)
{
	struct holder *reader = holders_find(&rwmutex->readers, token);

	*ret_error = OBJECT_OK;
	if (reader != NULL)
		return &reader->hold;
	if (is_written_under(rwmutex, token))
		return &rwmutex->writer;
	*ret_error = is_written(rwmutex) || rwmutex->readers.count > 0 ? OBJECT_ESTALE : OBJECT_EUNLOCKED;
	return NULL;
}

/* Ends a hold. Returns what is to be freed without the lock, or NULL. */
static struct holder *drop(struct rwmutex *rwmutex, struct hold *hold, enum transition_kind kind)
{
	struct holder *reader = NULL;

	if (hold == &rwmutex->writer) {
		owner_drop(hold);
		call_readers(rwmutex, true);
	} else {
		reader = container_of(hold, struct holder, hold);
		holders_remove(&rwmutex->readers, reader);
	}
	(void)transition_commit_one(kind, &rwmutex->object);
	return holders_keep_record(&rwmutex->readers, reader);
}

int rwmutex_unlock(struct rwmutex *rwmutex, uint64_t token, int64_t now_ns,
	void (*holder)(const struct hold *hold, void *arg), void *arg)
{
	struct holder *unused = NULL;
	struct hold *hold;
	int r;

	co_spin_lock(&rwmutex->object.lock);
	hold = find_hold(rwmutex, token, &r);
	if (hold != NULL) {
		hear_time(rwmutex, now_ns);
		if (holder != NULL)
			holder(hold, arg);
		unused = drop(rwmutex, hold, TRANSITION_RWMUTEX_UNLOCKED);
	}
	leave(rwmutex);
	memory_free(unused);
	return r;
}

static void rwmutex_release(struct object *object, enum release_step step, uint64_t token, int64_t now_ns)
{
	struct rwmutex *rwmutex = rwmutex_of(object);
	struct holder *unused = NULL;
	struct hold *hold;
	int r;

	(void)step;
	co_spin_lock(&object->lock);
	hold = find_hold(rwmutex, token, &r);
	if (hold != NULL) {
		hear_time(rwmutex, now_ns);
		lock_past_begin(&rwmutex->past, now_ns, rwmutex->options.delay_ns, hold == &rwmutex->writer);
		unused = drop(rwmutex, hold, TRANSITION_RWMUTEX_ABANDONED);
	}
	leave(rwmutex);
	memory_free(unused);
}

/* RECORD becomes the hold of the writer, who reads from now on. 0 or OBJECT_EENDED. */
static int become_reader(struct rwmutex *rwmutex, struct holder *record)
{
	record->hold.token = rwmutex->writer.token;
	record->hold.since_ns = rwmutex->writer.since_ns;
	record->hold.task = rwmutex->writer.task;
	if (!holders_add(&rwmutex->readers, record, rwmutex->writer.owner))
		return OBJECT_EENDED;
	owner_drop(&rwmutex->writer);
	(void)transition_commit_one(TRANSITION_RWMUTEX_DOWNGRADED, &rwmutex->object);
	call_readers(rwmutex, true);
	return OBJECT_OK;
}

int rwmutex_downgrade(struct rwmutex *rwmutex, uint64_t token, int64_t now_ns)
{
	struct holder *record;
	int r;

	co_spin_lock(&rwmutex->object.lock);
	hear_time(rwmutex, now_ns);
	record = holders_take_record(&rwmutex->readers, &rwmutex->object);
	if (find_hold(rwmutex, token, &r) == NULL)
		; /* R says how */
	else if (!is_written_under(rwmutex, token))
		r = OBJECT_ESTALE;
	else
		r = record != NULL ? become_reader(rwmutex, record) : OBJECT_ENOMEM;
	if (r != OBJECT_OK)
		record = holders_keep_record(&rwmutex->readers, record);
	leave(rwmutex);
	if (r != OBJECT_OK)
		memory_free(record);
	return r;
}

int rwmutex_hand_over(struct rwmutex *rwmutex, uint64_t token)
{
	struct hold *hold;
	int r;

	co_spin_lock(&rwmutex->object.lock);
	hold = find_hold(rwmutex, token, &r);
	if (hold != NULL)
		hold->task = 0;
	co_spin_unlock(&rwmutex->object.lock);
	return r;
}

static void rwmutex_admit(struct object *object, int64_t now_ns)
{
	struct rwmutex *rwmutex = rwmutex_of(object);

	co_spin_lock(&object->lock);
	hear_time(rwmutex, now_ns);
	leave(rwmutex);
}

/* ---- cases of a select ------------------------------------------------------------------------------------------- */

int rwmutex_prepare(struct rwmutex *rwmutex, struct seat *seat)
{
	co_spin_lock(&rwmutex->object.lock);
	seat->slot = holders_take_record(&rwmutex->readers, &rwmutex->object);
	co_spin_unlock(&rwmutex->object.lock);
	return seat->slot != NULL ? OBJECT_OK : OBJECT_ENOMEM;
}

void rwmutex_finish(struct rwmutex *rwmutex, struct seat *seat)
{
	struct holder *unused;

	co_spin_lock(&rwmutex->object.lock);
	unused = holders_keep_record(&rwmutex->readers, seat->slot);
	co_spin_unlock(&rwmutex->object.lock);
	seat->slot = NULL;
	memory_free(unused);
}

static int attempt_write(struct object *object, struct seat *seat)
{
	hear_time(rwmutex_of(object), seat->entry->since_ns);
	return attempt(rwmutex_of(object), seat, true);
}

static int attempt_read(struct object *object, struct seat *seat)
{
	hear_time(rwmutex_of(object), seat->entry->since_ns);
	return attempt(rwmutex_of(object), seat, false);
}

static void join_write(struct object *object, struct seat *seat)
{
	join(rwmutex_of(object), seat, true);
}

static void join_read(struct object *object, struct seat *seat)
{
	join(rwmutex_of(object), seat, false);
}

static void leave_write(struct object *object, struct seat *seat, bool again)
{
	(void)again;
	co_waitq_remove(&rwmutex_of(object)->writers_waiting, &seat->waiter);
}

static void leave_read(struct object *object, struct seat *seat, bool again)
{
	(void)again;
	co_waitq_remove(&rwmutex_of(object)->readers_waiting, &seat->waiter);
}

static void unlock_case(struct object *object)
{
	leave(rwmutex_of(object));
}

const struct case_type rwmutex_lock_case = {attempt_write, join_write, leave_write, unlock_case};
const struct case_type rwmutex_rlock_case = {attempt_read, join_read, leave_read, unlock_case};

/* ---- looking ----------------------------------------------------------------------------------------------------- */

bool rwmutex_holds(struct rwmutex *rwmutex, uint64_t token, bool *ret_writes)
{
	bool holds;
	int r;

	co_spin_lock(&rwmutex->object.lock);
	holds = find_hold(rwmutex, token, &r) != NULL;
	if (ret_writes != NULL)
		*ret_writes = holds && is_written_under(rwmutex, token);
	co_spin_unlock(&rwmutex->object.lock);
	return holds;
}

static bool rwmutex_is_idle(const struct object *object, int64_t now_ns)
{
	const struct rwmutex *rwmutex = container_of(object, const struct rwmutex, object);

	return !is_written(rwmutex) && rwmutex->readers.count == 0 && !rwmutex->past.is_timed &&
	       !lock_past_is_abandoned(&rwmutex->past, now_ns);
}

static const char *state_name(const struct rwmutex *rwmutex)
{
	if (is_written(rwmutex))
		return "locked";
	return rwmutex->readers.count > 0 ? "read-locked" : "unlocked";
}

static void rwmutex_describe(struct object *object, struct object_description *ret)
{
	struct rwmutex *rwmutex = rwmutex_of(object);

	*ret = (struct object_description){0};
	co_spin_lock(&object->lock);
	ret->holders = is_written(rwmutex) + rwmutex->readers.count;
	ret->waiters = (uint32_t)(rwmutex->writers_waiting.length + rwmutex->readers_waiting.length);
	ret->token = rwmutex->writer.token;
	ret->abandoned = rwmutex->past.is_abandoned;
	(void)memccpy(ret->state, state_name(rwmutex), '\0', sizeof(ret->state));
	co_spin_unlock(&object->lock);
}

static bool visit_writer(
	const struct rwmutex *rwmutex, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	const struct hold *hold = &rwmutex->writer;

	return !is_written(rwmutex) || visit(&(struct object_party){.role = "writer",
						     .owner = hold->owner,
						     .task = hold->task,
						     .token = hold->token,
						     .since_ns = hold->since_ns},
					       arg);
}

/* Both queues, as one in the order in which they came. */
static void visit_waiting(
	const struct rwmutex *rwmutex, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	const struct co_waiter *writer = rwmutex->writers_waiting.oldest;
	const struct co_waiter *reader = rwmutex->readers_waiting.oldest;
	bool more = true;

	while (more && (writer != NULL || reader != NULL)) {
		const bool writes =
			reader == NULL || (writer != NULL && seat_of((struct co_waiter *)writer)->ticket <
								     seat_of((struct co_waiter *)reader)->ticket);
		const struct co_waiter **next = writes ? &writer : &reader;

		more = entry_visit_waiter(*next, writes ? "waiting writer" : "waiting reader", visit, arg);
		*next = (*next)->next;
	}
}

static void rwmutex_visit_parties(
	struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	struct rwmutex *rwmutex = rwmutex_of(object);

	co_spin_lock(&object->lock);
	if (visit_writer(rwmutex, visit, arg) && holders_visit(&rwmutex->readers, "reader", visit, arg))
		visit_waiting(rwmutex, visit, arg);
	co_spin_unlock(&object->lock);
}

static void rwmutex_free(struct object *object)
{
	struct rwmutex *rwmutex = rwmutex_of(object);

	if (is_written(rwmutex))
		memory_free(drop(rwmutex, &rwmutex->writer, TRANSITION_RWMUTEX_ABANDONED));
	while (!list_is_empty(&rwmutex->readers.by_age)) {
		struct list *oldest = rwmutex->readers.by_age.next;

		memory_free(
			drop(rwmutex, &container_of(oldest, struct holder, link)->hold, TRANSITION_RWMUTEX_ABANDONED));
	}
	holders_done(&rwmutex->readers);
	object_done(object);
	memory_free(rwmutex);
}

const struct object_type rwmutex_type = {
	.kind = OBJECT_RWMUTEX,
	.name = "rwmutex",
	.is_idle = rwmutex_is_idle,
	.release = rwmutex_release,
	.admit = rwmutex_admit,
	.describe = rwmutex_describe,
	.visit_parties = rwmutex_visit_parties,
	.free = rwmutex_free,
};
