/* SPDX-License-Identifier: MIT
 *
 * table.h - a hash table with chains, intrusive, whose growth is spread over the additions that follow it.
 *
 * For tables under a spin lock: no step is long, however large the table is, and none allocates. The array is made
 * larger between steps, by table_spare() outside the lock and table_grow() under it, and what is in the table moves a
 * few buckets at a time (as in Go's maps and Redis' dictionaries). Where there is no memory the chains become longer,
 * and nothing else happens. Its owner locks it, and spreads the hashes: their low bits choose the bucket.
 */
#ifndef BATON_BASE_TABLE_H
#define BATON_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is in a table embeds one. */
struct table_link {
	struct table_link *next;
	uint64_t hash;
};

struct table_array {
	struct table_link **heads;
	size_t count; /* a power of two; 0: none */
};

struct table {
	size_t count;
	struct table_array array;
	struct table_array former; /* whose buckets from `moved` on are still in use; kept until the next growth */
	size_t moved;
	bool is_growing; /* somebody is about to call table_grow */
};

/* An empty table. False: no memory. */
bool table_init(struct table *table);

/* Frees the arrays, and nothing that is in them. */
void table_done(struct table *table);

/* Adds LINK under HASH, whether there is another one or not. */
void table_add(struct table *table, struct table_link *link, uint64_t hash);

/* The link with HASH that IS says is KEY's; NULL: none. */
struct table_link *table_find(const struct table *table, uint64_t hash,
	bool (*is)(const struct table_link *link, const void *key), const void *key);

/* Takes LINK, which is in it, out. */
void table_remove(struct table *table, const struct table_link *link);

/* How many buckets the table should have now: the caller makes it larger with table_spare() and table_grow(). 0: it is
 * large enough, or somebody else is about it. */
size_t table_wants(struct table *table);

/* An array of COUNT buckets, without the lock. Its heads are NULL where there was no memory. */
struct table_array table_spare(size_t count);

/* Takes SPARE into use, under the lock; with no heads it gives up for now. Returns heads that are to be freed with
 * memory_free() without the lock, or NULL. */
struct table_link **table_grow(struct table *table, struct table_array spare);

#endif
