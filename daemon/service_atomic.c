/* SPDX-License-Identifier: MIT
 *
 * service_atomic.c - the service Atomic.
 */
#include <baton/v1/atomic.pb-c.h>
#include <baton/v1/status.pb-c.h>

#include "daemon/call.h"
#include "daemon/objects/atomic.h"
#include "daemon/registry.h"
#include "daemon/services.h"

#define STATUS(name) BATON__V1__STATUS__STATUS_##name
#define REASON(name) BATON__V1__REASON__REASON_##name

static const char kind[] = "atomic";

/* The numbers of the wire's kinds are the object's. */
_Static_assert((int)ATOMIC_INT32 == BATON__V1__ATOMIC_KIND__ATOMIC_KIND_INT32, "int32");
_Static_assert((int)ATOMIC_UINT64 == BATON__V1__ATOMIC_KIND__ATOMIC_KIND_UINT64, "uint64");

static int make_atomic(const char *name, void *unused, struct object **ret)
{
	struct atomic *atomic;
	const int r = atomic_new(name, &atomic);

	(void)unused;
	if (r == OBJECT_OK)
		*ret = atomic_object(atomic);
	return r;
}

static int fail(struct call *call, const Baton__V1__AtomicRequest *request, const struct atomic_answer *answer, int r)
{
	switch (r) {
	case ATOMIC_EKIND:
		return call_fail(call, STATUS(FAILED_PRECONDITION), REASON(OTHER_KIND),
			"%s \"%s\": it is an %s, not an %s", kind, request->name, atomic_kind_name(answer->kind),
			atomic_kind_name((enum atomic_kind)request->kind));
	case ATOMIC_ERANGE:
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST), "%s \"%s\": no value of an %s",
			kind, request->name, atomic_kind_name(answer->kind));
	default:
		return call_fail_object(call, kind, request->name, r);
	}
}

static int handle(struct call *call, const void *message, void *answer, enum atomic_operation operation)
{
	const Baton__V1__AtomicRequest *request = message;
	Baton__V1__AtomicResponse *response = answer;
	struct atomic_answer result = {0};
	struct object *object;
	int r;

	if ((unsigned)request->kind >= ATOMIC_KIND_COUNT)
		return call_fail(call, STATUS(INVALID_ARGUMENT), REASON(BAD_REQUEST), "%s \"%s\": there is no kind %d",
			kind, request->name, (int)request->kind);
	r = registry_open(OBJECT_ATOMIC, request->name, make_atomic, NULL, &object, NULL);
	if (r != OBJECT_OK)
		return call_fail_object(call, kind, request->name, r);
	r = atomic_apply(atomic_of(object), operation, (enum atomic_kind)request->kind, request->value,
		request->expected, &result);
	registry_release(object);
	if (r != OBJECT_OK)
		return fail(call, request, &result, r);
	response->kind = (Baton__V1__AtomicKind)result.kind;
	response->value = result.value;
	response->done = result.done;
	return STATUS(OK);
}

int handle_atomic_load(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, ATOMIC_LOAD);
}

int handle_atomic_store(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, ATOMIC_STORE);
}

int handle_atomic_add(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, ATOMIC_ADD);
}

int handle_atomic_swap(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, ATOMIC_SWAP);
}

int handle_atomic_compare_and_swap(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, ATOMIC_COMPARE_AND_SWAP);
}

int handle_atomic_and(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, ATOMIC_AND);
}

int handle_atomic_or(struct call *call, const void *message, void *answer)
{
	return handle(call, message, answer, ATOMIC_OR);
}
