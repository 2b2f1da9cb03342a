/* SPDX-License-Identifier: MIT
 *
 * parcel.c - the making and freeing of parcels.
 */
#include "daemon/objects/parcel.h"

#include "base/memory.h"

struct parcel *parcel_new(struct message *message)
{
	struct parcel *parcel = memory_alloc(sizeof(*parcel));

	if (parcel == NULL)
		return NULL;
	*parcel = (struct parcel){.message = message_ref(message)};
	list_init(&parcel->link);
	list_init(&parcel->hold.link);
	return parcel;
}

void parcel_free(struct parcel *parcel)
{
	if (parcel == NULL)
		return;
	message_unref(parcel->message);
	memory_free(parcel);
}

void parcel_free_all(struct list *list)
{
	struct list *node;

	while ((node = list_pop_head(list)) != NULL)
		parcel_free(container_of(node, struct parcel, link));
}
