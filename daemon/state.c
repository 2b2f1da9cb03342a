/* SPDX-License-Identifier: MIT
 *
 * state.c - what the state file must say, and when.
 *
 * Invariants
 *  1. The file says a time at least as long as any session's that was granted a lock in this run (`asked_ns`), before
 *     its grant, and until the grace is over as long as that of the run before (`inherited_ns`).
 *  2. Tokens below the limit of token.h were reserved in the file before.
 *  3. Writes are made one at a time, under `writing`, each with all that is wanted at its time: grants that wait for
 *     one share the next.
 *
 * Locking: state.lock guards what is not atomic; only token.h's lock is taken under it. `writing` is held over a write
 * and parks.
 */
#include "daemon/state.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "daemon/log.h"
#include "daemon/objects/token.h"
#include "daemon/registry.h"
#include "daemon/state_file.h"
#include "runtime/co.h"

#define RESERVED_AHEAD (UINT64_C(1) << 20)
#define RESERVE_AT (RESERVED_AHEAD / 2) /* so many are left: reserve more in the background */
#define RETRY_NS CO_SECOND

static struct {
	struct state_file *file;    /* NULL: nothing is kept; written under `writing` and the lock */
	struct co_context *context; /* ends with state_close */
	struct co_mutex writing;
	struct co_spin lock;
	struct state_record noted; /* what the file says */
	int64_t asked_ns;
	int64_t inherited_ns;
	int64_t grace_ends_ns; /* 0: no grace */
	unsigned background;   /* coroutines */
	bool is_reserving;
	bool is_stopped;
	atomic_bool has_holders; /* state_stop's finding */
} state;

/* ---- jobs on the helper thread ----------------------------------------------------------------------------------- */

struct opening {
	const char *folder;
	struct state_record record;
	char *why;
	size_t size;
	int r;
};

static void run_open(void *arg)
{
	struct opening *opening = arg;

	opening->r = state_file_open(opening->folder, &state.file, &opening->record, opening->why, opening->size);
}

struct writing {
	struct state_record record;
	int r;
};

static void run_write(void *arg)
{
	struct writing *writing = arg;

	writing->r = state_file_write(state.file, &writing->record);
}

/* ---- noting ------------------------------------------------------------------------------------------------------ */

/* What the file ought to say. Under state.lock. */
static struct state_record wanted(bool reserve)
{
	struct state_record record = {
		.reserved = state.noted.reserved + (reserve ? RESERVED_AHEAD : 0),
		.holders_ns = state.asked_ns > state.inherited_ns ? state.asked_ns : state.inherited_ns,
	};

	return record;
}

static bool is_same(const struct state_record *a, const struct state_record *b)
{
	return a->reserved == b->reserved && a->holders_ns == b->holders_ns;
}

/* Under `writing`. Parks. */
static int write_note(struct writing *writing)
{
	int r = co_blocking(run_write, writing);

	if (r == 0)
		r = writing->r;
	if (r == 0) {
		co_spin_lock(&state.lock);
		state.noted = writing->record;
		co_spin_unlock(&state.lock);
		token_raise_limit(writing->record.reserved);
	}
	return r;
}

/* Has the file say what it ought to; RESERVE: also more tokens, unless somebody was faster. Parks. 0 or a negative
 * errno. */
static int note(bool reserve)
{
	struct writing writing = {0};
	bool is_due;
	int r = 0;

	(void)co_mutex_lock(NULL, &state.writing);
	co_spin_lock(&state.lock);
	reserve = reserve && token_remaining() < RESERVE_AT;
	writing.record = wanted(reserve);
	is_due = !is_same(&writing.record, &state.noted);
	co_spin_unlock(&state.lock);
	if (is_due && state.file == NULL)
		r = -ESHUTDOWN; /* it was closed meanwhile */
	else if (is_due)
		r = write_note(&writing);
	(void)co_mutex_unlock(&state.writing);
	return r;
}

static void admit(struct object *object)
{
	if (object->type->admit != NULL)
		object->type->admit(object, co_now_cached());
}

static int reserve_more(void)
{
	const int r = note(true);

	if (r == 0)
		registry_each(-1, admit); /* those who came when there were none left */
	return r;
}

/* ---- in the background ------------------------------------------------------------------------------------------- */

/* Starts FUNCTION as a coroutine that state_close waits for. */
static int start(void (*function)(void *arg))
{
	int r;

	co_spin_lock(&state.lock);
	state.background++;
	co_spin_unlock(&state.lock);
	r = co_go_from(function, NULL, "state");
	if (r < 0) {
		co_spin_lock(&state.lock);
		state.background--;
		co_spin_unlock(&state.lock);
	}
	return r;
}

static void reserve_in_background(void *unused)
{
	int r;

	(void)unused;
	while ((r = reserve_more()) < 0) {
		log_error("cannot reserve fencing tokens file=%s left=%llu why=\"%s\"", state_path(),
			(unsigned long long)token_remaining(), co_strerror(r));
		if (co_sleep(state.context, RETRY_NS) != 0)
			break;
	}
	co_spin_lock(&state.lock);
	state.is_reserving = false;
	state.background--;
	co_spin_unlock(&state.lock);
}

/* The holders of before the restart are gone: what this run's sessions asked for is all that counts from now on. */
static void end_grace(void)
{
	int r;

	co_spin_lock(&state.lock);
	state.inherited_ns = 0;
	co_spin_unlock(&state.lock);
	r = note(false);
	if (r < 0)
		log_error("cannot take the note of holders back file=%s why=\"%s\"", state_path(), co_strerror(r));
	co_spin_lock(&state.lock);
	state.grace_ends_ns = 0;
	token_set_gate(!state.is_stopped);
	co_spin_unlock(&state.lock);
	log_info("restart grace is over, locks are granted again");
	registry_each(-1, admit);
}

static void await_end_of_grace(void *unused)
{
	(void)unused;
	if (co_sleep(state.context, state.grace_ends_ns - co_now()) == 0)
		end_grace();
	co_spin_lock(&state.lock);
	state.background--;
	co_spin_unlock(&state.lock);
}

/* ---- for the daemon ---------------------------------------------------------------------------------------------- */

static uint64_t first_token(void)
{
	return (uint64_t)co_realtime() / 1000;
}

/* Reserves the first tokens, and shuts the gate where the run before had holders. */
static int begin(const struct state_record *record)
{
	const uint64_t first = record->reserved > first_token() ? record->reserved : first_token();
	int r;

	state.inherited_ns = record->holders_ns;
	state.noted = (struct state_record){.reserved = first, .holders_ns = record->holders_ns};
	token_set_range(first, first);
	r = note(true);
	if (r < 0 || record->holders_ns == 0)
		return r;
	log_info("holders from before the restart may still be at work, no lock is granted for ms=%lld",
		(long long)(record->holders_ns / CO_MILLISECOND));
	state.grace_ends_ns = co_deadline_after(co_now(), record->holders_ns);
	token_set_gate(false);
	return start(await_end_of_grace);
}

/* What a state closed before has left. */
static void forget(void)
{
	state.noted = (struct state_record){0};
	state.asked_ns = 0;
	state.inherited_ns = 0;
	state.grace_ends_ns = 0;
	state.is_reserving = false;
	state.is_stopped = false;
}

int state_open(const char *folder, char *ret_why, size_t size)
{
	struct opening opening = {.folder = folder, .why = ret_why, .size = size};
	int r;

	forget();
	if (folder == NULL) {
		token_set_range(first_token(), UINT64_MAX);
		return 0;
	}
	r = co_blocking(run_open, &opening);
	if (r == 0 && opening.r < 0)
		return opening.r;
	if (r == 0)
		r = co_with_cancel(NULL, &state.context);
	if (r == 0)
		r = begin(&opening.record);
	if (r < 0) {
		(void)snprintf(ret_why, size, "%s: %s", folder, co_strerror(r));
		state_close();
	}
	return r;
}

/* Sees to it that a token can be had. 0, or the negative errno for which none can. */
static int tend_tokens(void)
{
	const uint64_t remaining = token_remaining();
	bool start_it = false;

	if (remaining >= RESERVE_AT)
		return 0;
	if (remaining == 0)
		return reserve_more();
	co_spin_lock(&state.lock);
	start_it = !state.is_reserving;
	state.is_reserving = true;
	co_spin_unlock(&state.lock);
	if (start_it && start(reserve_in_background) < 0) {
		co_spin_lock(&state.lock);
		state.is_reserving = false;
		co_spin_unlock(&state.lock);
	}
	return 0;
}

int state_before_grant(int64_t ttl_ns, int64_t grace_ns)
{
	const int64_t asked_ns = co_deadline_after(ttl_ns, grace_ns > 0 ? grace_ns : STATE_DEFAULT_GRACE_NS);
	bool is_kept;
	bool is_noted;
	bool is_stopped;
	int r = 0;

	co_spin_lock(&state.lock);
	is_kept = state.file != NULL;
	is_stopped = state.is_stopped;
	if (!is_stopped && asked_ns > state.asked_ns)
		state.asked_ns = asked_ns;
	is_noted = asked_ns <= state.noted.holders_ns;
	co_spin_unlock(&state.lock);
	if (is_stopped)
		return -ESHUTDOWN;
	if (!is_kept)
		return 0;
	if (!is_noted)
		r = note(false);
	return r == 0 ? tend_tokens() : r;
}

int64_t state_grace_left(void)
{
	int64_t ends_ns;
	int64_t left;

	co_spin_lock(&state.lock);
	ends_ns = state.grace_ends_ns;
	co_spin_unlock(&state.lock);
	left = ends_ns - co_now();
	return left > 0 ? left : 0;
}

static void look_for_holder(struct object *object)
{
	struct object_description description;

	object->type->describe(object, &description);
	if (object->type->admit != NULL && description.holders > 0)
		atomic_store(&state.has_holders, true);
}

int state_stop(void)
{
	bool holders;

	if (state.file == NULL)
		return 0;
	co_spin_lock(&state.lock);
	state.is_stopped = true;
	token_set_gate(false);
	co_spin_unlock(&state.lock);
	atomic_store(&state.has_holders, false);
	registry_each(-1, look_for_holder);
	holders = atomic_load(&state.has_holders);
	co_spin_lock(&state.lock);
	if (!holders)
		state.asked_ns = 0;
	co_spin_unlock(&state.lock);
	return holders ? 0 : note(false);
}

static bool has_background(void)
{
	bool has;

	co_spin_lock(&state.lock);
	has = state.background > 0;
	co_spin_unlock(&state.lock);
	return has;
}

void state_close(void)
{
	struct state_file *file;

	if (state.context != NULL)
		co_cancel(state.context, "the daemon stops");
	while (has_background())
		(void)co_sleep(NULL, CO_MILLISECOND);
	state.context = co_context_unref(state.context);
	(void)co_mutex_lock(NULL, &state.writing);
	file = state.file;
	co_spin_lock(&state.lock);
	state.file = NULL;
	state.is_stopped = file != NULL; /* calls that are still under way get no more locks */
	co_spin_unlock(&state.lock);
	state_file_close(file);
	(void)co_mutex_unlock(&state.writing);
}

const char *state_path(void)
{
	return state.file != NULL ? state_file_path(state.file) : "";
}
