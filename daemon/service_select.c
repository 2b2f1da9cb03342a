/* SPDX-License-Identifier: MIT
 *
 * service_select.c - the service Select: its cases to those of objects, by the table of kinds.
 *
 * All cases are opened before it waits, so that one that cannot be fails the whole. A timer has no object: it is the
 * call's deadline for as long as it is the earlier of the two.
 */
#include <baton/v1/select.pb-c.h>
#include <baton/v1/status.pb-c.h>

#include "base/memory.h"
#include "daemon/call.h"
#include "daemon/limits.h"
#include "daemon/packed.h"
#include "daemon/registry.h"
#include "daemon/select_kind.h"
#include "daemon/services.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name
#define KIND(name) BATON__V1__SELECT_KIND__SELECT_KIND_##name

static const struct select_kind *const kinds[] = {
	[KIND(SEND)] = &select_send,
	[KIND(RECEIVE)] = &select_receive,
	[KIND(LOCK)] = &select_lock,
	[KIND(RLOCK)] = &select_rlock,
	[KIND(WLOCK)] = &select_wlock,
	[KIND(ACQUIRE)] = &select_acquire,
	[KIND(WAIT)] = &select_zero,
	[KIND(DONE)] = &select_ended,
	[KIND(ONCE)] = &select_done,
};

/* A call's cases. */
struct selection {
	size_t count;
	int64_t timer_ns; /* the earliest timer's time; CO_NEVER: there is none */
	size_t timer;     /* its index */
	uint32_t timers;  /* how many have that time */
	const struct select_kind **kinds;
	struct select_case *cases;
};

/* ---- from bytes to cases ----------------------------------------------------------------------------------------- */

/* How many cases there are, in *RET. 0, or the status with which the call has failed. */
static int count_cases(struct call *call, struct packed packed, size_t *ret)
{
	if (!packed_count(packed, ret))
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"the cases of the SelectWaitRequest are no SelectCases");
	if (*ret > LIMIT_SELECT_CASES)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"the select has more than %u cases", LIMIT_SELECT_CASES);
	return STATUS(OK);
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

static struct selection *selection_new(size_t count)
{
	const size_t bytes = sizeof(struct selection) + count * (sizeof(struct select_case) + sizeof(void *));
	struct selection *selection = memory_zalloc(bytes);

	if (selection == NULL)
		return NULL;
	selection->timer_ns = CO_NEVER;
	selection->cases = (struct select_case *)(selection + 1);
	selection->kinds = (const struct select_kind **)(selection->cases + count);
	return selection;
}

static void selection_free(struct selection *selection)
{
	for (size_t i = 0; i < selection->count; i++) {
		struct select_case *choice = &selection->cases[i];
		const struct select_kind *kind = selection->kinds[i];

		if (kind == NULL)
			continue;
		if (kind->close != NULL)
			kind->close(choice);
		registry_release(choice->object);
	}
	memory_free(selection);
}

/* Of timers with the same time each is equally likely. */
static void add_timer(struct selection *selection, uint64_t us)
{
	const int64_t ns = us < (uint64_t)CO_NEVER / 1000 ? (int64_t)us * 1000 : CO_NEVER - 1;

	if (ns < selection->timer_ns)
		selection->timers = 0;
	if (ns > selection->timer_ns || co_random_below(++selection->timers) != 0)
		return;
	selection->timer_ns = ns;
	selection->timer = selection->count;
}

/* The case counts from here on if it was opened. 0, or the status with which the call has failed. */
static int open_case(struct call *call, const Baton__V1__SelectCase *request, struct selection *selection)
{
	const struct select_kind *kind = NULL;
	int status = STATUS(OK);

	if ((unsigned)request->kind < sizeof(kinds) / sizeof(kinds[0]))
		kind = kinds[request->kind];
	if (request->kind == KIND(TIMER))
		add_timer(selection, request->number);
	else if (kind == NULL && request->kind != KIND(OFF))
		status = call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST),
			"there is no kind %d of cases of a select", (int)request->kind);
	else if (kind != NULL && !call_accepts_name(call, request->name))
		status = STATUS(INVALID_ARGUMENT);
	else if (kind != NULL)
		status = kind->open(call, request, &selection->cases[selection->count]);
	if (status == STATUS(OK))
		selection->kinds[selection->count++] = kind;
	return status;
}

static int open_all(struct call *call, struct packed packed, struct selection *selection)
{
	const uint8_t *bytes;
	size_t length;
	int status = STATUS(OK);

	while (status == STATUS(OK) && packed_next(&packed, &bytes, &length)) {
		const Baton__V1__SelectCase *request =
			call_unpack(call, &baton__v1__select_case__descriptor, bytes, length);

		status = request != NULL ? open_case(call, request, selection) : STATUS(INVALID_ARGUMENT);
	}
	return status;
}

/* ---- the select -------------------------------------------------------------------------------------------------- */

/* As select_wait(); OBJECT_OK with *RET NULL: it is the timer. */
static int wait_for_one(struct call *call, struct selection *selection, bool no_wait, struct select_case **ret)
{
	struct entry *entry = call_entry(call);
	const bool is_due = selection->timer_ns == 0;
	int64_t timer_ns = CO_NEVER;
	int r;

	*ret = NULL;
	if (selection->timer_ns != CO_NEVER)
		timer_ns = co_deadline_after(co_now(), selection->timer_ns);
	if (!is_due && timer_ns <= entry->deadline_ns)
		entry->deadline_ns = timer_ns;
	else if (!is_due)
		timer_ns = CO_NEVER;
	r = select_wait(entry, selection->cases, selection->count, no_wait || is_due, ret);
	if (r == OBJECT_EWOULDBLOCK && is_due)
		return OBJECT_OK;
	if (r == OBJECT_EDEADLINE && timer_ns != CO_NEVER && co_context_deadline(entry->context) > timer_ns)
		return OBJECT_OK;
	return r;
}

/* What happened goes into RESPONSE. Returns the status. */
static int answer(struct call *call, const struct selection *selection, const struct select_case *choice,
	Baton__V1__SelectWaitResponse *response)
{
	const size_t index = choice != NULL ? (size_t)(choice - selection->cases) : selection->timer;
	const struct select_kind *kind = selection->kinds[index];

	response->index = (uint32_t)index;
	if (choice == NULL)
		return STATUS(OK);
	response->closed = choice->result == OBJECT_ECLOSED;
	if (choice->result == OBJECT_OK)
		kind->take(call, choice, response);
	else if (!response->closed)
		return call_fail_object(call, kind->object, choice->object->name, choice->result);
	return STATUS(OK);
}

static int select_one(
	struct call *call, struct selection *selection, bool no_wait, Baton__V1__SelectWaitResponse *response)
{
	struct select_case *choice;
	const int r = wait_for_one(call, selection, no_wait, &choice);

	response->would_block = r == OBJECT_EWOULDBLOCK;
	if (r == OBJECT_OK)
		return answer(call, selection, choice, response);
	return response->would_block ? STATUS(OK) : call_fail_object(call, "select", NULL, r);
}

int handle_select_wait(struct call *call, const void *message, void *response)
{
	const Baton__V1__SelectWaitRequest *request = message;
	const struct packed packed = packed_of(request->cases);
	const bool no_wait = request->no_wait;
	struct selection *selection;
	size_t count;
	int status = count_cases(call, packed, &count);

	if (status != STATUS(OK))
		return status;
	selection = selection_new(count);
	if (selection == NULL)
		return call_fail_object(call, "select", NULL, OBJECT_ENOMEM);
	status = open_all(call, packed, selection);
	if (status == STATUS(OK))
		status = select_one(call, selection, no_wait, response);
	selection_free(selection);
	return status;
}
