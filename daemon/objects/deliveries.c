/* SPDX-License-Identifier: MIT
 *
 * deliveries.c - a table with chains whose growth is spread over the additions that follow it.
 *
 * Tokens are handed out in order, so their low bits spread them evenly.
 */
#include "daemon/objects/deliveries.h"

#include "base/memory.h"

#define FIRST_BUCKETS 8u
#define CHAIN_WANTED 2u  /* more per bucket on average: a larger table */
#define MOVES_PER_ADD 4u /* buckets: a table is moved long before the next one is wanted */

int deliveries_init(struct deliveries *deliveries)
{
	*deliveries = (struct deliveries){.table = deliveries_spare(FIRST_BUCKETS)};
	list_init(&deliveries->by_age);
	return deliveries->table.heads != NULL ? OBJECT_OK : OBJECT_ENOMEM;
}

void deliveries_done(struct deliveries *deliveries)
{
	memory_free(deliveries->table.heads);
	memory_free(deliveries->former.heads);
}

static struct parcel **head_in(const struct bucket_array *array, uint64_t token)
{
	return &array->heads[token & (array->count - 1)];
}

static void link_in(const struct bucket_array *array, struct parcel *parcel)
{
	struct parcel **head = head_in(array, parcel->hold.token);

	parcel->next_in_bucket = *head;
	*head = parcel;
}

static void move_some(struct deliveries *deliveries)
{
	const struct bucket_array *former = &deliveries->former;

	for (unsigned i = 0; i < MOVES_PER_ADD && deliveries->moved < former->count; i++) {
		struct parcel *parcel = former->heads[deliveries->moved++];

		while (parcel != NULL) {
			struct parcel *next = parcel->next_in_bucket;

			link_in(&deliveries->table, parcel);
			parcel = next;
		}
	}
}

void deliveries_add(struct deliveries *deliveries, struct parcel *parcel)
{
	move_some(deliveries);
	link_in(&deliveries->table, parcel);
	list_add_tail(&deliveries->by_age, &parcel->link);
	deliveries->count++;
	deliveries->manual_count += parcel->manual;
}

/* The link that leads to TOKEN's parcel, or to the NULL at the end of its chain. */
static struct parcel **link_to(const struct bucket_array *array, uint64_t token)
{
	struct parcel **link = head_in(array, token);

	while (*link != NULL && (*link)->hold.token != token)
		link = &(*link)->next_in_bucket;
	return link;
}

static struct parcel **find_link(const struct deliveries *deliveries, uint64_t token)
{
	const struct bucket_array *former = &deliveries->former;
	struct parcel **link = link_to(&deliveries->table, token);

	if (*link == NULL && former->count > 0 && (token & (former->count - 1)) >= deliveries->moved)
		link = link_to(former, token);
	return link;
}

struct parcel *deliveries_find(const struct deliveries *deliveries, uint64_t token)
{
	return *find_link(deliveries, token);
}

void deliveries_remove(struct deliveries *deliveries, struct parcel *parcel)
{
	*find_link(deliveries, parcel->hold.token) = parcel->next_in_bucket;
	list_remove(&parcel->link);
	deliveries->count--;
	deliveries->manual_count -= parcel->manual;
}

bool deliveries_want_room(struct deliveries *deliveries)
{
	if (deliveries->count <= CHAIN_WANTED * deliveries->table.count || deliveries->is_growing)
		return false;
	deliveries->is_growing = deliveries->moved == deliveries->former.count;
	return deliveries->is_growing;
}

struct bucket_array deliveries_spare(size_t count)
{
	struct bucket_array spare = {.heads = memory_zalloc(count * sizeof(struct parcel *)), .count = count};

	return spare;
}

struct parcel **deliveries_grow(struct deliveries *deliveries, struct bucket_array spare)
{
	struct parcel **unused = NULL;

	deliveries->is_growing = false;
	if (spare.heads != NULL) {
		unused = deliveries->former.heads;
		deliveries->former = deliveries->table;
		deliveries->table = spare;
		deliveries->moved = 0;
	}
	return unused;
}
