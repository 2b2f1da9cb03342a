/* SPDX-License-Identifier: MIT
 *
 * deliveries.h - the messages of a channel that are out, by token and by age.
 *
 * A delivery is granted under the channel's lock and must not fail, so adding one allocates nothing: that is why this
 * is not uthash. The table is made larger between grants, by deliveries_spare() outside the lock and deliveries_grow()
 * under it, and its entries move a few at a time (as in Go's maps and Redis' dictionaries), so that no step is long.
 * Where there is no memory the chains become longer, and nothing else happens.
 */
#ifndef BATON_OBJECTS_DELIVERIES_H
#define BATON_OBJECTS_DELIVERIES_H

#include "daemon/objects/parcel.h"

struct bucket_array {
	struct parcel **heads;
	size_t count; /* a power of two; 0: none */
};

struct deliveries {
	struct list by_age; /* of parcels, oldest first */
	uint64_t count;
	uint64_t manual_count; /* of them to be acknowledged by hand */
	struct bucket_array table;
	struct bucket_array former; /* whose buckets from `moved` on are still in use; kept until the next growth */
	size_t moved;
	bool is_growing; /* somebody is about to call deliveries_grow */
};

/* 0 or OBJECT_ENOMEM. */
int deliveries_init(struct deliveries *deliveries);

/* Frees the tables. Empty. */
void deliveries_done(struct deliveries *deliveries);

/* Adds PARCEL under its hold's token. */
void deliveries_add(struct deliveries *deliveries, struct parcel *parcel);

/* The parcel of TOKEN; NULL if none is out under it. */
struct parcel *deliveries_find(const struct deliveries *deliveries, uint64_t token);

void deliveries_remove(struct deliveries *deliveries, struct parcel *parcel);

/* Whether the caller should make the table larger now: with deliveries_spare() and deliveries_grow(). True to one
 * caller only until that is done. */
bool deliveries_want_room(struct deliveries *deliveries);

/* An array for COUNT buckets, without the lock. Its heads are NULL where there was no memory. */
struct bucket_array deliveries_spare(size_t count);

/* Takes SPARE into use, under the lock; with no heads it gives up for now. Returns an array that is to be freed without
 * the lock, or NULL. */
struct parcel **deliveries_grow(struct deliveries *deliveries, struct bucket_array spare);

#endif
