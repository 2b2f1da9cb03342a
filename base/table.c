/* SPDX-License-Identifier: MIT
 *
 * table.c - a hash table that grows in steps.
 *
 * A link is in `array`, or in a bucket of `former` that was not moved yet. A table is moved long before the next one is
 * wanted, since each addition moves more buckets than it fills.
 */
#include "base/table.h"

#include "base/memory.h"

#define FIRST_BUCKETS 8u
#define CHAIN_WANTED 2u  /* more per bucket on average: a larger array */
#define MOVES_PER_ADD 4u /* buckets */

bool table_init(struct table *table)
{
	*table = (struct table){.array = table_spare(FIRST_BUCKETS)};
	return table->array.heads != NULL;
}

void table_done(struct table *table)
{
	memory_free(table->array.heads);
	memory_free(table->former.heads);
}

static struct table_link **head_in(const struct table_array *array, uint64_t hash)
{
	return &array->heads[hash & (array->count - 1)];
}

static void link_in(const struct table_array *array, struct table_link *link)
{
	struct table_link **head = head_in(array, link->hash);

	link->next = *head;
	*head = link;
}

static void move_some(struct table *table)
{
	const struct table_array *former = &table->former;

	for (unsigned i = 0; i < MOVES_PER_ADD && table->moved < former->count; i++) {
		struct table_link *link = former->heads[table->moved++];

		while (link != NULL) {
			struct table_link *next = link->next;

			link_in(&table->array, link);
			link = next;
		}
	}
}

void table_add(struct table *table, struct table_link *link, uint64_t hash)
{
	move_some(table);
	link->hash = hash;
	link_in(&table->array, link);
	table->count++;
}

/* Whether HASH's bucket of the former array is still in use. */
static bool is_in_former(const struct table *table, uint64_t hash)
{
	const struct table_array *former = &table->former;

	return former->count > 0 && (hash & (former->count - 1)) >= table->moved;
}

static struct table_link *find_in(const struct table_array *array, uint64_t hash,
	bool (*is)(const struct table_link *link, const void *key), const void *key)
{
	struct table_link *link = *head_in(array, hash);

	while (link != NULL && (link->hash != hash || !is(link, key)))
		link = link->next;
	return link;
}

struct table_link *table_find(const struct table *table, uint64_t hash,
	bool (*is)(const struct table_link *link, const void *key), const void *key)
{
	struct table_link *link = find_in(&table->array, hash, is, key);

	if (link == NULL && is_in_former(table, hash))
		link = find_in(&table->former, hash, is, key);
	return link;
}

/* Takes LINK out of its chain in ARRAY, if it is there. */
static bool remove_from(const struct table_array *array, const struct table_link *link)
{
	struct table_link **at = head_in(array, link->hash);

	while (*at != NULL && *at != link)
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	*at = link->next;
	return true;
}

void table_remove(struct table *table, const struct table_link *link)
{
	if (!remove_from(&table->array, link))
		(void)remove_from(&table->former, link);
	table->count--;
}

size_t table_wants(struct table *table)
{
	if (table->count <= CHAIN_WANTED * table->array.count || table->is_growing ||
		table->moved < table->former.count)
		return 0;
	table->is_growing = true;
	return 2 * CHAIN_WANTED * table->array.count;
}

struct table_array table_spare(size_t count)
{
	return (struct table_array){.heads = memory_zalloc(count * sizeof(struct table_link *)), .count = count};
}

struct table_link **table_grow(struct table *table, struct table_array spare)
{
	struct table_link **unused = NULL;

	table->is_growing = false;
	if (spare.heads != NULL) {
		unused = table->former.heads;
		table->former = table->array;
		table->array = spare;
		table->moved = 0;
	}
	return unused;
}
