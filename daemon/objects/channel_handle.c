/* SPDX-License-Identifier: MIT
 *
 * channel_handle.c - what ties a channel to sessions: handles with a direction, and the session that made it.
 *
 * Both are holds: at a session's end its send handles end first, which closes a channel with auto_close when they were
 * the last, and then the channels bound to it go.
 */
#include "base/memory.h"
#include "daemon/objects/channel_state.h"
#include "daemon/objects/token.h"

int channel_bind(struct channel *channel, struct owner *owner, int64_t now_ns)
{
	int r = OBJECT_OK;

	co_spin_lock(&channel->object.lock);
	channel->binding.token = token_take_delivery();
	channel->binding.since_ns = now_ns;
	if (channel->object.deleted)
		r = OBJECT_EDELETED;
	else if (!owner_take(owner, &channel->binding))
		r = OBJECT_EENDED;
	co_spin_unlock(&channel->object.lock);
	return r;
}

void channel_drop_binding(struct channel *channel)
{
	if (channel->binding.owner != NULL)
		owner_drop(&channel->binding);
}

/* ---- handles ----------------------------------------------------------------------------------------------------- */

static int add_handle(struct channel *channel, struct owner *owner, struct channel_handle *handle)
{
	if (channel->object.deleted)
		return OBJECT_EDELETED;
	HASH_ADD(by_token, channel->handles, hold.token, sizeof(handle->hold.token), handle);
	if (!hash_was_added(handle->by_token))
		return OBJECT_ENOMEM;
	if (!owner_take(owner, &handle->hold)) {
		HASH_DELETE(by_token, channel->handles, handle);
		return OBJECT_EENDED;
	}
	channel->send_handles += handle->direction == CHANNEL_SENDS;
	return OBJECT_OK;
}

int channel_open_handle(
	struct channel *channel, struct entry *entry, enum channel_direction direction, uint64_t *ret_token)
{
	struct channel_handle *handle = memory_alloc(sizeof(*handle));
	int r;

	if (handle == NULL)
		return OBJECT_ENOMEM;
	*handle = (struct channel_handle){
		.direction = direction,
		.hold = {.object = &channel->object,
			.step = RELEASE_HANDLES,
			.token = token_take_delivery(),
			.since_ns = entry->since_ns,
			.task = entry->task},
	};
	list_init(&handle->hold.link);
	*ret_token = handle->hold.token;
	co_spin_lock(&channel->object.lock);
	r = add_handle(channel, entry->owner, handle);
	co_spin_unlock(&channel->object.lock);
	if (r != OBJECT_OK)
		memory_free(handle);
	return r;
}

static struct channel_handle *find_handle(const struct channel *channel, uint64_t token)
{
	struct channel_handle *handle;

	HASH_FIND(by_token, channel->handles, &token, sizeof(token), handle);
	return handle;
}

static void take_out(struct channel *channel, struct channel_handle *handle)
{
	HASH_DELETE(by_token, channel->handles, handle);
	owner_drop(&handle->hold);
	channel->send_handles -= handle->direction == CHANNEL_SENDS;
}

int channel_end_handle(struct channel *channel, uint64_t token)
{
	struct channel_handle *handle;

	co_spin_lock(&channel->object.lock);
	handle = find_handle(channel, token);
	if (handle != NULL)
		take_out(channel, handle);
	if (handle != NULL && handle->direction == CHANNEL_SENDS && channel->send_handles == 0 &&
		channel->options.auto_close)
		channel_mark_closed(channel);
	channel_leave(channel);
	channel_free_handle(handle);
	return handle != NULL ? OBJECT_OK : OBJECT_ESTALE;
}

int channel_check_handle(struct channel *channel, uint64_t token, enum channel_direction direction)
{
	const struct channel_handle *handle;
	int r = OBJECT_OK;

	co_spin_lock(&channel->object.lock);
	handle = find_handle(channel, token);
	if (handle == NULL)
		r = OBJECT_ESTALE;
	else if (handle->direction != direction)
		r = direction == CHANNEL_SENDS ? OBJECT_ERECEIVEONLY : OBJECT_ESENDONLY;
	co_spin_unlock(&channel->object.lock);
	return r;
}

/* ---- for the channel's end, and for those who look --------------------------------------------------------------- */

struct channel_handle *channel_drop_handle(struct channel *channel)
{
	struct channel_handle *handle = channel->handles;

	if (handle != NULL)
		take_out(channel, handle);
	return handle;
}

void channel_free_handle(struct channel_handle *handle)
{
	memory_free(handle);
}

bool channel_visit_handles(
	const struct channel *channel, bool (*visit)(const struct object_party *party, void *arg), void *arg)
{
	for (const struct channel_handle *at = channel->handles; at != NULL; at = at->by_token.next) {
		const struct object_party party = {
			.role = at->direction == CHANNEL_SENDS ? "send handle" : "receive handle",
			.owner = at->hold.owner,
			.task = at->hold.task,
			.token = at->hold.token,
			.since_ns = at->hold.since_ns,
		};

		if (!visit(&party, arg))
			return false;
	}
	return true;
}
