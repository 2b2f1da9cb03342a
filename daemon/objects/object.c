/* SPDX-License-Identifier: MIT
 *
 * object.c - the life of what all named primitives embed.
 */
#include "daemon/objects/object.h"

#include <string.h>

#include "base/memory.h"

void (*object_forget)(struct object *object);

int object_init(struct object *object, const struct object_type *type, const char *name)
{
	static _Atomic uint64_t last_id;

	object->name = memory_copy(name, strlen(name));
	if (object->name == NULL)
		return OBJECT_ENOMEM;
	object->type = type;
	object->id = atomic_fetch_add(&last_id, 1) + 1;
	atomic_init(&object->references, 1);
	return OBJECT_OK;
}

struct object *object_ref(struct object *object)
{
	atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
	return object;
}

bool object_try_ref(struct object *object)
{
	unsigned references = atomic_load_explicit(&object->references, memory_order_relaxed);

	while (references > 0)
		if (atomic_compare_exchange_weak_explicit(&object->references, &references, references + 1,
			    memory_order_acquire, memory_order_relaxed))
			return true;
	return false;
}

bool object_let_go(struct object *object)
{
	return atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) == 1;
}

void object_unref(struct object *object)
{
	if (object_let_go(object))
		object->type->free(object);
}

void object_done(struct object *object)
{
	memory_free(object->name);
	object->name = NULL;
}
