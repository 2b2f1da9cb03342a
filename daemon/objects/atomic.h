/* SPDX-License-Identifier: MIT
 *
 * atomic.h - a named number: Go's sync/atomic. Nothing of it blocks.
 */
#ifndef BATON_OBJECTS_ATOMIC_H
#define BATON_OBJECTS_ATOMIC_H

#include "daemon/objects/object.h"

extern const struct object_type atomic_type;

struct atomic;

enum atomic_kind { ATOMIC_NONE, ATOMIC_INT32, ATOMIC_UINT32, ATOMIC_INT64, ATOMIC_UINT64, ATOMIC_KIND_COUNT };

/* "int32" */
const char *atomic_kind_name(enum atomic_kind kind);

enum atomic_operation {
	ATOMIC_LOAD,
	ATOMIC_STORE,
	ATOMIC_ADD, /* answers the new value; the others the old one */
	ATOMIC_SWAP,
	ATOMIC_COMPARE_AND_SWAP,
	ATOMIC_AND,
	ATOMIC_OR,
	ATOMIC_OPERATION_COUNT
};

/* What atomic_apply() answers besides enum object_error. */
enum atomic_error {
	ATOMIC_EKIND = -1200,  /* the name has another kind */
	ATOMIC_ERANGE = -1201, /* a value that the kind cannot have */
};

struct atomic_answer {
	enum atomic_kind kind; /* the name's, with every error too */
	uint64_t value;        /* in 64 bits: of a signed kind in two's complement, extended by the sign */
	bool done;             /* compare and swap: it did */
};

/* Makes a 0 of no kind yet. The reference in *RET is the caller's. 0 or OBJECT_ENOMEM. */
int atomic_new(const char *name, struct atomic **ret);
struct object *atomic_object(struct atomic *atomic);
struct atomic *atomic_of(struct object *object); /* OBJECT must be one */

/* Does OPERATION with VALUE (and EXPECTED), which are as the answer's. KIND ATOMIC_NONE: the one that it has, else
 * int64. Wraps as Go's. An unsigned kind of 32 bits takes a negative number to add, as Go's ^uint32(c-1). 0, or enum
 * atomic_error, and then nothing changed. */
int atomic_apply(struct atomic *atomic, enum atomic_operation operation, enum atomic_kind kind, uint64_t value,
	uint64_t expected, struct atomic_answer *ret);

#endif
