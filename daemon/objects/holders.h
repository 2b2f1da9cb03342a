/* SPDX-License-Identifier: MIT
 *
 * holders.h - those who have an object that several may have: the readers of an RWMutex, the permits of a semaphore.
 *
 * A grant is made under the object's lock and must not fail, so its record is there before: a call takes one before it
 * joins a queue. Tokens are handed out in order, so that their low bits spread them over the chains.
 */
#ifndef BATON_OBJECTS_HOLDERS_H
#define BATON_OBJECTS_HOLDERS_H

#include "daemon/objects/object.h"

#define HOLDERS_CHAINS 16u

struct holder {
	struct hold hold;
	struct list link; /* by age */
	struct holder *next_in_chain;
	uint64_t count; /* permits */
};

struct holders {
	struct list by_age; /* oldest first */
	uint32_t count;
	struct holder *chains[HOLDERS_CHAINS];
	struct holder *spares; /* by next_in_chain: kept, so that a lock that is used on and on needs no memory */
	unsigned spare_count;
};

void holders_init(struct holders *holders);

/* Frees the spare records. Nobody holds any more. */
void holders_done(struct holders *holders);

/* A record for a grant of OBJECT; called with its lock held, which is given up where memory must be asked for. NULL:
 * there is none. */
struct holder *holders_take_record(struct holders *holders, struct object *object);

/* Keeps RECORD for the next one. Returns what is to be freed without the lock, or NULL. */
struct holder *holders_keep_record(struct holders *holders, struct holder *record);

/* Links RECORD, whose hold is filled in but for its owner, to OWNER. False: that one has ended, and nothing happened.
 */
bool holders_add(struct holders *holders, struct holder *record, struct owner *owner);

/* The holder under TOKEN; NULL: there is none. */
struct holder *holders_find(const struct holders *holders, uint64_t token);

/* Takes it out, and from its owner. */
void holders_remove(struct holders *holders, struct holder *holder);

/* For object_type.visit_parties. */
bool holders_visit(const struct holders *holders, const char *role,
	bool (*visit)(const struct object_party *party, void *arg), void *arg);

#endif
