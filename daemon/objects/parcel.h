/* SPDX-License-Identifier: MIT
 *
 * parcel.h - a message in a channel, from its send until it is settled.
 *
 * It is allocated by its sender before anything happens, and is all that later steps need: its place in the backlog,
 * its delivery, its place among the deliveries. So no grant can fail for memory.
 */
#ifndef BATON_OBJECTS_PARCEL_H
#define BATON_OBJECTS_PARCEL_H

#include "daemon/objects/message.h"
#include "daemon/objects/object.h"

struct parcel {
	struct hold hold;        /* the delivery, while it is out: its token, whose it is */
	struct message *message; /* a reference */
	uint64_t number;         /* in the order of sends */
	uint32_t attempt;        /* how often it came back */
	bool manual;             /* out, to be acknowledged by hand */
	struct list link;        /* in the backlog, among the deliveries by age, or among the delayed */
	union {
		struct co_timer timer;         /* channel_delay.c's */
		struct parcel *next_in_batch;  /* while its send waits: what is to be sent behind it */
		struct parcel *next_in_bucket; /* deliveries.c's */
		struct {                       /* backlog.c's */
			struct parcel *child;
			struct parcel *sibling;
		} heap;
	};
};

/* A parcel around MESSAGE, of which it takes a reference. NULL: no memory. */
struct parcel *parcel_new(struct message *message);

/* Frees it, its message's reference too; NULL is allowed. Not under a lock: it may give much memory back. */
void parcel_free(struct parcel *parcel);

/* Frees all parcels of LIST. */
void parcel_free_all(struct list *list);

#endif
