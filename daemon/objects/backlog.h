/* SPDX-License-Identifier: MIT
 *
 * backlog.h - the messages that wait in a channel, in the order of their numbers.
 *
 * Messages leave in order. So one that comes back has a lower number than all that never left: the latter are a plain
 * queue, and those that came back a heap before it. Guarded by the channel's lock; allocates nothing.
 */
#ifndef BATON_OBJECTS_BACKLOG_H
#define BATON_OBJECTS_BACKLOG_H

#include "daemon/objects/parcel.h"

struct backlog {
	struct list fresh;       /* of parcels, by number */
	struct parcel *returned; /* a heap's root, the lowest number; NULL: none */
	uint64_t length;
};

void backlog_init(struct backlog *backlog);

/* Adds PARCEL, whose number is higher than any before. */
void backlog_add(struct backlog *backlog, struct parcel *parcel);

/* Puts PARCEL, which was taken, back into its place. */
void backlog_put_back(struct backlog *backlog, struct parcel *parcel);

/* The parcel with the lowest number, left where it is; NULL if there is none. */
struct parcel *backlog_first(const struct backlog *backlog);

/* Takes the parcel with the lowest number; NULL if there is none. */
struct parcel *backlog_take(struct backlog *backlog);

#endif
