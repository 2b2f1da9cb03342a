/* SPDX-License-Identifier: MIT
 *
 * clients.c - what tests of libbaton share.
 */
#include "tests/lib/clients.h"

void is_ok(int r)
{
	if (r != BATON_OK)
		fail_msg("%d %s", r, baton_last_error());
}

baton_client *open_with(const char *address, const struct baton_options *options)
{
	baton_client *client = NULL;

	is_ok(baton_open(address, options, &client));
	return client;
}

void *lock_waiter_main(void *waiter)
{
	struct lock_waiter *own = waiter;

	own->error = baton_mutex_lock(own->client, own->context, own->name, &own->token, NULL);
	return NULL;
}
