/* SPDX-License-Identifier: MIT
 *
 * atomic.c - a number under a spin lock. At 0 it has no kind, and is forgotten.
 *
 * Invariant: `value` is one that `kind` can have, extended to 64 bits as the kind is signed or not.
 * Locking: object.lock.
 */
#include "daemon/objects/atomic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/objects/transition.h"

struct atomic {
	struct object object;
	enum atomic_kind kind;
	uint64_t value;
};

struct object *atomic_object(struct atomic *atomic)
{
	return &atomic->object;
}

struct atomic *atomic_of(struct object *object)
{
	return container_of(object, struct atomic, object);
}

const char *atomic_kind_name(enum atomic_kind kind)
{
	static const char *const names[ATOMIC_KIND_COUNT] = {"none", "int32", "uint32", "int64", "uint64"};

	return names[kind];
}

/* VALUE, wrapped to KIND, in 64 bits. */
static uint64_t wrap(enum atomic_kind kind, uint64_t value)
{
	switch (kind) {
	case ATOMIC_INT32:
		return (uint64_t)(int64_t)(int32_t)(uint32_t)value;
	case ATOMIC_UINT32:
		return (uint32_t)value;
	default:
		return value;
	}
}

static bool can_have(enum atomic_kind kind, enum atomic_operation operation, uint64_t value)
{
	const bool takes_back = kind == ATOMIC_UINT32 && operation == ATOMIC_ADD;

	return wrap(kind, value) == value || (takes_back && wrap(ATOMIC_INT32, value) == value);
}

int atomic_new(const char *name, struct atomic **ret)
{
	struct atomic *atomic = memory_zalloc(sizeof(*atomic));
	int r;

	if (atomic == NULL)
		return OBJECT_ENOMEM;
	r = object_init(&atomic->object, &atomic_type, name);
	if (r != OBJECT_OK) {
		memory_free(atomic);
		return r;
	}
	*ret = atomic;
	return OBJECT_OK;
}

/* The value that OPERATION makes of OLD. */
static uint64_t compute(enum atomic_operation operation, uint64_t old, uint64_t value, uint64_t expected)
{
	switch (operation) {
	case ATOMIC_STORE:
	case ATOMIC_SWAP:
		return value;
	case ATOMIC_ADD:
		return old + value;
	case ATOMIC_COMPARE_AND_SWAP:
		return old == expected ? value : old;
	case ATOMIC_AND:
		return old & value;
	case ATOMIC_OR:
		return old | value;
	default:
		return old;
	}
}

/* Under the lock, with the kind settled. */
static int apply(struct atomic *atomic, enum atomic_operation operation, enum atomic_kind kind, uint64_t value,
	uint64_t expected, struct atomic_answer *ret)
{
	const uint64_t old = atomic->value;

	if (!can_have(kind, operation, value) || !can_have(kind, operation, expected))
		return ATOMIC_ERANGE;
	atomic->value = wrap(kind, compute(operation, old, value, expected));
	atomic->kind = atomic->value != 0 ? kind : ATOMIC_NONE;
	ret->value = operation == ATOMIC_ADD ? atomic->value : old;
	ret->done = operation == ATOMIC_COMPARE_AND_SWAP && old == expected;
	if (atomic->value != old)
		(void)transition_commit_one(TRANSITION_ATOMIC_CHANGED, &atomic->object);
	return OBJECT_OK;
}

int atomic_apply(struct atomic *atomic, enum atomic_operation operation, enum atomic_kind kind, uint64_t value,
	uint64_t expected, struct atomic_answer *ret)
{
	int r = ATOMIC_EKIND;

	co_spin_lock(&atomic->object.lock);
	*ret = (struct atomic_answer){.kind = atomic->kind};
	if (kind == ATOMIC_NONE)
		kind = atomic->kind != ATOMIC_NONE ? atomic->kind : ATOMIC_INT64;
	if (atomic->kind == ATOMIC_NONE || atomic->kind == kind) {
		ret->kind = kind;
		r = apply(atomic, operation, kind, value, expected, ret);
	}
	co_spin_unlock(&atomic->object.lock);
	return r;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static bool atomic_is_idle(const struct object *object, int64_t now_ns)
{
	(void)now_ns;
	return container_of(object, const struct atomic, object)->value == 0;
}

static void atomic_describe(struct object *object, struct object_description *ret)
{
	const struct atomic *atomic = atomic_of(object);
	enum atomic_kind kind;
	uint64_t value;

	co_spin_lock(&object->lock);
	kind = atomic->kind;
	value = atomic->value;
	co_spin_unlock(&object->lock);
	*ret = (struct object_description){.length = value};
	if (kind == ATOMIC_INT32 || kind == ATOMIC_INT64)
		(void)snprintf(ret->state, sizeof(ret->state), "%s %" PRId64, atomic_kind_name(kind), (int64_t)value);
	else
		(void)snprintf(ret->state, sizeof(ret->state), "%s %" PRIu64, atomic_kind_name(kind), value);
}

static void atomic_visit_parties(
	struct object *object, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	(void)object;
	(void)visit;
	(void)arg;
}

static void atomic_free(struct object *object)
{
	object_done(object);
	memory_free(atomic_of(object));
}

const struct object_type atomic_type = {
	.kind = OBJECT_ATOMIC,
	.name = "atomic",
	.is_idle = atomic_is_idle,
	.describe = atomic_describe,
	.visit_parties = atomic_visit_parties,
	.free = atomic_free,
};
