/* SPDX-License-Identifier: MIT
 *
 * stoppable.h - a session with one call at a time, which others may stop at any moment: for stress tests of objects.
 */
#ifndef BATON_TESTS_OBJECTS_STOPPABLE_H
#define BATON_TESTS_OBJECTS_STOPPABLE_H

#include "daemon/objects/object.h"
#include "tests/lib/co_test.h"

struct stoppable {
	struct owner owner;
	struct entry entry;
	struct co_spin guard; /* keeps the entry valid for those who stop it */
	bool is_calling;
};

static inline void stoppable_begin(struct stoppable *session, int64_t deadline_ns)
{
	co_spin_lock(&session->guard);
	entry_init(&session->entry, &session->owner, co_now(), deadline_ns);
	session->is_calling = true;
	co_spin_unlock(&session->guard);
}

static inline void stoppable_end(struct stoppable *session)
{
	co_spin_lock(&session->guard);
	session->is_calling = false;
	co_spin_unlock(&session->guard);
}

static inline void stoppable_stop(struct stoppable *session)
{
	co_spin_lock(&session->guard);
	if (session->is_calling)
		entry_stop(&session->entry, OBJECT_ECANCELED);
	co_spin_unlock(&session->guard);
}

/* None in three cases of four, else within 50 us. */
static inline int64_t random_deadline(struct test_random *random)
{
	return test_random_below(random, 4) == 0 ? co_now() + (int64_t)test_random_below(random, 50000) : CO_NEVER;
}

#endif
