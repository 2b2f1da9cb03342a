/* SPDX-License-Identifier: MIT
 *
 * holders.c - holds by token and by age, and a few records kept for the next ones.
 */
#include "daemon/objects/holders.h"

#include "base/memory.h"

#define SPARES_KEPT 4u

void holders_init(struct holders *holders)
{
	*holders = (struct holders){0};
	list_init(&holders->by_age);
}

void holders_done(struct holders *holders)
{
	while (holders->spares != NULL) {
		struct holder *spare = holders->spares;

		holders->spares = spare->next_in_chain;
		memory_free(spare);
	}
}

struct holder *holders_take_record(struct holders *holders, struct object *object)
{
	struct holder *record = holders->spares;

	if (record != NULL) {
		holders->spares = record->next_in_chain;
		holders->spare_count--;
	} else {
		co_spin_unlock(&object->lock);
		record = memory_alloc(sizeof(*record));
		co_spin_lock(&object->lock);
		if (record == NULL)
			return NULL;
	}
	*record = (struct holder){.hold.object = object, .hold.step = RELEASE_LOCKS};
	list_init(&record->hold.link);
	list_init(&record->link);
	return record;
}

struct holder *holders_keep_record(struct holders *holders, struct holder *record)
{
	if (record == NULL || holders->spare_count == SPARES_KEPT)
		return record;
	record->next_in_chain = holders->spares;
	holders->spares = record;
	holders->spare_count++;
	return NULL;
}

static struct holder **chain_of(struct holders *holders, uint64_t token)
{
	return &holders->chains[token % HOLDERS_CHAINS];
}

bool holders_add(struct holders *holders, struct holder *record, struct owner *owner)
{
	struct holder **chain = chain_of(holders, record->hold.token);

	if (!owner_take(owner, &record->hold))
		return false;
	record->next_in_chain = *chain;
	*chain = record;
	list_add_tail(&holders->by_age, &record->link);
	holders->count++;
	return true;
}

struct holder *holders_find(const struct holders *holders, uint64_t token)
{
	struct holder *holder = holders->chains[token % HOLDERS_CHAINS];

	while (holder != NULL && holder->hold.token != token)
		holder = holder->next_in_chain;
	return holder;
}

void holders_remove(struct holders *holders, struct holder *holder)
{
	struct holder **link = chain_of(holders, holder->hold.token);

	while (*link != holder)
		link = &(*link)->next_in_chain;
	*link = holder->next_in_chain;
	list_remove(&holder->link);
	holders->count--;
	owner_drop(&holder->hold);
}

bool holders_visit(const struct holders *holders, const char *role,
	bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	list_for_each (at, &holders->by_age) {
		const struct holder *holder = container_of(at, struct holder, link);
		const struct hold *hold = &holder->hold;

		if (!visit(&(struct object_party){.role = role,
				   .owner = hold->owner,
				   .task = hold->task,
				   .token = hold->token,
				   .since_ns = hold->since_ns,
				   .count = holder->count},
			    arg))
			return false;
	}
	return true;
}
